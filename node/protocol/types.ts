/**
 * Every type on the wire, on disk and under a Merkle root, version 1. Canonical encoding is SSZ; an object's id is its
 * SSZ root. Kinds that no rule applies yet exist here and are rejected by rule (docs/protocol.md, section 3).
 */
import type { ValueOf } from '@chainsafe/ssz';
import {
  BooleanType,
  ByteListType,
  ByteVectorType,
  ContainerNodeStructType,
  ContainerType,
  ListBasicType,
  ListCompositeType,
  UnionType,
  VectorCompositeType,
} from '@chainsafe/ssz';
import { Int32, Uint8, Uint16, Uint32, Uint53, Uint64, Uint256 } from './ssz-basic.ts';

export const PROTOCOL_VERSION = 1;

/** Bounds of the v1 lists: consensus, part of every root. */
export const MAX_TRANSACTIONS = 1024;
export const MAX_MEMBERS = 65_536;
export const MAX_MINERS = 1024;
export const MAX_STEP_ENTRIES = 8192;
export const MAX_ZONES = 32;
export const MAX_ORACLES = 16;
export const MAX_REGULATORS = 16;
/** Open steps kept in the state, in a ring: slot = step mod 64. */
export const STEP_RING = 64;
/** Import maxima kept per member: 24 hours of the day x 4 weeks. */
export const USAGE_SLOTS = 96;

export const Bytes32 = new ByteVectorType(32);
export const Signature = new ByteVectorType(64);

// ── Headers ─────────────────────────────────────────────────────────────────────────────────────────────────────────

export const HeaderBody = new ContainerType(
  {
    version: Uint32,
    height: Uint32,
    parent: Bytes32,
    timestampMs: Uint53,
    target: Uint256,
    author: Uint32,
    transactionsRoot: Bytes32,
    receiptsRoot: Bytes32,
    stateRoot: Bytes32,
    minersRoot: Bytes32,
  },
  { typeName: 'HeaderBody' },
);
/** Its root is SHA-256(root(body) || nonce): the block id and the proof of work. */
export const Header = new ContainerType({ body: HeaderBody, nonce: Bytes32 }, { typeName: 'Header' });
export const SignedHeader = new ContainerType(
  { header: Header, signature: Signature },
  { typeName: 'SignedHeader' },
);

// ── Members and policy ──────────────────────────────────────────────────────────────────────────────────────────────

export const Member = new ContainerNodeStructType(
  {
    key: Bytes32,
    meterKey: Bytes32,
    neighbourhood: Uint8,
    latitudeMicroDeg: Int32,
    longitudeMicroDeg: Int32,
    connectionW: Uint32,
    pvWp: Uint32,
    batteryWh: Uint32,
    heating: Uint8,
    residents: Uint8,
    areaM2: Uint16,
    yearBuilt: Uint16,
    /** 0 active, 1 expelled. */
    status: Uint8,
    /** No orders or contracts for steps below this number. */
    suspendedUntilStep: Uint32,
    creditLimitNanoEur: Uint64,
  },
  { typeName: 'Member' },
);

export const Miner = new ContainerNodeStructType({ member: Uint32, key: Bytes32 }, { typeName: 'Miner' });
export const Miners = new ListCompositeType(Miner, MAX_MINERS);

export const Tier = new ContainerNodeStructType(
  { threshold: Uint32, factorBps: Uint16 },
  { typeName: 'Tier' },
);

export const Policy = new ContainerType(
  {
    /** 0 none, 1 maximise-p2p, 2 maximise-renewables, 3 maximise-community-profit, 4 maximum-chaos. */
    objective: Uint8,
    aggregatorFeeBps: Uint16,
    /** Share of the reference price that a trade across neighbourhoods pays, half on each leg. */
    networkFeeBps: Uint16,
    /** Share of the network fees that the author of the block receives. */
    minerFeeShareBps: Uint16,
    bonusTiers: new ListCompositeType(Tier, 8),
    penaltyTiers: new ListCompositeType(Tier, 8),
    /** Fixed fee per zone between it and the community hub, added to the share above; missing zones: 0. */
    zoneFeeMicroEurPerKwh: new ListBasicType(Uint32, MAX_ZONES),
  },
  { typeName: 'Policy' },
);

export const Params = new ContainerType(
  {
    spacingMs: Uint32,
    finalityDepth: Uint32,
    confirmationDepth: Uint32,
    /** 0 off, 1 on: an author waits a third of the recent authors (docs/protocol.md, section 5). */
    authorSpacing: Uint8,
    /** Hashes per second of a miner with hash power 1.0 (a courtesy, not a rule). */
    hashUnit: Uint32,
    stepMs: Uint32,
    /** Length of a step in the calendar of loads, weather and prices. */
    stepNominalMs: Uint32,
    /** Calendar instant (UTC) at which step 0 begins to deliver. */
    calendarStartMs: Uint53,
    /** Market clock at which step 0 begins to deliver, after the genesis time. */
    firstStepDelayMs: Uint32,
    orderWindowMs: Uint32,
    readingWindowMs: Uint32,
    trueUpMs: Uint53,
    orderQuota: Uint16,
    /** 0 kda, 1 pairwise-midpoint, 2 trade-reduction, 3 mid-market-rate. */
    clearingRule: Uint8,
    sealedOrders: new BooleanType(),
    maxBlockBytes: Uint32,
    maxBlockTransactions: Uint16,
    /** Reference price and temperature before any observation was accepted. */
    defaultWholesaleMicroEurPerKwh: Int32,
    defaultTemperatureCentiC: Int32,
    /** Steps after which a last accepted observation gives way to the default. */
    observationMaxAgeSteps: Uint16,
  },
  { typeName: 'Params' },
);

export const Genesis = new ContainerType(
  {
    name: new ByteListType(64),
    timeMs: Uint53,
    params: Params,
    policy: Policy,
    members: new ListCompositeType(Member, MAX_MEMBERS),
    miners: Miners,
    regulatorThreshold: Uint8,
    regulators: new ListCompositeType(Bytes32, MAX_REGULATORS),
    oracles: new ListCompositeType(Bytes32, MAX_ORACLES),
    /** Visible grant of the treasury to the community fund. */
    grantNanoEur: Uint64,
  },
  { typeName: 'Genesis' },
);

// ── Transactions ────────────────────────────────────────────────────────────────────────────────────────────────────

export const OrderPayload = new ContainerType(
  { side: Uint8, energyWh: Uint32, limitMicroEurPerKwh: Int32 },
  { typeName: 'OrderPayload' },
);

const payloads = {
  register: new ContainerType({ member: Member }, { typeName: 'RegisterPayload' }),
  admit: new ContainerType({ registration: Bytes32, miner: new BooleanType() }, { typeName: 'AdmitPayload' }),
  suspend: new ContainerType(
    { member: Uint32, untilStep: Uint32, evidence: Bytes32 },
    { typeName: 'SuspendPayload' },
  ),
  expel: new ContainerType({ member: Uint32, evidence: Bytes32 }, { typeName: 'ExpelPayload' }),
  policy: new ContainerType({ policy: Policy, fromStep: Uint32 }, { typeName: 'PolicyPayload' }),
  rotateKey: new ContainerType({ member: Uint32, key: Bytes32 }, { typeName: 'RotateKeyPayload' }),
  observation: new ContainerType(
    { temperatureCentiC: Int32, wholesaleMicroEurPerKwh: Int32 },
    { typeName: 'ObservationPayload' },
  ),
  order: OrderPayload,
  sealedOrder: new ContainerType({ commitment: Bytes32 }, { typeName: 'SealedOrderPayload' }),
  reveal: new ContainerType({ order: OrderPayload, salt: Bytes32 }, { typeName: 'RevealPayload' }),
  cancel: new ContainerType({ orderSequence: Uint16 }, { typeName: 'CancelPayload' }),
  contract: new ContainerType(
    {
      buyer: Uint32,
      energyWh: Uint32,
      priceMicroEurPerKwh: Int32,
      expiryHeight: Uint32,
      buyerSequence: Uint16,
    },
    { typeName: 'ContractPayload' },
  ),
  reading: new ContainerType(
    {
      importRegisterWh: Uint53,
      exportRegisterWh: Uint53,
      telemetryRoot: Bytes32,
      attested: new BooleanType(),
    },
    { typeName: 'ReadingPayload' },
  ),
  evidence: new ContainerType({ first: SignedHeader, second: SignedHeader }, { typeName: 'EvidencePayload' }),
};

/** Kinds in canonical block order: the number is the union's selector. */
export const TRANSACTION_KINDS = [
  'register',
  'admit',
  'suspend',
  'expel',
  'policy',
  'rotateKey',
  'observation',
  'order',
  'sealedOrder',
  'reveal',
  'cancel',
  'contract',
  'reading',
  'evidence',
] as const;
export type TransactionKind = (typeof TRANSACTION_KINDS)[number];

export const TransactionBody = new ContainerType(
  {
    step: Uint32,
    /** Member, or the oracle's number for observations, or 0 for administrative kinds. */
    account: Uint32,
    /** Below the quota for market kinds; the next administrative number otherwise. */
    sequence: Uint16,
    payload: new UnionType(TRANSACTION_KINDS.map((kind) => payloads[kind])),
  },
  { typeName: 'TransactionBody' },
);
export const Transaction = new ContainerType(
  { body: TransactionBody, signatures: new ListCompositeType(Signature, MAX_REGULATORS) },
  { typeName: 'Transaction' },
);
export const Transactions = new ListCompositeType(Transaction, MAX_TRANSACTIONS);
export const Block = new ContainerType(
  { signedHeader: SignedHeader, transactions: Transactions },
  { typeName: 'Block' },
);

// ── Receipts ────────────────────────────────────────────────────────────────────────────────────────────────────────

export const TRADE_KINDS = ['P2P', 'AUCTION', 'GRID_BUY', 'GRID_SELL'] as const;
export type TradeKind = (typeof TRADE_KINDS)[number];

export const Trade = new ContainerType(
  {
    step: Uint32,
    /** Running number of the trade within its step: makes the id unique. */
    sequence: Uint32,
    kind: Uint8,
    seller: Uint32,
    buyer: Uint32,
    energyWh: Uint32,
    /** What the seller gets per kWh, before its bonus; the buyer pays this plus the fee. */
    priceMicroEurPerKwh: Int32,
    feeNanoEur: Uint64,
    sellerBonusNanoEur: Uint64,
    buyerBonusNanoEur: Uint64,
    /** Part of the buyer's payment that goes to the fund. */
    penaltyNanoEur: Uint64,
    marketTimeMs: Uint53,
  },
  { typeName: 'Trade' },
);

export const ClearingReceipt = new ContainerType(
  {
    step: Uint32,
    wholesaleMicroEurPerKwh: Int32,
    temperatureCentiC: Int32,
    /** Bit 0: price stale or default; bit 1: temperature stale or default. */
    staleFlags: Uint8,
    tradedWh: Uint53,
    orders: Uint32,
    zonePrices: new ListCompositeType(
      new ContainerNodeStructType({ zone: Uint8, priceMicroEurPerKwh: Int32 }, { typeName: 'ZonePrice' }),
      MAX_ZONES,
    ),
  },
  { typeName: 'ClearingReceipt' },
);

export const SettlementLine = new ContainerType(
  {
    step: Uint32,
    member: Uint32,
    importWh: Uint53,
    exportWh: Uint53,
    boughtWh: Uint53,
    soldWh: Uint53,
    /** Import that earlier substitutions had settled already and this reading takes back. */
    correctedWh: Uint53,
    /** Bit 0: no reading, substituted. */
    flags: Uint8,
    p2pSteps: Uint32,
    gridSteps: Uint32,
    bonusBps: Uint16,
    penaltyBps: Uint16,
  },
  { typeName: 'SettlementLine' },
);

export const Prediction = new ContainerType(
  {
    issuedStep: Uint32,
    targetStep: Uint32,
    /** 2^32 - 1: the community price. */
    member: Uint32,
    priceMicroEurPerKwh: Int32,
    confidenceBps: Uint16,
    factorsBps: new ListBasicType(Uint32, 16),
    inputsRoot: Bytes32,
  },
  { typeName: 'Prediction' },
);

export const RegulatorAction = new ContainerType(
  { kind: Uint8, member: Uint32, fromStep: Uint32, untilStep: Uint32, transaction: Bytes32 },
  { typeName: 'RegulatorAction' },
);

/** All that a block decided: under `receiptsRoot`, never sent, re-made by whoever executes the block. */
export const Receipts = new ContainerType(
  {
    trades: new ListCompositeType(Trade, MAX_STEP_ENTRIES),
    clearings: new ListCompositeType(ClearingReceipt, 8),
    settlements: new ListCompositeType(SettlementLine, MAX_STEP_ENTRIES),
    predictions: new ListCompositeType(Prediction, MAX_STEP_ENTRIES),
    actions: new ListCompositeType(RegulatorAction, MAX_TRANSACTIONS),
    /** Steps closed as an outage, as [first, end). */
    emptyRanges: new ListCompositeType(
      new ContainerNodeStructType({ first: Uint32, end: Uint32 }, { typeName: 'StepRange' }),
      8,
    ),
  },
  { typeName: 'Receipts' },
);

// ── State ───────────────────────────────────────────────────────────────────────────────────────────────────────────

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

export type HeaderBody = ValueOf<typeof HeaderBody>;
export type Header = ValueOf<typeof Header>;
export type SignedHeader = ValueOf<typeof SignedHeader>;
export type Member = ValueOf<typeof Member>;
export type Miner = ValueOf<typeof Miner>;
export type Policy = ValueOf<typeof Policy>;
export type Params = ValueOf<typeof Params>;
export type Genesis = ValueOf<typeof Genesis>;
export type OrderPayload = ValueOf<typeof OrderPayload>;
export type Block = ValueOf<typeof Block>;
export type Trade = ValueOf<typeof Trade>;
export type ClearingReceipt = ValueOf<typeof ClearingReceipt>;
export type SettlementLine = ValueOf<typeof SettlementLine>;
export type Receipts = ValueOf<typeof Receipts>;
export type Balance = ValueOf<typeof Balance>;
export type Account = ValueOf<typeof Account>;
export type OrderEntry = ValueOf<typeof OrderEntry>;
export type ObservationEntry = ValueOf<typeof ObservationEntry>;
export type ReadingEntry = ValueOf<typeof ReadingEntry>;
export type Position = ValueOf<typeof Position>;
export type MarketScalars = ValueOf<typeof MarketScalars>;

export interface Payloads {
  register: ValueOf<(typeof payloads)['register']>;
  admit: ValueOf<(typeof payloads)['admit']>;
  suspend: ValueOf<(typeof payloads)['suspend']>;
  expel: ValueOf<(typeof payloads)['expel']>;
  policy: ValueOf<(typeof payloads)['policy']>;
  rotateKey: ValueOf<(typeof payloads)['rotateKey']>;
  observation: ValueOf<(typeof payloads)['observation']>;
  order: OrderPayload;
  sealedOrder: ValueOf<(typeof payloads)['sealedOrder']>;
  reveal: ValueOf<(typeof payloads)['reveal']>;
  cancel: ValueOf<(typeof payloads)['cancel']>;
  contract: ValueOf<(typeof payloads)['contract']>;
  reading: ValueOf<(typeof payloads)['reading']>;
  evidence: ValueOf<(typeof payloads)['evidence']>;
}
export type TransactionBody = ValueOf<typeof TransactionBody>;
export type Transaction = ValueOf<typeof Transaction>;
