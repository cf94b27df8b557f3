/** Gate closure of a step in the reference model: docs/protocol.md, sections 10, 10.2 and 10.3. */
import { FUND, NETWORK_OPERATOR } from '../../../protocol/accounts.ts';
import { type AuctionOutcome, clearAuction } from './auction.ts';
import { balanceNanoEur, pay } from './money.ts';
import { greatest, least, quotientDown, quotientUp, sumOf } from './numbers.ts';
import {
  bookOf,
  type Progress,
  type ReferenceOrder,
  type ReferenceState,
  withBook,
  withReserve,
  worstCaseNanoEur,
} from './state.ts';

const ONE_BPS = 10_000n;
const MIN_REPORTS = 3;

interface Observed {
  readonly wholesaleMicroEurPerKwh: bigint;
  readonly temperatureCentiC: bigint;
  readonly staleFlags: number;
}

interface Entry {
  readonly order: ReferenceOrder;
  readonly zone: number;
  readonly rank: number;
}

interface Pair {
  readonly seller: number;
  readonly buyer: number;
  readonly energyWh: bigint;
  readonly sellerPrice: bigint;
  readonly buyerPrice: bigint;
}

function lowerMedian(values: readonly bigint[]): bigint {
  const ascending = [...values].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return ascending[Math.floor((ascending.length - 1) / 2)]!;
}

/** Section 10, number 1, without the price in the book. */
function closeObservations(progress: Progress, step: number): { state: ReferenceState; observed: Observed } {
  const { state } = progress;
  const { params } = progress.genesis;
  const reports = bookOf(state, step).observations;
  if (reports.length >= MIN_REPORTS) {
    const values = {
      wholesaleMicroEurPerKwh: lowerMedian(reports.map((report) => report.wholesaleMicroEurPerKwh)),
      temperatureCentiC: lowerMedian(reports.map((report) => report.temperatureCentiC)),
    };
    const accepted = { wholesaleStepPlus1: step + 1, temperatureStepPlus1: step + 1 };
    return { state: { ...state, ...values, ...accepted }, observed: { ...values, staleFlags: 0 } };
  }
  const usable = (stepPlus1: number) =>
    stepPlus1 !== 0 && step + 1 - stepPlus1 <= params.observationMaxAgeSteps;
  return {
    state,
    observed: {
      wholesaleMicroEurPerKwh: usable(state.wholesaleStepPlus1)
        ? state.wholesaleMicroEurPerKwh
        : BigInt(params.defaultWholesaleMicroEurPerKwh),
      temperatureCentiC: usable(state.temperatureStepPlus1)
        ? state.temperatureCentiC
        : BigInt(params.defaultTemperatureCentiC),
      staleFlags: 3,
    },
  };
}

/** 32-bit FNV-1a over step, account and sequence, each as four bytes, little-endian. */
function rankHash(step: number, order: ReferenceOrder): bigint {
  const bytes = new DataView(new ArrayBuffer(12));
  for (const [place, value] of [step, order.account, order.sequence].entries()) {
    bytes.setUint32(4 * place, value, true);
  }
  let hash = 0x811c9dc5n;
  for (let i = 0; i < 12; i++) hash = ((hash ^ BigInt(bytes.getUint8(i))) * 0x01000193n) % 2n ** 32n;
  return hash;
}

/** Section 10, number 3, ranked as section 10.1 says. */
function openEntries(state: ReferenceState, step: number): Entry[] {
  const orders = bookOf(state, step).orders.filter(
    (order) => order.energyWh > 0n && state.members[order.account]!.status === 0,
  );
  const ranked = orders.map((order) => ({ order, hash: rankHash(step, order) }));
  ranked.sort((a, b) => {
    if (a.hash !== b.hash) return a.hash < b.hash ? -1 : 1;
    return a.order.account - b.order.account || a.order.sequence - b.order.sequence;
  });
  return orders.map((order) => ({
    order,
    zone: state.members[order.account]!.neighbourhood,
    rank: ranked.findIndex((entry) => entry.order === order),
  }));
}

/** Section 10, number 4. */
function zoneFees(state: ReferenceState, reference: bigint): bigint[] {
  const { networkFeeBps, zoneFeeMicroEurPerKwh } = state.policy;
  const zones = 1 + Math.max(...state.members.map((member) => member.neighbourhood));
  const share = quotientDown(greatest(0n, reference) * BigInt(networkFeeBps), 2n * ONE_BPS);
  return Array.from({ length: zones }, (_, zone) => share + BigInt(zoneFeeMicroEurPerKwh[zone] ?? 0));
}

/** Section 10.2. */
function pairUp(entries: readonly Entry[], outcome: AuctionOutcome): Pair[] {
  const rests = entries.map((entry, i) => ({ ...entry, restWh: outcome.filledWh[i]! }));
  rests.sort((a, b) => a.rank - b.rank);
  const priceOf = (zone: number) => outcome.zonePriceMicroEurPerKwh[zone]!;
  const pairs: Pair[] = [];
  const pairGroup = (group: typeof rests): void => {
    for (;;) {
      const ask = group.find(({ order, restWh }) => order.side === 1 && restWh > 0n);
      const bid = group.find(({ order, restWh }) => order.side === 0 && restWh > 0n);
      if (ask === undefined || bid === undefined) return;
      const energyWh = least(ask.restWh, bid.restWh);
      ask.restWh -= energyWh;
      bid.restWh -= energyWh;
      pairs.push({
        seller: ask.order.account,
        buyer: bid.order.account,
        energyWh,
        sellerPrice: priceOf(ask.zone),
        buyerPrice: priceOf(bid.zone),
      });
    }
  };
  for (const zone of outcome.zonePriceMicroEurPerKwh.keys()) {
    pairGroup(rests.filter((rest) => rest.zone === zone));
  }
  pairGroup(rests);
  return pairs;
}

/** What the factors of both parties promise, before the fund is asked. */
function promised(state: ReferenceState, pair: Pair): { seller: bigint; buyer: bigint } {
  const revenue = pair.energyWh * pair.sellerPrice;
  const cost = pair.energyWh * pair.buyerPrice;
  const sellerBps = state.accounts[pair.seller]!.bonusBps;
  const buyerBps = state.accounts[pair.buyer]!.bonusBps;
  return {
    seller: revenue > 0n ? quotientDown(revenue * (sellerBps - ONE_BPS), ONE_BPS) : 0n,
    buyer: cost > 0n ? cost - quotientUp(cost * ONE_BPS, buyerBps) : 0n,
  };
}

/** Section 10.3. */
function settlePairs(progress: Progress, step: number, pairs: readonly Pair[]): Progress {
  const promises = pairs.map((pair) => promised(progress.state, pair));
  const due = sumOf(promises.flatMap(({ seller, buyer }) => [seller, buyer]));
  const fund = balanceNanoEur(progress.state, FUND);
  const paid = (bonus: bigint) => (due > fund ? quotientDown(bonus * fund, due) : bonus);
  const shareBps = BigInt(progress.state.policy.minerFeeShareBps);
  let { state } = progress;
  const trades = pairs.map((pair, i) => {
    const { seller, buyer, energyWh } = pair;
    const revenue = energyWh * pair.sellerPrice;
    const fee = energyWh * pair.buyerPrice - revenue;
    const sellerBonus = paid(promises[i]!.seller);
    const buyerBonus = paid(promises[i]!.buyer);
    state = pay(state, buyer, seller, revenue);
    state = pay(state, buyer, NETWORK_OPERATOR, fee);
    state = pay(state, NETWORK_OPERATOR, progress.author, quotientDown(fee * shareBps, ONE_BPS));
    state = pay(state, FUND, seller, sellerBonus);
    state = pay(state, FUND, buyer, buyerBonus);
    return {
      step,
      sequence: i,
      kind: 1,
      seller,
      buyer,
      energyWh: Number(energyWh),
      priceMicroEurPerKwh: Number(pair.sellerPrice),
      feeNanoEur: fee,
      sellerBonusNanoEur: sellerBonus,
      buyerBonusNanoEur: buyerBonus,
      penaltyNanoEur: 0n,
      marketTimeMs: progress.clockMs,
    };
  });
  const { receipts } = progress;
  return { ...progress, state, receipts: { ...receipts, trades: [...receipts.trades, ...trades] } };
}

function positionsOf(pairs: readonly Pair[]) {
  const accounts = [...new Set(pairs.flatMap(({ seller, buyer }) => [seller, buyer]))].sort((a, b) => a - b);
  return accounts.map((account) => ({
    account,
    boughtWh: sumOf(pairs.filter((pair) => pair.buyer === account).map((pair) => pair.energyWh)),
    soldWh: sumOf(pairs.filter((pair) => pair.seller === account).map((pair) => pair.energyWh)),
  }));
}

/** Clears one step; docs/protocol.md, section 10. */
export function clearStep(progress: Progress, step: number): Progress {
  const { state: observing, observed } = closeObservations(progress, step);
  const { wholesaleMicroEurPerKwh } = observed;
  let state = withBook(observing, { ...bookOf(observing, step), wholesaleMicroEurPerKwh });
  for (const order of bookOf(state, step).orders) {
    state = withReserve(state, order.account, -worstCaseNanoEur(order));
  }
  const entries = openEntries(state, step);
  const rows = entries.map(({ order, zone, rank }) => ({ ...order, zone, rank }));
  const outcome = clearAuction(rows, zoneFees(state, wholesaleMicroEurPerKwh));
  const pairs = pairUp(entries, outcome);
  const traded = settlePairs({ ...progress, state }, step, pairs);
  const book = { ...bookOf(traded.state, step), trades: pairs.length, positions: positionsOf(pairs) };
  const clearing = {
    step,
    wholesaleMicroEurPerKwh: Number(wholesaleMicroEurPerKwh),
    temperatureCentiC: Number(observed.temperatureCentiC),
    staleFlags: observed.staleFlags,
    tradedWh: Number(sumOf(pairs.map((pair) => pair.energyWh))),
    orders: entries.length,
    zonePrices: outcome.zonePriceMicroEurPerKwh.flatMap((price, zone) =>
      price === null ? [] : [{ zone, priceMicroEurPerKwh: Number(price) }],
    ),
  };
  return {
    ...traded,
    state: withBook(traded.state, book),
    receipts: { ...traded.receipts, clearings: [...traded.receipts.clearings, clearing] },
  };
}
