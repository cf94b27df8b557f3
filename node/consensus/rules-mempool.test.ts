import { expect } from 'vitest';
import { DEFAULT_LIMITS } from '../core/limits.ts';
import { type Admission, createMempool } from '../core/mempool.ts';
import { accountSigner, bid, observation, reading } from '../market/testing.ts';
import type { Violation } from '../market/violation.ts';
import { createBody } from '../protocol/codec.ts';
import { transactionMessage } from '../protocol/signing.ts';
import type { Transaction, TransactionBody } from '../protocol/types.ts';
import type { ChainRules } from './header.ts';
import { createTestChain, describeRules, type RuleRow, signTransaction } from './testing.ts';

const chain = createTestChain();
const { rules, genesisState } = chain;

const order = (account: number, sequence = 0) => bid({ step: 0, account, energyWh: 1, limit: 1, sequence });
const signed = (body: TransactionBody) => signTransaction(rules, body);
const expulsion = createBody({
  kind: 'expel',
  step: 0,
  account: 0,
  sequence: 0,
  payload: { member: 1, evidence: new Uint8Array(32) },
});

const resigned = (signatures: Uint8Array[]): Transaction => ({ body: order(1), signatures });
const signatureOf = (member: number) =>
  accountSigner(member).sign(transactionMessage(rules.genesisRoot, order(1)));

// ── The mempool's door ──────────────────────────────────────────────────────────────────────────────────────────────

const refusal = (admission: Admission) => ('violation' in admission ? admission.violation : null);

function doorIs(transactions: Transaction[], atMs = -24_000, of: ChainRules = rules): Violation | null {
  const mempool = createMempool(of);
  const at = { state: genesisState, clockMs: of.genesis.timeMs + 24_000 + atMs, nowMs: 0 };
  const earlier = transactions.slice(0, -1).map((transaction) => refusal(mempool.add(transaction, at)));
  expect(earlier.filter((refused) => refused !== null)).toEqual([]);
  return refusal(mempool.add(transactions.at(-1)!, at));
}

const credulous = createTestChain({ params: { orderQuota: 65_535 } }).rules;
const many = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ body: order(0, i), signatures: [new Uint8Array(64).fill(9)] }));
const crowd = { ...credulous, verifier: { verify: () => true } };

const DOOR_ROWS: RuleRow[] = [
  {
    code: 'MEMPOOL_FULL',
    accepts: () => [doorIs(many(DEFAULT_LIMITS.mempoolCount), -1, crowd)],
    rejects: () => [doorIs(many(DEFAULT_LIMITS.mempoolCount + 1), -1, crowd)],
  },
  {
    code: 'TX_WINDOW_NOT_OPEN',
    accepts: () => [doorIs([signed(order(1))], -48_000), doorIs([signed(reading(0, 1, 0))], -12_000)],
    rejects: () => [doorIs([signed(order(1))], -48_001), doorIs([signed(reading(0, 1, 0))], -12_001)],
  },
  {
    code: 'TX_WINDOW_CLOSED',
    accepts: () => [doorIs([signed(order(1))], -1), doorIs([signed(reading(0, 1, 0))], 23_999)],
    rejects: () => [doorIs([signed(order(1))], 0), doorIs([signed(reading(0, 1, 0))], 24_000)],
  },
  {
    code: 'TX_OVER_QUOTA',
    accepts: () => [doorIs([signed(order(1, 3))])],
    rejects: () => [
      doorIs([signed(order(1, 4))]),
      doorIs([signed({ ...observation(0, 0, 1), sequence: 1 })]),
    ],
  },
  {
    code: 'TX_DUPLICATE',
    accepts: () => [
      doorIs([signed(order(1)), signed(order(1, 1))]),
      doorIs([signed(order(1)), signed(order(1))]),
    ],
    rejects: () => [doorIs([signed(order(1)), signed(bid({ step: 0, account: 1, energyWh: 2, limit: 1 }))])],
  },
  {
    code: 'TX_KIND_UNSUPPORTED',
    accepts: () => [doorIs([signed(order(1))])],
    rejects: () => [doorIs([signed(expulsion)])],
  },
  {
    code: 'TX_SIGNATURE',
    accepts: () => [doorIs([resigned([signatureOf(1)])])],
    rejects: () => [doorIs([resigned([signatureOf(2)])]), doorIs([resigned([])])],
  },
];

describeRules('mempool door', DOOR_ROWS);
