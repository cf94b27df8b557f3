/** The reference model's state as plain values; energy, prices and money are bigints. */
import type { Receipts } from '../../../protocol/receipts.ts';
import type { Genesis, Member, Miner, Policy } from '../../../protocol/types.ts';

export interface Purse {
  readonly creditNanoEur: bigint;
  readonly debitNanoEur: bigint;
}

export interface ReferenceAccount extends Purse {
  readonly p2pSteps: number;
  readonly gridSteps: number;
  readonly bonusBps: bigint;
  readonly penaltyBps: bigint;
  readonly importRegisterWh: bigint;
  readonly exportRegisterWh: bigint;
  readonly substitutedWh: bigint;
  readonly nextMeteredStep: number;
}

export interface ReferenceOrder {
  readonly account: number;
  readonly sequence: number;
  /** 0 bid, 1 ask. */
  readonly side: number;
  readonly energyWh: bigint;
  readonly limitMicroEurPerKwh: bigint;
}

export interface ReferenceReport {
  readonly oracle: number;
  readonly temperatureCentiC: bigint;
  readonly wholesaleMicroEurPerKwh: bigint;
}

export interface ReferenceReading {
  readonly account: number;
  readonly importRegisterWh: bigint;
  readonly exportRegisterWh: bigint;
}

export interface ReferencePosition {
  readonly account: number;
  readonly boughtWh: bigint;
  readonly soldWh: bigint;
}

export interface ReferenceBook {
  readonly step: number;
  readonly trades: number;
  readonly wholesaleMicroEurPerKwh: bigint;
  readonly orders: readonly ReferenceOrder[];
  readonly observations: readonly ReferenceReport[];
  readonly readings: readonly ReferenceReading[];
  readonly positions: readonly ReferencePosition[];
}

/** What the protocol calls the state. Plain data: a block makes a new one and leaves its parent's as it is. */
export interface ReferenceState {
  readonly genesisRoot: Uint8Array;
  readonly nextToClear: number;
  readonly nextToSettle: number;
  readonly wholesaleMicroEurPerKwh: bigint;
  readonly wholesaleStepPlus1: number;
  readonly temperatureCentiC: bigint;
  readonly temperatureStepPlus1: number;
  readonly members: readonly Member[];
  readonly miners: readonly Miner[];
  readonly policy: Policy;
  readonly accounts: readonly ReferenceAccount[];
  readonly reservedNanoEur: readonly bigint[];
  /** Aggregator, network operator, fund, treasury. */
  readonly systemBalances: readonly Purse[];
  /** One book per slot; the slot of a step is its number modulo the length. */
  readonly books: readonly ReferenceBook[];
  readonly usageWh: readonly bigint[];
}

/** How far a block's execution has come. */
export interface Progress {
  readonly genesis: Genesis;
  readonly clockMs: number;
  readonly author: number;
  readonly state: ReferenceState;
  readonly receipts: Receipts;
}

export interface ReferenceResult {
  readonly state: ReferenceState;
  readonly stateRoot: Uint8Array;
  readonly receiptsRoot: Uint8Array;
  readonly receipts: Receipts;
  /** What the block was executed on, and by whom: receipts name neither. */
  readonly parent: ReferenceState;
  readonly author: number;
}

/** The price of a default book: an `Int32` of four zero bytes. */
const LEAST_INT32 = -(2n ** 31n);

export function emptyBook(step: number): ReferenceBook {
  return {
    step,
    trades: 0,
    wholesaleMicroEurPerKwh: LEAST_INT32,
    orders: [],
    observations: [],
    readings: [],
    positions: [],
  };
}

/** The book of a step; empty when its slot belongs to another step. */
export function bookOf(state: ReferenceState, step: number): ReferenceBook {
  const found = state.books[step % state.books.length]!;
  return found.step === step ? found : emptyBook(step);
}

export function withBook(state: ReferenceState, book: ReferenceBook): ReferenceState {
  const slot = book.step % state.books.length;
  return { ...state, books: state.books.map((old, i) => (i === slot ? book : old)) };
}

export function withAccount(
  state: ReferenceState,
  member: number,
  change: Partial<ReferenceAccount>,
): ReferenceState {
  return {
    ...state,
    accounts: state.accounts.map((old, i) => (i === member ? { ...old, ...change } : old)),
  };
}

/** Adds to what a member's open orders may cost at worst; a negative amount releases. */
export function withReserve(state: ReferenceState, member: number, amountNanoEur: bigint): ReferenceState {
  return {
    ...state,
    reservedNanoEur: state.reservedNanoEur.map((old, i) => (i === member ? old + amountNanoEur : old)),
  };
}

/** `max(0, value)` for a bid, `max(0, -value)` for an ask, at the limit. */
export function worstCaseNanoEur(order: ReferenceOrder): bigint {
  const value = order.energyWh * order.limitMicroEurPerKwh;
  const cost = order.side === 0 ? value : -value;
  return cost > 0n ? cost : 0n;
}
