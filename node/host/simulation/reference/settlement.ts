/** Settlement of a delivered step in the reference model: docs/protocol.md, sections 11 and 12. */
import { AGGREGATOR, FUND } from '../../../protocol/accounts.ts';
import { USAGE_SLOTS } from '../../../protocol/types.ts';
import { pay } from './money.ts';
import { greatest, least, quotientUp } from './numbers.ts';
import {
  bookOf,
  emptyBook,
  type Progress,
  type ReferenceAccount,
  type ReferenceReading,
  type ReferenceState,
  withAccount,
  withBook,
} from './state.ts';
import { connectionWh, meterLimitWh } from './transactions.ts';

const ONE_BPS = 10_000n;
const HOUR_MS = 3_600_000n;
const DAY_MS = 24n * HOUR_MS;
const WEEK_MS = 7n * DAY_MS;
const GREATEST_UINT53 = 2n ** 53n - 1n;

interface Metered {
  readonly importWh: bigint;
  readonly exportWh: bigint;
  readonly correctedWh: bigint;
  readonly netWh: bigint;
  readonly substituted: boolean;
  /** Changes of the account. */
  readonly change: Partial<ReferenceAccount>;
}

/** Where a step lies in the calendar. */
function calendar(progress: Progress, step: number) {
  const { calendarStartMs, stepNominalMs } = progress.genesis.params;
  const nominalMs = BigInt(stepNominalMs);
  const elapsedMs = BigInt(step) * nominalMs;
  const intoDayMs = (BigInt(calendarStartMs) + elapsedMs) % DAY_MS;
  return {
    hour: Number(intoDayMs / HOUR_MS),
    week: Number((elapsedMs / WEEK_MS) % 4n),
    firstDayOfWeek: elapsedMs % WEEK_MS < DAY_MS,
    firstStepOfHour: intoDayMs % HOUR_MS < nominalMs,
  };
}

function usageOf(state: ReferenceState, member: number, week: number, hour: number): bigint {
  return state.usageWh[member * USAGE_SLOTS + week * 24 + hour] ?? 0n;
}

/** Section 11, number 1. */
function readMeter(
  progress: Progress,
  step: number,
  member: number,
  reading: ReferenceReading | undefined,
): Metered {
  const account = progress.state.accounts[member]!;
  const usable =
    reading !== undefined &&
    reading.importRegisterWh >= account.importRegisterWh &&
    reading.exportRegisterWh >= account.exportRegisterWh;
  if (!usable) {
    const { hour } = calendar(progress, step);
    const usualWh = greatest(...[0, 1, 2, 3].map((week) => usageOf(progress.state, member, week, hour)));
    const importWh = least(usualWh, GREATEST_UINT53 - account.substitutedWh);
    const substitutedWh = account.substitutedWh + importWh;
    return {
      importWh,
      exportWh: 0n,
      correctedWh: 0n,
      netWh: -importWh,
      substituted: true,
      change: { substitutedWh },
    };
  }
  const importWh = reading.importRegisterWh - account.importRegisterWh;
  const exportWh = reading.exportRegisterWh - account.exportRegisterWh;
  const { importRegisterWh, exportRegisterWh } = reading;
  const correctedWh = least(account.substitutedWh, meterLimitWh(progress.state));
  const substitutedWh = account.substitutedWh - correctedWh;
  return {
    importWh,
    exportWh,
    correctedWh,
    netWh: exportWh - importWh + correctedWh,
    substituted: false,
    change: { importRegisterWh, exportRegisterWh, substitutedWh, nextMeteredStep: step + 1 },
  };
}

/** Section 11, "Usage". */
function rememberUsage(progress: Progress, step: number, member: number, importWh: bigint): ReferenceState {
  const { state } = progress;
  const { hour, week, firstDayOfWeek, firstStepOfHour } = calendar(progress, step);
  const old = usageOf(state, member, week, hour);
  const mostWh = least(importWh, connectionWh(progress, member));
  const entry = greatest(mostWh, firstDayOfWeek && firstStepOfHour ? 0n : old);
  if (entry === old) return state;
  const place = member * USAGE_SLOTS + week * 24 + hour;
  const length = Math.max(state.usageWh.length, place + 1);
  const usageWh = Array.from({ length }, (_, i) => (i === place ? entry : (state.usageWh[i] ?? 0n)));
  return { ...state, usageWh };
}

/** Section 11, number 3. */
function tradeWithAggregator(
  progress: Progress,
  step: number,
  member: number,
  deviationWh: bigint,
): Progress {
  if (deviationWh === 0n) return progress;
  const book = bookOf(progress.state, step);
  const price = book.wholesaleMicroEurPerKwh;
  const magnitude = price < 0n ? -price : price;
  const margin = quotientUp(magnitude * BigInt(progress.state.policy.aggregatorFeeBps), ONE_BPS);
  const buys = deviationWh < 0n;
  const energyWh = buys ? -deviationWh : deviationWh;
  const agreed = buys ? price + margin : price - margin;
  const penalised =
    agreed > 0n ? quotientUp(agreed * progress.state.accounts[member]!.penaltyBps, ONE_BPS) : agreed;
  const penaltyNanoEur = buys ? energyWh * (penalised - agreed) : 0n;
  const [seller, buyer] = buys ? [AGGREGATOR, member] : [member, AGGREGATOR];
  const paid = pay(progress.state, buyer, seller, energyWh * agreed);
  const fined = pay(paid, buyer, FUND, penaltyNanoEur);
  const trade = {
    step,
    sequence: book.trades,
    kind: buys ? 2 : 3,
    seller,
    buyer,
    energyWh: Number(energyWh),
    priceMicroEurPerKwh: Number(agreed),
    feeNanoEur: 0n,
    sellerBonusNanoEur: 0n,
    buyerBonusNanoEur: 0n,
    penaltyNanoEur,
    marketTimeMs: progress.clockMs,
  };
  return {
    ...progress,
    state: withBook(fined, { ...book, trades: book.trades + 1 }),
    receipts: { ...progress.receipts, trades: [...progress.receipts.trades, trade] },
  };
}

function factorBps(tiers: readonly { threshold: number; factorBps: number }[], count: number): bigint {
  const reached = tiers.filter((tier) => tier.threshold <= count);
  const highest = Math.max(...reached.map((tier) => tier.threshold));
  const tier = reached.find(({ threshold }) => threshold === highest);
  return tier === undefined ? ONE_BPS : BigInt(tier.factorBps);
}

/** Section 12. */
function regulated(
  state: ReferenceState,
  member: number,
  did: { tradedWithMember: boolean; boughtFromAggregator: boolean },
) {
  const account = state.accounts[member]!;
  const { objective, bonusTiers, penaltyTiers } = state.policy;
  const p2pSteps = account.p2pSteps + Number(did.tradedWithMember);
  const gridSteps = account.gridSteps + Number(did.boughtFromAggregator);
  return {
    p2pSteps,
    gridSteps,
    bonusBps: objective === 1 ? factorBps(bonusTiers, p2pSteps) : ONE_BPS,
    penaltyBps: objective === 1 ? factorBps(penaltyTiers, gridSteps) : ONE_BPS,
  };
}

function settleMember(progress: Progress, step: number, member: number): Progress {
  const book = bookOf(progress.state, step);
  const reading = book.readings.find((entry) => entry.account === member);
  const metered = readMeter(progress, step, member, reading);
  let { state } = progress;
  if (!metered.substituted && state.accounts[member]!.nextMeteredStep === step) {
    state = rememberUsage(progress, step, member, metered.importWh);
  }
  state = withAccount(state, member, metered.change);
  const position = book.positions.find((entry) => entry.account === member);
  const boughtWh = position?.boughtWh ?? 0n;
  const soldWh = position?.soldWh ?? 0n;
  const deviationWh = metered.netWh - (soldWh - boughtWh);
  const traded = tradeWithAggregator({ ...progress, state }, step, member, deviationWh);
  const after = regulated(traded.state, member, {
    tradedWithMember: boughtWh > 0n || soldWh > 0n,
    boughtFromAggregator: deviationWh < 0n,
  });
  const line = {
    step,
    member,
    importWh: Number(metered.importWh),
    exportWh: Number(metered.exportWh),
    boughtWh: Number(boughtWh),
    soldWh: Number(soldWh),
    correctedWh: Number(metered.correctedWh),
    flags: metered.substituted ? 1 : 0,
    p2pSteps: after.p2pSteps,
    gridSteps: after.gridSteps,
    bonusBps: Number(after.bonusBps),
    penaltyBps: Number(after.penaltyBps),
  };
  return {
    ...traded,
    state: withAccount(traded.state, member, after),
    receipts: { ...traded.receipts, settlements: [...traded.receipts.settlements, line] },
  };
}

/** Settles one step for every member; docs/protocol.md, section 11. */
export function settleStep(progress: Progress, step: number): Progress {
  let settled = progress;
  for (const member of progress.state.members.keys()) settled = settleMember(settled, step, member);
  return { ...settled, state: withBook(settled.state, emptyBook(step)) };
}
