import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AGGREGATOR, FUND, NETWORK_OPERATOR, TREASURY } from '../protocol/accounts.ts';
import { compareTransactions } from '../protocol/codec.ts';
import { type Receipts, TRADE_KINDS } from '../protocol/receipts.ts';
import type { TransactionBody } from '../protocol/types.ts';
import { toHex } from '../util/bytes.ts';
import {
  ask,
  balanceOf,
  bid,
  cancel,
  createTestGenesis,
  createTestMarket,
  createTestState,
  observation,
  reading,
  type TestMarket,
} from './testing.ts';

const MEMBERS = 5;
const STEPS = 4;
const SYSTEM = [AGGREGATOR, NETWORK_OPERATOR, FUND, TREASURY];

interface Plan {
  step: number;
  account: number;
  sequence: number;
  sells: boolean;
  energyWh: number;
  limit: number;
  cancelled: boolean;
}

const member = fc.nat({ max: MEMBERS - 1 });
const plans = fc.uniqueArray(
  fc.record<Plan>({
    step: fc.nat({ max: STEPS - 1 }),
    account: member,
    sequence: fc.nat({ max: 1 }),
    sells: fc.boolean(),
    energyWh: fc.integer({ min: 1, max: 3000 }),
    limit: fc.integer({ min: -20_000, max: 250_000 }),
    cancelled: fc.boolean(),
  }),
  { maxLength: 30, selector: ({ step, account, sequence }) => `${step}/${account}/${sequence}` },
);
/** Per step and member: Wh imported and exported since the last step, or no reading. */
const meters = fc.array(
  fc.array(fc.option(fc.tuple(fc.nat({ max: 6000 }), fc.nat({ max: 6000 }))), {
    minLength: MEMBERS,
    maxLength: MEMBERS,
  }),
  { minLength: STEPS, maxLength: STEPS },
);
const prices = fc.array(fc.array(fc.integer({ min: -100_000, max: 400_000 }), { maxLength: 3 }), {
  minLength: STEPS,
  maxLength: STEPS,
});
const scenario = fc.record({
  plans,
  meters,
  prices,
  zones: fc.integer({ min: 1, max: 3 }),
  grantNanoEur: fc.constantFrom(0n, 1_000_000n, 1_000_000_000n),
  bonusBps: fc.constantFrom(10_000, 10_500, 11_000),
});
type Scenario = typeof scenario extends fc.Arbitrary<infer S> ? S : never;

interface Submission {
  body: TransactionBody;
  /** Clocks at which its block may be, [from, until). */
  fromMs: number;
  untilMs: number;
}

function submissions(market: TestMarket, given: Scenario): { first: Submission[]; later: Submission[] } {
  const first: Submission[] = [];
  const later: Submission[] = [];
  const sideOf = new Map<string, boolean>();
  for (const plan of given.plans) {
    const { step, account, sequence, energyWh, limit } = plan;
    const who = `${step}/${account}`;
    const sells = sideOf.get(who) ?? plan.sells;
    sideOf.set(who, sells);
    const [fromMs, untilMs] = [market.startMs(step) - 24_000, market.startMs(step)];
    const body = (sells ? ask : bid)({ step, account, sequence, energyWh, limit });
    first.push({ body, fromMs, untilMs: fromMs + 12_000 });
    if (plan.cancelled)
      later.push({ body: cancel(step, account, sequence), fromMs: fromMs + 12_000, untilMs });
  }
  for (const [step, reports] of given.prices.entries()) {
    for (const [oracle, price] of reports.entries()) {
      const [fromMs, untilMs] = [market.startMs(step) - 24_000, market.startMs(step)];
      first.push({ body: observation(step, oracle, price), fromMs, untilMs });
    }
  }
  const registers = Array.from({ length: MEMBERS }, () => [0, 0] as [number, number]);
  for (const [step, flows] of given.meters.entries()) {
    for (const [account, flow] of flows.entries()) {
      if (flow === null) continue;
      registers[account]![0] += flow[0];
      registers[account]![1] += flow[1];
      const [fromMs, untilMs] = [market.startMs(step + 1), market.startMs(step + 2)];
      first.push({ body: reading(step, account, ...registers[account]!), fromMs, untilMs });
    }
  }
  return { first, later };
}

/** Runs a scenario with one block every 3 s; `pick` says into which block of its window a transaction goes. */
function run(given: Scenario, pick: (count: number) => number) {
  const { zones, grantNanoEur, bonusBps } = given;
  const genesis = createTestGenesis({ members: MEMBERS, miners: 1, zones, grantNanoEur });
  const market = createTestMarket(genesis, createTestState(genesis, { bonusBps, p2pSteps: 4 }));
  const blocks: { clockMs: number; bodies: TransactionBody[] }[] = [];
  for (let clockMs = market.startMs(0) - 24_000; clockMs <= market.startMs(STEPS + 2); clockMs += 3000) {
    blocks.push({ clockMs, bodies: [] });
  }
  const { first, later } = submissions(market, given);
  for (const { body, fromMs, untilMs } of [...first, ...later]) {
    const open = blocks.filter(({ clockMs }) => clockMs >= fromMs && clockMs < untilMs);
    open[pick(open.length)]!.bodies.push(body);
  }
  const all: Receipts[] = [];
  for (const { clockMs, bodies } of blocks) {
    bodies.sort((a, b) => compareTransactions({ body: a }, { body: b }));
    all.push(market.accept(clockMs, bodies, 0));
    expect(balanceOf(market.state(), FUND) >= 0n).toBe(true);
  }
  return { market, all };
}

describe('a market of several steps', () => {
  it('conserves Wh and nanoEUR exactly: every balance follows from the receipts, every Wh has a trade', () => {
    fc.assert(
      fc.property(scenario, (given) => {
        const { market, all } = run(given, (count) => count - 1);
        const state = market.state();
        const expected = new Map<number, bigint>([[FUND, given.grantNanoEur]]);
        const move = (account: number, amount: bigint) =>
          expected.set(account, (expected.get(account) ?? 0n) + amount);
        move(TREASURY, -given.grantNanoEur);
        const tradedWh = Array.from({ length: MEMBERS }, () => 0);
        for (const trade of all.flatMap(({ trades }) => trades)) {
          const value = BigInt(trade.energyWh) * BigInt(trade.priceMicroEurPerKwh);
          const share = (trade.feeNanoEur * 5000n) / 10_000n;
          move(trade.buyer, trade.buyerBonusNanoEur - value - trade.feeNanoEur - trade.penaltyNanoEur);
          move(trade.seller, value + trade.sellerBonusNanoEur);
          move(FUND, trade.penaltyNanoEur - trade.sellerBonusNanoEur - trade.buyerBonusNanoEur);
          move(NETWORK_OPERATOR, trade.feeNanoEur - share);
          move(0, share);
          if (trade.buyer < MEMBERS) tradedWh[trade.buyer]! += trade.energyWh;
          if (trade.seller < MEMBERS) tradedWh[trade.seller]! -= trade.energyWh;
        }
        for (const account of [0, 1, 2, 3, 4, ...SYSTEM]) {
          expect(balanceOf(state, account)).toBe(expected.get(account) ?? 0n);
        }
        for (let account = 0; account < MEMBERS; account++) {
          const { importRegisterWh, exportRegisterWh, substitutedWh } = state.account(account);
          expect(tradedWh[account]).toBe(importRegisterWh - exportRegisterWh + substitutedWh);
          expect(state.reservedNanoEur(account)).toBe(0n);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('ends the same, whichever blocks of their windows the transactions were in', () => {
    fc.assert(
      fc.property(scenario, fc.infiniteStream(fc.nat({ max: 1_000_000 })), (given, stream) => {
        const early = run(given, () => 0);
        const mixed = run(given, (count) => stream.next().value % count);
        const decided = ({ all }: typeof early) => {
          const trades = all
            .flatMap((receipts) => receipts.trades)
            .map(({ marketTimeMs: _, ...trade }) => trade);
          const clearings = all.flatMap((receipts) => receipts.clearings);
          return { trades, clearings, settlements: all.flatMap((receipts) => receipts.settlements) };
        };
        expect(decided(mixed)).toEqual(decided(early));
        for (const account of [0, 1, 2, 3, 4, ...SYSTEM]) {
          expect(balanceOf(mixed.market.state(), account)).toBe(balanceOf(early.market.state(), account));
        }
        expect(toHex(mixed.market.state().root())).toBe(toHex(early.market.state().root()));
      }),
      { numRuns: 40 },
    );
  });

  it('keeps every trade inside its limits: no buyer above, no seller below, nobody beyond its orders', () => {
    fc.assert(
      fc.property(scenario, (given) => {
        const { all } = run(given, (count) => count - 1);
        const open = given.plans.filter(({ cancelled }) => !cancelled);
        const auction = TRADE_KINDS.indexOf('AUCTION');
        for (const trade of all.flatMap(({ trades }) => trades)) {
          if (trade.kind !== auction) continue;
          const limits = (account: number) =>
            open
              .filter((plan) => plan.step === trade.step && plan.account === account)
              .map(({ limit }) => limit);
          const paid = trade.priceMicroEurPerKwh + Number(trade.feeNanoEur / BigInt(trade.energyWh));
          expect(Math.max(...limits(trade.buyer))).toBeGreaterThanOrEqual(paid);
          expect(Math.min(...limits(trade.seller))).toBeLessThanOrEqual(trade.priceMicroEurPerKwh);
        }
      }),
      { numRuns: 40 },
    );
  });
});
