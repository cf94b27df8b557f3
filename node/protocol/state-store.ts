/**
 * The ledger's state. This is the only module that touches mutable SSZ views: every method fetches its child view
 * anew from the root, none leaves a method, and `fork` commits before it clones. (A child view written after a commit,
 * obtained read-only, or held across a clone is read back changed while the root is not.)
 */
import type { CompositeViewDU, ValueOf } from '@chainsafe/ssz';
import { SYSTEM_ACCOUNT_BASE } from './accounts.ts';
import {
  Account,
  Balance,
  MarketScalars,
  ObservationEntry,
  OrderEntry,
  type Position,
  ReadingEntry,
  State,
  StepBook,
} from './state.ts';
import { Member, type Miner, Miners, Policy, STEP_RING } from './types.ts';

type StateView = CompositeViewDU<typeof State>;
const EMPTY_STEP = StepBook.defaultValue();

/** The tree keeps the very object it is given, so it gets one that the caller cannot change afterwards. */
function own<V extends object>(value: V): V {
  return Object.freeze({ ...value });
}

/** A mutable state. `fork()` is cheap: the tree is shared until it is written. */
export interface StateStore {
  readonly genesisRoot: Uint8Array;
  /** An independent copy. */
  fork(): StateStore;
  /** Root over all that was written. */
  root(): Uint8Array;
  serialize(): Uint8Array;

  market(): MarketScalars;
  setMarket(change: Partial<MarketScalars>): void;

  memberCount(): number;
  member(index: number): Member;
  setMember(index: number, member: Member): void;
  account(index: number): Account;
  setAccount(index: number, account: Account): void;
  accounts(): Account[];
  /** Worst-case cost of a member's open orders. */
  reservedNanoEur(index: number): bigint;
  setReservedNanoEur(index: number, amountNanoEur: bigint): void;
  systemBalance(account: number): Balance;
  setSystemBalance(account: number, balance: Balance): void;

  miners(): Miner[];
  minersRoot(): Uint8Array;
  policy(): Policy;

  /** Scalars of a step's book; a slot that still holds another step reads as an empty book of `step`. */
  stepScalars(step: number): { trades: number; wholesaleMicroEurPerKwh: number };
  setStepScalars(step: number, change: { trades?: number; wholesaleMicroEurPerKwh?: number }): void;
  orders(step: number): OrderEntry[];
  pushOrder(step: number, order: OrderEntry): void;
  setOrder(step: number, index: number, order: OrderEntry): void;
  observations(step: number): ObservationEntry[];
  pushObservation(step: number, observation: ObservationEntry): void;
  readings(step: number): ReadingEntry[];
  pushReading(step: number, reading: ReadingEntry): void;
  positions(step: number): Position[];
  setPositions(step: number, positions: Position[]): void;
  /** Empties the slot of a settled step. */
  clearStep(step: number): void;

  usageWh(index: number): number;
  setUsageWh(index: number, energyWh: number): void;
}

/** What a first state says; no step has a book yet. */
export type InitialState = Omit<ValueOf<typeof State>, 'steps' | 'usageWh'>;

export function createStateStore(initial: InitialState): StateStore {
  // From the default's shared nodes: the empty step books are one tree, hashed once.
  const view = State.defaultViewDU();
  view.genesisRoot = new Uint8Array(initial.genesisRoot);
  view.market = MarketScalars.toViewDU(own(initial.market));
  view.members = State.fields.members.toViewDU(initial.members.map(own));
  view.accounts = State.fields.accounts.toViewDU(initial.accounts.map(own));
  view.reservedNanoEur = State.fields.reservedNanoEur.toViewDU(initial.reservedNanoEur);
  view.systemBalances = State.fields.systemBalances.toViewDU(initial.systemBalances.map(own));
  view.miners = Miners.toViewDU(initial.miners.map(own));
  view.policy = Policy.toViewDU(initial.policy);
  return wrap(view);
}

/** `null` unless the bytes are a canonical state. */
export function deserializeState(bytes: Uint8Array): StateStore | null {
  try {
    const view = State.deserializeToViewDU(new Uint8Array(bytes));
    const again = view.serialize();
    if (again.length !== bytes.length || again.some((byte, i) => byte !== bytes[i])) return null;
    return wrap(view);
  } catch {
    return null;
  }
}

/** Values read before, kept until one is written: a block reads most members, and views cost more than values. */
interface Known {
  members: readonly Member[] | null;
  accounts: readonly Account[] | null;
}

/** Values are read from committed nodes only, hence the commit; it does not hash. */
function all<V>(list: { commit(): void; getAllReadonlyValues(): V[] } | undefined): V[] {
  if (list === undefined) return [];
  list.commit();
  return list.getAllReadonlyValues();
}

type StepMethods = Pick<
  StateStore,
  | 'stepScalars'
  | 'setStepScalars'
  | 'orders'
  | 'pushOrder'
  | 'setOrder'
  | 'observations'
  | 'pushObservation'
  | 'readings'
  | 'pushReading'
  | 'positions'
  | 'setPositions'
  | 'clearStep'
>;

/** The books of the open steps, in a ring. */
function stepBooks(view: StateView): StepMethods {
  const slot = (step: number) => step % STEP_RING;

  /** The step's book for writing; takes the slot over from an older, closed step. */
  const book = (step: number) => {
    const current = view.steps.get(slot(step));
    if (current.step === step) return current;
    view.steps.set(slot(step), StepBook.toViewDU({ ...EMPTY_STEP, step }));
    return view.steps.get(slot(step));
  };
  /** The step's book for reading, or `null` when nothing was written for it. */
  const existing = (step: number) => {
    const current = view.steps.get(slot(step));
    return current.step === step ? current : null;
  };
  return {
    stepScalars(step) {
      const { trades, wholesaleMicroEurPerKwh } = existing(step) ?? EMPTY_STEP;
      return { trades, wholesaleMicroEurPerKwh };
    },
    setStepScalars(step, change) {
      const current = book(step);
      if (change.trades !== undefined) current.trades = change.trades;
      if (change.wholesaleMicroEurPerKwh !== undefined) {
        current.wholesaleMicroEurPerKwh = change.wholesaleMicroEurPerKwh;
      }
    },
    orders: (step) => all<OrderEntry>(existing(step)?.orders),
    pushOrder: (step, order) => book(step).orders.push(OrderEntry.toViewDU(own(order))),
    setOrder: (step, index, order) => book(step).orders.set(index, OrderEntry.toViewDU(own(order))),
    observations: (step) => all<ObservationEntry>(existing(step)?.observations),
    pushObservation: (step, entry) => book(step).observations.push(ObservationEntry.toViewDU(own(entry))),
    readings: (step) => all<ReadingEntry>(existing(step)?.readings),
    pushReading: (step, entry) => book(step).readings.push(ReadingEntry.toViewDU(own(entry))),
    positions: (step) => all<Position>(existing(step)?.positions),
    setPositions(step, positions) {
      book(step).positions = StepBook.fields.positions.toViewDU(positions.map(own));
    },
    clearStep: (step) => view.steps.set(slot(step), StepBook.toViewDU({ ...EMPTY_STEP, step })),
  };
}

function wrap(view: StateView, known: Known = { members: null, accounts: null }): StateStore {
  const members = (): readonly Member[] => {
    known.members ??= all<Member>(view.members);
    return known.members;
  };
  const accounts = (): readonly Account[] => {
    known.accounts ??= all<Account>(view.accounts);
    return known.accounts;
  };

  return {
    get genesisRoot() {
      return view.genesisRoot;
    },
    fork() {
      view.commit();
      return wrap(view.clone(), { ...known });
    },
    root() {
      view.commit();
      return view.hashTreeRoot();
    },
    serialize() {
      view.commit();
      return view.serialize();
    },

    market: () => view.market.toValue(),
    setMarket(change) {
      view.market = MarketScalars.toViewDU(own({ ...view.market.toValue(), ...change }));
    },

    memberCount: () => view.members.length,
    member: (index) => members()[index]!,
    setMember(index, member) {
      view.members.set(index, Member.toViewDU(own(member)));
      known.members = null;
    },
    account: (index) => accounts()[index]!,
    setAccount(index, account) {
      view.accounts.set(index, Account.toViewDU(own(account)));
      known.accounts = null;
    },
    accounts: () => [...accounts()],
    reservedNanoEur: (index) => view.reservedNanoEur.get(index),
    setReservedNanoEur: (index, amountNanoEur) => view.reservedNanoEur.set(index, amountNanoEur),
    systemBalance: (account) => view.systemBalances.get(account - SYSTEM_ACCOUNT_BASE).toValue(),
    setSystemBalance: (account, balance) =>
      view.systemBalances.set(account - SYSTEM_ACCOUNT_BASE, Balance.toViewDU(own(balance))),

    miners: () => all<Miner>(view.miners),
    minersRoot: () => Miners.hashTreeRoot(all<Miner>(view.miners)),
    policy: () => view.policy.toValue(),

    ...stepBooks(view),

    usageWh: (index) => (index < view.usageWh.length ? view.usageWh.get(index) : 0),
    setUsageWh(index, energyWh) {
      while (view.usageWh.length <= index) view.usageWh.push(0);
      view.usageWh.set(index, energyWh);
    },
  };
}
