import { MAX_BOOK_ROWS } from './curves.ts';
import type { Book, Clearing } from './interface.ts';
import { BID } from './interface.ts';

/** Energy of one filled ask that goes to one filled bid; rows of the book. */
export interface FillPair {
  sellerIndex: number;
  buyerIndex: number;
  energyWh: number;
}

/** Pairs sellers with buyers, both in the given order, until one side is used up; `restWh` shrinks accordingly. */
function pairInOrder(
  sellers: readonly number[],
  buyers: readonly number[],
  restWh: Uint32Array,
  pairs: FillPair[],
): void {
  let s = 0;
  let b = 0;
  while (s < sellers.length && b < buyers.length) {
    const sellerIndex = sellers[s]!;
    const buyerIndex = buyers[b]!;
    const energyWh = Math.min(restWh[sellerIndex]!, restWh[buyerIndex]!);
    pairs.push({ sellerIndex, buyerIndex, energyWh });
    restWh[sellerIndex]! -= energyWh;
    restWh[buyerIndex]! -= energyWh;
    if (restWh[sellerIndex] === 0) s++;
    if (restWh[buyerIndex] === 0) b++;
  }
}

/**
 * Assigns filled asks to filled bids: first inside each zone (ascending zone), then the rests across zones.
 *
 * Within a group both sides run in ascending rank; prices play no part, since every zone has one price. A group of n
 * fills gives at most n - 1 pairs, and every fill is used up exactly.
 */
export function pairFills(book: Book, clearing: Clearing): FillPair[] {
  const { filledWh } = clearing;
  const zoneCount = clearing.zoneNetImportWh.length;
  const filledRows = filledWh.reduce((rows, wh) => rows + (wh > 0 ? 1 : 0), 0);
  const keys = new Float64Array(filledRows);
  let next = 0;
  for (let i = 0; i < book.count; i++) {
    if (filledWh[i]! > 0) keys[next++] = book.rank[i]! * MAX_BOOK_ROWS + i;
  }
  keys.sort();
  const sellers: number[][] = Array.from({ length: zoneCount }, () => []);
  const buyers: number[][] = Array.from({ length: zoneCount }, () => []);
  const byRank = Array.from(keys, (key) => key % MAX_BOOK_ROWS);
  for (const row of byRank) (book.side[row] === BID ? buyers : sellers)[book.zone[row]!]!.push(row);
  const restWh = filledWh.slice();
  const pairs: FillPair[] = [];
  for (let zone = 0; zone < zoneCount; zone++) pairInOrder(sellers[zone]!, buyers[zone]!, restWh, pairs);
  const rests = byRank.filter((row) => restWh[row]! > 0);
  pairInOrder(
    rests.filter((row) => book.side[row] !== BID),
    rests.filter((row) => book.side[row] === BID),
    restWh,
    pairs,
  );
  return pairs;
}
