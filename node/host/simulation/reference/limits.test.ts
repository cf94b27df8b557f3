import { describe, expect, it } from 'vitest';
import { executeBody, isViolation } from '../../../consensus/apply-block.ts';
import { checkGenesis, genesisRoot } from '../../../consensus/genesis.ts';
import {
  ask,
  bid,
  createTestGenesis,
  createTestMarket,
  createTestState,
  reading,
  testVerifier,
} from '../../../market/testing.ts';
import { compareTransactions } from '../../../protocol/codec.ts';
import { Receipts } from '../../../protocol/receipts.ts';
import type { Genesis, TransactionBody } from '../../../protocol/types.ts';
import { toHex } from '../../../util/bytes.ts';
import { ReferenceViolation, referenceBlock, referenceGenesis, referenceInvariants } from './model.ts';
import { duePhases } from './phases.ts';
import type { ReferenceState } from './state.ts';
import { unsigned } from './test-traffic.ts';

const MOST_WH = 41_666_666 * 24;
const GREATEST_UINT53 = 2 ** 53 - 1;

/** Six members of the largest connections under the highest fees and factors that the rules admit. */
function extremeGenesis(price: number, connectionW = 41_666_666): Genesis {
  const genesis = createTestGenesis({
    members: 6,
    miners: 1,
    zones: 2,
    params: { stepNominalMs: 86_400_000, defaultWholesaleMicroEurPerKwh: price },
    policy: {
      aggregatorFeeBps: 10_000,
      networkFeeBps: 10_000,
      bonusTiers: [{ threshold: 0, factorBps: 65_535 }],
      penaltyTiers: [{ threshold: 0, factorBps: 65_535 }],
      zoneFeeMicroEurPerKwh: [10_000_000, 10_000_000],
    },
    member: { connectionW, creditLimitNanoEur: 10n ** 18n },
    grantNanoEur: 10n ** 18n,
  });
  expect(checkGenesis(genesis, { development: true })).toBeNull();
  return genesis;
}

/** Runs node and reference side by side from a state that is not the genesis's. */
function createPair(genesis: Genesis, start: { substitutedWh: number; usageWh: number }) {
  const rules = { genesis, genesisRoot: genesisRoot(genesis), verifier: testVerifier };
  const usage = Array.from({ length: 96 * genesis.members.length }, () => start.usageWh);
  let node = createTestState(genesis, { substitutedWh: start.substitutedWh });
  for (const [slot, wh] of usage.entries()) node.setUsageWh(slot, wh);
  const first = referenceGenesis(genesis);
  let reference: ReferenceState = {
    ...first,
    accounts: first.accounts.map((account) => ({ ...account, substitutedWh: BigInt(start.substitutedWh) })),
    usageWh: usage.map(BigInt),
  };
  return {
    account: (member: number) => reference.accounts[member]!,
    usageWh: (slot: number) => reference.usageWh[slot],
    /** The rule that the node finds broken, and all that the reference finds. */
    refusal(clockMs: number, body: TransactionBody) {
      const given = { clockMs, author: 0, transactions: [unsigned(body)] };
      const executed = executeBody(rules, { parentState: node, ...given }, { ...given, isKnown: () => true });
      try {
        referenceBlock(genesis, reference, given);
      } catch (error) {
        if (!(error instanceof ReferenceViolation)) throw error;
        return [isViolation(executed) ? executed.code : null, error.codes];
      }
      return [isViolation(executed) ? executed.code : null, []];
    },
    /** The receipts on which both agree. */
    block(clockMs: number, bodies: readonly TransactionBody[] = []): Receipts {
      const transactions = bodies.map(unsigned).sort(compareTransactions);
      const executed = executeBody(
        rules,
        { parentState: node, clockMs, author: 0 },
        { transactions, isKnown: () => true },
      );
      if (isViolation(executed)) throw new Error(`${executed.code}: ${executed.message}`);
      const result = referenceBlock(genesis, reference, { clockMs, author: 0, transactions });
      expect(result.receipts).toEqual(executed.receipts);
      expect(toHex(result.receiptsRoot)).toBe(toHex(executed.receiptsRoot));
      expect(toHex(result.stateRoot)).toBe(toHex(executed.stateRoot));
      expect(referenceInvariants(genesis, result)).toEqual([]);
      [node, reference] = [executed.state, result.state];
      return executed.receipts;
    },
  };
}

describe('node and reference at the extremes that the rules admit', () => {
  const cases = [10_000_000, -10_000_000].flatMap((price) =>
    [0, GREATEST_UINT53].flatMap((substitutedWh) =>
      ['import', 'export', 'silent'].map((meter) => ({ price, substitutedWh, meter })),
    ),
  );

  it.each(cases)('agree: $meter at $price with $substitutedWh Wh substituted', (given) => {
    const { price, substitutedWh, meter } = given;
    const genesis = extremeGenesis(price);
    const { startMs } = createTestMarket(genesis);
    const pair = createPair(genesis, { substitutedWh, usageWh: MOST_WH });
    const everybody = [...genesis.members.keys()];
    const orders = everybody.map((account) => {
      const fields = { step: 0, account, energyWh: MOST_WH };
      return account % 2 === 0 ? bid({ ...fields, limit: 90_000_000 }) : ask({ ...fields, limit: 0 });
    });
    pair.block(startMs(0) - 1, orders);
    expect(pair.block(startMs(0)).trades.length).toBeGreaterThan(0);
    const wh = (is: string) => (meter === is ? MOST_WH : 0);
    const readings = everybody.map((account) => reading(0, account, wh('import'), wh('export')));
    pair.block(startMs(1), meter === 'silent' ? [] : readings);
    const { trades, settlements } = pair.block(startMs(2));
    expect(settlements).toHaveLength(6);
    const most = Math.max(...trades.map((trade) => trade.energyWh));
    const correctedWh = substitutedWh > 0 && meter !== 'silent' ? 10 ** 9 : 0;
    if (meter === 'export') expect(most).toBe(2 * MOST_WH + correctedWh);
    if (meter === 'import') expect(most).toBe(Math.max(2 * MOST_WH - correctedWh, correctedWh));
    if (meter === 'silent') expect(settlements[0]!.importWh).toBe(substitutedWh > 0 ? 0 : MOST_WH);
  });

  it('agree on a reading that holds as much as one may, and refuse one Wh more', () => {
    const genesis = extremeGenesis(115_000, 20_833_334);
    const { startMs } = createTestMarket(genesis);
    const pair = createPair(genesis, { substitutedWh: 0, usageWh: 0 });
    pair.block(startMs(1), [reading(0, 1, 5)]);
    // Two steps' energy of the connection are 1 000 000 032 Wh.
    for (const over of [reading(1, 0, 10 ** 9 + 1), reading(1, 0, 0, 10 ** 9 + 1)]) {
      expect(pair.refusal(startMs(2), over)).toEqual(['READING_IMPLAUSIBLE', ['READING_IMPLAUSIBLE']]);
    }
    pair.block(startMs(2), [reading(1, 0, 10 ** 9, 10 ** 9)]);
    const { settlements } = pair.block(startMs(3));
    expect(settlements[0]).toMatchObject({ importWh: 10 ** 9, exportWh: 10 ** 9 });
  });

  it('agree that a second reading takes back what the limit left of the correction', () => {
    const genesis = extremeGenesis(115_000);
    const { startMs } = createTestMarket(genesis);
    const pair = createPair(genesis, { substitutedWh: 10 ** 9 + 1, usageWh: 0 });
    const corrected: number[] = [];
    for (let step = 0; step < 3; step++) {
      pair.block(startMs(step + 1), [reading(step, 0, 5)]);
      const { settlements } = pair.block(startMs(step + 2));
      corrected.push(settlements[0]!.correctedWh);
    }
    expect(corrected).toEqual([10 ** 9, 1, 0]);
    expect(pair.account(0).substitutedWh).toBe(0n);
  });

  it('agree that an hour remembers no more than the connection carries', () => {
    const plain = extremeGenesis(115_000, 1000);
    const genesis = { ...plain, params: { ...plain.params, readingWindowMs: 24_000 } };
    const { startMs } = createTestMarket(genesis);
    const pair = createPair(genesis, { substitutedWh: 0, usageWh: 0 });
    pair.block(startMs(1), [reading(0, 0, 0), reading(0, 1, 0), reading(0, 2, 0)]);
    // Step 0 has not settled yet: the energy of two steps is plausible, and all of it falls to step 1.
    pair.block(startMs(2), [reading(1, 0, 48_000), reading(1, 1, 24_000), reading(1, 2, 23_999)]);
    pair.block(startMs(3));
    const { settlements } = pair.block(startMs(4));
    expect(settlements.map((line) => [line.step, line.importWh]).slice(0, 3)).toEqual([
      [1, 48_000],
      [1, 24_000],
      [1, 23_999],
    ]);
    const largestWh = (member: number) =>
      Math.max(...Array.from({ length: 96 }, (_, slot) => Number(pair.usageWh(96 * member + slot) ?? 0n)));
    expect([0, 1, 2].map(largestWh)).toEqual([24_000, 24_000, 23_999]);
  });
});

describe('the room of a block in the reference model', () => {
  const genesis = createTestGenesis({ members: 3, miners: 1 });
  const { startMs } = createTestMarket(genesis);

  /** Progress of a block whose receipts hold something already. */
  function phases(written: { trades?: number; settlements?: number }, steps: number): number[] {
    const run = (parent: ReferenceState, clockMs: number, bodies: TransactionBody[]) =>
      referenceBlock(genesis, parent, { clockMs, author: 0, transactions: bodies.map(unsigned) }).state;
    const orders = [0, 1].map((account) => bid({ step: 0, account, energyWh: 10, limit: 1 }));
    let state = run(referenceGenesis(genesis), startMs(0) - 1, orders);
    if (steps > 0) state = run(state, startMs(1), [reading(0, 0, 10)]);
    const { trades, settlements } = Receipts.fields;
    const receipts = {
      ...Receipts.defaultValue(),
      trades: Array(written.trades ?? 0).fill(trades.elementType.defaultValue()),
      settlements: Array(written.settlements ?? 0).fill(settlements.elementType.defaultValue()),
    };
    const done = duePhases({ genesis, clockMs: startMs(steps), author: 0, state, receipts });
    return [done.state.nextToClear, done.state.nextToSettle];
  }

  it('must hold a trade for every order of a step that clears', () => {
    expect(phases({ trades: 8190 }, 0)).toEqual([1, 0]);
    expect(phases({ trades: 8191 }, 0)).toEqual([0, 0]);
  });

  it('must hold a trade and a line for every member when a step settles; what is later waits, too', () => {
    expect(phases({}, 2)).toEqual([3, 1]);
    expect(phases({ trades: 8189, settlements: 8189 }, 2)).toEqual([3, 1]);
    expect(phases({ trades: 8190 }, 2)).toEqual([2, 0]);
    expect(phases({ settlements: 8190 }, 2)).toEqual([2, 0]);
  });
});
