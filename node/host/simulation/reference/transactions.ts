/** Rules of transactions in the reference model: docs/protocol.md, section 9.2. */
import { kindOf, payloadOf } from '../../../protocol/codec.ts';
import type { Genesis, TransactionBody } from '../../../protocol/types.ts';
import { balanceNanoEur } from './money.ts';
import { least, sumOf } from './numbers.ts';
import {
  bookOf,
  type Progress,
  type ReferenceBook,
  type ReferenceOrder,
  type ReferenceState,
  withBook,
  withReserve,
  worstCaseNanoEur,
} from './state.ts';

const MAX_PRICE = 10_000_000;
const MAX_TEMPERATURE = 10_000;

/** Market clock at which a step begins to deliver. */
export function startMs(genesis: Genesis, step: number): number {
  return genesis.timeMs + genesis.params.firstStepDelayMs + step * genesis.params.stepMs;
}

/** A rule's code and whether the transaction breaks it. */
type Check = readonly [code: string, broken: boolean];

/** What one reading may move a register by, and correct, at most: docs/protocol.md, section 9.1. */
export function meterLimitWh(state: ReferenceState): bigint {
  return least(1_000_000_000n, 50_000_000_000n / BigInt(state.members.length));
}

/** The most energy of a member's connection in one step. */
export function connectionWh(progress: Progress, member: number): bigint {
  const connectionW = BigInt(progress.state.members[member]!.connectionW);
  return (connectionW * BigInt(progress.genesis.params.stepNominalMs)) / 3_600_000n;
}

function timing(progress: Progress, step: number, fromMs: number, untilMs: number): Check[] {
  return [
    ['TX_WINDOW_CLOSED', !(fromMs <= progress.clockMs && progress.clockMs < untilMs)],
    ['TX_STEP_TOO_FAR', !(step < progress.state.nextToSettle + 64)],
  ];
}

function orderTiming(progress: Progress, step: number): Check[] {
  const start = startMs(progress.genesis, step);
  return timing(progress, step, start - progress.genesis.params.orderWindowMs, start);
}

function readingTiming(progress: Progress, step: number): Check[] {
  const end = startMs(progress.genesis, step) + progress.genesis.params.stepMs;
  return timing(progress, step, end, end + progress.genesis.params.readingWindowMs);
}

function entryOf(body: TransactionBody): ReferenceOrder {
  const { side, energyWh, limitMicroEurPerKwh } = payloadOf(body, 'order');
  return {
    account: body.account,
    sequence: body.sequence,
    side,
    energyWh: BigInt(energyWh),
    limitMicroEurPerKwh: BigInt(limitMicroEurPerKwh),
  };
}

function orderChecks(progress: Progress, body: TransactionBody): Check[] {
  const { state, genesis } = progress;
  const { account, step, sequence } = body;
  const order = entryOf(body);
  const general: Check[] = [
    ...orderTiming(progress, step),
    ['TX_OVER_QUOTA', sequence >= genesis.params.orderQuota],
    ['ORDER_SIDE', order.side > 1],
  ];
  const member = state.members[account];
  if (member === undefined) return [...general, ['TX_UNKNOWN_ACCOUNT', true]];
  const mine = bookOf(state, step).orders.filter((entry) => entry.account === account);
  const sideWh = (side: number) =>
    sumOf(mine.filter((entry) => entry.side === side).map((entry) => entry.energyWh));
  const onThisSideWh = sideWh(order.side) + order.energyWh;
  const freeNanoEur =
    balanceNanoEur(state, account) + member.creditLimitNanoEur - state.reservedNanoEur[account]!;
  return [
    ...general,
    ['TX_EXPELLED', member.status !== 0],
    ['TX_DUPLICATE', mine.some((entry) => entry.sequence === sequence)],
    ['TX_SUSPENDED', member.suspendedUntilStep > step],
    ['ORDER_BOTH_SIDES', sideWh(1 - order.side) > 0n],
    ['ORDER_ENERGY', order.energyWh === 0n || onThisSideWh > connectionWh(progress, account)],
    ['ORDER_CREDIT', worstCaseNanoEur(order) > freeNanoEur],
  ];
}

function cancelChecks(progress: Progress, body: TransactionBody): Check[] {
  const { account, step, sequence } = body;
  const member = progress.state.members[account];
  const open = bookOf(progress.state, step).orders.some(
    (entry) => entry.account === account && entry.sequence === sequence && entry.energyWh > 0n,
  );
  return [
    ...orderTiming(progress, step),
    ['TX_UNKNOWN_ACCOUNT', member === undefined],
    ['TX_EXPELLED', member !== undefined && member.status !== 0],
    ['CANCEL_SEQUENCE', payloadOf(body, 'cancel').orderSequence !== sequence],
    ['ORDER_NOT_OPEN', !open],
  ];
}

function observationChecks(progress: Progress, body: TransactionBody): Check[] {
  const { wholesaleMicroEurPerKwh, temperatureCentiC } = payloadOf(body, 'observation');
  const seen = bookOf(progress.state, body.step).observations;
  return [
    ...orderTiming(progress, body.step),
    ['TX_UNKNOWN_ACCOUNT', body.account >= progress.genesis.oracles.length],
    ['TX_OVER_QUOTA', body.sequence !== 0],
    [
      'OBSERVATION_RANGE',
      wholesaleMicroEurPerKwh < -MAX_PRICE ||
        wholesaleMicroEurPerKwh > MAX_PRICE ||
        temperatureCentiC < -MAX_TEMPERATURE ||
        temperatureCentiC > MAX_TEMPERATURE,
    ],
    ['TX_DUPLICATE', seen.some((entry) => entry.oracle === body.account)],
  ];
}

function readingChecks(progress: Progress, body: TransactionBody): Check[] {
  const { account, step, sequence } = body;
  const { state } = progress;
  const general: Check[] = [...readingTiming(progress, step), ['TX_OVER_QUOTA', sequence !== 0]];
  const member = state.members[account];
  if (member === undefined) return [...general, ['TX_UNKNOWN_ACCOUNT', true]];
  const { importRegisterWh, exportRegisterWh } = payloadOf(body, 'reading');
  const settled = state.accounts[account]!;
  const importWh = BigInt(importRegisterWh) - settled.importRegisterWh;
  const exportWh = BigInt(exportRegisterWh) - settled.exportRegisterWh;
  const carriedWh = connectionWh(progress, account) * BigInt(step + 1 - settled.nextMeteredStep);
  const mostWh = least(carriedWh, meterLimitWh(state));
  return [
    ...general,
    ['TX_EXPELLED', member.status !== 0],
    ['TX_DUPLICATE', bookOf(state, step).readings.some((entry) => entry.account === account)],
    ['READING_BACKWARDS', importWh < 0n || exportWh < 0n],
    ['READING_IMPLAUSIBLE', importWh > mostWh || exportWh > mostWh],
  ];
}

/** Codes of all rules that a transaction breaks; empty when it may be applied. */
export function brokenRules(progress: Progress, body: TransactionBody): string[] {
  const checks = (): Check[] => {
    switch (kindOf(body)) {
      case 'order':
        return orderChecks(progress, body);
      case 'cancel':
        return cancelChecks(progress, body);
      case 'observation':
        return observationChecks(progress, body);
      case 'reading':
        return readingChecks(progress, body);
      default:
        return [['TX_KIND_UNSUPPORTED', true]];
    }
  };
  return checks().flatMap(([code, broken]) => (broken ? [code] : []));
}

function changeBook(
  state: ReferenceState,
  step: number,
  change: (book: ReferenceBook) => Partial<ReferenceBook>,
): ReferenceState {
  const book = bookOf(state, step);
  return withBook(state, { ...book, ...change(book) });
}

function applyOrder(state: ReferenceState, body: TransactionBody): ReferenceState {
  const order = entryOf(body);
  const booked = changeBook(state, body.step, (book) => ({ orders: [...book.orders, order] }));
  return withReserve(booked, body.account, worstCaseNanoEur(order));
}

function applyCancel(state: ReferenceState, body: TransactionBody): ReferenceState {
  const { account, sequence, step } = body;
  const is = (entry: ReferenceOrder) => entry.account === account && entry.sequence === sequence;
  const order = bookOf(state, step).orders.find(is)!;
  const released = withReserve(state, account, -worstCaseNanoEur(order));
  return changeBook(released, step, (book) => ({
    orders: book.orders.map((entry) => (is(entry) ? { ...entry, energyWh: 0n } : entry)),
  }));
}

function applyObservation(state: ReferenceState, body: TransactionBody): ReferenceState {
  const payload = payloadOf(body, 'observation');
  const report = {
    oracle: body.account,
    temperatureCentiC: BigInt(payload.temperatureCentiC),
    wholesaleMicroEurPerKwh: BigInt(payload.wholesaleMicroEurPerKwh),
  };
  return changeBook(state, body.step, (book) => ({ observations: [...book.observations, report] }));
}

function applyReading(state: ReferenceState, body: TransactionBody): ReferenceState {
  const payload = payloadOf(body, 'reading');
  const reading = {
    account: body.account,
    importRegisterWh: BigInt(payload.importRegisterWh),
    exportRegisterWh: BigInt(payload.exportRegisterWh),
  };
  return changeBook(state, body.step, (book) => ({ readings: [...book.readings, reading] }));
}

/** What a transaction that breaks no rule does. */
export function applied(state: ReferenceState, body: TransactionBody): ReferenceState {
  switch (kindOf(body)) {
    case 'order':
      return applyOrder(state, body);
    case 'cancel':
      return applyCancel(state, body);
    case 'observation':
      return applyObservation(state, body);
    case 'reading':
      return applyReading(state, body);
    default:
      throw new Error(`reference: ${kindOf(body)} has no rule`);
  }
}
