import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BookRow } from './book.ts';
import { createBook } from './book.ts';
import type { Clearing } from './interface.ts';
import { ASK, BID } from './interface.ts';
import { clearKda } from './kda.ts';
import { pairFills } from './pairing.ts';

interface Market {
  rows: BookRow[];
  fees: number[];
}

/** Few limits, fees and energies, so that plateaus, exact meetings and indifferent trades are common. */
const markets = (maxRows: number): fc.Arbitrary<Market> =>
  fc.integer({ min: 1, max: 4 }).chain((zones) =>
    fc.record({
      fees: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: zones, maxLength: zones }),
      rows: fc
        .array(
          fc.record({
            zone: fc.integer({ min: 0, max: zones - 1 }),
            side: fc.constantFrom(BID, ASK),
            energyWh: fc.integer({ min: 0, max: 9 }),
            limitMicroEurPerKwh: fc.integer({ min: -5, max: 6 }),
          }),
          { maxLength: maxRows },
        )
        .map((rows) => rows.map((row, rank) => ({ ...row, rank }))),
    }),
  );

const clear = ({ rows, fees }: Market) => clearKda(createBook(rows), { feeMicroEurPerKwh: fees });

interface Edge {
  from: number;
  to: number;
  capacity: number;
  cost: number;
}

/** Welfare counts first, volume second. */
const WELFARE_WEIGHT = 10_000;

/** Greatest welfare and, among those, greatest volume: min-cost flow by successive cheapest paths (Bellman-Ford). */
function oracle({ rows, fees }: Market): { welfare: number; volumeWh: number } {
  const [source, sink, hub] = [0, 1, 2];
  const edges: Edge[] = []; // edge e and its reverse e ^ 1
  const addEdge = (from: number, to: number, capacity: number, cost: number) =>
    edges.push({ from, to, capacity, cost }, { from: to, to: from, capacity: 0, cost: -cost });
  for (const [zone, fee] of fees.entries()) {
    addEdge(3 + zone, hub, Infinity, fee * WELFARE_WEIGHT);
    addEdge(hub, 3 + zone, Infinity, fee * WELFARE_WEIGHT);
  }
  for (const { zone, side, energyWh, limitMicroEurPerKwh: limit } of rows) {
    if (side === ASK) addEdge(source, 3 + zone, energyWh, limit * WELFARE_WEIGHT);
    else addEdge(3 + zone, sink, energyWh, -limit * WELFARE_WEIGHT - 1);
  }
  let profit = 0;
  let volumeWh = 0;
  for (;;) {
    const cost = new Array<number>(3 + fees.length).fill(Infinity);
    const via = new Array<number>(3 + fees.length).fill(-1);
    cost[source] = 0;
    for (let round = 0; round < cost.length; round++) {
      for (const [e, edge] of edges.entries()) {
        if (edge.capacity > 0 && cost[edge.from]! + edge.cost < cost[edge.to]!) {
          cost[edge.to] = cost[edge.from]! + edge.cost;
          via[edge.to] = e;
        }
      }
    }
    if (!(cost[sink]! < 0)) return { welfare: (profit - volumeWh) / WELFARE_WEIGHT, volumeWh };
    const path: number[] = [];
    for (let node = sink; node !== source; node = edges[via[node]!]!.from) path.push(via[node]!);
    const wh = Math.min(...path.map((e) => edges[e]!.capacity));
    for (const e of path) {
      edges[e]!.capacity -= wh;
      edges[e ^ 1]!.capacity += wh;
    }
    profit -= wh * cost[sink]!;
    volumeWh += wh;
  }
}

/** Full inside, empty outside, anything at the margin. */
function supports(market: Market, result: Clearing, zone: number, price: number): boolean {
  return market.rows.every((row, i) => {
    if (row.zone !== zone || row.limitMicroEurPerKwh === price) return true;
    const inside = row.side === BID ? row.limitMicroEurPerKwh > price : row.limitMicroEurPerKwh < price;
    return result.filledWh[i] === (inside ? row.energyWh : 0);
  });
}

/** Whether a hub price and the zone prices that follow from it support the fills. */
function hubSupports(market: Market, result: Clearing, hub: number): boolean {
  return market.fees.every((fee, zone) => {
    const net = result.zoneNetImportWh[zone]!;
    if (net > 0) return supports(market, result, zone, hub + fee);
    if (net < 0) return supports(market, result, zone, hub - fee);
    for (let price = hub - fee; price <= hub + fee; price++) {
      if (supports(market, result, zone, price)) return true;
    }
    return false;
  });
}

const PRICES = Array.from({ length: 61 }, (_, i) => i - 30);

describe('kda against a min-cost-flow oracle', () => {
  it('reaches the greatest welfare and, among those outcomes, the greatest volume', () => {
    let crossings = 0;
    fc.assert(
      fc.property(markets(14), (market) => {
        const result = clear(market);
        let welfare = 0;
        for (const [i, row] of market.rows.entries()) {
          expect(result.filledWh[i]).toBeLessThanOrEqual(row.energyWh);
          welfare += (row.side === BID ? 1 : -1) * result.filledWh[i]! * row.limitMicroEurPerKwh;
        }
        for (const [zone, fee] of market.fees.entries()) {
          welfare -= Math.abs(result.zoneNetImportWh[zone]!) * fee;
        }
        if (result.hubPriceMicroEurPerKwh !== null) crossings++;
        expect({ welfare, volumeWh: result.tradedWh }).toEqual(oracle(market));
      }),
      { numRuns: 3_000 },
    );
    expect(crossings).toBeGreaterThan(300);
  });

  it('sets every price in the middle of the prices that support the fills', () => {
    fc.assert(
      fc.property(markets(14), (market) => {
        const result = clear(market);
        const hub = result.hubPriceMicroEurPerKwh;
        if (hub !== null) {
          const valid = PRICES.filter((price) => hubSupports(market, result, price));
          expect(hub).toBe(Math.floor((valid[0]! + valid.at(-1)!) / 2));
        }
        for (const [zone, price] of result.zonePriceMicroEurPerKwh.entries()) {
          if (price === null) continue;
          expect(supports(market, result, zone, price)).toBe(true);
          const net = result.zoneNetImportWh[zone]!;
          const fee = market.fees[zone]!;
          if (net !== 0) expect(price).toBe(hub! + Math.sign(net) * fee);
          else if (hub !== null) expect(Math.abs(price - hub)).toBeLessThanOrEqual(fee);
          if (net !== 0 || market.fees.length > 1) continue;
          const valid = PRICES.filter((other) => supports(market, result, zone, other));
          expect(price).toBe(Math.floor((valid[0]! + valid.at(-1)!) / 2));
        }
      }),
      { numRuns: 3_000 },
    );
  });
});

describe('kda keeps its promises', () => {
  it('balances energy and money and harms nobody', () => {
    fc.assert(
      fc.property(markets(40), (market) => {
        const result = clear(market);
        const prices = result.zonePriceMicroEurPerKwh;
        let bought = 0;
        let sold = 0;
        const net = market.fees.map(() => 0);
        const traded = market.fees.map(() => false);
        for (const [i, row] of market.rows.entries()) {
          const wh = result.filledWh[i]!;
          if (wh > 0) traded[row.zone] = true;
          if (row.side === BID) bought += wh;
          else sold += wh;
          net[row.zone]! += row.side === BID ? wh : -wh;
          const price = prices[row.zone]!;
          if (price === null) expect(wh).toBe(0);
          else if (row.side === BID && wh > 0) expect(row.limitMicroEurPerKwh).toBeGreaterThanOrEqual(price);
          else if (wh > 0) expect(row.limitMicroEurPerKwh).toBeLessThanOrEqual(price);
        }
        expect(prices.map((price) => price !== null)).toEqual(traded);
        expect([bought, sold, net]).toEqual([result.tradedWh, result.tradedWh, result.zoneNetImportWh]);
        expect(net.reduce((sum, wh) => sum + wh, 0)).toBe(0);
        const crossed = net.some((wh) => wh !== 0);
        expect(result.hubPriceMicroEurPerKwh !== null).toBe(crossed);
        const surplus = net.reduce((sum, wh, zone) => sum + wh * (prices[zone] ?? 0), 0);
        expect(surplus).toBe(net.reduce((sum, wh, zone) => sum + Math.abs(wh) * market.fees[zone]!, 0));
        for (const [a, priceA] of prices.entries()) {
          for (const [b, priceB] of prices.entries()) {
            if (a === b || priceA === null || priceB === null) continue;
            expect(priceA - priceB).toBeLessThanOrEqual(market.fees[a]! + market.fees[b]!);
          }
        }
      }),
      { numRuns: 3_000 },
    );
  });

  it('fills orders at one margin in one proportion, to less than 1 Wh each', () => {
    fc.assert(
      fc.property(markets(40), (market) => {
        const result = clear(market);
        for (const [i, a] of market.rows.entries()) {
          for (const [j, b] of market.rows.entries()) {
            if (a.side !== b.side || a.limitMicroEurPerKwh !== b.limitMicroEurPerKwh) continue;
            if (a.zone !== b.zone && market.fees.some((fee) => fee !== 0)) continue;
            if (a.energyWh === 0 || b.energyWh === 0) continue;
            const apart = Math.abs(result.filledWh[i]! * b.energyWh - result.filledWh[j]! * a.energyWh);
            expect(apart).toBeLessThan(a.energyWh + b.energyWh);
          }
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('does not depend on the order of the rows', () => {
    const shuffled = markets(30).chain((market) =>
      fc.tuple(fc.constant(market), fc.shuffledSubarray(market.rows, { minLength: market.rows.length })),
    );
    fc.assert(
      fc.property(shuffled, ([market, rows]) => {
        const straight = clear(market);
        const other = clear({ ...market, rows });
        const byRank = rows.map((row) => straight.filledWh[row.rank]);
        expect({ ...other, filledWh: Array.from(other.filledWh) }).toEqual({ ...straight, filledWh: byRank });
      }),
      { numRuns: 1_000 },
    );
  });

  it('does not depend on the labels of zones, and on ranks by at most 1 Wh', () => {
    const relabelled = markets(30).chain((market) =>
      fc.tuple(
        fc.constant(market),
        fc.shuffledSubarray([...market.fees.keys()], { minLength: market.fees.length }),
        fc.shuffledSubarray([...market.rows.keys()], { minLength: market.rows.length }),
      ),
    );
    fc.assert(
      fc.property(relabelled, ([market, zoneOf, rankOf]) => {
        const straight = clear(market);
        const fees = market.fees.map((_, zone) => market.fees[zoneOf.indexOf(zone)]!);
        const moved = clear({ fees, rows: market.rows.map((row) => ({ ...row, zone: zoneOf[row.zone]! })) });
        expect(moved.filledWh).toEqual(straight.filledWh);
        for (const zone of market.fees.keys()) {
          expect(moved.zonePriceMicroEurPerKwh[zoneOf[zone]!]).toBe(straight.zonePriceMicroEurPerKwh[zone]);
        }
        const reranked = clear({
          ...market,
          rows: market.rows.map((row, i) => ({ ...row, rank: rankOf[i]! })),
        });
        for (const i of market.rows.keys()) {
          expect(Math.abs(reranked.filledWh[i]! - straight.filledWh[i]!)).toBeLessThanOrEqual(1);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('pairFills', () => {
  it('uses up every fill exactly, at home first, with few pairs', () => {
    fc.assert(
      fc.property(markets(40), (market) => {
        const { rows, fees } = market;
        const book = createBook(rows);
        const result = clearKda(book, { feeMicroEurPerKwh: fees });
        const pairs = pairFills(book, result);
        const paired = rows.map(() => 0);
        let acrossWh = 0;
        for (const { sellerIndex, buyerIndex, energyWh } of pairs) {
          expect(energyWh).toBeGreaterThan(0);
          expect([rows[sellerIndex]!.side, rows[buyerIndex]!.side]).toEqual([ASK, BID]);
          paired[sellerIndex]! += energyWh;
          paired[buyerIndex]! += energyWh;
          if (rows[sellerIndex]!.zone !== rows[buyerIndex]!.zone) acrossWh += energyWh;
        }
        expect(paired).toEqual(Array.from(result.filledWh));
        expect(acrossWh).toBe(result.zoneNetImportWh.reduce((sum, wh) => sum + Math.max(0, wh), 0));
        for (const zone of fees.keys()) {
          const fills = rows.filter((row, i) => row.zone === zone && result.filledWh[i]! > 0).length;
          const home = pairs.filter(
            (pair) => rows[pair.sellerIndex]!.zone === zone && rows[pair.buyerIndex]!.zone === zone,
          );
          expect(home.length).toBeLessThanOrEqual(Math.max(0, fills - 1));
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
