import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FUND, NETWORK_OPERATOR } from '../protocol/accounts.ts';
import { TRADE_KINDS } from '../protocol/receipts.ts';
import {
  ask,
  balanceOf,
  bid,
  cancel,
  createTestGenesis,
  createTestMarket,
  createTestState,
  type TestAccount,
  type TestCommunity,
  type TestMarket,
} from './testing.ts';

function marketOf(given: TestCommunity = {}, account: TestAccount = {}): TestMarket {
  const genesis = createTestGenesis({ members: 4, miners: 1, ...given });
  return createTestMarket(genesis, createTestState(genesis, account));
}

/** Clears step 0 with these orders; member 3 authors. */
function clear(market: TestMarket, orders: Parameters<TestMarket['accept']>[1]) {
  market.accept(market.startMs(0) - 1, orders, 3);
  return market.accept(market.startMs(0), [], 3);
}

const buyer = (limit: number, energyWh = 1000) => bid({ step: 0, account: 0, energyWh, limit });
const seller = (limit: number, energyWh = 1000) => ask({ step: 0, account: 1, energyWh, limit });

describe('the auction', () => {
  it('moves the money of a fill at once, at the midpoint', () => {
    const market = marketOf();
    const { trades, clearings } = clear(market, [buyer(120_001), seller(100_000)]);
    expect(trades).toHaveLength(1);
    expect(trades[0]).toMatchObject({
      step: 0,
      sequence: 0,
      kind: TRADE_KINDS.indexOf('AUCTION'),
      seller: 1,
      buyer: 0,
      energyWh: 1000,
      priceMicroEurPerKwh: 110_000,
      feeNanoEur: 0n,
      sellerBonusNanoEur: 0n,
      marketTimeMs: market.startMs(0),
    });
    expect(clearings).toEqual([
      {
        step: 0,
        wholesaleMicroEurPerKwh: 115_000,
        temperatureCentiC: 2400,
        staleFlags: 3,
        tradedWh: 1000,
        orders: 2,
        zonePrices: [{ zone: 0, priceMicroEurPerKwh: 110_000 }],
      },
    ]);
    expect(balanceOf(market.state(), 0)).toBe(-110_000_000n);
    expect(balanceOf(market.state(), 1)).toBe(110_000_000n);
    expect(market.state().positions(0)).toEqual([
      { account: 0, boughtWh: 1000, soldWh: 0 },
      { account: 1, boughtWh: 0, soldWh: 1000 },
    ]);
  });

  it('releases every reservation, filled or not', () => {
    const market = marketOf();
    const unfilled = ask({ step: 0, account: 2, energyWh: 100, limit: -50 });
    market.accept(market.startMs(0) - 1, [buyer(120_000), seller(130_000), unfilled], 3);
    expect([0, 1, 2].map((member) => market.state().reservedNanoEur(member))).toEqual([
      120_000_000n,
      0n,
      5000n,
    ]);
    market.accept(market.startMs(0), [], 3);
    expect([0, 1, 2].map((member) => market.state().reservedNanoEur(member))).toEqual([0n, 0n, 0n]);
  });

  it('passes over cancelled orders, whose reservation went with them', () => {
    const market = marketOf();
    market.accept(market.startMs(0) - 2, [buyer(120_000), seller(100_000)]);
    market.accept(market.startMs(0) - 1, [cancel(0, 0)]);
    expect(market.state().reservedNanoEur(0)).toBe(0n);
    const { trades, clearings } = market.accept(market.startMs(0), []);
    expect(trades).toEqual([]);
    expect(clearings[0]).toMatchObject({ orders: 1, tradedWh: 0, zonePrices: [] });
  });

  it('pays sellers who pay to get rid of energy, too', () => {
    const market = marketOf();
    clear(market, [buyer(-10_000), seller(-30_000)]);
    expect(balanceOf(market.state(), 0)).toBe(20_000_000n);
    expect(balanceOf(market.state(), 1)).toBe(-20_000_000n);
  });
});

describe('network fees', () => {
  it('are paid by the buyer across zones; the author gets its share, rounded down', () => {
    // Half of 2 % of 115 000 is 1150 on each leg; a fixed leg of 1 and 0 on top.
    const market = marketOf({ zones: 2, policy: { zoneFeeMicroEurPerKwh: [1] } });
    const { trades, clearings } = clear(market, [buyer(200_000, 11), seller(100_000, 11)]);
    expect(trades[0]!.feeNanoEur).toBe(11n * 2301n);
    expect(clearings[0]!.zonePrices).toHaveLength(2);
    const [here, there] = clearings[0]!.zonePrices.map(({ priceMicroEurPerKwh }) => priceMicroEurPerKwh);
    expect(here! - there!).toBe(2301);
    expect(balanceOf(market.state(), 0)).toBe(-11n * BigInt(here!));
    expect(balanceOf(market.state(), 1)).toBe(11n * BigInt(there!));
    expect(balanceOf(market.state(), 3)).toBe(12_655n);
    expect(balanceOf(market.state(), NETWORK_OPERATOR)).toBe(25_311n - 12_655n);
  });

  it('are nothing inside a zone, and nothing on a negative reference price', () => {
    const inside = marketOf();
    expect(clear(inside, [buyer(200_000), seller(100_000)]).trades[0]!.feeNanoEur).toBe(0n);
    const across = marketOf({ zones: 2, params: { defaultWholesaleMicroEurPerKwh: -50_000 } });
    expect(clear(across, [buyer(200_000), seller(100_000)]).trades[0]!.feeNanoEur).toBe(0n);
  });
});

describe('bonuses', () => {
  it('are what the factors promise to both sides, out of the fund, rounded in its favour', () => {
    const market = marketOf({ params: {} }, { bonusBps: 10_200 });
    const { trades } = clear(market, [buyer(100_000, 7), seller(99_999, 7)]);
    // Price 99 999, value 699 993: seller + 2 % = 13 999.86; the buyer pays 686 267.6, rounded up.
    expect(trades[0]).toMatchObject({ sellerBonusNanoEur: 13_999n, buyerBonusNanoEur: 699_993n - 686_268n });
    expect(balanceOf(market.state(), FUND)).toBe(1_000_000_000n - 13_999n - 13_725n);
  });

  it('are scaled down together when the fund is short, never below zero', () => {
    const full = marketOf({ grantNanoEur: 27_724n }, { bonusBps: 10_200 });
    const enough = clear(full, [buyer(100_000, 7), seller(99_999, 7)]).trades[0]!;
    expect([enough.sellerBonusNanoEur, enough.buyerBonusNanoEur]).toEqual([13_999n, 13_725n]);
    expect(balanceOf(full.state(), FUND)).toBe(0n);
    const short = marketOf({ grantNanoEur: 27_723n }, { bonusBps: 10_200 });
    const scaled = clear(short, [buyer(100_000, 7), seller(99_999, 7)]).trades[0]!;
    expect([scaled.sellerBonusNanoEur, scaled.buyerBonusNanoEur]).toEqual([13_998n, 13_724n]);
    expect(balanceOf(short.state(), FUND)).toBe(1n);
    const empty = marketOf({ grantNanoEur: 0n }, { bonusBps: 10_200 });
    expect(clear(empty, [buyer(100_000, 7), seller(99_999, 7)]).trades[0]!.sellerBonusNanoEur).toBe(0n);
  });

  it('are not due on a negative price', () => {
    const market = marketOf({}, { bonusBps: 11_000 });
    const { trades } = clear(market, [buyer(-10_000), seller(-30_000)]);
    expect([trades[0]!.sellerBonusNanoEur, trades[0]!.buyerBonusNanoEur]).toEqual([0n, 0n]);
  });

  it('never cost the fund more than it has, and each is the floor of its share', () => {
    const orders = fc.array(
      fc.record({
        account: fc.nat({ max: 3 }),
        side: fc.boolean(),
        energyWh: fc.integer({ min: 1, max: 1500 }),
        limit: fc.integer({ min: -50_000, max: 300_000 }),
      }),
      { minLength: 2, maxLength: 12 },
    );
    const grant = fc.bigInt({ min: 0n, max: 40_000_000n });
    fc.assert(
      fc.property(orders, grant, fc.constantFrom(10_200, 11_000), (book, grantNanoEur, bonusBps) => {
        const market = marketOf({ grantNanoEur }, { bonusBps });
        market.block(
          market.startMs(0) - 1,
          book.map(({ account, side, energyWh, limit }, i) =>
            (side ? bid : ask)({ step: 0, account, energyWh, limit, sequence: i % 4 }),
          ),
        );
        const { trades } = market.accept(market.startMs(0), []);
        const due = trades.map(({ energyWh, priceMicroEurPerKwh }) => {
          const value = BigInt(energyWh) * BigInt(Math.max(0, priceMicroEurPerKwh));
          const sellers = (value * BigInt(bonusBps - 10_000)) / 10_000n;
          const pays = (value * 10_000n + BigInt(bonusBps) - 1n) / BigInt(bonusBps);
          return [sellers, value - pays] as const;
        });
        const total = due.reduce((sum, [s, b]) => sum + s + b, 0n);
        const scaled = (bonus: bigint) => (total <= grantNanoEur ? bonus : (bonus * grantNanoEur) / total);
        expect(trades.map((trade) => [trade.sellerBonusNanoEur, trade.buyerBonusNanoEur])).toEqual(
          due.map(([s, b]) => [scaled(s), scaled(b)]),
        );
        const left = balanceOf(market.state(), FUND);
        expect(left >= 0n).toBe(true);
        if (total > grantNanoEur) expect(left < BigInt(2 * trades.length)).toBe(true);
      }),
      { numRuns: 150 },
    );
  });
});
