/** Gate closure of a step: observations close, the call auction clears, agreed trades become receipts and move money. */
import { FUND, NETWORK_OPERATOR } from '../protocol/accounts.ts';
import { TRADE_KINDS } from '../protocol/receipts.ts';
import type { OrderEntry, Position } from '../protocol/state.ts';
import type { Policy } from '../protocol/types.ts';
import { BPS_ONE, ceilDiv, floorDiv, valueNanoEur } from '../protocol/units.ts';
import { getOrInsert } from '../util/maps.ts';
import type { Book, Clearing } from './clearing/interface.ts';
import { clearKda } from './clearing/kda.ts';
import { pairFills } from './clearing/pairing.ts';
import { addTrade, type BlockContext } from './context.ts';
import { closeObservations } from './observations.ts';
import { reserve, worstCaseNanoEur } from './transactions.ts';

/** A fill of the auction before money moves. */
interface AgreedTrade {
  seller: number;
  buyer: number;
  energyWh: number;
  sellerPriceMicroEurPerKwh: number;
  buyerPriceMicroEurPerKwh: number;
}

/** Clears one step. */
export function clearStep(context: BlockContext, step: number): void {
  const { state } = context;
  const observed = closeObservations(context, step);
  state.setStepScalars(step, { wholesaleMicroEurPerKwh: observed.wholesaleMicroEurPerKwh });

  const all = state.orders(step);
  for (const order of all) reserve(context, order.account, -worstCaseNanoEur(order));
  const orders = all.filter((order) => order.energyWh > 0 && state.member(order.account).status === 0);
  const zones = zoneCount(context);
  const book = bookOf(context, orders, step);
  const tariff = { feeMicroEurPerKwh: zoneFees(state.policy(), zones, observed.wholesaleMicroEurPerKwh) };
  const clearing = clearKda(book, tariff);

  const trades = agreedTrades(orders, book, clearing);
  settleTrades(context, step, trades);
  recordPositions(context, step, trades);
  context.receipts.clearings.push({
    step,
    ...observed,
    tradedWh: clearing.tradedWh,
    orders: orders.length,
    zonePrices: clearing.zonePriceMicroEurPerKwh.flatMap((price, zone) =>
      price === null ? [] : [{ zone, priceMicroEurPerKwh: price }],
    ),
  });
}

function zoneCount(context: BlockContext): number {
  let zones = 1;
  for (let i = 0; i < context.state.memberCount(); i++) {
    zones = Math.max(zones, context.state.member(i).neighbourhood + 1);
  }
  return zones;
}

/**
 * Fee per kWh of each zone's leg to the hub: its fixed fee plus half of the policy's share of the reference price,
 * rounded down.
 */
function zoneFees(policy: Policy, zones: number, referenceMicroEurPerKwh: number): number[] {
  const share = Math.floor((Math.max(0, referenceMicroEurPerKwh) * policy.networkFeeBps) / (2 * BPS_ONE));
  return Array.from({ length: zones }, (_, zone) => share + (policy.zoneFeeMicroEurPerKwh[zone] ?? 0));
}

/** Breaks ties of single Wh: FNV-1a over (step, account, sequence); nobody gains more than 1 Wh by it. */
function tieRank(step: number, order: OrderEntry): number {
  let hash = 0x811c9dc5;
  for (const value of [step, order.account, order.sequence]) {
    for (let shift = 0; shift < 32; shift += 8)
      hash = Math.imul(hash ^ ((value >>> shift) & 0xff), 0x01000193);
  }
  return hash >>> 0;
}

function bookOf(context: BlockContext, orders: readonly OrderEntry[], step: number): Book {
  const count = orders.length;
  const byHash = orders
    .map((order, index) => ({ index, hash: tieRank(step, order), order }))
    .sort(
      (a, b) => a.hash - b.hash || a.order.account - b.order.account || a.order.sequence - b.order.sequence,
    );
  const rank = new Uint32Array(count);
  for (const [position, { index }] of byHash.entries()) rank[index] = position;
  return {
    count,
    zone: Uint8Array.from(orders, (order) => context.state.member(order.account).neighbourhood),
    side: Uint8Array.from(orders, (order) => order.side),
    energyWh: Uint32Array.from(orders, (order) => order.energyWh),
    limitMicroEurPerKwh: Int32Array.from(orders, (order) => order.limitMicroEurPerKwh),
    rank,
  };
}

function agreedTrades(orders: readonly OrderEntry[], book: Book, clearing: Clearing): AgreedTrade[] {
  return pairFills(book, clearing).map(({ sellerIndex, buyerIndex, energyWh }) => ({
    seller: orders[sellerIndex]!.account,
    buyer: orders[buyerIndex]!.account,
    energyWh,
    sellerPriceMicroEurPerKwh: clearing.zonePriceMicroEurPerKwh[book.zone[sellerIndex]!]!,
    buyerPriceMicroEurPerKwh: clearing.zonePriceMicroEurPerKwh[book.zone[buyerIndex]!]!,
  }));
}

/** Bonuses that the factors of both parties promise: what the buyer saves, what the seller gains. Rounded down. */
function promisedBonuses(context: BlockContext, trade: AgreedTrade): { seller: bigint; buyer: bigint } {
  const revenue = valueNanoEur(trade.energyWh, trade.sellerPriceMicroEurPerKwh);
  const cost = valueNanoEur(trade.energyWh, trade.buyerPriceMicroEurPerKwh);
  const sellerBps = BigInt(context.ledger.account(trade.seller).bonusBps);
  const buyerBps = BigInt(context.ledger.account(trade.buyer).bonusBps);
  const one = BigInt(BPS_ONE);
  return {
    seller: revenue > 0n ? floorDiv(revenue * (sellerBps - one), one) : 0n,
    buyer: cost > 0n ? cost - ceilDiv(cost * one, buyerBps) : 0n,
  };
}

/** Moves the money of all trades of a step. Bonuses are scaled by min(1, fund / due), each rounded down. */
function settleTrades(context: BlockContext, step: number, trades: readonly AgreedTrade[]): void {
  const { ledger } = context;
  const promised = trades.map((trade) => promisedBonuses(context, trade));
  const due = promised.reduce((sum, bonus) => sum + bonus.seller + bonus.buyer, 0n);
  const fund = ledger.balanceNanoEur(FUND);
  const scaled = (bonus: bigint) => (due <= fund ? bonus : (bonus * fund) / due);
  const minerShareBps = BigInt(context.state.policy().minerFeeShareBps);

  for (const [i, trade] of trades.entries()) {
    const { seller, buyer, energyWh, sellerPriceMicroEurPerKwh: price } = trade;
    const fee = valueNanoEur(energyWh, trade.buyerPriceMicroEurPerKwh - price);
    const sellerBonus = scaled(promised[i]!.seller);
    const buyerBonus = scaled(promised[i]!.buyer);
    ledger.pay(buyer, seller, valueNanoEur(energyWh, price));
    ledger.transfer(buyer, NETWORK_OPERATOR, fee);
    ledger.transfer(NETWORK_OPERATOR, context.author, (fee * minerShareBps) / BigInt(BPS_ONE));
    ledger.transfer(FUND, seller, sellerBonus);
    ledger.transfer(FUND, buyer, buyerBonus);
    addTrade(context, {
      step,
      kind: TRADE_KINDS.indexOf('AUCTION'),
      seller,
      buyer,
      energyWh,
      priceMicroEurPerKwh: price,
      feeNanoEur: fee,
      sellerBonusNanoEur: sellerBonus,
      buyerBonusNanoEur: buyerBonus,
      penaltyNanoEur: 0n,
    });
  }
}

function recordPositions(context: BlockContext, step: number, trades: readonly AgreedTrade[]): void {
  if (trades.length === 0) return;
  const positions = new Map<number, Position>();
  const of = (account: number): Position =>
    getOrInsert(positions, account, () => ({ account, boughtWh: 0, soldWh: 0 }));
  for (const { seller, buyer, energyWh } of trades) {
    of(seller).soldWh += energyWh;
    of(buyer).boughtWh += energyWh;
  }
  context.state.setPositions(
    step,
    [...positions.values()].sort((a, b) => a.account - b.account),
  );
}
