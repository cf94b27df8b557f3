import { describe, expect, it } from 'vitest';
import { MAX_PHASES_PER_BLOCK } from './pipeline.ts';
import {
  ask,
  bid,
  createTestGenesis,
  createTestMarket,
  observation,
  reading,
  type TestMarket,
} from './testing.ts';

const marketOf = (): TestMarket => createTestMarket(createTestGenesis({ members: 3, miners: 1 }));
const progress = (market: TestMarket) => {
  const { nextToClear, nextToSettle } = market.state().market();
  return [nextToClear, nextToSettle];
};
const order = (step: number) => bid({ step, account: 0, energyWh: 10, limit: 1 });

describe('phases', () => {
  it('a step clears in the first block at or after its start, and settles at the end of its reading window', () => {
    const market = marketOf();
    market.accept(market.startMs(0) - 1, [order(0)]);
    expect(progress(market)).toEqual([0, 0]);
    expect(market.accept(market.startMs(0), []).clearings).toHaveLength(1);
    expect(progress(market)).toEqual([1, 0]);
    market.accept(market.startMs(1) - 1, [order(1)]);
    market.accept(market.startMs(2) - 1, [reading(0, 0, 10)]);
    expect(progress(market)).toEqual([2, 0]);
    // Step 0 settles when step 2 is due to clear: the older first.
    const receipts = market.accept(market.startMs(2), []);
    expect(receipts.settlements.map(({ step }) => step)).toEqual([0, 0, 0]);
    expect(progress(market)).toEqual([3, 1]);
  });

  it('happen only once, whatever blocks follow', () => {
    const market = marketOf();
    market.accept(market.startMs(0) - 1, [order(0)]);
    market.accept(market.startMs(0), []);
    const again = market.accept(market.startMs(0), []);
    expect([again.clearings, again.settlements, again.trades]).toEqual([[], [], []]);
  });

  it('of a step without orders in time is an empty clearing', () => {
    const market = marketOf();
    const { clearings } = market.accept(market.startMs(0), []);
    expect(clearings).toEqual([
      {
        step: 0,
        wholesaleMicroEurPerKwh: 115_000,
        temperatureCentiC: 2400,
        staleFlags: 3,
        tradedWh: 0,
        orders: 0,
        zonePrices: [],
      },
    ]);
  });

  it('are at most four per block, oldest first, and catch up block by block', () => {
    const busy = marketOf();
    const orders = [order(0), order(1)];
    busy.accept(busy.startMs(0) - 1, orders);
    // Nothing for a while: at the start of step 8 two steps are busy, those behind them an outage.
    const late = busy.startMs(8);
    const first = busy.accept(late, []);
    expect(first.clearings.map(({ step }) => step)).toEqual([0, 1]);
    expect(first.settlements.map(({ step }) => step)).toEqual([0, 0, 0]);
    expect(first.emptyRanges).toEqual([]);
    // Clear 0, clear 1, settle 0, and steps 2 to 6 as one range.
    expect(progress(busy)).toEqual([7, 1]);
    const second = busy.accept(late, []);
    expect(second.settlements.map(({ step }) => step)).toEqual([1, 1, 1]);
    expect(second.emptyRanges).toEqual([{ first: 2, end: 7 }]);
    expect(second.clearings.map(({ step }) => step)).toEqual([7, 8]);
    expect(progress(busy)).toEqual([9, 7]);
    expect(MAX_PHASES_PER_BLOCK).toBe(4);
  });

  it('leave nothing behind after catching up, however long the outage', () => {
    const market = marketOf();
    market.accept(market.startMs(0) - 1, [order(0), order(1)]);
    const late = market.startMs(1_000_000);
    const ranges = [];
    for (let block = 0; block < 3; block++) ranges.push(...market.accept(late, []).emptyRanges);
    expect(progress(market)).toEqual([1_000_001, 999_999]);
    expect(ranges).toEqual([{ first: 2, end: 999_999 }]);
    expect(market.accept(late, [order(1_000_001)]).clearings).toEqual([]);
  });
});

describe('an outage', () => {
  it('closes as one range; nobody is substituted; the next cumulative register settles it', () => {
    const market = marketOf();
    market.accept(market.startMs(0) - 1, [order(0)]);
    market.accept(market.startMs(1), [reading(0, 0, 10), reading(0, 1, 20), reading(0, 2, 0)]);
    market.accept(market.startMs(2), []);
    const late = market.startMs(50);
    const first = market.accept(late, []);
    const second = market.accept(late, []);
    expect([...first.settlements, ...second.settlements]).toEqual([]);
    // Two of them had been cleared before it began.
    expect([...first.emptyRanges, ...second.emptyRanges]).toEqual([
      { first: 1, end: 3 },
      { first: 3, end: 49 },
    ]);
    expect(progress(market)).toEqual([51, 49]);
    // 49 further steps were not metered: 49 connection limits are plausible, one Wh more is not.
    const limit = 10 + 50 * 6000;
    const { violations } = market.block(market.startMs(51), [
      reading(50, 0, limit + 1),
      reading(50, 0, limit),
      reading(50, 1, 21),
      reading(50, 2, 0),
    ]);
    expect(violations.map((refused) => refused?.code)).toEqual([
      'READING_IMPLAUSIBLE',
      undefined,
      undefined,
      undefined,
    ]);
    const { settlements, trades } = market.accept(market.startMs(52), []);
    expect(settlements.map(({ step, importWh, flags }) => [step, importWh, flags])).toEqual([
      [50, limit - 10, 0],
      [50, 1, 0],
      [50, 0, 0],
    ]);
    expect(trades.map(({ buyer, energyWh }) => [buyer, energyWh])).toEqual([
      [0, limit - 10],
      [1, 1],
    ]);
  });

  it('ends at a step with an order, a reading or an agreed trade', () => {
    for (const kind of ['order', 'reading', 'trade'] as const) {
      const market = marketOf();
      market.accept(market.startMs(0), []);
      if (kind === 'order') market.accept(market.startMs(1), [order(2)]);
      if (kind === 'trade') {
        market.accept(market.startMs(1), [
          bid({ step: 2, account: 0, energyWh: 10, limit: 2 }),
          ask({ step: 2, account: 1, energyWh: 10, limit: 1 }),
        ]);
      }
      market.accept(market.startMs(3), kind === 'reading' ? [reading(2, 0, 5)] : []);
      const late = [...Array(3)].map(() => market.accept(market.startMs(9), []));
      expect(late.flatMap(({ settlements }) => settlements.map(({ step }) => step))).toEqual([2, 2, 2]);
      expect(late.flatMap(({ emptyRanges }) => emptyRanges).at(-1)).toEqual({ first: 3, end: 8 });
      expect(market.state().market().nextToSettle).toBe(8);
    }
  });

  it('is not delayed by observations alone', () => {
    const market = marketOf();
    market.accept(market.startMs(0) - 1, [observation(1, 0, 5)]);
    market.accept(market.startMs(20), []);
    expect(progress(market)).toEqual([21, 19]);
  });
});

describe('a block that comes late into a window', () => {
  it('accepts readings of a step that is still to be cleared', () => {
    const market = marketOf();
    market.accept(market.startMs(0) - 1, [order(0), order(1)]);
    const receipts = market.accept(market.startMs(2) - 1, [reading(0, 0, 30)]);
    expect(receipts.clearings.map(({ step }) => step)).toEqual([0, 1]);
    const { settlements } = market.accept(market.startMs(2), []);
    expect(settlements[0]).toMatchObject({ step: 0, importWh: 30, flags: 0 });
  });

  it('uses the ring of steps again and again', () => {
    const market = marketOf();
    for (let step = 0; step < 200; step++) {
      const bodies = [order(step)];
      if (step >= 2) bodies.push(reading(step - 2, 0, 10 * step), reading(step - 2, 1, step));
      const before = step >= 2 ? market.startMs(step) - 1 : market.startMs(0) - 1;
      market.accept(before, bodies);
      const receipts = market.accept(market.startMs(step), []);
      if (step >= 2)
        expect(receipts.settlements.map((line) => line.step)).toEqual([step - 2, step - 2, step - 2]);
    }
    expect(market.state().account(1).importRegisterWh).toBe(199);
  });
});
