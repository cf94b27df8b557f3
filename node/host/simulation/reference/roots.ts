/** State roots of the reference model, from plain values. Parts that did not change keep the root of their object. */
import { ContainerType, ListCompositeType, type ValueOf, VectorCompositeType } from '@chainsafe/ssz';
import { Account, MarketScalars, State, StepBook } from '../../../protocol/state.ts';
import { Bytes32, MAX_MEMBERS, STEP_RING } from '../../../protocol/types.ts';
import type { ReferenceAccount, ReferenceBook, ReferenceState } from './state.ts';

const { fields } = State;

/** The shape of the state with the root of every field in the field's place: it has the same root. */
const FieldRoots = new ContainerType({
  genesisRoot: Bytes32,
  market: Bytes32,
  members: Bytes32,
  accounts: Bytes32,
  reservedNanoEur: Bytes32,
  systemBalances: Bytes32,
  steps: Bytes32,
  usageWh: Bytes32,
  miners: Bytes32,
  policy: Bytes32,
});
const AccountRoots = new ListCompositeType(Bytes32, MAX_MEMBERS);
const BookRoots = new VectorCompositeType(Bytes32, STEP_RING);

function accountValue(account: ReferenceAccount): ValueOf<typeof Account> {
  return {
    creditNanoEur: account.creditNanoEur,
    debitNanoEur: account.debitNanoEur,
    p2pSteps: account.p2pSteps,
    gridSteps: account.gridSteps,
    bonusBps: Number(account.bonusBps),
    penaltyBps: Number(account.penaltyBps),
    importRegisterWh: Number(account.importRegisterWh),
    exportRegisterWh: Number(account.exportRegisterWh),
    substitutedWh: Number(account.substitutedWh),
    nextMeteredStep: account.nextMeteredStep,
  };
}

function bookValue(book: ReferenceBook): ValueOf<typeof StepBook> {
  return {
    step: book.step,
    trades: book.trades,
    wholesaleMicroEurPerKwh: Number(book.wholesaleMicroEurPerKwh),
    orders: book.orders.map((order) => ({
      account: order.account,
      sequence: order.sequence,
      side: order.side,
      energyWh: Number(order.energyWh),
      limitMicroEurPerKwh: Number(order.limitMicroEurPerKwh),
    })),
    observations: book.observations.map((report) => ({
      oracle: report.oracle,
      temperatureCentiC: Number(report.temperatureCentiC),
      wholesaleMicroEurPerKwh: Number(report.wholesaleMicroEurPerKwh),
    })),
    readings: book.readings.map((reading) => ({
      account: reading.account,
      importRegisterWh: Number(reading.importRegisterWh),
      exportRegisterWh: Number(reading.exportRegisterWh),
    })),
    positions: book.positions.map((position) => ({
      account: position.account,
      boughtWh: Number(position.boughtWh),
      soldWh: Number(position.soldWh),
    })),
  };
}

function marketValue(state: ReferenceState): ValueOf<typeof MarketScalars> {
  return {
    nextToClear: state.nextToClear,
    nextToSettle: state.nextToSettle,
    wholesaleMicroEurPerKwh: Number(state.wholesaleMicroEurPerKwh),
    wholesaleStepPlus1: state.wholesaleStepPlus1,
    temperatureCentiC: Number(state.temperatureCentiC),
    temperatureStepPlus1: state.temperatureStepPlus1,
    // No transaction with a rule in this version counts it up.
    adminSequence: 0,
  };
}

/** The plain value of the SSZ type `State`. */
export function stateValue(state: ReferenceState): ValueOf<typeof State> {
  return {
    genesisRoot: state.genesisRoot,
    market: marketValue(state),
    members: [...state.members],
    accounts: state.accounts.map(accountValue),
    reservedNanoEur: [...state.reservedNanoEur],
    systemBalances: state.systemBalances.map((purse) => ({ ...purse })),
    steps: state.books.map(bookValue),
    usageWh: state.usageWh.map(Number),
    miners: [...state.miners],
    policy: state.policy,
  };
}

/** The root of an object that is never changed, computed once. */
function remembered<V extends object>(compute: (value: V) => Uint8Array): (value: V) => Uint8Array {
  const known = new WeakMap<V, Uint8Array>();
  return (value) => {
    const found = known.get(value) ?? compute(value);
    known.set(value, found);
    return found;
  };
}

const accountRoot = remembered((account: ReferenceAccount) => Account.hashTreeRoot(accountValue(account)));
const bookRoot = remembered((book: ReferenceBook) => StepBook.hashTreeRoot(bookValue(book)));
const membersRoot = remembered((members: ReferenceState['members']) =>
  fields.members.hashTreeRoot([...members]),
);
const minersRoot = remembered((miners: ReferenceState['miners']) => fields.miners.hashTreeRoot([...miners]));
const policyRoot = remembered((policy: ReferenceState['policy']) => fields.policy.hashTreeRoot(policy));
const usageRoot = remembered((usageWh: ReferenceState['usageWh']) =>
  fields.usageWh.hashTreeRoot(usageWh.map(Number)),
);
const reservedRoot = remembered((reserved: ReferenceState['reservedNanoEur']) =>
  fields.reservedNanoEur.hashTreeRoot([...reserved]),
);
const accountsRoot = remembered((accounts: ReferenceState['accounts']) =>
  AccountRoots.hashTreeRoot(accounts.map(accountRoot)),
);
const booksRoot = remembered((books: ReferenceState['books']) => BookRoots.hashTreeRoot(books.map(bookRoot)));

/** The root of `stateValue(state)`. */
export function referenceStateRoot(state: ReferenceState): Uint8Array {
  return FieldRoots.hashTreeRoot({
    genesisRoot: state.genesisRoot,
    market: MarketScalars.hashTreeRoot(marketValue(state)),
    members: membersRoot(state.members),
    accounts: accountsRoot(state.accounts),
    reservedNanoEur: reservedRoot(state.reservedNanoEur),
    systemBalances: fields.systemBalances.hashTreeRoot(state.systemBalances.map((purse) => ({ ...purse }))),
    steps: booksRoot(state.books),
    usageWh: usageRoot(state.usageWh),
    miners: minersRoot(state.miners),
    policy: policyRoot(state.policy),
  });
}
