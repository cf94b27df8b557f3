/** The state of the ledger, under `stateRoot`. Written through `state-store.ts` only. */
import type { ValueOf } from '@chainsafe/ssz';
import {
  ContainerNodeStructType,
  ContainerType,
  ListBasicType,
  ListCompositeType,
  VectorCompositeType,
} from '@chainsafe/ssz';
import { Int32, Uint8, Uint16, Uint32, Uint53, Uint64 } from './ssz-basic.ts';
import {
  Bytes32,
  MAX_MEMBERS,
  MAX_ORACLES,
  MAX_STEP_ENTRIES,
  Member,
  Miners,
  Policy,
  STEP_RING,
  USAGE_SLOTS,
} from './types.ts';

/** Balance is credit minus debit; both only grow. */
export const Balance = new ContainerNodeStructType(
  { creditNanoEur: Uint64, debitNanoEur: Uint64 },
  { typeName: 'Balance' },
);

export const Account = new ContainerNodeStructType(
  {
    creditNanoEur: Uint64,
    debitNanoEur: Uint64,
    /** Steps with a trade between members. */
    p2pSteps: Uint32,
    /** Steps with a purchase from the aggregator. */
    gridSteps: Uint32,
    bonusBps: Uint16,
    penaltyBps: Uint16,
    /** Registers up to which energy has been settled, and the energy settled by substitution since then. */
    importRegisterWh: Uint53,
    exportRegisterWh: Uint53,
    substitutedWh: Uint53,
    /** First step that no reading has settled yet. */
    nextMeteredStep: Uint32,
  },
  { typeName: 'Account' },
);

export const OrderEntry = new ContainerNodeStructType(
  { account: Uint32, sequence: Uint16, side: Uint8, energyWh: Uint32, limitMicroEurPerKwh: Int32 },
  { typeName: 'OrderEntry' },
);
export const ObservationEntry = new ContainerNodeStructType(
  { oracle: Uint8, temperatureCentiC: Int32, wholesaleMicroEurPerKwh: Int32 },
  { typeName: 'ObservationEntry' },
);
export const ReadingEntry = new ContainerNodeStructType(
  { account: Uint32, importRegisterWh: Uint53, exportRegisterWh: Uint53 },
  { typeName: 'ReadingEntry' },
);
/** What a member agreed to for a step, between members. */
export const Position = new ContainerNodeStructType(
  { account: Uint32, boughtWh: Uint53, soldWh: Uint53 },
  { typeName: 'Position' },
);

export const StepBook = new ContainerType(
  {
    step: Uint32,
    /** Running number for trade ids. */
    trades: Uint32,
    wholesaleMicroEurPerKwh: Int32,
    orders: new ListCompositeType(OrderEntry, MAX_STEP_ENTRIES),
    observations: new ListCompositeType(ObservationEntry, MAX_ORACLES),
    readings: new ListCompositeType(ReadingEntry, MAX_STEP_ENTRIES),
    positions: new ListCompositeType(Position, MAX_STEP_ENTRIES),
  },
  { typeName: 'StepBook' },
);

/** Scalars of the market that are not part of one step. */
export const MarketScalars = new ContainerNodeStructType(
  {
    nextToClear: Uint32,
    nextToSettle: Uint32,
    wholesaleMicroEurPerKwh: Int32,
    /** Step of the last accepted observation plus 1; 0: none yet. */
    wholesaleStepPlus1: Uint32,
    temperatureCentiC: Int32,
    temperatureStepPlus1: Uint32,
    adminSequence: Uint16,
  },
  { typeName: 'MarketScalars' },
);

export const SYSTEM_ACCOUNT_COUNT = 4;

export const State = new ContainerType(
  {
    genesisRoot: Bytes32,
    market: MarketScalars,
    members: new ListCompositeType(Member, MAX_MEMBERS),
    accounts: new ListCompositeType(Account, MAX_MEMBERS),
    /** Per member, the worst-case cost of open orders and contracts: packed, for every order changes it. */
    reservedNanoEur: new ListBasicType(Uint64, MAX_MEMBERS),
    systemBalances: new VectorCompositeType(Balance, SYSTEM_ACCOUNT_COUNT),
    steps: new VectorCompositeType(StepBook, STEP_RING),
    /** Per member and hour of the day, the largest import of each of the last four weeks: [member][week][hour]. */
    usageWh: new ListBasicType(Uint32, MAX_MEMBERS * USAGE_SLOTS),
    miners: Miners,
    policy: Policy,
  },
  { typeName: 'State' },
);

export type Balance = ValueOf<typeof Balance>;
export type Account = ValueOf<typeof Account>;
export type OrderEntry = ValueOf<typeof OrderEntry>;
export type ObservationEntry = ValueOf<typeof ObservationEntry>;
export type ReadingEntry = ValueOf<typeof ReadingEntry>;
export type Position = ValueOf<typeof Position>;
export type MarketScalars = ValueOf<typeof MarketScalars>;
