import type { Curves } from './curves.ts';
import { leastImportWh } from './curves.ts';
import { ASK, BID } from './interface.ts';

const INT32_SPAN = 2 ** 31;

/** Every integer price in `low..high` supports the optimal quantities. */
export interface PriceInterval {
  low: number;
  high: number;
}

/** The middle of an interval, floored toward minus infinity. */
export function midpoint(interval: PriceInterval): number {
  return Math.floor((interval.low + interval.high) / 2);
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}

/** The interval where a falling net import is zero: from the first price with import <= 0 to the first with < 0. */
function zeroInterval(importWh: (price: number) => number, floor: number, ceiling: number): PriceInterval {
  const first = (sinks: (wh: number) => boolean): number => {
    let below = floor;
    let at = ceiling;
    while (at - below > 1) {
      const middle = Math.floor((below + at) / 2);
      if (sinks(importWh(middle))) at = middle;
      else below = middle;
    }
    return at;
  };
  return { low: first((wh) => wh <= 0), high: first((wh) => wh < 0) };
}

/** Least and greatest net import of a zone for a hub price: it imports at P + f, exports at P - f, else stays alone. */
export function importRangeWh(curves: Curves, zone: number, fee: number, hubPrice: number) {
  const least = (hub: number) =>
    Math.max(0, leastImportWh(curves, zone, hub + fee)) + Math.min(0, leastImportWh(curves, zone, hub - fee));
  return { low: least(hubPrice), high: least(hubPrice - 1) };
}

/** The hub prices at which the zones' net imports can sum to zero; null where the book has one side only. */
export function hubInterval(curves: Curves, fees: readonly number[]): PriceInterval | null {
  const has = (side: number) => fees.some((_, zone) => curves.totalWh(zone, side) > 0);
  if (!has(BID) || !has(ASK)) return null;
  const reach = INT32_SPAN + fees.reduce((most, fee) => Math.max(most, fee), 0) + 1;
  const importWh = (hub: number) =>
    fees.reduce((sum, fee, zone) => sum + importRangeWh(curves, zone, fee, hub).low, 0);
  return zeroInterval(importWh, -reach, reach);
}

/** The prices at which a zone clears alone; null where it has one side only. */
export function ownInterval(curves: Curves, zone: number): PriceInterval | null {
  if (curves.totalWh(zone, BID) === 0 || curves.totalWh(zone, ASK) === 0) return null;
  return zeroInterval((price) => leastImportWh(curves, zone, price), -INT32_SPAN - 1, INT32_SPAN);
}

/**
 * Uniform price per zone, null where nothing traded.
 *
 * An importing zone pays P + f, an exporting one gets P - f. A lone zone has the midpoint of its own interval, moved
 * into P - f .. P + f, so that prices of two zones never differ by more than the fees between them. Where no energy
 * crossed, P is the hub price that moves the lone zones least.
 */
export function zonePrices(
  curves: Curves,
  fees: readonly number[],
  hub: PriceInterval,
  traded: { netImportWh: readonly number[]; soldOrBought: readonly boolean[] },
): { zonePrice: (number | null)[]; hubPrice: number | null } {
  const crossed = traded.netImportWh.some((wh) => wh !== 0);
  const own = fees.map((_, zone) => {
    const interval = traded.soldOrBought[zone] ? ownInterval(curves, zone) : null;
    return interval === null ? null : midpoint(interval);
  });
  let reference = midpoint(hub);
  if (!crossed) {
    const low = fees.reduce((most, fee, zone) => Math.max(most, (own[zone] ?? -Infinity) - fee), -Infinity);
    const high = fees.reduce((least, fee, zone) => Math.min(least, (own[zone] ?? Infinity) + fee), Infinity);
    if (low > -Infinity) reference = clamp(midpoint({ low, high }), hub.low, hub.high);
  }
  const zonePrice = fees.map((fee, zone) => {
    if (!traded.soldOrBought[zone]) return null;
    if (traded.netImportWh[zone]! > 0) return reference + fee;
    if (traded.netImportWh[zone]! < 0) return reference - fee;
    return clamp(own[zone]!, reference - fee, reference + fee);
  });
  return { zonePrice, hubPrice: crossed ? reference : null };
}
