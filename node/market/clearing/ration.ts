import type { Book } from './interface.ts';

/** What the marginal orders of one side of a zone may get together. */
export interface MarginRange {
  lowWh: number;
  highWh: number;
  /** Sum of the marginal orders. */
  offeredWh: number;
}

interface Shares {
  /** Per zone: its amount where a bound holds it; null where it shares the pool. */
  heldWh: (number | null)[];
  poolWh: number;
  poolOfferedWh: number;
}

/**
 * Splits a total over the zones with one common fraction of what each offers, except where a zone's bound holds it.
 *
 * Bitran and Hax (1981), exact: the side with the larger violation is held first, so no decision is taken back.
 */
function shareOverZones(ranges: readonly MarginRange[], totalWh: number): Shares {
  const heldWh = ranges.map((range) => (range.lowWh === range.highWh ? range.lowWh : null));
  for (;;) {
    let poolWh = totalWh;
    let poolOfferedWh = 0;
    for (const [zone, range] of ranges.entries()) {
      const held = heldWh[zone]!;
      if (held === null) poolOfferedWh += range.offeredWh;
      else poolWh -= held;
    }
    let over = 0n;
    let under = 0n;
    const above: number[] = [];
    const below: number[] = [];
    for (const [zone, range] of ranges.entries()) {
      if (heldWh[zone] !== null) continue;
      const share = BigInt(poolWh) * BigInt(range.offeredWh);
      const excess = share - BigInt(range.highWh) * BigInt(poolOfferedWh);
      const lack = BigInt(range.lowWh) * BigInt(poolOfferedWh) - share;
      if (excess > 0n) {
        over += excess;
        above.push(zone);
      } else if (lack > 0n) {
        under += lack;
        below.push(zone);
      }
    }
    if (above.length + below.length === 0) return { heldWh, poolWh, poolOfferedWh };
    if (over >= under) for (const zone of above) heldWh[zone] = ranges[zone]!.highWh;
    else for (const zone of below) heldWh[zone] = ranges[zone]!.lowWh;
  }
}

/** Floor and remainder of `energy x amount / offered`, exact for any operands below 2^53. */
function proRata(energyWh: number, amountWh: number, offeredWh: number): { wh: number; remainder: number } {
  const product = energyWh * amountWh;
  if (product <= Number.MAX_SAFE_INTEGER) {
    const remainder = product % offeredWh;
    return { wh: (product - remainder) / offeredWh, remainder };
  }
  const exact = BigInt(energyWh) * BigInt(amountWh);
  const divisor = BigInt(offeredWh);
  return { wh: Number(exact / divisor), remainder: Number(exact % divisor) };
}

/**
 * Fills marginal orders of one side pro rata by Wh, within the bounds of their zones.
 *
 * Every order gets its share floored; the missing single Wh go to the largest remainders, ties by ascending rank.
 * The sum over all rows is exactly `totalWh`, which must lie between the sums of the zones' bounds.
 */
export function ration(
  book: Book,
  rows: readonly number[],
  ranges: readonly MarginRange[],
  totalWh: number,
  filledWh: Uint32Array,
): void {
  const { heldWh, poolWh, poolOfferedWh } = shareOverZones(ranges, totalWh);
  const givenWh = new Float64Array(ranges.length);
  const remainders = new Float64Array(rows.length);
  const candidates: number[] = [];
  let leftWh = totalWh;
  for (let at = 0; at < rows.length; at++) {
    const row = rows[at]!;
    const zone = book.zone[row]!;
    const held = heldWh[zone]!;
    const { wh, remainder } = proRata(
      book.energyWh[row]!,
      held ?? poolWh,
      held === null ? poolOfferedWh : ranges[zone]!.offeredWh,
    );
    filledWh[row] = wh;
    givenWh[zone]! += wh;
    leftWh -= wh;
    remainders[at] = remainder;
    if (remainder > 0) candidates.push(at);
  }
  if (leftWh === 0) return;
  candidates.sort(
    (a, b) =>
      remainders[b]! - remainders[a]! || book.rank[rows[a]!]! - book.rank[rows[b]!]! || rows[a]! - rows[b]!,
  );
  const raise = (boundWh: (zone: number) => number): void => {
    for (const at of candidates) {
      if (leftWh === 0) return;
      const row = rows[at]!;
      const zone = book.zone[row]!;
      if (remainders[at] === 0 || givenWh[zone]! >= boundWh(zone)) continue;
      filledWh[row]! += 1;
      givenWh[zone]! += 1;
      leftWh -= 1;
      remainders[at] = 0;
    }
  };
  raise((zone) => heldWh[zone] ?? ranges[zone]!.lowWh);
  raise((zone) => heldWh[zone] ?? ranges[zone]!.highWh);
}
