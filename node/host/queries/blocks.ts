/** Blocks, headers and receipts as the interface shows them. */
import type { HeaderNode } from '../../consensus/header-chain.ts';
import { encode } from '../../protocol/codec.ts';
import {
  type ClearingReceipt,
  type Receipts,
  type SettlementLine,
  TRADE_KINDS,
  type Trade,
} from '../../protocol/receipts.ts';
import { Block, type Block as BlockValue, TRANSACTION_KINDS } from '../../protocol/types.ts';
import { moneyToJson, targetToHex } from '../../rpc/codec.ts';
import { notFound } from '../../rpc/errors.ts';
import type { Result } from '../../rpc/schema/methods.ts';
import { toHex } from '../../util/bytes.ts';
import type { NodeAccess } from '../access.ts';
import { type BlockSummary, nameOf, type Queries } from './queries.ts';

type HeaderRow = Result<'chain_getHeaders'>['items'][number];
type ReceiptsRow = NonNullable<Result<'chain_getBlock'>['receipts']>;
export type TradeReceipt = ReceiptsRow['trades'][number];

/** The block of a node of the tree. Throws BLOCK_NOT_FOUND, or what the store throws for a damaged record. */
export async function readBlock(access: NodeAccess, node: HeaderNode): Promise<BlockValue> {
  if (node.parent === null) return { signedHeader: node.signed, transactions: [] };
  const block = access.core.chain.block(node.idHex) ?? (await access.store.block(node.height, node.id));
  if (block !== null) return block;
  throw notFound(
    'BLOCK',
    `block ${node.height} ${node.idHex} is not on disk`,
    'wait until it has come from peers; chain_verify names what is missing',
  );
}

/** Zeros that the hash starts with in hex. */
export function leadingZeros(hash: string): number {
  return hash.length - hash.replace(/^0+/, '').length;
}

export function headerOf(node: HeaderNode): HeaderRow {
  const { body, nonce } = node.signed.header;
  return {
    height: node.height,
    hash: node.idHex,
    parent: toHex(body.parent),
    author: nameOf(node.author),
    timestampMs: node.timestampMs,
    version: body.version,
    nonce: toHex(nonce),
    targetHex: targetToHex(body.target),
    leadingZeros: leadingZeros(node.idHex),
    transactionsRoot: toHex(body.transactionsRoot),
    receiptsRoot: toHex(body.receiptsRoot),
    stateRoot: toHex(body.stateRoot),
    minersRoot: toHex(body.minersRoot),
    conflictHeight: body.conflictHeight,
    signature: toHex(node.signed.signature),
  };
}

export function blockBytes(block: BlockValue): number {
  return encode(Block, block).length;
}

/** A block as lists and the topic `newBlock` show it. */
export function summaryOf(
  node: HeaderNode,
  block: BlockValue,
  traded: { tradeCount: number; tradedWh: number },
): BlockSummary {
  return {
    height: node.height,
    hash: node.idHex,
    parent: toHex(node.signed.header.body.parent),
    author: nameOf(node.author),
    timestampMs: node.timestampMs,
    leadingZeros: leadingZeros(node.idHex),
    sizeBytes: blockBytes(block),
    transactionCount: block.transactions.length,
    tradeCount: traded.tradeCount,
    tradedWh: traded.tradedWh,
  };
}

export async function readSummary(queries: Queries, node: HeaderNode): Promise<BlockSummary> {
  const known = queries.summaries.get(node.idHex);
  if (known !== undefined) return known;
  const block = await readBlock(queries.access, node);
  const summary = summaryOf(node, block, await queries.walk.digest(node));
  queries.summaries.set(node.idHex, summary);
  return summary;
}

export function tradeOf(trade: Trade, id: string): TradeReceipt {
  return {
    id,
    step: trade.step,
    sequence: trade.sequence,
    kind: TRADE_KINDS[trade.kind]!,
    seller: nameOf(trade.seller),
    buyer: nameOf(trade.buyer),
    energyWh: trade.energyWh,
    priceMicroEurPerKwh: trade.priceMicroEurPerKwh,
    feeNanoEur: moneyToJson(trade.feeNanoEur),
    sellerBonusNanoEur: moneyToJson(trade.sellerBonusNanoEur),
    buyerBonusNanoEur: moneyToJson(trade.buyerBonusNanoEur),
    penaltyNanoEur: moneyToJson(trade.penaltyNanoEur),
    marketTimeMs: trade.marketTimeMs,
  };
}

function clearingOf(clearing: ClearingReceipt): ReceiptsRow['clearings'][number] {
  const { staleFlags, zonePrices, ...rest } = clearing;
  return {
    ...rest,
    wholesaleStale: (staleFlags & 1) !== 0,
    temperatureStale: (staleFlags & 2) !== 0,
    zonePrices: zonePrices.map((price) => ({ ...price })),
  };
}

function settlementOf({ flags, member, ...rest }: SettlementLine): ReceiptsRow['settlements'][number] {
  return { ...rest, member: nameOf(member), substituted: (flags & 1) !== 0 };
}

export function receiptsOf(receipts: Receipts, tradeIds: readonly string[]): ReceiptsRow {
  return {
    trades: receipts.trades.map((trade, i) => tradeOf(trade, tradeIds[i]!)),
    clearings: receipts.clearings.map(clearingOf),
    settlements: receipts.settlements.map(settlementOf),
    predictions: receipts.predictions.map((prediction) => ({
      ...prediction,
      member: nameOf(prediction.member),
      factorsBps: [...prediction.factorsBps],
      inputsRoot: toHex(prediction.inputsRoot),
    })),
    actions: receipts.actions.map((action) => ({
      kind: TRANSACTION_KINDS[action.kind] ?? String(action.kind),
      member: nameOf(action.member),
      fromStep: action.fromStep,
      untilStep: action.untilStep,
      transactionId: toHex(action.transaction),
    })),
    emptyRanges: receipts.emptyRanges.map(({ first, end }) => ({ firstStep: first, endStep: end })),
  };
}
