import { assert } from '../../util/errors.ts';
import type { Curves } from './curves.ts';
import { buildCurves } from './curves.ts';
import type { Book, Clearing, ClearingRule } from './interface.ts';
import { ASK, BID } from './interface.ts';
import { hubInterval, importRangeWh, midpoint, ownInterval, zonePrices } from './prices.ts';
import type { MarginRange } from './ration.ts';
import { ration } from './ration.ts';

/** A zone at the price that separates its full orders from its empty ones. */
interface ZoneMargin {
  priceMicroEurPerKwh: number;
  bidsAboveWh: number;
  bidsAtWh: number;
  asksBelowWh: number;
  asksAtWh: number;
  netLowWh: number;
  netHighWh: number;
}

function zoneMargin(curves: Curves, zone: number, fee: number, hubPrice: number): ZoneMargin | null {
  const net = importRangeWh(curves, zone, fee, hubPrice);
  let price: number;
  if (net.high > 0) price = hubPrice + fee;
  else if (net.low < 0) price = hubPrice - fee;
  else {
    const own = ownInterval(curves, zone);
    if (own === null) return null;
    price = midpoint(own);
  }
  const bidsAboveWh = curves.totalWh(zone, BID) - curves.upToWh(zone, BID, price);
  const asksBelowWh = curves.upToWh(zone, ASK, price - 1);
  return {
    priceMicroEurPerKwh: price,
    bidsAboveWh,
    bidsAtWh: curves.totalWh(zone, BID) - curves.upToWh(zone, BID, price - 1) - bidsAboveWh,
    asksBelowWh,
    asksAtWh: curves.upToWh(zone, ASK, price) - asksBelowWh,
    netLowWh: net.low,
    netHighWh: net.high,
  };
}

/** The greatest volume a zone can buy for a given net import. */
function boughtWh(margin: ZoneMargin, netWh: number): number {
  return Math.min(margin.bidsAboveWh + margin.bidsAtWh, margin.asksBelowWh + margin.asksAtWh + netWh);
}

/**
 * What marginal bids and asks of every zone may get so that imports can sum to zero at the greatest volume.
 *
 * A zone's volume grows with its import until its marginal bids are full, and stays from there on while imports
 * displace its marginal asks. So at the optimum either every zone is at or below that point (bids are rationed) or
 * every zone is at or above it (asks are rationed).
 */
function marginRanges(margins: readonly (ZoneMargin | null)[]) {
  const turn = margins.map((margin) => {
    if (margin === null) return 0;
    const bothFull = margin.bidsAboveWh + margin.bidsAtWh - margin.asksBelowWh - margin.asksAtWh;
    return Math.min(Math.max(bothFull, margin.netLowWh), margin.netHighWh);
  });
  const rationBids = turn.reduce((sum, wh) => sum + wh, 0) >= 0;
  const bids: MarginRange[] = [];
  const asks: MarginRange[] = [];
  let bidsFullWh = 0;
  let asksFullWh = 0;
  for (const [zone, margin] of margins.entries()) {
    if (margin === null) {
      bids.push({ lowWh: 0, highWh: 0, offeredWh: 0 });
      asks.push({ lowWh: 0, highWh: 0, offeredWh: 0 });
      continue;
    }
    const low = rationBids ? margin.netLowWh : turn[zone]!;
    const high = rationBids ? turn[zone]! : margin.netHighWh;
    const boughtLow = boughtWh(margin, low);
    const boughtHigh = boughtWh(margin, high);
    bids.push({
      lowWh: boughtLow - margin.bidsAboveWh,
      highWh: boughtHigh - margin.bidsAboveWh,
      offeredWh: margin.bidsAtWh,
    });
    asks.push({
      lowWh: boughtHigh - high - margin.asksBelowWh,
      highWh: boughtLow - low - margin.asksBelowWh,
      offeredWh: margin.asksAtWh,
    });
    bidsFullWh += margin.bidsAboveWh;
    asksFullWh += margin.asksBelowWh;
  }
  const sum = (ranges: readonly MarginRange[]) => ranges.reduce((wh, range) => wh + range.lowWh, 0);
  return rationBids
    ? { bids, asks, asksWh: sum(asks), bidsWh: asksFullWh + sum(asks) - bidsFullWh }
    : { bids, asks, bidsWh: sum(bids), asksWh: bidsFullWh + sum(bids) - asksFullWh };
}

function fillOrders(book: Book, margins: readonly (ZoneMargin | null)[]): Uint32Array {
  const { count, zone, side, energyWh, limitMicroEurPerKwh } = book;
  const filledWh = new Uint32Array(count);
  // NaN compares false with every limit: a zone without a margin fills nothing.
  const price = Float64Array.from(margins, (margin) => margin?.priceMicroEurPerKwh ?? Number.NaN);
  const marginalBids: number[] = [];
  const marginalAsks: number[] = [];
  for (let i = 0; i < count; i++) {
    const at = price[zone[i]!]!;
    const limit = limitMicroEurPerKwh[i]!;
    if (limit === at) {
      if (energyWh[i] !== 0) (side[i] === BID ? marginalBids : marginalAsks).push(i);
    } else if (side[i] === BID ? limit > at : limit < at) {
      filledWh[i] = energyWh[i]!;
    }
  }
  const ranges = marginRanges(margins);
  ration(book, marginalBids, ranges.bids, ranges.bidsWh, filledWh);
  ration(book, marginalAsks, ranges.asks, ranges.asksWh, filledWh);
  return filledWh;
}

function assertFees(fees: readonly number[]): void {
  for (const fee of fees) {
    assert(Number.isInteger(fee) && fee >= 0 && fee < 2 ** 31, 'a fee is an integer in 0..2^31-1');
  }
}

/**
 * Zonal uniform-price call auction (k-double auction, k = 1/2) with the fees of a tree tariff.
 *
 * Maximises the sum over trades of bid - ask - fees of crossed legs, then the volume. Every order inside its zone's
 * price fills completely, none outside fills; orders exactly at the margin are rationed pro rata by Wh over all zones
 * that share the margin, largest remainder first, ties by ascending rank. Prices are midpoints of the valid interval,
 * floored. Sum over zones of net import x price = sum of |net import| x fee, exactly.
 *
 * @throws Error where the book has more than 2^21 rows, an unknown zone or side, or a fee is out of range
 */
export const clearKda: ClearingRule = (book, tariff): Clearing => {
  const fees = tariff.feeMicroEurPerKwh;
  assertFees(fees);
  const curves = buildCurves(book, fees.length);
  const hub = hubInterval(curves, fees);
  const margins = fees.map((fee, zone) => (hub ? zoneMargin(curves, zone, fee, midpoint(hub)) : null));
  const filledWh = fillOrders(book, margins);
  const boughtByZone = fees.map(() => 0);
  const soldByZone = fees.map(() => 0);
  let tradedWh = 0;
  for (let i = 0; i < book.count; i++) {
    const wh = filledWh[i]!;
    if (book.side[i] === BID) {
      boughtByZone[book.zone[i]!]! += wh;
      tradedWh += wh;
    } else soldByZone[book.zone[i]!]! += wh;
  }
  const netImportWh = fees.map((_, zone) => boughtByZone[zone]! - soldByZone[zone]!);
  const soldOrBought = fees.map((_, zone) => boughtByZone[zone]! + soldByZone[zone]! > 0);
  const { zonePrice, hubPrice } = hub
    ? zonePrices(curves, fees, hub, { netImportWh, soldOrBought })
    : { zonePrice: fees.map(() => null), hubPrice: null };
  return {
    filledWh,
    zonePriceMicroEurPerKwh: zonePrice,
    hubPriceMicroEurPerKwh: hubPrice,
    zoneNetImportWh: netImportWh,
    tradedWh,
  };
};
