import { assert } from '../../util/errors.ts';
import type { Book } from './interface.ts';
import { ASK, BID } from './interface.ts';

/** Most rows of a book: 2^21 rows of 2^32 - 1 Wh sum to less than 2^53, and a row's key fits 53 bits. */
export const MAX_BOOK_ROWS = 2 ** 21;

const LIMIT_OFFSET = 2 ** 31;

/** Cumulative supply and demand of every zone. */
export interface Curves {
  zoneCount: number;
  totalWh(zone: number, side: number): number;
  /** Wh of one side of a zone with a limit of at most this price; the price may lie outside int32. */
  upToWh(zone: number, side: number, priceMicroEurPerKwh: number): number;
}

/** The sort key of a row: limit in the upper 32 bits, row in the lower 21; an exact integer below 2^53. */
export function limitKey(limitMicroEurPerKwh: number, row: number): number {
  return (limitMicroEurPerKwh + LIMIT_OFFSET) * MAX_BOOK_ROWS + row;
}

/** Sorts a book into curves in O(n log n). Rows without energy are left out. */
export function buildCurves(book: Book, zoneCount: number): Curves {
  const { count, zone, side, energyWh, limitMicroEurPerKwh } = book;
  assert(count >= 0 && count <= MAX_BOOK_ROWS, 'a book has at most 2^21 rows');
  const start = new Uint32Array(2 * zoneCount + 1);
  for (let i = 0; i < count; i++) {
    assert(zone[i]! < zoneCount && side[i]! <= ASK, 'every row has a zone of the tariff and a side');
    if (energyWh[i] !== 0) start[2 * zone[i]! + side[i]! + 1]!++;
  }
  for (let bucket = 0; bucket < 2 * zoneCount; bucket++) start[bucket + 1]! += start[bucket]!;
  const keys = new Float64Array(start[2 * zoneCount]!);
  const next = start.slice();
  for (let i = 0; i < count; i++) {
    if (energyWh[i] === 0) continue;
    const bucket = 2 * zone[i]! + side[i]!;
    keys[next[bucket]!++] = limitKey(limitMicroEurPerKwh[i]!, i);
  }
  const cumulativeWh = new Float64Array(keys.length);
  for (let bucket = 0; bucket < 2 * zoneCount; bucket++) {
    keys.subarray(start[bucket]!, start[bucket + 1]!).sort();
    let sumWh = 0;
    for (let at = start[bucket]!; at < start[bucket + 1]!; at++) {
      const key = keys[at]!;
      sumWh += energyWh[key - Math.floor(key / MAX_BOOK_ROWS) * MAX_BOOK_ROWS]!;
      cumulativeWh[at] = sumWh;
    }
  }
  const beforeWh = (bucket: number, at: number) => (at === start[bucket]! ? 0 : cumulativeWh[at - 1]!);
  return {
    zoneCount,
    totalWh: (z, s) => beforeWh(2 * z + s, start[2 * z + s + 1]!),
    upToWh: (z, s, price) => {
      const bucket = 2 * z + s;
      const bound = limitKey(price + 1, 0);
      let low = start[bucket]!;
      let high = start[bucket + 1]!;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (keys[middle]! < bound) low = middle + 1;
        else high = middle;
      }
      return beforeWh(bucket, low);
    },
  };
}

/**
 * The least net import of a zone whose price is this one: marginal asks sell and marginal bids stay empty.
 *
 * Limits are integers, so the greatest net import at price p is the least at p - 1.
 */
export function leastImportWh(curves: Curves, zone: number, priceMicroEurPerKwh: number): number {
  return (
    curves.totalWh(zone, BID) -
    curves.upToWh(zone, BID, priceMicroEurPerKwh) -
    curves.upToWh(zone, ASK, priceMicroEurPerKwh)
  );
}
