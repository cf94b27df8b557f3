import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { greedyBattery, powerLimitWh } from './battery.ts';

const intervals = fc
  .record({
    netLoadWh: fc.integer({ min: -50_000, max: 50_000 }),
    capacityWh: fc.integer({ min: 0, max: 30_000 }),
    chargeShareBps: fc.integer({ min: 0, max: 10_000 }),
    powerW: fc.integer({ min: 0, max: 20_000 }),
    durationMs: fc.constantFrom(2000, 300_000, 900_000, 3_600_000),
    efficiencyBps: fc.integer({ min: 1, max: 10_000 }),
  })
  .map(({ chargeShareBps, ...rest }) => ({
    ...rest,
    storedWh: Math.floor((rest.capacityWh * chargeShareBps) / 10_000),
  }));

describe('greedyBattery, any interval', () => {
  it('conserves energy exactly, keeps its limits and never trades both ways', () => {
    fc.assert(
      fc.property(intervals, (interval) => {
        const result = greedyBattery(interval);
        const deltaWh = result.storedWh - interval.storedWh;
        expect(interval.netLoadWh + result.gridExportWh + deltaWh + result.lossWh).toBe(result.gridImportWh);
        for (const value of Object.values(result)) {
          expect(Number.isSafeInteger(value) && value >= 0).toBe(true);
        }
        expect(result.storedWh).toBeLessThanOrEqual(interval.capacityWh);
        expect(result.gridImportWh * result.gridExportWh).toBe(0);
        const limitWh = powerLimitWh(interval.powerW, interval.durationMs);
        expect(Math.abs(deltaWh) + result.lossWh).toBeLessThanOrEqual(limitWh);
      }),
      { numRuns: 2000 },
    );
  });

  it('is greedy: trades with the grid only when the battery or its power is exhausted', () => {
    fc.assert(
      fc.property(intervals, (interval) => {
        const result = greedyBattery(interval);
        const limitWh = powerLimitWh(interval.powerW, interval.durationMs);
        const deltaWh = result.storedWh - interval.storedWh;
        if (result.gridImportWh > 0) expect(result.storedWh === 0 || -deltaWh === limitWh).toBe(true);
        if (result.gridExportWh > 0) {
          expect(result.storedWh === interval.capacityWh || deltaWh + result.lossWh === limitWh).toBe(true);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
