/** Fixtures of the tests of headers and blocks: signed transactions, mined blocks, branches of headers. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  accountSigner,
  createTestGenesis,
  meterSigner,
  oracleSigner,
  type TestCommunity,
  testVerifier,
} from '../market/testing.ts';
import type { Violation } from '../market/violation.ts';
import { kindOf } from '../protocol/codec.ts';
import { headerMessage, transactionMessage } from '../protocol/signing.ts';
import type { StateStore } from '../protocol/state-store.ts';
import {
  type Block,
  type Header,
  HeaderBody,
  PROTOCOL_VERSION,
  type SignedHeader,
  type Transaction,
  type TransactionBody,
} from '../protocol/types.ts';
import { bytesFromBigint } from '../util/bytes.ts';
import { buildBody, type Execution } from './apply-block.ts';
import { createGenesisBlock, createGenesisState, genesisRoot } from './genesis.ts';
import type { ChainRules } from './header.ts';
import { earliestTimestampMs, targetAfter } from './header.ts';
import { type HeaderNode, linkHeader, marketClockMs } from './header-chain.ts';
import { FLOOR_TARGET } from './target.ts';

export interface TestChain {
  rules: ChainRules;
  /** Node and state of the block at height 0. */
  genesisNode: HeaderNode;
  genesisState: StateStore;
}

export function createTestChain(given: TestCommunity = {}): TestChain {
  const genesis = createTestGenesis(given);
  const genesisState = createGenesisState(genesis);
  const block = createGenesisBlock(genesis, genesisState);
  return {
    rules: { genesis, genesisRoot: genesisRoot(genesis), verifier: testVerifier },
    genesisNode: linkHeader(null, block.signedHeader),
    genesisState,
  };
}

/** The transaction signed by the key that must sign it. */
export function signTransaction(rules: ChainRules, body: TransactionBody): Transaction {
  const kind = kindOf(body);
  const signer = kind === 'reading' ? meterSigner : kind === 'observation' ? oracleSigner : accountSigner;
  return { body, signatures: [signer(body.account).sign(transactionMessage(rules.genesisRoot, body))] };
}

/** Finds the least nonce whose hash is within the target: SHA-256(root(body) || nonce). */
export function findNonce(body: HeaderBody, wanted = true): Uint8Array {
  const root = HeaderBody.hashTreeRoot(body);
  for (let i = 0n; ; i++) {
    const nonce = bytesFromBigint(i, 32);
    const hash = createHash('sha256').update(root).update(nonce).digest();
    if (BigInt(`0x${hash.toString('hex')}`) <= body.target === wanted) return nonce;
  }
}

/** Signs a header as `author`, whatever the header says. */
export function signHeader(rules: ChainRules, header: Header, author = header.body.author): SignedHeader {
  return { header, signature: accountSigner(author).sign(headerMessage(rules.genesisRoot, header)) };
}

/** A mined and signed header on a parent; `change` overrides what a correct header holds, before the work is done. */
export function mineHeader(
  rules: ChainRules,
  parent: HeaderNode,
  change: Partial<HeaderBody> = {},
): SignedHeader {
  const { spacingMs } = rules.genesis.params;
  const body = {
    version: PROTOCOL_VERSION,
    height: parent.height + 1,
    parent: parent.id,
    timestampMs: Math.max(parent.timestampMs + spacingMs, earliestTimestampMs(parent, spacingMs)),
    target: targetAfter(parent, spacingMs),
    author: 0,
    transactionsRoot: new Uint8Array(32),
    receiptsRoot: new Uint8Array(32),
    stateRoot: new Uint8Array(32),
    minersRoot: new Uint8Array(32),
    conflictHeight: 0,
    ...change,
  };
  return signHeader(rules, { body, nonce: findNonce(body) });
}

/** A node without work or signature, for rules that look at a branch only. */
export function fakeNode(
  parent: HeaderNode | null,
  fields: { author?: number; timestampMs?: number; target?: bigint; conflictHeight?: number } = {},
): HeaderNode {
  const height = parent === null ? 0 : parent.height + 1;
  const body = {
    version: PROTOCOL_VERSION,
    height,
    parent: parent?.id ?? new Uint8Array(32),
    timestampMs: fields.timestampMs ?? (parent?.timestampMs ?? 0) + 2000,
    target: fields.target ?? parent?.target ?? FLOOR_TARGET,
    author: fields.author ?? 0,
    transactionsRoot: new Uint8Array(32),
    receiptsRoot: new Uint8Array(32),
    stateRoot: new Uint8Array(32),
    minersRoot: new Uint8Array(32),
    conflictHeight: fields.conflictHeight ?? 0,
  };
  return linkHeader(parent, {
    header: { body, nonce: new Uint8Array(32) },
    signature: new Uint8Array(64),
  });
}

/** A branch of fake nodes, one per author, on `root`. */
export function fakeBranch(root: HeaderNode | null, authors: readonly number[]): HeaderNode {
  let node = root ?? fakeNode(null);
  for (const author of authors) node = fakeNode(node, { author });
  return node;
}

/** A complete valid block on a parent. */
export function mineBlock(
  rules: ChainRules,
  on: { parent: HeaderNode; state: StateStore; timestampMs?: number; author?: number },
  candidates: readonly Transaction[] = [],
): { block: Block; node: HeaderNode; execution: Execution } {
  const { parent, state, author = 0 } = on;
  const input = { parentState: state, clockMs: marketClockMs(parent), author };
  const { transactions, execution } = buildBody(rules, input, candidates);
  const { transactionsRoot, receiptsRoot, stateRoot, minersRoot } = execution;
  const roots = { transactionsRoot, receiptsRoot, stateRoot, minersRoot };
  const time = on.timestampMs === undefined ? {} : { timestampMs: on.timestampMs };
  const signedHeader = mineHeader(rules, parent, { author, ...time, ...roots });
  return { block: { signedHeader, transactions }, node: linkHeader(parent, signedHeader), execution };
}

/** Both sides of a rule: everything in `accepts` passes, everything in `rejects` is refused with the code. */
export interface RuleRow {
  code: string;
  accepts(): (Violation | null)[];
  rejects(): (Violation | null)[];
}

/** One test per row. */
export function describeRules(part: string, rows: readonly RuleRow[]): void {
  describe(part, () => {
    for (const row of rows) {
      it(`${row.code}: accepts what is just allowed, refuses what is just not`, () => {
        const accepted = row.accepts();
        const rejected = row.rejects();
        expect(accepted.length * rejected.length).toBeGreaterThan(0);
        expect(accepted.map((found) => found?.code ?? null)).toEqual(accepted.map(() => null));
        expect(rejected.map((found) => found?.code ?? null)).toEqual(rejected.map(() => row.code));
      });
    }
  });
}
