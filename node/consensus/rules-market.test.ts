import { expect } from 'vitest';
import { createBlockContext } from '../market/context.ts';
import {
  ask,
  bid,
  cancel,
  createTestGenesis,
  createTestMarket,
  createTestState,
  observation,
  reading,
  type TestAccount,
  type TestCommunity,
} from '../market/testing.ts';
import { applyTransaction } from '../market/transactions.ts';
import type { Violation } from '../market/violation.ts';
import { createBody } from '../protocol/codec.ts';
import type { Member, TransactionBody } from '../protocol/types.ts';
import { describeRules, type RuleRow } from './testing.ts';

const expulsion = createBody({
  kind: 'expel',
  step: 0,
  account: 0,
  sequence: 0,
  payload: { member: 1, evidence: new Uint8Array(32) },
});

// ── Market transactions ─────────────────────────────────────────────────────────────────────────────────────────────

interface MarketCase {
  community?: TestCommunity;
  account?: TestAccount;
  /** Clock relative to the start of step 0; just before it. */
  atMs?: number;
  /** Accepted before. */
  before?: TransactionBody[];
}

/** What the rules of transactions say; due phases are left out. */
function marketIs(body: TransactionBody, given: MarketCase = {}): Violation | null {
  const genesis = createTestGenesis({ members: 3, miners: 1, ...given.community });
  const { startMs } = createTestMarket(genesis);
  const state = createTestState(genesis, given.account);
  const clockMs = startMs(0) + (given.atMs ?? -1);
  const context = createBlockContext({ genesis, genesisRoot: state.genesisRoot, state, clockMs, author: 0 });
  for (const earlier of given.before ?? []) expect(applyTransaction(context, earlier)).toBeNull();
  return applyTransaction(context, body);
}

/** Each case is a body and the circumstances. */
type Case = readonly [body: TransactionBody, given?: MarketCase];
const marketRow = (code: string, accepted: Case[], rejected: Case[]): RuleRow => ({
  code,
  accepts: () => accepted.map(([body, given]) => marketIs(body, given)),
  rejects: () => rejected.map(([body, given]) => marketIs(body, given)),
});

const member = (change: Partial<Member>): MarketCase => ({ community: { member: change } });
const buy = (energyWh: number, limit = 1, sequence = 0) =>
  bid({ step: 0, account: 1, energyWh, limit, sequence });
const sell = (energyWh: number, limit = 1, sequence = 0) =>
  ask({ step: 0, account: 1, energyWh, limit, sequence });
const withStep = (body: TransactionBody, step: number): TransactionBody => ({ ...body, step });
const withSequence = (body: TransactionBody, sequence: number): TransactionBody => ({ ...body, sequence });
const metered = { importRegisterWh: 1000, exportRegisterWh: 2000 };
const after0 = { atMs: 12_000, account: metered };
const after1 = { atMs: 24_000, account: metered };
/** A connection that carries in two steps what one reading may not hold. */
const strong = { ...after1, ...member({ connectionW: 500_000_001 }) };
const poor = member({ creditLimitNanoEur: 1_000_000n });
const misnamed = { ...cancel(0, 1), payload: cancel(0, 1, 1).payload };
const wrongSide = createBody({
  kind: 'order',
  step: 0,
  account: 1,
  sequence: 0,
  payload: { side: 2, energyWh: 1, limitMicroEurPerKwh: 1 },
});

const MARKET_ROWS: RuleRow[] = [
  marketRow(
    'TX_WINDOW_CLOSED',
    [
      [buy(1), { atMs: -24_000 }],
      [buy(1), { atMs: -1 }],
      [observation(0, 0, 1), { atMs: -24_000 }],
      [observation(0, 0, 1), { atMs: -1 }],
      [reading(0, 1, 0), { atMs: 12_000 }],
      [reading(0, 1, 0), { atMs: 23_999 }],
    ],
    [
      [buy(1), { atMs: -24_001 }],
      [buy(1), { atMs: 0 }],
      [cancel(0, 1), { atMs: 0 }],
      [observation(0, 0, 1), { atMs: -24_001 }],
      [observation(0, 0, 1), { atMs: 0 }],
      [reading(0, 1, 0), { atMs: 11_999 }],
      [reading(0, 1, 0), { atMs: 24_000 }],
    ],
  ),
  marketRow(
    'TX_STEP_TOO_FAR',
    [[withStep(buy(1), 63), { atMs: 63 * 12_000 - 1 }]],
    [[withStep(buy(1), 64), { atMs: 63 * 12_000 - 1 }]],
  ),
  marketRow(
    'TX_UNKNOWN_ACCOUNT',
    [[bid({ step: 0, account: 2, energyWh: 1, limit: 1 })], [observation(0, 2, 1)]],
    [[bid({ step: 0, account: 3, energyWh: 1, limit: 1 })], [observation(0, 3, 1)], [cancel(0, 3)]],
  ),
  marketRow('TX_EXPELLED', [[buy(1), member({ status: 0 })]], [[buy(1), member({ status: 1 })]]),
  marketRow(
    'ORDER_NOT_SEALED',
    [[buy(1), { community: { params: { sealedOrders: false } } }]],
    [[buy(1), { community: { params: { sealedOrders: true } } }]],
  ),
  marketRow(
    'TX_OVER_QUOTA',
    [[buy(1, 1, 3)]],
    [
      [buy(1, 1, 4)],
      [withSequence(observation(0, 1, 1), 1)],
      [withSequence(reading(0, 1, 0), 1), { atMs: 12_000 }],
    ],
  ),
  marketRow('ORDER_SIDE', [[buy(1)], [sell(1)]], [[wrongSide]]),
  marketRow(
    'TX_DUPLICATE',
    [
      [buy(1, 1, 1), { before: [buy(1)] }],
      [observation(0, 1, 1), { before: [observation(0, 0, 1)] }],
      [reading(0, 1, 0), { atMs: 12_000, before: [reading(0, 2, 0)] }],
    ],
    [
      [buy(2), { before: [buy(1)] }],
      [buy(2), { before: [buy(1), cancel(0, 1)] }],
      [observation(0, 1, 2), { before: [observation(0, 1, 1)] }],
      [reading(0, 1, 5), { atMs: 12_000, before: [reading(0, 1, 0)] }],
    ],
  ),
  marketRow(
    'TX_SUSPENDED',
    [[withStep(buy(1), 1), member({ suspendedUntilStep: 1 })]],
    [[buy(1), member({ suspendedUntilStep: 1 })]],
  ),
  marketRow(
    'ORDER_BOTH_SIDES',
    [
      [buy(1, 1, 1), { before: [buy(1)] }],
      [sell(1, 1, 1), { before: [buy(1), cancel(0, 1)] }],
      [buy(1, 1, 1), { before: [sell(1), cancel(0, 1)] }],
    ],
    [
      [sell(1, 1, 1), { before: [buy(1)] }],
      [buy(1, 1, 1), { before: [sell(1)] }],
    ],
  ),
  marketRow(
    'ORDER_ENERGY',
    [[buy(1)], [buy(6000)], [sell(6000)], [buy(3000, 1, 1), { before: [buy(3000)] }]],
    [[buy(0)], [buy(6001)], [sell(6001)], [buy(3001, 1, 1), { before: [buy(3000)] }]],
  ),
  marketRow(
    'ORDER_CREDIT',
    [
      [buy(10, 100_000), poor],
      [buy(10, -100_001), poor],
      [sell(10, 100_001), poor],
      [sell(10, -100_000), poor],
      [buy(1, 1, 1), { ...poor, before: [buy(10, 99_999)] }],
      [buy(10, 100_000, 1), { ...poor, before: [buy(10, 100_000), cancel(0, 1)] }],
      [buy(20, 100_000), { ...poor, account: { creditNanoEur: 1_000_000n } }],
    ],
    [
      [buy(10, 100_001), poor],
      [sell(10, -100_001), poor],
      [buy(11, 1, 1), { ...poor, before: [buy(10, 99_999)] }],
      [buy(10, 100_000), { ...poor, account: { debitNanoEur: 1n } }],
      [buy(10, 100_000), { ...poor, account: { reservedNanoEur: 1n } }],
    ],
  ),
  marketRow('CANCEL_SEQUENCE', [[cancel(0, 1), { before: [buy(1)] }]], [[misnamed, { before: [buy(1)] }]]),
  marketRow(
    'ORDER_NOT_OPEN',
    [[cancel(0, 1, 1), { before: [buy(1, 1, 1)] }]],
    [
      [cancel(0, 1)],
      [cancel(0, 1), { before: [buy(1, 1, 1)] }],
      [cancel(0, 2), { before: [buy(1)] }],
      [cancel(0, 1), { before: [buy(1), cancel(0, 1)] }],
    ],
  ),
  marketRow(
    'READING_BACKWARDS',
    [[reading(0, 1, 1000, 2000), after0]],
    [
      [reading(0, 1, 999, 2000), after0],
      [reading(0, 1, 1000, 1999), after0],
    ],
  ),
  marketRow(
    'READING_IMPLAUSIBLE',
    [
      [reading(0, 1, 7000, 8000), after0],
      [reading(1, 1, 13_000, 14_000), after1],
      [reading(1, 1, 1_000_001_000, 1_000_002_000), strong],
    ],
    [
      [reading(1, 1, 1_000_001_001, 2000), strong],
      [reading(1, 1, 1000, 1_000_002_001), strong],
      [reading(0, 1, 7001, 8000), after0],
      [reading(0, 1, 7000, 8001), after0],
      [reading(1, 1, 13_001, 14_000), after1],
      [reading(1, 1, 13_000, 14_001), after1],
    ],
  ),
  marketRow(
    'OBSERVATION_RANGE',
    [[observation(0, 0, 10_000_000, 10_000)], [observation(0, 0, -10_000_000, -10_000)]],
    [
      [observation(0, 0, 10_000_001, 0)],
      [observation(0, 0, -10_000_001, 0)],
      [observation(0, 0, 0, 10_001)],
      [observation(0, 0, 0, -10_001)],
    ],
  ),
  marketRow('TX_KIND_UNSUPPORTED', [[buy(1)]], [[expulsion]]),
];

describeRules('market transaction', MARKET_ROWS);
