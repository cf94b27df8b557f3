/** Settlement of a delivered step: what the meters say against what was agreed, the rest with the aggregator. */
import { AGGREGATOR, FUND } from '../protocol/accounts.ts';
import { TRADE_KINDS } from '../protocol/receipts.ts';
import { USAGE_SLOTS } from '../protocol/types.ts';
import { BPS_ONE, scalePriceUp, valueNanoEur } from '../protocol/units.ts';
import { addTrade, type BlockContext } from './context.ts';
import { meterLimitWh } from './limits.ts';
import { regulate } from './regulator.ts';
import { calendarMs, connectionLimitWh } from './windows.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const WEEKS = 4;

/** What the aggregator asks and pays per kWh around a reference price, before any penalty. */
export function aggregatorPrices(
  referenceMicroEurPerKwh: number,
  feeBps: number,
): { buyMicroEurPerKwh: number; sellMicroEurPerKwh: number } {
  // The margin is a share of the price's magnitude, so that a negative price never opens a free round trip.
  const margin = Math.ceil((Math.abs(referenceMicroEurPerKwh) * feeBps) / BPS_ONE);
  return {
    buyMicroEurPerKwh: referenceMicroEurPerKwh + margin,
    sellMicroEurPerKwh: referenceMicroEurPerKwh - margin,
  };
}

/** What a member pays per kWh after its penalty factor; the surcharge goes to the fund. A price below 0 is not scaled. */
export function penalisedPrice(buyMicroEurPerKwh: number, penaltyBps: number): number {
  return buyMicroEurPerKwh > 0 ? scalePriceUp(buyMicroEurPerKwh, penaltyBps) : buyMicroEurPerKwh;
}

interface Metered {
  importWh: number;
  exportWh: number;
  /** Import that earlier substitutions had settled already. */
  correctedWh: number;
  /** Injection minus consumption to settle now, corrections of earlier substitutions included. */
  netWh: number;
  substituted: boolean;
}

/** Settles one step for every member. */
export function settleStep(context: BlockContext, step: number): void {
  const { state } = context;
  const readings = new Map(state.readings(step).map((reading) => [reading.account, reading]));
  const positions = new Map(state.positions(step).map((position) => [position.account, position]));
  const policy = state.policy();
  const prices = aggregatorPrices(state.stepScalars(step).wholesaleMicroEurPerKwh, policy.aggregatorFeeBps);

  for (let member = 0; member < state.memberCount(); member++) {
    const metered = meter(context, step, member, readings.get(member));
    const { boughtWh, soldWh } = positions.get(member) ?? { boughtWh: 0, soldWh: 0 };
    const deviationWh = metered.netWh - (soldWh - boughtWh);
    tradeWithAggregator(context, { step, member, deviationWh, prices });
    const after = regulate(policy, context.ledger.account(member), {
      tradedWithMember: boughtWh > 0 || soldWh > 0,
      boughtFromAggregator: deviationWh < 0,
    });
    context.ledger.change(member, after);
    context.receipts.settlements.push({
      step,
      member,
      importWh: metered.importWh,
      exportWh: metered.exportWh,
      boughtWh,
      soldWh,
      correctedWh: metered.correctedWh,
      flags: metered.substituted ? 1 : 0,
      ...after,
    });
  }
  state.clearStep(step);
}

/** Reads the member's meter for a step, or substitutes the reading, never to the member's advantage. */
function meter(
  context: BlockContext,
  step: number,
  member: number,
  reading: { importRegisterWh: number; exportRegisterWh: number } | undefined,
): Metered {
  const account = { ...context.ledger.account(member) };
  if (
    reading === undefined ||
    reading.importRegisterWh < account.importRegisterWh ||
    reading.exportRegisterWh < account.exportRegisterWh
  ) {
    const roomWh = Number.MAX_SAFE_INTEGER - account.substitutedWh;
    const importWh = Math.min(largestImportWh(context, step, member), roomWh);
    context.ledger.change(member, { substitutedWh: account.substitutedWh + importWh });
    return { importWh, exportWh: 0, correctedWh: 0, netWh: -importWh, substituted: true };
  }
  const importWh = reading.importRegisterWh - account.importRegisterWh;
  const exportWh = reading.exportRegisterWh - account.exportRegisterWh;
  // What exceeds the limit waits for the next reading: a trade of 32 bits must hold the deviation.
  const correctedWh = Math.min(account.substitutedWh, meterLimitWh(context.state.memberCount()));
  const netWh = exportWh - importWh + correctedWh;
  if (account.nextMeteredStep === step) rememberImport(context, step, member, importWh);
  context.ledger.change(member, {
    importRegisterWh: reading.importRegisterWh,
    exportRegisterWh: reading.exportRegisterWh,
    substitutedWh: account.substitutedWh - correctedWh,
    nextMeteredStep: step + 1,
  });
  return { importWh, exportWh, correctedWh, netWh, substituted: false };
}

function tradeWithAggregator(
  context: BlockContext,
  given: {
    step: number;
    member: number;
    deviationWh: number;
    prices: { buyMicroEurPerKwh: number; sellMicroEurPerKwh: number };
  },
): void {
  const { step, member, deviationWh, prices } = given;
  const { ledger } = context;
  const none = { feeNanoEur: 0n, sellerBonusNanoEur: 0n, buyerBonusNanoEur: 0n };
  if (deviationWh > 0) {
    const price = prices.sellMicroEurPerKwh;
    ledger.pay(AGGREGATOR, member, valueNanoEur(deviationWh, price));
    const kind = TRADE_KINDS.indexOf('GRID_SELL');
    const trade = { step, kind, seller: member, buyer: AGGREGATOR, energyWh: deviationWh };
    addTrade(context, { ...trade, priceMicroEurPerKwh: price, ...none, penaltyNanoEur: 0n });
  } else if (deviationWh < 0) {
    const price = prices.buyMicroEurPerKwh;
    const surcharge = penalisedPrice(price, ledger.account(member).penaltyBps) - price;
    const penaltyNanoEur = valueNanoEur(-deviationWh, surcharge);
    ledger.pay(member, AGGREGATOR, valueNanoEur(-deviationWh, price));
    ledger.transfer(member, FUND, penaltyNanoEur);
    const kind = TRADE_KINDS.indexOf('GRID_BUY');
    const trade = { step, kind, seller: AGGREGATOR, buyer: member, energyWh: -deviationWh };
    addTrade(context, { ...trade, priceMicroEurPerKwh: price, ...none, penaltyNanoEur });
  }
}

function usageSlot(context: BlockContext, step: number, member: number, week: number): number {
  const hour = Math.floor((calendarMs(context.genesis, step) % DAY_MS) / HOUR_MS);
  return member * USAGE_SLOTS + (week % WEEKS) * 24 + hour;
}

function weekOf(context: BlockContext, step: number): number {
  return Math.floor((step * context.genesis.params.stepNominalMs) / (7 * DAY_MS));
}

/** The member's largest import in this hour of the day over four weeks; 0 before anything was metered. */
function largestImportWh(context: BlockContext, step: number, member: number): number {
  let largest = 0;
  for (let week = 0; week < WEEKS; week++) {
    largest = Math.max(largest, context.state.usageWh(usageSlot(context, step, member, week)));
  }
  return largest;
}

function rememberImport(context: BlockContext, step: number, member: number, importWh: number): void {
  const slot = usageSlot(context, step, member, weekOf(context, step));
  const stepsPerWeek = (7 * DAY_MS) / context.genesis.params.stepNominalMs;
  // The first day of a week starts its maximum anew: what stood there is four weeks old.
  const firstDay = step % stepsPerWeek < DAY_MS / context.genesis.params.stepNominalMs;
  const firstInHour = calendarMs(context.genesis, step) % HOUR_MS < context.genesis.params.stepNominalMs;
  const before = context.state.usageWh(slot);
  // A reading may carry what earlier ones of the same outage left out; an hour never holds more than the connection.
  const limitWh = connectionLimitWh(context.genesis, context.state.member(member).connectionW);
  const largest = Math.max(firstDay && firstInHour ? 0 : before, Math.min(importWh, limitWh));
  if (largest !== before) context.state.setUsageWh(slot, largest);
}
