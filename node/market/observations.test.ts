import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lastObserved, lowerMedian } from './observations.ts';
import { bid, createTestGenesis, createTestMarket, observation } from './testing.ts';

const genesis = createTestGenesis({ members: 2, miners: 2, oracles: 5 });

/** What clearing step 0 observed, given the oracles' reports. */
function observed(reports: readonly (readonly [price: number, centiC: number])[]) {
  const market = createTestMarket(genesis);
  const bodies = reports.map(([price, centiC], oracle) => observation(0, oracle, price, centiC));
  market.accept(market.startMs(0) - 1, bodies);
  const { staleFlags, wholesaleMicroEurPerKwh, temperatureCentiC } = market.accept(market.startMs(0), [])
    .clearings[0]!;
  return { staleFlags, wholesaleMicroEurPerKwh, temperatureCentiC };
}

describe('observations', () => {
  it('give the lower median of three or more, price and temperature each by itself', () => {
    expect(
      observed([
        [300, -10],
        [100, 30],
        [200, 20],
      ]),
    ).toEqual({
      staleFlags: 0,
      wholesaleMicroEurPerKwh: 200,
      temperatureCentiC: 20,
    });
    expect(
      observed([
        [4, 4],
        [1, 1],
        [3, 3],
        [2, 2],
      ]).wholesaleMicroEurPerKwh,
    ).toBe(2);
    expect(
      observed([
        [5, 5],
        [4, 4],
        [1, 1],
        [3, 3],
        [2, 2],
      ]).wholesaleMicroEurPerKwh,
    ).toBe(3);
  });

  it('of fewer than three are ignored: the default, flagged, as long as nothing was accepted', () => {
    for (const reports of [
      [],
      [[1, 1]],
      [
        [1, 1],
        [2, 2],
      ],
    ] as [number, number][][]) {
      expect(observed(reports)).toEqual({
        staleFlags: 3,
        wholesaleMicroEurPerKwh: 115_000,
        temperatureCentiC: 2400,
      });
    }
  });

  it('keep the result inside the honest range when one of three lies', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer(), fc.integer(), (honest, alsoHonest, lie) => {
        const median = lowerMedian([honest, lie, alsoHonest]);
        expect(median).toBeGreaterThanOrEqual(Math.min(honest, alsoHonest));
        expect(median).toBeLessThanOrEqual(Math.max(honest, alsoHonest));
      }),
    );
  });

  it('leave the last accepted value, flagged stale, for 24 steps; then the default', () => {
    const { params } = genesis;
    const market = {
      nextToClear: 0,
      nextToSettle: 0,
      adminSequence: 0,
      wholesaleMicroEurPerKwh: 99_000,
      wholesaleStepPlus1: 8,
      temperatureCentiC: 1234,
      temperatureStepPlus1: 9,
    };
    expect(lastObserved(params, market, 7 + 24)).toEqual({
      wholesaleMicroEurPerKwh: 99_000,
      temperatureCentiC: 1234,
    });
    expect(lastObserved(params, market, 7 + 25)).toEqual({
      wholesaleMicroEurPerKwh: 115_000,
      temperatureCentiC: 1234,
    });
    expect(lastObserved(params, market, 8 + 25).temperatureCentiC).toBe(2400);
  });

  it('are remembered by the chain from step to step', () => {
    const market = createTestMarket(genesis);
    const reports = [0, 1, 2].map((oracle) => observation(0, oracle, 50_000 + oracle));
    market.accept(market.startMs(0) - 1, reports);
    const prices: [number, number, number][] = [];
    for (let step = 0; step <= 26; step++) {
      const order = bid({ step: step + 1, account: 0, energyWh: 1, limit: 1 });
      for (const clearing of market.accept(market.startMs(step), [order]).clearings) {
        prices.push([clearing.step, clearing.wholesaleMicroEurPerKwh, clearing.staleFlags]);
      }
    }
    expect(prices).toHaveLength(27);
    expect(prices[0]).toEqual([0, 50_001, 0]);
    expect(prices[1]).toEqual([1, 50_001, 3]);
    expect(prices[24]).toEqual([24, 50_001, 3]);
    expect(prices[25]).toEqual([25, 115_000, 3]);
  });
});
