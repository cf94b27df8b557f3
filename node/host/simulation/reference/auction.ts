/** The rule `kda` of docs/protocol.md, section 10.1, by trying every price at which anything changes. */
import { assert } from '../../../util/errors.ts';
import { greatest, least, movedInto, quotientDown, sumOf } from './numbers.ts';

export interface AuctionOrder {
  readonly zone: number;
  /** 0 bid, 1 ask. */
  readonly side: number;
  readonly energyWh: bigint;
  readonly limitMicroEurPerKwh: bigint;
  /** Breaks ties; distinct. */
  readonly rank: number;
}

export interface AuctionOutcome {
  /** Per order, in the order given. */
  readonly filledWh: readonly bigint[];
  /** Per zone; null where nothing traded. */
  readonly zonePriceMicroEurPerKwh: readonly (bigint | null)[];
}

interface Zone {
  readonly fee: bigint;
  readonly bids: readonly AuctionOrder[];
  readonly asks: readonly AuctionOrder[];
}

interface Interval {
  readonly low: bigint;
  readonly high: bigint;
}

/** A zone at its marginal price. */
interface Margin {
  readonly price: bigint;
  readonly bidsAbove: bigint;
  readonly bidsAt: bigint;
  readonly asksBelow: bigint;
  readonly asksAt: bigint;
  readonly netLow: bigint;
  readonly netHigh: bigint;
}

/** What the marginal orders of one side of a zone may get, and what they offer. */
interface Bounds extends Interval {
  readonly offered: bigint;
}

const INT32_SPAN = 2n ** 31n;

function energyOf(orders: readonly AuctionOrder[]): bigint {
  return sumOf(orders.map((order) => order.energyWh));
}

function middle({ low, high }: Interval): bigint {
  return quotientDown(low + high, 2n);
}

/** `I(p)`: bids above the price less asks up to it. */
function leastImport(zone: Zone, price: bigint): bigint {
  const wanted = zone.bids.filter((bid) => bid.limitMicroEurPerKwh > price);
  const offered = zone.asks.filter((ask) => ask.limitMicroEurPerKwh <= price);
  return energyOf(wanted) - energyOf(offered);
}

/** `N(P)`: what the zone imports at least at a hub price. */
function leastImportAtHub(zone: Zone, hubPrice: bigint): bigint {
  return (
    greatest(0n, leastImport(zone, hubPrice + zone.fee)) + least(0n, leastImport(zone, hubPrice - zone.fee))
  );
}

/** `[first <= 0, first < 0]` of a function that never rises and changes at the given prices only. */
function zeroInterval(
  value: (price: bigint) => bigint,
  range: Interval,
  changes: readonly bigint[],
): Interval {
  const inside = changes.filter((price) => price > range.low && price < range.high);
  const tried = [range.low, ...inside, range.high].map((price) => ({ price, value: value(price) }));
  const first = (is: (wh: bigint) => boolean): bigint =>
    least(range.high, ...tried.filter((point) => is(point.value)).map((point) => point.price));
  return { low: first((wh) => wh <= 0n), high: first((wh) => wh < 0n) };
}

function limitsOf(zone: Zone): bigint[] {
  return [...new Set([...zone.bids, ...zone.asks].map((order) => order.limitMicroEurPerKwh))];
}

function hubInterval(zones: readonly Zone[]): Interval {
  const end = INT32_SPAN + greatest(...zones.map((zone) => zone.fee)) + 1n;
  const changes = zones.flatMap((zone) =>
    limitsOf(zone).flatMap((limit) => [limit - zone.fee, limit + zone.fee]),
  );
  const total = (price: bigint) => sumOf(zones.map((zone) => leastImportAtHub(zone, price)));
  return zeroInterval(total, { low: 1n - end, high: end }, [...new Set(changes)]);
}

function ownInterval(zone: Zone): Interval | null {
  if (zone.bids.length === 0 || zone.asks.length === 0) return null;
  const range = { low: -INT32_SPAN, high: INT32_SPAN };
  return zeroInterval((price) => leastImport(zone, price), range, limitsOf(zone));
}

function marginOf(zone: Zone, hubPrice: bigint): Margin | null {
  const netLow = leastImportAtHub(zone, hubPrice);
  const netHigh = leastImportAtHub(zone, hubPrice - 1n);
  const own = ownInterval(zone);
  let price: bigint;
  if (netHigh > 0n) price = hubPrice + zone.fee;
  else if (netLow < 0n) price = hubPrice - zone.fee;
  else if (own !== null) price = middle(own);
  else return null;
  return {
    price,
    bidsAbove: energyOf(zone.bids.filter((bid) => bid.limitMicroEurPerKwh > price)),
    bidsAt: energyOf(zone.bids.filter((bid) => bid.limitMicroEurPerKwh === price)),
    asksBelow: energyOf(zone.asks.filter((ask) => ask.limitMicroEurPerKwh < price)),
    asksAt: energyOf(zone.asks.filter((ask) => ask.limitMicroEurPerKwh === price)),
    netLow,
    netHigh,
  };
}

const NOTHING: Bounds = { low: 0n, high: 0n, offered: 0n };

/** Bounds of the marginal bids and asks of every zone, and what they get together. */
function rationing(margins: readonly (Margin | null)[]) {
  const turns = margins.map((m) =>
    m === null ? 0n : movedInto(m.netLow, m.netHigh, m.bidsAbove + m.bidsAt - m.asksBelow - m.asksAt),
  );
  const bidsAreRationed = sumOf(turns) >= 0n;
  const perZone = margins.map((m, zone) => {
    if (m === null) return { bids: NOTHING, asks: NOTHING };
    const lo = bidsAreRationed ? m.netLow : turns[zone]!;
    const hi = bidsAreRationed ? turns[zone]! : m.netHigh;
    const volume = (net: bigint) => least(m.bidsAbove + m.bidsAt, m.asksBelow + m.asksAt + net);
    return {
      bids: { low: volume(lo) - m.bidsAbove, high: volume(hi) - m.bidsAbove, offered: m.bidsAt },
      asks: { low: volume(hi) - hi - m.asksBelow, high: volume(lo) - lo - m.asksBelow, offered: m.asksAt },
    };
  });
  const bids = perZone.map((zone) => zone.bids);
  const asks = perZone.map((zone) => zone.asks);
  const fullBids = sumOf(margins.map((m) => m?.bidsAbove ?? 0n));
  const fullAsks = sumOf(margins.map((m) => m?.asksBelow ?? 0n));
  const leastAsks = sumOf(asks.map((bounds) => bounds.low));
  const leastBids = sumOf(bids.map((bounds) => bounds.low));
  return bidsAreRationed
    ? { bids, asks, asksTotal: leastAsks, bidsTotal: fullAsks + leastAsks - fullBids }
    : { bids, asks, bidsTotal: leastBids, asksTotal: fullBids + leastBids - fullAsks };
}

/** Per zone the amount that a bound holds it at, or null where it shares the pool. */
function heldZones(bounds: readonly Bounds[], total: bigint): (bigint | null)[] {
  let held = bounds.map(({ low, high }) => (low === high ? low : null));
  for (;;) {
    const { amount, offered } = poolOf(bounds, held, total);
    // Times `offered`, so that the shares are whole numbers.
    const free = bounds.flatMap(({ low, high, offered: own }, zone) =>
      held[zone] === null
        ? [{ zone, excess: amount * own - high * offered, lack: low * offered - amount * own }]
        : [],
    );
    const above = free.filter(({ excess }) => excess > 0n);
    const below = free.filter(({ lack }) => lack > 0n);
    if (above.length === 0 && below.length === 0) return held;
    const excessLeads = sumOf(above.map(({ excess }) => excess)) >= sumOf(below.map(({ lack }) => lack));
    const now = (excessLeads ? above : below).map(({ zone }) => zone);
    held = held.map((before, zone) =>
      now.includes(zone) ? (excessLeads ? bounds[zone]!.high : bounds[zone]!.low) : before,
    );
  }
}

function poolOf(bounds: readonly Bounds[], held: readonly (bigint | null)[], total: bigint) {
  return {
    amount: total - sumOf(held.map((amount) => amount ?? 0n)),
    offered: sumOf(bounds.map((bound, zone) => (held[zone] === null ? bound.offered : 0n))),
  };
}

/** What each of the marginal orders of one side gets. */
function ration(
  orders: readonly AuctionOrder[],
  bounds: readonly Bounds[],
  total: bigint,
): Map<AuctionOrder, bigint> {
  const held = heldZones(bounds, total);
  const pool = poolOf(bounds, held, total);
  const shares = orders.map((order) => {
    const own = held[order.zone]!;
    const { amount, offered } = own === null ? pool : { amount: own, offered: bounds[order.zone]!.offered };
    const product = order.energyWh * amount;
    return { order, wh: product / offered, remainder: product % offered, raised: false };
  });
  shares.sort((a, b) => {
    if (a.remainder !== b.remainder) return a.remainder > b.remainder ? -1 : 1;
    return a.order.rank - b.order.rank;
  });
  const zoneWh = (zone: number) => sumOf(shares.filter((s) => s.order.zone === zone).map((s) => s.wh));
  for (const bound of ['low', 'high'] as const) {
    for (const share of shares) {
      const zone = share.order.zone;
      if (sumOf(shares.map((s) => s.wh)) === total || share.raised) continue;
      if (zoneWh(zone) >= (held[zone] ?? bounds[zone]![bound])) continue;
      share.wh += 1n;
      share.raised = true;
    }
  }
  assert(sumOf(shares.map((s) => s.wh)) === total, 'reference: the margin does not add up');
  return new Map(shares.map((share) => [share.order, share.wh]));
}

function fill(orders: readonly AuctionOrder[], margins: readonly (Margin | null)[]): bigint[] {
  const at = (order: AuctionOrder) => order.limitMicroEurPerKwh === margins[order.zone]?.price;
  const rule = rationing(margins);
  const bids = orders.filter((order) => order.side === 0 && at(order));
  const asks = orders.filter((order) => order.side === 1 && at(order));
  const rationedBids = ration(bids, rule.bids, rule.bidsTotal);
  const rationedAsks = ration(asks, rule.asks, rule.asksTotal);
  return orders.map((order) => {
    const margin = margins[order.zone]!;
    if (margin === null) return 0n;
    const rationed = rationedBids.get(order) ?? rationedAsks.get(order);
    if (rationed !== undefined) return rationed;
    const { limitMicroEurPerKwh: limit, side, energyWh } = order;
    return (side === 0 ? limit > margin.price : limit < margin.price) ? energyWh : 0n;
  });
}

function pricesOf(
  zones: readonly Zone[],
  hub: Interval,
  flows: readonly { bought: bigint; sold: bigint }[],
): (bigint | null)[] {
  const traded = flows.map(({ bought, sold }) => bought > 0n || sold > 0n);
  const crossed = flows.some(({ bought, sold }) => bought !== sold);
  const own = zones.map((zone, i) => {
    const interval = traded[i] ? ownInterval(zone) : null;
    return interval === null ? null : middle(interval);
  });
  let hubPrice = middle(hub);
  if (!crossed && traded.some((yes) => yes)) {
    const lone = zones.flatMap((zone, i) => {
      const price = own[i] ?? null;
      return price === null ? [] : [{ fee: zone.fee, price }];
    });
    const low = greatest(...lone.map(({ price, fee }) => price - fee));
    const high = least(...lone.map(({ price, fee }) => price + fee));
    hubPrice = movedInto(hub.low, hub.high, quotientDown(low + high, 2n));
  }
  return zones.map((zone, i) => {
    const { bought, sold } = flows[i]!;
    if (!traded[i]) return null;
    if (bought > sold) return hubPrice + zone.fee;
    if (bought < sold) return hubPrice - zone.fee;
    return movedInto(hubPrice - zone.fee, hubPrice + zone.fee, own[i]!);
  });
}

/** Clears orders with energy above 0 over the zones of `fees` (microEUR/kWh per leg); docs/protocol.md, section 10.1. */
export function clearAuction(orders: readonly AuctionOrder[], fees: readonly bigint[]): AuctionOutcome {
  const zones = fees.map((fee, zone) => ({
    fee,
    bids: orders.filter((order) => order.zone === zone && order.side === 0),
    asks: orders.filter((order) => order.zone === zone && order.side === 1),
  }));
  if (zones.every(({ bids }) => bids.length === 0) || zones.every(({ asks }) => asks.length === 0)) {
    return { filledWh: orders.map(() => 0n), zonePriceMicroEurPerKwh: zones.map(() => null) };
  }
  const hub = hubInterval(zones);
  const margins = zones.map((zone) => marginOf(zone, middle(hub)));
  const filledWh = fill(orders, margins);
  const flows = zones.map((_, zone) => {
    const of = (side: number) =>
      sumOf(filledWh.filter((_, i) => orders[i]!.zone === zone && orders[i]!.side === side));
    return { bought: of(0), sold: of(1) };
  });
  return { filledWh, zonePriceMicroEurPerKwh: pricesOf(zones, hub, flows) };
}
