/** The rules of market transactions: what may enter a step's book, and what it does there. */
import { kindOf, payloadOf } from '../protocol/codec.ts';
import { STEP_RING, type TransactionBody, type TransactionKind } from '../protocol/types.ts';
import { valueNanoEur } from '../protocol/units.ts';
import type { BlockContext } from './context.ts';
import { meterLimitWh } from './limits.ts';
import { MAX_TEMPERATURE_CENTI_C, MAX_WHOLESALE_MICRO_EUR_PER_KWH } from './observations.ts';
import { type Violation, violation } from './violation.ts';
import { connectionLimitWh, orderWindow, readingWindow } from './windows.ts';

export const BID = 0;
export const ASK = 1;

/** What the member may have to pay for an order at worst, in nanoEUR. */
export function worstCaseNanoEur(order: {
  side: number;
  energyWh: number;
  limitMicroEurPerKwh: number;
}): bigint {
  const value = valueNanoEur(order.energyWh, order.limitMicroEurPerKwh);
  const cost = order.side === BID ? value : -value;
  return cost > 0n ? cost : 0n;
}

function checkWindow(
  context: BlockContext,
  step: number,
  window: { fromMs: number; untilMs: number },
): Violation | null {
  const { clockMs } = context;
  if (clockMs < window.fromMs || clockMs >= window.untilMs) {
    return violation(
      'TX_WINDOW_CLOSED',
      `step ${step} takes this from ${window.fromMs} until ${window.untilMs}, the market clock is ${clockMs}`,
    );
  }
  const { nextToSettle } = context.state.market();
  if (step >= nextToSettle + STEP_RING) {
    return violation('TX_STEP_TOO_FAR', `step ${step} waits until step ${step - STEP_RING} is settled`);
  }
  return null;
}

function checkMember(context: BlockContext, account: number): Violation | null {
  if (account >= context.state.memberCount()) return violation('TX_UNKNOWN_ACCOUNT', `no member ${account}`);
  if (context.state.member(account).status !== 0)
    return violation('TX_EXPELLED', `member ${account} was expelled`);
  return null;
}

function checkOrder(context: BlockContext, body: TransactionBody): Violation | null {
  const { step, account, sequence } = body;
  const order = payloadOf(body, 'order');
  const { params } = context.genesis;
  const refused =
    checkWindow(context, step, orderWindow(context.genesis, step)) ?? checkMember(context, account);
  if (refused) return refused;
  if (params.sealedOrders) return violation('ORDER_NOT_SEALED', 'this community takes sealed orders only');
  if (sequence >= params.orderQuota) {
    return violation(
      'TX_OVER_QUOTA',
      `sequence ${sequence}, the quota is ${params.orderQuota} orders per step`,
    );
  }
  if (order.side !== BID && order.side !== ASK)
    return violation('ORDER_SIDE', `side ${order.side} is neither bid nor ask`);
  const use = context.bookUse(step, account);
  if (use.orders.has(sequence))
    return violation('TX_DUPLICATE', `order ${sequence} of member ${account} exists`);
  const member = context.state.member(account);
  if (member.suspendedUntilStep > step) {
    return violation(
      'TX_SUSPENDED',
      `member ${account} is suspended until step ${member.suspendedUntilStep}`,
    );
  }
  // With both sides open a member could trade with itself, and be rewarded for it.
  if ((order.side === BID ? use.sellWh : use.buyWh) > 0) {
    return violation('ORDER_BOTH_SIDES', `member ${account} is on the other side of step ${step} already`);
  }
  const limitWh = connectionLimitWh(context.genesis, member.connectionW);
  const usedWh = order.side === BID ? use.buyWh : use.sellWh;
  if (order.energyWh === 0 || usedWh + order.energyWh > limitWh) {
    return violation(
      'ORDER_ENERGY',
      `${order.energyWh} Wh on top of ${usedWh} Wh, the connection carries ${limitWh} Wh`,
    );
  }
  return checkCredit(context, account, worstCaseNanoEur(order));
}

function checkCredit(context: BlockContext, account: number, costNanoEur: bigint): Violation | null {
  const { creditLimitNanoEur } = context.state.member(account);
  const reservedNanoEur = context.state.reservedNanoEur(account);
  const freeNanoEur = context.ledger.balanceNanoEur(account) + creditLimitNanoEur - reservedNanoEur;
  if (costNanoEur > freeNanoEur) {
    return violation('ORDER_CREDIT', `may cost ${costNanoEur} nanoEUR, ${freeNanoEur} nanoEUR are free`);
  }
  return null;
}

function applyOrder(context: BlockContext, body: TransactionBody): void {
  const { step, account, sequence } = body;
  const order = payloadOf(body, 'order');
  context.addOrder(step, { account, sequence, ...order });
  reserve(context, account, worstCaseNanoEur(order));
}

/** Adds to (or, negative, releases from) what a member's open orders may cost. */
export function reserve(context: BlockContext, account: number, amountNanoEur: bigint): void {
  if (amountNanoEur === 0n) return;
  context.state.setReservedNanoEur(account, context.state.reservedNanoEur(account) + amountNanoEur);
}

function checkCancel(context: BlockContext, body: TransactionBody): Violation | null {
  const { step, account, sequence } = body;
  const refused =
    checkWindow(context, step, orderWindow(context.genesis, step)) ?? checkMember(context, account);
  if (refused) return refused;
  if (payloadOf(body, 'cancel').orderSequence !== sequence) {
    return violation('CANCEL_SEQUENCE', 'a cancellation carries the sequence of its order');
  }
  const position = context.bookUse(step, account).orders.get(sequence);
  if (position === undefined || context.state.orders(step)[position]!.energyWh === 0) {
    return violation('ORDER_NOT_OPEN', `member ${account} has no open order ${sequence} for step ${step}`);
  }
  return null;
}

function applyCancel(context: BlockContext, body: TransactionBody): void {
  const { step, account, sequence } = body;
  const order = context.state.orders(step)[context.bookUse(step, account).orders.get(sequence)!]!;
  reserve(context, account, -worstCaseNanoEur(order));
  context.cancelOrder(step, account, sequence);
}

function checkObservation(context: BlockContext, body: TransactionBody): Violation | null {
  const { step, account, sequence } = body;
  const refused = checkWindow(context, step, orderWindow(context.genesis, step));
  if (refused) return refused;
  if (account >= context.genesis.oracles.length)
    return violation('TX_UNKNOWN_ACCOUNT', `no oracle ${account}`);
  if (sequence !== 0)
    return violation('TX_OVER_QUOTA', 'one observation per oracle and step, with sequence 0');
  const { wholesaleMicroEurPerKwh, temperatureCentiC } = payloadOf(body, 'observation');
  if (
    Math.abs(wholesaleMicroEurPerKwh) > MAX_WHOLESALE_MICRO_EUR_PER_KWH ||
    Math.abs(temperatureCentiC) > MAX_TEMPERATURE_CENTI_C
  ) {
    return violation(
      'OBSERVATION_RANGE',
      `${wholesaleMicroEurPerKwh} microEUR/kWh, ${temperatureCentiC} centiC`,
    );
  }
  if (context.state.observations(step).some((entry) => entry.oracle === account)) {
    return violation('TX_DUPLICATE', `oracle ${account} has observed step ${step}`);
  }
  return null;
}

function checkReading(context: BlockContext, body: TransactionBody): Violation | null {
  const { step, account, sequence } = body;
  const reading = payloadOf(body, 'reading');
  const refused =
    checkWindow(context, step, readingWindow(context.genesis, step)) ?? checkMember(context, account);
  if (refused) return refused;
  if (sequence !== 0) return violation('TX_OVER_QUOTA', 'one reading per meter and step, with sequence 0');
  if (context.hasReading(step, account)) return violation('TX_DUPLICATE', `member ${account} has a reading`);
  const last = context.ledger.account(account);
  const importWh = reading.importRegisterWh - last.importRegisterWh;
  const exportWh = reading.exportRegisterWh - last.exportRegisterWh;
  if (importWh < 0 || exportWh < 0) {
    return violation('READING_BACKWARDS', 'a register is below the one that was settled last');
  }
  const steps = step + 1 - last.nextMeteredStep;
  const connectionWh = connectionLimitWh(context.genesis, context.state.member(account).connectionW) * steps;
  const limitWh = Math.min(connectionWh, meterLimitWh(context.state.memberCount()));
  if (importWh > limitWh || exportWh > limitWh) {
    return violation(
      'READING_IMPLAUSIBLE',
      `more than the ${limitWh} Wh that the connection carries in ${steps} steps, or that one reading may hold`,
    );
  }
  return null;
}

function applyReading(context: BlockContext, body: TransactionBody): void {
  const { importRegisterWh, exportRegisterWh } = payloadOf(body, 'reading');
  context.state.pushReading(body.step, { account: body.account, importRegisterWh, exportRegisterWh });
  context.noteReading(body.step, body.account);
}

interface Rule {
  /** Null when the transaction may be applied now. Changes nothing. */
  check(context: BlockContext, body: TransactionBody): Violation | null;
  apply(context: BlockContext, body: TransactionBody): void;
}

/** Kinds with rules in this version; the others are rejected by their absence. */
const RULES: Partial<Record<TransactionKind, Rule>> = {
  observation: {
    check: checkObservation,
    apply: (context, body) => {
      const { temperatureCentiC, wholesaleMicroEurPerKwh } = payloadOf(body, 'observation');
      context.state.pushObservation(body.step, {
        oracle: body.account,
        temperatureCentiC,
        wholesaleMicroEurPerKwh,
      });
    },
  },
  order: { check: checkOrder, apply: applyOrder },
  cancel: { check: checkCancel, apply: applyCancel },
  reading: { check: checkReading, apply: applyReading },
};

export function isSupportedKind(kind: TransactionKind): boolean {
  return RULES[kind] !== undefined;
}

/** Applies a transaction, or says which rule it breaks and changes nothing. Signatures are checked by the caller. */
export function applyTransaction(context: BlockContext, body: TransactionBody): Violation | null {
  const kind = kindOf(body);
  const rule = RULES[kind];
  if (rule === undefined) return violation('TX_KIND_UNSUPPORTED', `${kind} has no rule in this version`);
  const refused = rule.check(context, body);
  if (refused) return refused;
  rule.apply(context, body);
  return null;
}
