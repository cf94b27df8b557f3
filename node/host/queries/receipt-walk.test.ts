import { describe, expect, it } from 'vitest';
import type { Receipts, SettlementLine, Trade } from '../../protocol/receipts.ts';
import { addTotals, closes, digestOf, residualWh, zeroTotals } from './digest.ts';
import { createLru } from './lru.ts';
import { clockOf, createReceiptWalk, firstHeightAt } from './receipt-walk.ts';
import { createFixture } from './test-access.ts';

const LINE: SettlementLine = {
  step: 3,
  member: 1,
  importWh: 500,
  exportWh: 0,
  boughtWh: 300,
  soldWh: 0,
  correctedWh: 0,
  flags: 0,
  p2pSteps: 1,
  gridSteps: 1,
  bonusBps: 10_000,
  penaltyBps: 10_000,
};
const TRADE: Trade = {
  step: 3,
  sequence: 0,
  kind: 1,
  seller: 2,
  buyer: 1,
  energyWh: 300,
  priceMicroEurPerKwh: 100_000,
  feeNanoEur: 7n,
  sellerBonusNanoEur: 2n,
  buyerBonusNanoEur: 3n,
  penaltyNanoEur: 0n,
  marketTimeMs: 0,
};
const EMPTY: Receipts = {
  trades: [],
  clearings: [],
  settlements: [],
  predictions: [],
  actions: [],
  emptyRanges: [],
};
const GRID: Trade = {
  ...TRADE,
  sequence: 1,
  kind: 2,
  seller: 0xffff_fff0,
  energyWh: 200,
  penaltyNanoEur: 50n,
};
const SOLD: SettlementLine = { ...LINE, member: 2, importWh: 0, exportWh: 300, boughtWh: 0, soldWh: 300 };

function totalsOf(receipts: Partial<Receipts>) {
  const totals = zeroTotals();
  for (const part of digestOf({ ...EMPTY, ...receipts }).steps.values()) addTotals(totals, part);
  return totals;
}

describe('digest', () => {
  it('sums energy and money of trades', () => {
    const totals = totalsOf({ trades: [TRADE, { ...GRID, feeNanoEur: 0n }], settlements: [LINE, SOLD] });
    expect(totals).toMatchObject({ trades: 2, auctionWh: 300, gridBuyWh: 200, purchasedWh: 500 });
    expect(totals.paidNanoEur).toBe(300n * 100_000n + 7n - 3n + 200n * 100_000n + 50n - 3n);
    expect(totals.bonusesNanoEur).toBe(10n);
    expect(totals.penaltiesNanoEur).toBe(50n);
  });

  it('has no residual in a sound ledger, and one as wide as what is missing', () => {
    const sound = { trades: [TRADE, GRID], settlements: [LINE, SOLD] };
    expect(residualWh(totalsOf(sound))).toBe(0);
    expect(residualWh(totalsOf({ ...sound, settlements: [{ ...LINE, importWh: 501 }, SOLD] }))).toBe(1);
    expect(residualWh(totalsOf({ ...sound, trades: [TRADE, { ...GRID, energyWh: 190 }] }))).toBe(10);
    expect(residualWh(totalsOf({ ...sound, trades: [{ ...TRADE, energyWh: 299 }, GRID] }))).toBe(2);
  });

  it('tells which steps a block closes', () => {
    const digest = digestOf({ ...EMPTY, settlements: [LINE], emptyRanges: [{ first: 5, end: 8 }] });
    expect([2, 3, 4, 5, 7, 8].map((step) => closes(digest, step))).toEqual([
      false,
      true,
      false,
      true,
      true,
      false,
    ]);
  });
});

describe('lru', () => {
  it('lets go of what was used longest ago, and only beyond its bound', () => {
    const lru = createLru<string, number>(2);
    lru.set('a', 1);
    lru.set('b', 2);
    expect(lru.get('a')).toBe(1);
    lru.set('c', 3);
    expect([lru.get('a'), lru.get('b'), lru.get('c')]).toEqual([1, undefined, 3]);
    expect(lru.size()).toBe(2);
  });
});

describe('receipt walk', () => {
  it('finds the first block at a clock, and reads each block of disk once', async () => {
    const fixture = await createFixture(6);
    await fixture.run(60_000);
    const { chain } = fixture.core;
    for (let height = 1; height <= chain.tip().height; height++) {
      const clockMs = clockOf(chain.mainChainAt(height)!);
      const first = firstHeightAt(chain, clockMs);
      expect(clockOf(chain.mainChainAt(first)!)).toBe(clockMs);
      expect(first === 1 || clockOf(chain.mainChainAt(first - 1)!) < clockMs).toBe(true);
    }
    expect(firstHeightAt(chain, Number.MAX_SAFE_INTEGER)).toBe(chain.tip().height + 1);

    let reads = 0;
    const { store } = fixture.access;
    const counting = {
      ...store,
      receipts(id: Uint8Array) {
        reads++;
        return store.receipts(id);
      },
    };
    const walk = createReceiptWalk(chain, counting);
    for (let round = 0; round < 2; round++) {
      for (let height = 1; height <= chain.tip().height; height++)
        await walk.digest(chain.mainChainAt(height)!);
    }
    expect(reads).toBe(chain.tip().height);
  });
});
