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
} from '@chainsafe/ssz';
import { Int32, Uint8, Uint16, Uint32, Uint53, Uint64, Uint256 } from './ssz-basic.ts';

export const PROTOCOL_VERSION = 2;

/** Bounds of the v1 lists: consensus, part of every root. */
export const MAX_TRANSACTIONS = 1024;
export const MAX_MEMBERS = 65_536;
export const MAX_MINERS = 1024;
export const MAX_STEP_ENTRIES = 8192;
export const MAX_ZONES = 32;
export const MAX_ORACLES = 16;
export const MAX_REGULATORS = 16;
/** Signatures of one transaction: two parties of a contract, or a quorum of regulators. */
export const MAX_SIGNATURES = 4;
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
    /** Highest height at which the author has signed a block that is no ancestor of this one; 0: none. */
    conflictHeight: Uint32,
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
  { body: TransactionBody, signatures: new ListCompositeType(Signature, MAX_SIGNATURES) },
  { typeName: 'Transaction' },
);
export const Transactions = new ListCompositeType(Transaction, MAX_TRANSACTIONS);
export const Block = new ContainerType(
  { signedHeader: SignedHeader, transactions: Transactions },
  { typeName: 'Block' },
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
