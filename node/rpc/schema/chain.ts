import * as z from 'zod';
import {
  accountName,
  asOf,
  hash,
  hashParam,
  hexBytes,
  limitParam,
  ms,
  orderParam,
  text,
  uint,
  uint32,
} from './common.ts';
import { method } from './method.ts';
import {
  SAMPLE_AS_OF,
  SAMPLE_HASH,
  SAMPLE_HEADER,
  SAMPLE_ID,
  SAMPLE_PARENT,
  SAMPLE_REORGANISATION,
  SAMPLE_SUMMARY,
  SAMPLE_TRADE_RECEIPT,
} from './samples.ts';
import { blockSummary, header, receipts, reorganisation, stepPhase, transaction, work } from './shared.ts';

function pageParams() {
  return z.strictObject({
    from: uint32().optional().describe('first height of the page; by default the tip, or genesis for asc'),
    limit: limitParam(),
    order: orderParam(),
  });
}

/** `[hash, transactions]` is taken like `[height, hash, transactions]`. */
function hashFirst(values: readonly unknown[]): readonly unknown[] {
  return typeof values[0] === 'string' ? [null, ...values] : values;
}

function info() {
  return z.strictObject({
    chainName: text(64),
    genesisHash: hash(),
    height: uint32(),
    hash: hash(),
    timestampMs: ms(),
    author: accountName(),
    stateRoot: hash(),
    finalHeight: uint32(),
    finalHash: hash(),
    finality: z.strictObject({
      depth: uint32().describe('blocks above a block before it can be final'),
      quorum: uint32().describe('distinct authors needed above it'),
      authors: uint32().describe('distinct authors above the final block'),
      reached: z.boolean().describe('whether blocks become final at present'),
    }),
    work: work(),
    targetHex: hash(),
    leadingZeros: uint(64),
    step: z.int().min(-1).max(0xffff_ffff).describe('the step that delivers now; -1 before the first'),
    phase: stepPhase(),
    marketClockMs: ms(),
    meanBlockMs: ms().nullable(),
    reorgs: uint32(),
    maxReorgDepth: uint32(),
    staleBlocks: uint32(),
    safeMode: text().nullable().describe('why this node waits for its operator; null: it does not'),
    bestHeaderHeight: uint32().describe('above height while the node catches up'),
    asOf: asOf(),
  });
}

function block() {
  return header().extend({
    marketClockMs: ms(),
    work: work(),
    sizeBytes: uint32(),
    transactions: z.union([z.array(hash()), z.array(transaction())]),
    receipts: receipts().nullable().describe('null for a block that this node did not execute'),
    mainChain: z.boolean(),
    confirmations: uint32(),
    final: z.boolean(),
    asOf: asOf(),
  });
}

function verification() {
  return z.strictObject({
    ok: z.boolean(),
    from: uint32(),
    to: uint32(),
    checked: uint32(),
    durationMs: ms(),
    hash: hash().nullable().describe('block and state that the check ended with'),
    stateRoot: hash().nullable(),
    firstFailure: z
      .strictObject({
        height: uint32(),
        hash: hash().nullable(),
        rule: text(60),
        message: text(),
      })
      .nullable(),
    damage: z
      .array(
        z.strictObject({
          what: z.enum(['block', 'header', 'receipts', 'snapshot', 'tip']),
          height: uint32().nullable(),
          hash: hash().nullable(),
          reason: text(),
          repaired: z.boolean(),
        }),
      )
      .describe('records that this node found damaged since its start, mended ones included'),
    asOf: asOf(),
  });
}

const emptyReceipts = { clearings: [], settlements: [], predictions: [], actions: [], emptyRanges: [] };

export const chainMethods = {
  chain_getInfo: method({
    summary: 'Tip, finality, work and market clock of this node',
    access: 'read',
    params: () => z.strictObject({}),
    result: info,
    example: () => ({
      params: {},
      result: {
        chainName: 'demo',
        genesisHash: `000${'0'.repeat(61)}`,
        height: 42,
        hash: SAMPLE_HASH,
        timestampMs: 1_723_712_484_000,
        author: 'p-0003',
        stateRoot: SAMPLE_HEADER.stateRoot,
        finalHeight: 30,
        finalHash: SAMPLE_PARENT,
        finality: { depth: 12, quorum: 7, authors: 8, reached: true },
        work: '2a000',
        targetHex: SAMPLE_HEADER.targetHex,
        leadingZeros: 3,
        step: 3,
        phase: 'delivery' as const,
        marketClockMs: 1_723_712_480_000,
        meanBlockMs: 2010,
        reorgs: 1,
        maxReorgDepth: 1,
        staleBlocks: 2,
        safeMode: null,
        bestHeaderHeight: 42,
        asOf: SAMPLE_AS_OF,
      },
    }),
  }),
  chain_getBlock: method({
    summary: 'One block with its receipts, by height or by hash',
    access: 'read',
    params: () =>
      z
        .strictObject({
          height: uint32().optional(),
          hash: hashParam().optional(),
          transactions: z.enum(['ids', 'full']).default('ids'),
        })
        .refine((given) => (given.height === undefined) !== (given.hash === undefined), {
          message: 'give either height or hash',
        }),
    alignPositional: hashFirst,
    result: block,
    example: () => ({
      params: { height: 42 },
      result: {
        ...SAMPLE_HEADER,
        marketClockMs: 1_723_712_480_000,
        work: '2a000',
        sizeBytes: 1830,
        transactions: [SAMPLE_ID],
        receipts: { trades: [SAMPLE_TRADE_RECEIPT], ...emptyReceipts },
        mainChain: true,
        confirmations: 1,
        final: false,
        asOf: SAMPLE_AS_OF,
      },
    }),
  }),
  chain_getBlocks: method({
    summary: 'Blocks of the main chain, newest first unless told otherwise',
    access: 'read',
    params: pageParams,
    result: () =>
      z.strictObject({
        items: z.array(blockSummary()),
        nextFrom: uint32().nullable().describe('`from` of the next page; null: there is none'),
        asOf: asOf(),
      }),
    example: () => ({
      params: { from: 42, limit: 1, order: 'desc' as const },
      result: { items: [SAMPLE_SUMMARY], nextFrom: 41, asOf: SAMPLE_AS_OF },
    }),
  }),
  chain_getHeaders: method({
    summary: 'Headers of the main chain with everything their hashes and signatures cover',
    access: 'read',
    params: pageParams,
    result: () => z.strictObject({ items: z.array(header()), nextFrom: uint32().nullable(), asOf: asOf() }),
    example: () => ({
      params: { from: 42, limit: 1, order: 'desc' as const },
      result: { items: [SAMPLE_HEADER], nextFrom: 41, asOf: SAMPLE_AS_OF },
    }),
  }),
  chain_getReorgs: method({
    summary: 'Reorganisations since this node started, newest first',
    access: 'read',
    params: () => z.strictObject({ limit: limitParam() }),
    result: () => z.array(reorganisation()),
    example: () => ({ params: { limit: 10 }, result: [SAMPLE_REORGANISATION] }),
  }),
  chain_verify: method({
    summary: 'Reads stored blocks back and executes them again',
    access: 'read',
    params: () =>
      z
        .strictObject({ from: uint32().optional(), to: uint32().optional() })
        .refine((given) => given.from === undefined || given.to === undefined || given.from <= given.to, {
          message: 'from is above to',
        }),
    result: verification,
    example: () => ({
      params: { from: 0, to: 42 },
      result: {
        ok: true,
        from: 0,
        to: 42,
        checked: 43,
        durationMs: 310,
        hash: SAMPLE_HASH,
        stateRoot: SAMPLE_HEADER.stateRoot,
        firstFailure: null,
        damage: [
          {
            what: 'block' as const,
            height: 17,
            hash: SAMPLE_PARENT,
            reason: 'its checksum does not match',
            repaired: true,
          },
        ],
        asOf: SAMPLE_AS_OF,
      },
    }),
  }),
  chain_getProof: method({
    summary: 'SSZ proof of a trade or a transaction, from its root up to the block hash',
    access: 'read',
    params: () =>
      z
        .strictObject({ tradeId: hashParam().optional(), transactionId: hashParam().optional() })
        .refine((given) => (given.tradeId === undefined) !== (given.transactionId === undefined), {
          message: 'give either tradeId or transactionId',
        }),
    result: () =>
      z.strictObject({
        subject: z.enum(['trade', 'transaction']),
        leaf: hash().describe('SSZ root of the subject: its id'),
        encoded: hexBytes().describe('SSZ bytes of the subject'),
        gindex: z
          .string()
          .regex(/^[1-9][0-9]{0,39}$/)
          .describe('generalised index of the leaf under the block hash, decimal'),
        branch: z.array(hash()).describe('siblings from the leaf up'),
        blockHash: hash(),
        blockHeight: uint32(),
        header: header(),
        confirmations: uint32(),
        final: z.boolean(),
        asOf: asOf(),
      }),
    example: () => ({
      params: { tradeId: SAMPLE_ID },
      result: {
        subject: 'trade' as const,
        leaf: SAMPLE_ID,
        encoded: '00',
        gindex: '2490368',
        branch: [SAMPLE_HEADER.minersRoot],
        blockHash: SAMPLE_HASH,
        blockHeight: 42,
        header: SAMPLE_HEADER,
        confirmations: 1,
        final: false,
        asOf: SAMPLE_AS_OF,
      },
    }),
  }),
};
