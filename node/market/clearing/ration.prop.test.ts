import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createBook } from './book.ts';
import { BID } from './interface.ts';
import { ration } from './ration.ts';

/** Zones with marginal orders of small energies, bounds, and a total between the sums of the bounds. */
const margins = fc
  .array(
    fc.record({
      energies: fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 5 }),
      bounds: fc.tuple(fc.nat(1_000), fc.nat(1_000)),
    }),
    { minLength: 1, maxLength: 4 },
  )
  .chain((zones) => {
    const ranges = zones.map(({ energies, bounds }) => {
      const offeredWh = energies.reduce((sum, wh) => sum + wh, 0);
      const at = (permille: number) => Math.round((offeredWh * permille) / 1_000);
      return { lowWh: at(Math.min(...bounds)), highWh: at(Math.max(...bounds)), offeredWh };
    });
    const sum = (key: 'lowWh' | 'highWh') => ranges.reduce((wh, range) => wh + range[key], 0);
    return fc.record({
      energies: fc.constant(zones.map((zone) => zone.energies)),
      ranges: fc.constant(ranges),
      totalWh: fc.integer({ min: sum('lowWh'), max: sum('highWh') }),
    });
  });

describe('ration', () => {
  it('gives every order the same fraction unless the bound of a zone forbids it', () => {
    fc.assert(
      fc.property(margins, ({ energies, ranges, totalWh }) => {
        const rows = energies.flatMap((zone, z) => zone.map((energyWh) => ({ zone: z, energyWh })));
        const book = createBook(
          rows.map((row, rank) => ({ ...row, side: BID, limitMicroEurPerKwh: 0, rank })),
        );
        const filledWh = new Uint32Array(rows.length);
        ration(book, [...rows.keys()], ranges, totalWh, filledWh);
        const given = ranges.map(() => 0);
        for (const [i, row] of rows.entries()) {
          expect(filledWh[i]).toBeLessThanOrEqual(row.energyWh);
          given[row.zone]! += filledWh[i]!;
        }
        expect(given.reduce((sum, wh) => sum + wh, 0)).toBe(totalWh);
        for (const [zone, range] of ranges.entries()) {
          expect(given[zone]).toBeGreaterThanOrEqual(range.lowWh);
          expect(given[zone]).toBeLessThanOrEqual(range.highWh);
        }
        for (const [i, a] of rows.entries()) {
          for (const [j, b] of rows.entries()) {
            // The fraction of a is lower than that of b by more than rounding of 1 Wh each explains.
            const lower = (filledWh[i]! + 1) * b.energyWh <= (filledWh[j]! - 1) * a.energyWh;
            if (!lower) continue;
            expect(a.zone).not.toBe(b.zone);
            const held = given[a.zone] === ranges[a.zone]!.highWh || given[b.zone] === ranges[b.zone]!.lowWh;
            expect(held).toBe(true);
          }
        }
      }),
      { numRuns: 5_000 },
    );
  });
});
