import { describe, expect, it } from 'vitest';
import { decode, encode } from '../protocol/codec.ts';
import { Receipts } from '../protocol/receipts.ts';
import type { Genesis } from '../protocol/types.ts';
import { createBlockContext, emptyReceipts } from './context.ts';
import { checkReceiptBounds, hasRoom, MAX_GENESIS_NANO_EUR, meterLimitWh } from './limits.ts';
import { runDuePhases } from './pipeline.ts';
import {
  ask,
  bid,
  createTestGenesis,
  createTestMarket,
  createTestState,
  reading,
  type TestCommunity,
} from './testing.ts';

/** A community of copies of one member: signatures play no part here. */
function crowd(members: number, given: TestCommunity = {}): Genesis {
  const genesis = createTestGenesis({ members: 1, miners: 1, ...given });
  return { ...genesis, members: Array.from({ length: members }, () => genesis.members[0]!) };
}

describe('the limit of a meter', () => {
  it('is 1 GWh, and in larger communities a share of 50 GWh', () => {
    expect([1, 50, 51, 100, 4096, 8192].map(meterLimitWh)).toEqual([
      1_000_000_000, 1_000_000_000, 980_392_156, 500_000_000, 12_207_031, 6_103_515,
    ]);
  });
});

describe('receipts', () => {
  const entries = {
    trades: Receipts.fields.trades.elementType.defaultValue(),
    clearings: Receipts.fields.clearings.elementType.defaultValue(),
    settlements: Receipts.fields.settlements.elementType.defaultValue(),
    predictions: Receipts.fields.predictions.elementType.defaultValue(),
    actions: Receipts.fields.actions.elementType.defaultValue(),
    emptyRanges: Receipts.fields.emptyRanges.elementType.defaultValue(),
  };
  const limits = {
    trades: 8192,
    clearings: 8,
    settlements: 8192,
    predictions: 8192,
    actions: 1024,
    emptyRanges: 8,
  };
  const names = Object.keys(limits) as (keyof Receipts)[];

  it.each(names)('with a full list of %s can be read back, with one more they are refused', (name) => {
    const filled = (length: number): Receipts => ({
      ...emptyReceipts(),
      [name]: Array(length).fill(entries[name]),
    });
    const full = filled(limits[name]);
    checkReceiptBounds(full);
    expect(decode(Receipts, encode(Receipts, full))![name]).toHaveLength(limits[name]);
    const over = filled(limits[name] + 1);
    expect(() => checkReceiptBounds(over)).toThrow(`${limits[name] + 1} ${name}`);
    // Why it must throw: the library takes it, and nobody can read it.
    expect(decode(Receipts, encode(Receipts, over))).toBeNull();
  });

  it('name at most 32 zones', () => {
    const clearing = (zones: number) => {
      const zonePrices = Array.from({ length: zones }, (_, zone) => ({ zone, priceMicroEurPerKwh: 1 }));
      return { ...emptyReceipts(), clearings: [{ ...entries.clearings, zonePrices }] };
    };
    checkReceiptBounds(clearing(32));
    expect(() => checkReceiptBounds(clearing(33))).toThrow('33 zone prices');
  });
});

describe('the room of a block', () => {
  it('is what its lists of trades and of settlement lines have left', () => {
    const { trades, settlements } = {
      trades: Array(5000).fill(Receipts.fields.trades.elementType.defaultValue()),
      settlements: Array(6000).fill(Receipts.fields.settlements.elementType.defaultValue()),
    };
    expect(hasRoom({ trades, settlements }, { trades: 3192, settlements: 2192 })).toBe(true);
    expect(hasRoom({ trades, settlements }, { trades: 3193, settlements: 0 })).toBe(false);
    expect(hasRoom({ trades, settlements }, { trades: 0, settlements: 2193 })).toBe(false);
    expect(hasRoom(emptyReceipts(), { trades: 8192, settlements: 8192 })).toBe(true);
  });

  /** Progress of one block whose receipts hold something already, over a market with 2 orders for step 0. */
  function phases(written: { trades?: number; settlements?: number }, steps: number): number[] {
    const genesis = createTestGenesis({ members: 3, miners: 1 });
    const market = createTestMarket(genesis);
    market.accept(market.startMs(0) - 1, [
      bid({ step: 0, account: 0, energyWh: 10, limit: 1 }),
      bid({ step: 0, account: 1, energyWh: 10, limit: 1 }),
    ]);
    if (steps > 0) market.accept(market.startMs(1), [reading(0, 0, 10)]);
    const { genesisRoot } = market.state();
    const state = market.state().fork();
    const clockMs = market.startMs(steps);
    const context = createBlockContext({ genesis, genesisRoot, state, clockMs, author: 0 });
    const { trades, settlements } = Receipts.fields;
    context.receipts.trades.push(...Array(written.trades ?? 0).fill(trades.elementType.defaultValue()));
    context.receipts.settlements.push(
      ...Array(written.settlements ?? 0).fill(settlements.elementType.defaultValue()),
    );
    runDuePhases(context);
    context.ledger.flush();
    const { nextToClear, nextToSettle } = state.market();
    return [nextToClear, nextToSettle];
  }

  it('must hold a trade for every order of a step that clears', () => {
    expect(phases({ trades: 8190 }, 0)).toEqual([1, 0]);
    expect(phases({ trades: 8191 }, 0)).toEqual([0, 0]);
  });

  it('must hold a trade and a line for every member when a step settles; what is later waits, too', () => {
    expect(phases({}, 2)).toEqual([3, 1]);
    expect(phases({ trades: 8189, settlements: 8189 }, 2)).toEqual([3, 1]);
    expect(phases({ trades: 8190 }, 2)).toEqual([2, 0]);
    expect(phases({ settlements: 8190 }, 2)).toEqual([2, 0]);
  });

  it.each([
    [4096, [[], [0, 1], [2], []]],
    [4097, [[], [0], [1], [2]]],
  ])('of %i members: settled steps per block after a pause', (members, expected) => {
    const market = createTestMarket(crowd(members));
    const orders = [0, 1].map((step) => bid({ step, account: 0, energyWh: 10, limit: 1 }));
    const settled: number[][] = [];
    const run = (clockMs: number, bodies = orders) => {
      const { settlements } = market.accept(clockMs, bodies);
      for (const step of new Set(settlements.map((line) => line.step))) {
        expect(settlements.filter((line) => line.step === step)).toHaveLength(members);
      }
      settled.push([...new Set(settlements.map((line) => line.step))]);
    };
    run(market.startMs(0) - 1);
    market.accept(market.startMs(1) - 1, [bid({ step: 2, account: 0, energyWh: 10, limit: 1 })]);
    for (let block = 0; block < 3; block++) run(market.startMs(9), []);
    expect(settled).toEqual(expected);
    for (let block = 0; block < 2; block++) run(market.startMs(9), []);
    expect(market.state().market()).toMatchObject({ nextToClear: 10, nextToSettle: 8 });
  });
});

describe('what a settlement writes at the extremes that the rules admit', () => {
  const extremes: TestCommunity = {
    params: { stepNominalMs: 86_400_000, observationMaxAgeSteps: 0 },
    policy: {
      objective: 1,
      aggregatorFeeBps: 10_000,
      networkFeeBps: 10_000,
      bonusTiers: [{ threshold: 0, factorBps: 65_535 }],
      penaltyTiers: [{ threshold: 0, factorBps: 65_535 }],
      zoneFeeMicroEurPerKwh: [10_000_000, 10_000_000],
    },
    grantNanoEur: MAX_GENESIS_NANO_EUR,
  };

  interface Extreme {
    members: number;
    price: number;
    substitutedWh: number;
    /** Even members buy, odd ones sell, as much as their connection carries. */
    trade?: boolean;
    meter: 'import' | 'export' | 'silent';
  }

  function settled({ members, price, substitutedWh, trade = false, meter }: Extreme) {
    const limitWh = meterLimitWh(members);
    const genesis = crowd(members, {
      ...extremes,
      params: { ...extremes.params, defaultWholesaleMicroEurPerKwh: price },
      member: { connectionW: Math.floor(limitWh / 24), creditLimitNanoEur: MAX_GENESIS_NANO_EUR },
    });
    const zoned = {
      ...genesis,
      members: genesis.members.map((member, i) => ({ ...member, neighbourhood: i % 2 })),
    };
    const factors = { bonusBps: 65_535, penaltyBps: 65_535 };
    const start = createTestState(zoned, { ...factors, substitutedWh });
    const usual = Math.floor(limitWh / 24) * 24;
    const slots = meter === 'silent' ? 96 * members : 0;
    for (let slot = 0; slot < slots; slot++) start.setUsageWh(slot, usual);
    const market = createTestMarket(zoned, start);
    const everybody = zoned.members.map((_, account) => account);
    const orders = everybody.map((account) =>
      account % 2 === 0
        ? bid({ step: 0, account, energyWh: usual, limit: 90_000_000 })
        : ask({ step: 0, account, energyWh: usual, limit: 0 }),
    );
    market.accept(market.startMs(0) - 1, trade ? orders : orders.slice(0, 1));
    const cleared = market.accept(market.startMs(1), []);
    const readings = everybody.map((account) =>
      meter === 'import' ? reading(0, account, usual) : reading(0, account, 0, usual),
    );
    const late = market.accept(market.startMs(2) - 1, meter === 'silent' ? [] : readings);
    const receipts = market.accept(market.startMs(2), []);
    for (const made of [cleared, late, receipts]) {
      expect(decode(Receipts, encode(Receipts, made))).toEqual(made);
    }
    market.state().root();
    expect(receipts.settlements).toHaveLength(members);
    return { cleared, receipts, usual, market };
  }

  const PRICES = [10_000_000, -10_000_000];
  const UINT32 = 2 ** 32 - 1;

  it.each(PRICES)('fits its types in trades of the auction and deviations of both signs at %i', (price) => {
    for (const meter of ['import', 'export', 'silent'] as const) {
      for (const substitutedWh of [0, Number.MAX_SAFE_INTEGER]) {
        const given = { members: 50, price, substitutedWh, meter };
        const { receipts, usual } = settled({ ...given, trade: true });
        const most = Math.max(...receipts.trades.map((trade) => trade.energyWh));
        expect(most).toBeLessThanOrEqual(UINT32);
        if (meter === 'export' && substitutedWh > 0) expect(most).toBe(2 * usual + meterLimitWh(50));
        if (meter === 'import' && substitutedWh === 0) expect(most).toBe(2 * usual);
      }
    }
  });

  it.each(PRICES)('fits the totals of money in the largest communities at %i', (price) => {
    for (const [meter, substitutedWh] of [
      ['import', 0],
      ['export', Number.MAX_SAFE_INTEGER],
    ] as const) {
      const { receipts } = settled({ members: 8192, price, substitutedWh, meter });
      expect(receipts.trades.length).toBe(8192);
    }
  });

  it('never counts more substituted energy than the account holds', () => {
    for (const [substitutedWh, importWh] of [
      [Number.MAX_SAFE_INTEGER, 0],
      [Number.MAX_SAFE_INTEGER - 7, 7],
      [0, 999_999_984],
    ] as const) {
      const { receipts, market } = settled({ members: 50, price: 1, substitutedWh, meter: 'silent' });
      expect(receipts.settlements[0]).toMatchObject({ importWh, flags: 1 });
      expect(market.state().account(0).substitutedWh).toBe(substitutedWh + importWh);
    }
  });
});
