/** Objects that several namespaces return. */
import * as z from 'zod';
import {
  accountName,
  bps,
  hash,
  hexBytes,
  hexNumber,
  int32,
  ms,
  nanoEur,
  text,
  uint,
  uint32,
} from './common.ts';

export const TRADE_KIND_NAMES = ['P2P', 'AUCTION', 'GRID_BUY', 'GRID_SELL'] as const;
/** Where a step stands: before its order window, taking orders, delivering, taking readings, due, done. */
export const STEP_PHASES = ['waiting', 'orders', 'delivery', 'readings', 'settlement', 'settled'] as const;
export type StepPhase = (typeof STEP_PHASES)[number];

export function stepPhase() {
  return z.enum(STEP_PHASES);
}

/** What a header says, with its id. */
export function header() {
  return z.strictObject({
    height: uint32(),
    hash: hash(),
    parent: hash(),
    author: accountName(),
    timestampMs: ms(),
    version: uint32(),
    nonce: hash(),
    targetHex: hash(),
    leadingZeros: uint(64),
    transactionsRoot: hash(),
    receiptsRoot: hash(),
    stateRoot: hash(),
    minersRoot: hash(),
    conflictHeight: uint32(),
    signature: hexBytes(),
  });
}

/** A block as lists and subscriptions show it. */
export function blockSummary() {
  return z.strictObject({
    height: uint32(),
    hash: hash(),
    parent: hash(),
    author: accountName(),
    timestampMs: ms(),
    leadingZeros: uint(64),
    sizeBytes: uint32(),
    transactionCount: uint32(),
    tradeCount: uint32(),
    /** Sum of the block's trades. */
    tradedWh: uint(),
  });
}

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** Any JSON whose integers JavaScript keeps. */
export function json(): z.ZodType<Json> {
  const value: z.ZodType<Json> = z.lazy(() =>
    z.union([z.string(), z.int(), z.boolean(), z.null(), z.array(value), z.record(z.string(), value)]),
  );
  return value;
}

export function transaction() {
  return z.strictObject({
    id: hash(),
    kind: text(40),
    step: uint32(),
    account: accountName(),
    sequence: uint(0xffff),
    payload: z
      .record(z.string(), json())
      .describe('fields of the kind; bytes as hex, 64-bit sums as decimal strings'),
    signatures: z.array(hexBytes()),
    sizeBytes: uint32(),
  });
}

export function tradeReceipt() {
  return z.strictObject({
    id: hash(),
    step: uint32(),
    sequence: uint32(),
    kind: z.enum(TRADE_KIND_NAMES),
    seller: accountName(),
    buyer: accountName(),
    energyWh: uint32(),
    priceMicroEurPerKwh: int32().describe('what the seller gets per kWh before its bonus'),
    feeNanoEur: nanoEur().describe('paid by the buyer on top of the price'),
    sellerBonusNanoEur: nanoEur(),
    buyerBonusNanoEur: nanoEur(),
    penaltyNanoEur: nanoEur(),
    marketTimeMs: ms(),
  });
}

/** A trade with the block that holds its receipt. */
export function trade() {
  return tradeReceipt().extend({ blockHash: hash(), blockHeight: uint32(), final: z.boolean() });
}

export function zonePrices() {
  return z.array(z.strictObject({ zone: uint(255), priceMicroEurPerKwh: int32() }));
}

/** All that a block decided. */
export function receipts() {
  return z.strictObject({
    trades: z.array(tradeReceipt()),
    clearings: z.array(
      z.strictObject({
        step: uint32(),
        wholesaleMicroEurPerKwh: int32(),
        temperatureCentiC: int32(),
        wholesaleStale: z.boolean(),
        temperatureStale: z.boolean(),
        tradedWh: uint(),
        orders: uint32(),
        zonePrices: zonePrices(),
      }),
    ),
    settlements: z.array(
      z.strictObject({
        step: uint32(),
        member: accountName(),
        importWh: uint(),
        exportWh: uint(),
        boughtWh: uint(),
        soldWh: uint(),
        correctedWh: uint(),
        substituted: z.boolean(),
        p2pSteps: uint32(),
        gridSteps: uint32(),
        bonusBps: bps(),
        penaltyBps: bps(),
      }),
    ),
    predictions: z.array(
      z.strictObject({
        issuedStep: uint32(),
        targetStep: uint32(),
        member: accountName(),
        priceMicroEurPerKwh: int32(),
        confidenceBps: bps(),
        factorsBps: z.array(uint32()),
        inputsRoot: hash(),
      }),
    ),
    actions: z.array(
      z.strictObject({
        kind: text(40),
        member: accountName(),
        fromStep: uint32(),
        untilStep: uint32(),
        transactionId: hash(),
      }),
    ),
    emptyRanges: z.array(z.strictObject({ firstStep: uint32(), endStep: uint32() })),
  });
}

/** A reorganisation that this node saw. */
export function reorganisation() {
  return z.strictObject({
    atMs: ms(),
    depth: uint32().describe('blocks that left the main chain'),
    forkHeight: uint32(),
    forkHash: hash(),
    oldHeight: uint32(),
    oldHash: hash(),
    newHeight: uint32(),
    newHash: hash(),
  });
}

/** Energy by tier. */
export function tiersWh() {
  return z.strictObject({ p2pWh: uint(), auctionWh: uint(), gridBuyWh: uint(), gridSellWh: uint() });
}

/** Cumulative work. */
export function work() {
  return hexNumber();
}
