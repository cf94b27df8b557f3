import { describe, expect, it } from 'vitest';
import { AGGREGATOR, FUND } from '../protocol/accounts.ts';
import { TRADE_KINDS, type Trade } from '../protocol/receipts.ts';
import { aggregatorPrices, penalisedPrice } from './settle.ts';
import {
  ask,
  balanceOf,
  bid,
  createTestGenesis,
  createTestMarket,
  createTestState,
  observation,
  reading,
  type TestAccount,
  type TestCommunity,
  type TestMarket,
} from './testing.ts';

const buys = (trades: readonly Trade[]) => trades.filter(({ kind }) => TRADE_KINDS[kind] === 'GRID_BUY');
const sells = (trades: readonly Trade[]) => trades.filter(({ kind }) => TRADE_KINDS[kind] === 'GRID_SELL');

function marketOf(given: TestCommunity = {}, account: TestAccount = {}): TestMarket {
  const genesis = createTestGenesis({ members: 3, miners: 1, policy: { objective: 0 }, ...given });
  return createTestMarket(genesis, createTestState(genesis, account));
}

/** Puts readings into the window of `step` and settles it. */
function settle(market: TestMarket, step: number, readings: Parameters<TestMarket['accept']>[1]) {
  market.accept(market.startMs(step + 1), readings);
  return market.accept(market.startMs(step + 2), []);
}

describe('aggregator prices', () => {
  it('stand a fee above and below the reference', () => {
    expect(aggregatorPrices(100_000, 500)).toEqual({
      buyMicroEurPerKwh: 105_000,
      sellMicroEurPerKwh: 95_000,
    });
    expect(aggregatorPrices(0, 500)).toEqual({ buyMicroEurPerKwh: 0, sellMicroEurPerKwh: 0 });
  });

  it('are rounded in the aggregator’s favour', () => {
    expect(aggregatorPrices(100_001, 500)).toEqual({
      buyMicroEurPerKwh: 105_002,
      sellMicroEurPerKwh: 95_000,
    });
    expect(aggregatorPrices(1, 1)).toEqual({ buyMicroEurPerKwh: 2, sellMicroEurPerKwh: 0 });
  });

  it('never cross where the reference is negative', () => {
    expect(aggregatorPrices(-100_000, 500)).toEqual({
      buyMicroEurPerKwh: -95_000,
      sellMicroEurPerKwh: -105_000,
    });
    expect(aggregatorPrices(-1, 1)).toEqual({ buyMicroEurPerKwh: 0, sellMicroEurPerKwh: -2 });
  });

  it('are scaled up by the penalty, a negative one not at all', () => {
    expect(penalisedPrice(105_000, 10_000)).toBe(105_000);
    expect(penalisedPrice(105_000, 10_500)).toBe(110_250);
    expect(penalisedPrice(105_001, 10_500)).toBe(110_252);
    expect(penalisedPrice(0, 11_000)).toBe(0);
    expect(penalisedPrice(-1000, 11_000)).toBe(-1000);
  });
});

describe('settlement with the aggregator', () => {
  it('sells the shortfall and buys the surplus at its prices; the penalty goes to the fund', () => {
    const market = marketOf({ policy: { objective: 1 } }, { penaltyBps: 11_000, gridSteps: 10 });
    const fund = balanceOf(market.state(), FUND);
    const { trades } = settle(market, 0, [
      reading(0, 0, 1000, 0),
      reading(0, 1, 0, 500),
      reading(0, 2, 70, 70),
    ]);
    // 115 000 x 1.05 = 120 750; x 1.10 = 132 825. 115 000 x 0.95 = 109 250.
    expect(trades).toHaveLength(2);
    expect(trades[0]).toMatchObject({
      seller: AGGREGATOR,
      buyer: 0,
      energyWh: 1000,
      priceMicroEurPerKwh: 120_750,
      penaltyNanoEur: 12_075_000n,
    });
    expect(trades[1]).toMatchObject({
      seller: 1,
      buyer: AGGREGATOR,
      energyWh: 500,
      priceMicroEurPerKwh: 109_250,
    });
    expect(balanceOf(market.state(), 0)).toBe(-132_825_000n);
    expect(balanceOf(market.state(), 1)).toBe(54_625_000n);
    expect(balanceOf(market.state(), 2)).toBe(0n);
    expect(balanceOf(market.state(), AGGREGATOR)).toBe(120_750_000n - 54_625_000n);
    expect(balanceOf(market.state(), FUND) - fund).toBe(12_075_000n);
  });

  it('pays members for taking energy while the price is below zero, without scaling', () => {
    const market = marketOf({ policy: { objective: 1 } }, { penaltyBps: 11_000, gridSteps: 10 });
    const fund = balanceOf(market.state(), FUND);
    const reports = [0, 1, 2].map((oracle) => observation(0, oracle, -100_000));
    market.accept(market.startMs(0) - 1, [...reports, bid({ step: 0, account: 2, energyWh: 1, limit: 1 })]);
    const { trades } = settle(market, 0, [reading(0, 0, 1000), reading(0, 1, 0, 1000), reading(0, 2, 0)]);
    expect(trades.map((trade) => trade.priceMicroEurPerKwh)).toEqual([-95_000, -105_000]);
    expect(trades[0]!.penaltyNanoEur).toBe(0n);
    expect(balanceOf(market.state(), 0)).toBe(95_000_000n);
    expect(balanceOf(market.state(), 1)).toBe(-105_000_000n);
    expect(balanceOf(market.state(), FUND)).toBe(fund);
  });

  it('covers only what differs from what members agreed', () => {
    const market = marketOf();
    market.accept(market.startMs(0) - 1, [
      bid({ step: 0, account: 0, energyWh: 1000, limit: 200_000 }),
      ask({ step: 0, account: 1, energyWh: 1000, limit: 100_000 }),
    ]);
    const { trades, settlements } = settle(market, 0, [
      reading(0, 0, 1100),
      reading(0, 1, 0, 700),
      reading(0, 2, 0),
    ]);
    expect(trades.map(({ seller, buyer, energyWh }) => [seller, buyer, energyWh])).toEqual([
      [AGGREGATOR, 0, 100],
      [AGGREGATOR, 1, 300],
    ]);
    expect(settlements.map(({ boughtWh, soldWh }) => [boughtWh, soldWh])).toEqual([
      [1000, 0],
      [0, 1000],
      [0, 0],
    ]);
    expect(trades.map(({ sequence }) => sequence)).toEqual([1, 2]);
  });
});

describe('counters', () => {
  it('rise by one per step with any trade between members, and with any purchase from the aggregator', () => {
    const market = marketOf({ policy: { objective: 1 } }, { p2pSteps: 4, gridSteps: 9 });
    market.accept(market.startMs(0) - 1, [
      bid({ step: 0, account: 0, energyWh: 500, limit: 200_000 }),
      bid({ step: 0, account: 0, energyWh: 500, limit: 200_000, sequence: 1 }),
      ask({ step: 0, account: 1, energyWh: 1000, limit: 100_000 }),
    ]);
    const { settlements } = settle(market, 0, [reading(0, 0, 1000), reading(0, 1, 0, 999), reading(0, 2, 1)]);
    const counted = settlements.map(({ p2pSteps, gridSteps, bonusBps, penaltyBps }) => [
      [p2pSteps, gridSteps],
      [bonusBps, penaltyBps],
    ]);
    expect(counted).toEqual([
      [
        [5, 9],
        [10_500, 10_500],
      ],
      [
        [5, 10],
        [10_500, 11_000],
      ],
      [
        [4, 10],
        [10_200, 11_000],
      ],
    ]);
    expect(market.state().account(0)).toMatchObject({ p2pSteps: 5, gridSteps: 9, bonusBps: 10_500 });
  });
});

describe('readings', () => {
  it('settle the differences of cumulative registers', () => {
    const market = marketOf({}, { importRegisterWh: 10_000, exportRegisterWh: 20_000 });
    const { settlements } = settle(market, 0, [
      reading(0, 0, 10_300, 20_050),
      reading(0, 1, 10_000, 20_000),
      reading(0, 2, 10_001, 20_000),
    ]);
    expect(settlements.map(({ importWh, exportWh, flags }) => [importWh, exportWh, flags])).toEqual([
      [300, 50, 0],
      [0, 0, 0],
      [1, 0, 0],
    ]);
    const account = { importRegisterWh: 10_300, exportRegisterWh: 20_050, nextMeteredStep: 1 };
    expect(market.state().account(0)).toMatchObject(account);
  });

  it('that are missing are substituted by the largest import of that hour; the next register corrects', () => {
    const market = marketOf();
    const everyday = (step: number, importWh: number) => {
      const { settlements, trades } = settle(market, step, [reading(step, 0, importWh), reading(step, 1, 0)]);
      return { line: settlements[0]!, bought: buys(trades), sold: sells(trades) };
    };
    let register = 0;
    for (let step = 0; step < 24; step++) {
      register += step === 5 ? 800 : 100;
      everyday(step, register);
    }
    for (let step = 24; step < 29; step++) {
      register += 100;
      everyday(step, register);
    }
    // Step 29 is hour 5 of the second day, and the reading of member 0 does not come.
    const missing = settle(market, 29, [reading(29, 1, 0)]);
    expect(missing.settlements[0]).toMatchObject({ importWh: 800, exportWh: 0, correctedWh: 0, flags: 1 });
    expect(buys(missing.trades).map(({ buyer, energyWh }) => [buyer, energyWh])).toEqual([[0, 800]]);
    expect(market.state().account(0)).toMatchObject({
      substitutedWh: 800,
      importRegisterWh: register,
      nextMeteredStep: 29,
    });
    // 150 Wh really flowed in step 29, 100 Wh in step 30: 250 - 800 are given back.
    const corrected = settle(market, 30, [reading(30, 0, register + 250), reading(30, 1, 0)]);
    expect(corrected.settlements[0]).toMatchObject({ importWh: 250, correctedWh: 800, flags: 0 });
    expect(sells(corrected.trades).map(({ seller, energyWh }) => [seller, energyWh])).toEqual([[0, 550]]);
    expect(market.state().account(0)).toMatchObject({ substitutedWh: 0, nextMeteredStep: 31 });
  });

  it('take back at most the limit of a meter; the rest waits for the next one', () => {
    const corrected = (substitutedWh: number) => {
      const market = marketOf({}, { substitutedWh });
      const lines = [0, 1].map((step) => settle(market, step, [reading(step, 0, 5)]).settlements[0]!);
      return [...lines.map((line) => line.correctedWh), market.state().account(0).substitutedWh];
    };
    expect(corrected(1_000_000_000)).toEqual([1_000_000_000, 0, 0]);
    expect(corrected(1_000_000_001)).toEqual([1_000_000_000, 1, 0]);
    expect(corrected(2_000_000_001)).toEqual([1_000_000_000, 1_000_000_000, 1]);
  });

  it('of more than the connection carries are remembered as what it carries', () => {
    const remembered = (importWh: number) => {
      const market = marketOf({ params: { readingWindowMs: 24_000 } });
      market.accept(market.startMs(1), [reading(0, 0, 0)]);
      // Step 0 has not settled yet: the energy of two steps is plausible, and all of it falls to step 1.
      market.accept(market.startMs(2), [reading(1, 0, importWh)]);
      market.accept(market.startMs(3), []);
      const { settlements } = market.accept(market.startMs(4), []);
      expect(settlements[0]!.importWh).toBe(importWh);
      return Math.max(...Array.from({ length: 96 }, (_, slot) => market.state().usageWh(slot)));
    };
    expect([5999, 6000, 6001, 12_000].map(remembered)).toEqual([5999, 6000, 6000, 6000]);
  });

  it('over several steps do not become the maximum of one hour', () => {
    const market = marketOf();
    settle(market, 0, [reading(0, 1, 0)]);
    settle(market, 1, [reading(1, 0, 5000), reading(1, 1, 0)]);
    const day = 24;
    for (let step = 2; step < day; step++) settle(market, step, [reading(step, 0, 5000)]);
    const { settlements } = settle(market, day + 1, [reading(day + 1, 1, 0)]);
    expect(settlements[0]).toMatchObject({ importWh: 0, flags: 1 });
  });

  it('of an expelled or suspended member are settled all the same', () => {
    const market = marketOf({ member: { suspendedUntilStep: 99 } });
    const { settlements } = settle(market, 0, [reading(0, 0, 10)]);
    expect(settlements).toHaveLength(3);
    expect(settlements[0]!.importWh).toBe(10);
  });
});

describe('the hourly maximum', () => {
  /** What a missing reading costs at hour 0 of day 29, when hour 0 of each week's days had these imports. */
  function substituted(importOf: (day: number) => number, lastDay: number): number {
    const market = marketOf({ members: 1, params: { stepNominalMs: 86_400_000 } });
    let register = 0;
    for (let day = 0; day < lastDay; day++) {
      register += importOf(day);
      settle(market, day, [reading(day, 0, register)]);
    }
    market.accept(market.startMs(lastDay) - 1, [bid({ step: lastDay, account: 0, energyWh: 1, limit: 1 })]);
    return settle(market, lastDay, []).settlements[0]!.importWh;
  }

  it('is that of four weeks', () => {
    expect(substituted((day) => (day === 3 ? 900 : 100), 27)).toBe(900);
  });

  it('of quarter hours is that of the four of an hour', () => {
    const market = marketOf({ members: 1, params: { stepNominalMs: 900_000 } });
    const imports = [10, 700, 20, 30];
    let register = 0;
    for (const [step, importWh] of imports.entries()) {
      register += importWh;
      settle(market, step, [reading(step, 0, register)]);
    }
    expect(market.state().usageWh(22)).toBe(700);
    expect(market.state().usageWh(23)).toBe(0);
  });

  it('forgets what is older, when nothing was imported since, too', () => {
    expect(substituted((day) => (day === 3 ? 900 : 100), 30)).toBe(100);
    expect(substituted((day) => (day === 3 ? 900 : 0), 30)).toBe(0);
  });
});
