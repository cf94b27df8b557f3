import { describe, expect, it } from 'vitest';
import {
  ask,
  bid,
  createTestGenesis,
  createTestMarket,
  observation,
  reading,
} from '../../../market/testing.ts';
import { AGGREGATOR } from '../../../protocol/accounts.ts';
import type { TransactionBody } from '../../../protocol/types.ts';
import {
  type ReferenceResult,
  type ReferenceState,
  referenceBlock,
  referenceClockMs,
  referenceGenesis,
  referenceInvariants,
} from './model.ts';
import { unsigned } from './test-traffic.ts';

const genesis = createTestGenesis({ members: 4, miners: 1, zones: 2 });
const { startMs } = createTestMarket(genesis);

/** A block that clears step 0, and one that settles it. */
function blocks(): { orders: ReferenceResult; cleared: ReferenceResult; settled: ReferenceResult } {
  const run = (parent: ReferenceState, clockMs: number, bodies: TransactionBody[]) =>
    referenceBlock(genesis, parent, { clockMs, author: 0, transactions: bodies.map(unsigned) });
  const orders = run(referenceGenesis(genesis), startMs(0) - 1, [
    ...[0, 1, 2].map((oracle) => observation(0, oracle, 100_000)),
    bid({ step: 0, account: 0, energyWh: 900, limit: 130_000 }),
    ask({ step: 0, account: 1, energyWh: 500, limit: 80_000 }),
    ask({ step: 0, account: 2, energyWh: 700, limit: 90_000 }),
  ]);
  const cleared = run(orders.state, startMs(0), []);
  const read = run(cleared.state, startMs(1), [reading(0, 0, 1000), reading(0, 1, 0, 550)]);
  return { orders, cleared, settled: run(read.state, startMs(2), []) };
}

const { orders, cleared, settled } = blocks();

/** A result with one part of its state changed. */
function withState(result: ReferenceResult, change: (state: ReferenceState) => Partial<ReferenceState>) {
  return { ...result, state: { ...result.state, ...change(result.state) } };
}

function withTrades(
  result: ReferenceResult,
  change: (trades: ReferenceResult['receipts']['trades']) => void,
) {
  const receipts = structuredClone(result.receipts);
  change(receipts.trades);
  return { ...result, receipts };
}

const creditOf = (state: ReferenceState, member: number, amount: bigint) =>
  state.accounts.map((account, i) =>
    i === member ? { ...account, creditNanoEur: account.creditNanoEur + amount } : account,
  );

describe('referenceInvariants', () => {
  it('finds nothing in sound blocks that trade, settle, and pay', () => {
    expect(cleared.receipts.trades.map((trade) => trade.kind)).toContain(1);
    expect(new Set(settled.receipts.trades.map((trade) => trade.kind))).toEqual(new Set([2, 3]));
    for (const result of [orders, cleared, settled]) expect(referenceInvariants(genesis, result)).toEqual([]);
  });

  it('finds money that no receipt explains, and money from nowhere', () => {
    const minted = withState(settled, (state) => ({ accounts: creditOf(state, 3, 1n) }));
    expect(referenceInvariants(genesis, minted)).toEqual([
      expect.stringContaining('account 3'),
      'all balances sum to 1 nanoEUR, not 0',
    ]);
  });

  it('finds a fund below zero', () => {
    const robbed = withState(settled, (state) => ({
      accounts: creditOf(state, 3, 2_000_000_000n),
      systemBalances: state.systemBalances.map((purse, i) =>
        i === 2 ? { ...purse, debitNanoEur: purse.debitNanoEur + 2_000_000_000n } : purse,
      ),
    }));
    expect(referenceInvariants(genesis, robbed).some((line) => line.startsWith('the fund has -'))).toBe(true);
  });

  it('finds a reserve that no open order explains', () => {
    expect(orders.state.reservedNanoEur[0]).toBe(900n * 130_000n);
    const kept = withState(cleared, () => ({ reservedNanoEur: orders.state.reservedNanoEur }));
    expect(referenceInvariants(genesis, kept)).toEqual([expect.stringContaining('member 0 has 117000000')]);
  });

  it('finds registers that moved without a settlement', () => {
    const moved = withState(settled, (state) => ({
      accounts: state.accounts.map((account, i) =>
        i === 1 ? { ...account, exportRegisterWh: account.exportRegisterWh + 1n } : account,
      ),
    }));
    expect(referenceInvariants(genesis, moved)).toEqual([expect.stringContaining('moved by -551 Wh, -550')]);
  });

  it('finds a trade that is missing, of nothing, with oneself, or between the wrong parties', () => {
    const broken = (result: ReferenceResult, change: Parameters<typeof withTrades>[1]) =>
      referenceInvariants(genesis, withTrades(result, change)).join('\n');
    expect(broken(cleared, (trades) => trades.pop())).toContain('Wh said to be traded');
    expect(broken(settled, (trades) => trades.pop())).toContain('with the grid');
    expect(broken(settled, (trades) => Object.assign(trades[0]!, { energyWh: 0 }))).toContain('moves 0 Wh');
    const toOneself = (trade: { seller: number; buyer: number }) =>
      Object.assign(trade, { seller: trade.buyer });
    expect(broken(cleared, (trades) => toOneself(trades[0]!))).toContain('is with oneself');
    expect(broken(cleared, (trades) => Object.assign(trades[0]!, { seller: AGGREGATOR }))).toContain(
      'of kind 1',
    );
  });

  it('finds receipts that are longer than their list', () => {
    const ranges = (length: number) => {
      const emptyRanges = Array.from({ length }, (_, i) => ({ first: i, end: i + 1 }));
      return referenceInvariants(genesis, { ...settled, receipts: { ...settled.receipts, emptyRanges } });
    };
    expect(ranges(8)).toEqual([]);
    expect(ranges(9)).toEqual(['9 emptyRanges in a list of at most 8']);
  });

  it('finds a step in which more was bought than sold', () => {
    const receipts = structuredClone(settled.receipts);
    receipts.settlements[0]!.boughtWh += 1;
    expect(referenceInvariants(genesis, { ...settled, receipts })).toContain(
      'step 0: 901 Wh bought, 900 Wh sold',
    );
  });
});

describe('referenceClockMs', () => {
  it('is the lower median of the last five timestamps', () => {
    expect(
      [[7], [7, 9], [7, 8, 9], [1, 2, 3, 4], [1, 2, 3, 4, 5], [9, 1, 5, 2, 4, 3]].map(referenceClockMs),
    ).toEqual([7, 7, 8, 2, 3, 3]);
  });

  it('refuses a chain without blocks', () => {
    expect(() => referenceClockMs([])).toThrow('no clock');
  });
});
