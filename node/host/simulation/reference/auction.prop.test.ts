import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createBook } from '../../../market/clearing/book.ts';
import { clearKda } from '../../../market/clearing/kda.ts';
import { clearAuction } from './auction.ts';

interface Shape {
  zones: number;
  maxRows: number;
  energyWh: fc.Arbitrary<number>;
  limit: fc.Arbitrary<number>;
  fee: fc.Arbitrary<number>;
}

const markets = ({ zones, maxRows, energyWh, limit, fee }: Shape) =>
  fc.record({
    fees: fc.array(fee, { minLength: zones, maxLength: zones }),
    rows: fc
      .array(
        fc.record({
          zone: fc.nat({ max: zones - 1 }),
          side: fc.constantFrom(0, 1),
          energyWh,
          limitMicroEurPerKwh: limit,
          order: fc.nat(),
        }),
        { maxLength: maxRows },
      )
      .map((rows) => {
        const byOrder = rows.map((row, i) => ({ row, i })).sort((a, b) => a.row.order - b.row.order);
        return rows.map((row) => ({ ...row, rank: byOrder.findIndex((entry) => entry.row === row) }));
      }),
  });

const shapes: Record<string, Shape> = {
  'few prices, so that margins are crowded': {
    zones: 4,
    maxRows: 24,
    energyWh: fc.integer({ min: 1, max: 9 }),
    limit: fc.integer({ min: -4, max: 4 }),
    fee: fc.integer({ min: 0, max: 3 }),
  },
  'one price and free legs': {
    zones: 5,
    maxRows: 30,
    energyWh: fc.integer({ min: 1, max: 1000 }),
    limit: fc.constantFrom(10, 10, 10, 11),
    fee: fc.constantFrom(0, 0, 1),
  },
  'the whole range of limits, energies and fees': {
    zones: 3,
    maxRows: 16,
    energyWh: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
    limit: fc.oneof(
      fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
      fc.constantFrom(-(2 ** 31), 2 ** 31 - 1, 0),
    ),
    fee: fc.oneof(fc.constantFrom(0, 2 ** 31 - 1), fc.nat({ max: 2 ** 31 - 1 })),
  },
  'huge energies at one price': {
    zones: 3,
    maxRows: 20,
    energyWh: fc.integer({ min: 2 ** 31, max: 2 ** 32 - 1 }),
    limit: fc.constantFrom(5, 5, 6),
    fee: fc.constantFrom(0, 1),
  },
};

describe('the reference auction and the node', () => {
  for (const [name, shape] of Object.entries(shapes)) {
    it(`agree on every fill and price: ${name}`, () => {
      let traded = 0;
      fc.assert(
        fc.property(markets(shape), ({ rows, fees }) => {
          const node = clearKda(createBook(rows), { feeMicroEurPerKwh: fees });
          const reference = clearAuction(
            rows.map((row) => ({
              ...row,
              energyWh: BigInt(row.energyWh),
              limitMicroEurPerKwh: BigInt(row.limitMicroEurPerKwh),
            })),
            fees.map(BigInt),
          );
          expect(reference.filledWh.map(Number)).toEqual([...node.filledWh]);
          expect(reference.zonePriceMicroEurPerKwh).toEqual(
            node.zonePriceMicroEurPerKwh.map((price) => (price === null ? null : BigInt(price))),
          );
          if (node.tradedWh > 0) traded++;
        }),
        { numRuns: 1500 },
      );
      expect(traded).toBeGreaterThan(300);
    });
  }
});
