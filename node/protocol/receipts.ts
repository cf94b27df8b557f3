/** What a block decides: receipts, under `receiptsRoot`. */
import type { ValueOf } from '@chainsafe/ssz';
import { ContainerNodeStructType, ContainerType, ListBasicType, ListCompositeType } from '@chainsafe/ssz';
import { Int32, Uint8, Uint16, Uint32, Uint53, Uint64 } from './ssz-basic.ts';
import { Bytes32, MAX_STEP_ENTRIES, MAX_TRANSACTIONS, MAX_ZONES } from './types.ts';

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

export type Trade = ValueOf<typeof Trade>;
export type ClearingReceipt = ValueOf<typeof ClearingReceipt>;
export type SettlementLine = ValueOf<typeof SettlementLine>;
export type Receipts = ValueOf<typeof Receipts>;
