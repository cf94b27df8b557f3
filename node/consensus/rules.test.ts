import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { accountSigner, bid, cancel, observation } from '../market/testing.ts';
import type { Violation } from '../market/violation.ts';
import { createBody } from '../protocol/codec.ts';
import { transactionMessage } from '../protocol/signing.ts';
import type { Block, Genesis, HeaderBody, Transaction, TransactionBody } from '../protocol/types.ts';
import { checkExecution, executeBody, isViolation, transactionBytes } from './apply-block.ts';
import { type ChainRules, checkHeader } from './header.ts';
import type { HeaderNode } from './header-chain.ts';
import { FLOOR_TARGET } from './target.ts';
import {
  createTestChain,
  describeRules,
  fakeBranch,
  findNonce,
  mineBlock,
  mineHeader,
  type RuleRow,
  signHeader,
  signTransaction,
} from './testing.ts';

const chain = createTestChain();
const { rules, genesisNode, genesisState } = chain;

// ── Headers ─────────────────────────────────────────────────────────────────────────────────────────────────────────

const headerIs = (change: Partial<HeaderBody>, parent: HeaderNode = genesisNode, of: ChainRules = rules) =>
  checkHeader(of, parent, of.genesis.miners, mineHeader(of, parent, change));

function headerRow(code: string, accepted: Partial<HeaderBody>[], rejected: Partial<HeaderBody>[]): RuleRow {
  return {
    code,
    accepts: () => accepted.map((change) => headerIs(change)),
    rejects: () => rejected.map((change) => headerIs(change)),
  };
}

const spaced = createTestChain({ params: { authorSpacing: 1 } }).rules;
const tenAuthors = fakeBranch(genesisNode, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
const after = (ms: number) => ({ timestampMs: tenAuthors.timestampMs + ms });
const parentMs = genesisNode.timestampMs;

const HEADER_ROWS: RuleRow[] = [
  headerRow('BLOCK_VERSION', [{ version: 2 }], [{ version: 1 }, { version: 3 }]),
  headerRow('BLOCK_PARENT', [{ parent: genesisNode.id }], [{ parent: new Uint8Array(32) }]),
  headerRow('BLOCK_HEIGHT', [{ height: 1 }], [{ height: 0 }, { height: 2 }]),
  headerRow(
    'BLOCK_TARGET',
    [{ target: FLOOR_TARGET }],
    [{ target: FLOOR_TARGET - 1n }, { target: FLOOR_TARGET + 1n }],
  ),
  headerRow(
    'BLOCK_TIME_TOO_OLD',
    [{ timestampMs: parentMs + 200 }],
    [{ timestampMs: parentMs + 199 }, { timestampMs: 0 }],
  ),
  headerRow('BLOCK_AUTHOR', [{ author: 0 }, { author: 9 }], [{ author: 10 }, { author: 12 }]),
  {
    code: 'BLOCK_WORK',
    accepts: () => [headerIs({})],
    rejects: () => {
      const { body } = mineHeader(rules, genesisNode).header;
      const idle = signHeader(rules, { body, nonce: findNonce(body, false) });
      return [checkHeader(rules, genesisNode, rules.genesis.miners, idle)];
    },
  },
  {
    code: 'BLOCK_AUTHOR_SPACING',
    accepts: () => [
      headerIs({ author: 7 }, tenAuthors, spaced),
      headerIs({ author: 9, ...after(22_000) }, tenAuthors, spaced),
      headerIs({ author: 9 }, tenAuthors, rules),
    ],
    rejects: () => [
      headerIs({ author: 8 }, tenAuthors, spaced),
      headerIs({ author: 9 }, tenAuthors, spaced),
      headerIs({ author: 9, ...after(21_999) }, tenAuthors, spaced),
    ],
  },
  {
    code: 'BLOCK_SIGNATURE',
    accepts: () => [headerIs({ author: 3 })],
    rejects: () => {
      const { header, signature } = mineHeader(rules, genesisNode);
      const otherChain = { ...rules, genesisRoot: new Uint8Array(32) };
      const forged = [
        signHeader(rules, header, 1),
        signHeader(otherChain, header),
        { header, signature: new Uint8Array(64) },
        { header: mineHeader(rules, genesisNode, { timestampMs: parentMs + 999 }).header, signature },
      ];
      return forged.map((signed) => checkHeader(rules, genesisNode, rules.genesis.miners, signed));
    },
  },
];

// ── Bodies ──────────────────────────────────────────────────────────────────────────────────────────────────────────

const order = (account: number, sequence = 0) => bid({ step: 0, account, energyWh: 1, limit: 1, sequence });
const signed = (body: TransactionBody) => signTransaction(rules, body);
const cancellation = (account: number) => cancel(0, account);
const expulsion = createBody({
  kind: 'expel',
  step: 0,
  account: 0,
  sequence: 0,
  payload: { member: 1, evidence: new Uint8Array(32) },
});

function bodyIs(transactions: Transaction[], params: Partial<Genesis['params']> = {}): Violation | null {
  const { genesis } = rules;
  const of = { ...rules, genesis: { ...genesis, params: { ...genesis.params, ...params } } };
  const input = { parentState: genesisState, clockMs: genesis.timeMs, author: 0 };
  const executed = executeBody(of, input, { transactions, isKnown: () => false });
  return isViolation(executed) ? executed : null;
}

const resigned = (signatures: Uint8Array[]): Transaction => ({ body: order(1), signatures });
const signatureOf = (member: number) =>
  accountSigner(member).sign(transactionMessage(rules.genesisRoot, order(1)));

function rootRow(
  code: string,
  name: 'transactionsRoot' | 'receiptsRoot' | 'stateRoot' | 'minersRoot',
): RuleRow {
  const mined = () => mineBlock(rules, { parent: genesisNode, state: genesisState }, [signed(order(1))]);
  return {
    code,
    accepts: () => {
      const { block, execution } = mined();
      return [checkExecution(block, execution)];
    },
    rejects: () => {
      const { block, execution } = mined();
      const { header, signature } = block.signedHeader;
      const body = { ...header.body, [name]: new Uint8Array(32) };
      const other: Block = { ...block, signedHeader: { header: { ...header, body }, signature } };
      return [checkExecution(other, execution)];
    },
  };
}

const BODY_ROWS: RuleRow[] = [
  {
    code: 'BLOCK_TOO_MANY',
    accepts: () => [bodyIs([order(1), order(2)].map(signed), { maxBlockTransactions: 2 })],
    rejects: () => [bodyIs([order(1), order(2), order(3)].map(signed), { maxBlockTransactions: 2 })],
  },
  {
    code: 'BLOCK_BYTES',
    accepts: () => [bodyIs([signed(order(1))], { maxBlockBytes: 512 + transactionBytes(signed(order(1))) })],
    rejects: () => [bodyIs([signed(order(1))], { maxBlockBytes: 511 + transactionBytes(signed(order(1))) })],
  },
  {
    code: 'BLOCK_ORDER',
    accepts: () => [
      bodyIs([observation(0, 1, 0), order(1), order(1, 1), order(2), cancellation(1)].map(signed)),
    ],
    rejects: () =>
      [
        [order(2), order(1)],
        [order(1, 1), order(1)],
        [order(1), order(1)],
        [order(1), observation(0, 1, 0)],
      ].map((bodies) => bodyIs(bodies.map(signed))),
  },
  {
    code: 'TX_UNKNOWN_ACCOUNT',
    accepts: () => [bodyIs([signed(order(11))]), bodyIs([signed(observation(0, 2, 0))])],
    rejects: () => [bodyIs([signed(order(12))]), bodyIs([signed(observation(0, 3, 0))])],
  },
  {
    code: 'TX_SIGNATURE',
    accepts: () => [bodyIs([resigned([signatureOf(1)])])],
    rejects: () =>
      [[], [signatureOf(1), signatureOf(1)], [signatureOf(2)], [new Uint8Array(64)]].map((signatures) =>
        bodyIs([resigned(signatures)]),
      ),
  },
  {
    code: 'TX_KIND_UNSUPPORTED',
    accepts: () => [bodyIs([signed(order(1))])],
    rejects: () => [bodyIs([signed(expulsion)])],
  },
  rootRow('BLOCK_TRANSACTIONS_ROOT', 'transactionsRoot'),
  rootRow('BLOCK_RECEIPTS_ROOT', 'receiptsRoot'),
  rootRow('BLOCK_STATE_ROOT', 'stateRoot'),
  rootRow('BLOCK_MINERS_ROOT', 'minersRoot'),
];

describeRules('header', HEADER_ROWS);
describeRules('body', BODY_ROWS);

it('every rule in the source has a row', () => {
  const node = new URL('..', import.meta.url);
  const sources = ['consensus/', 'market/'].flatMap((folder) =>
    readdirSync(new URL(folder, node))
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
      .map((name) => folder + name),
  );
  sources.push('core/mempool.ts');
  const found = new Set<string>();
  for (const source of sources) {
    const text = readFileSync(new URL(source, node), 'utf8');
    for (const [, code] of text.matchAll(/violation\(\s*'([A-Z_]+)'/g)) found.add(code!);
    for (const [, code] of text.matchAll(/: '([A-Z]+_ROOT)'/g)) found.add(`BLOCK_${code}`);
  }
  const tables = ['rules', 'rules-market', 'rules-genesis', 'rules-mempool'];
  const listed = new Set<string>();
  for (const table of tables) {
    const text = readFileSync(new URL(`consensus/${table}.test.ts`, node), 'utf8');
    for (const [, code] of text.matchAll(/(?:code: |Row\(\s*)'([A-Z_]+)'/g)) listed.add(code!);
  }
  expect(found.size).toBeGreaterThan(35);
  expect([...found].filter((code) => !listed.has(code))).toEqual([]);
  expect([...listed].filter((code) => !found.has(code))).toEqual([]);
});
