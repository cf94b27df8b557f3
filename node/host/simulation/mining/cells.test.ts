import { describe, expect, it } from 'vitest';
import { latestTimestampMs } from '../../../consensus/header.ts';
import { FLOOR_TARGET } from '../../../consensus/target.ts';
import { blocksAfterSleep, equilibriumTarget, meanSpacing, spacingUnderLies } from './difficulty-cells.ts';
import { searchConflicts } from './finality-cells.ts';
import { oneQuorum, twoQuorums } from './finality-rules.ts';
import { catchUp, eyalSirer, rosenfeld, selfishMining, staleRate } from './fork-cells.ts';
import { asert, epoch, lwma, RETARGETS, sma, WTEMA } from './retargets.ts';
import {
  BY_RECENT_AUTHORS,
  byAdmittedMiners,
  deaths,
  insider,
  NO_SPACING,
  secretBranch,
} from './spacing-cells.ts';
import { summarise } from './statistics.ts';
import { formatRows, measure } from './table.ts';
import { createWorld, linkSerial } from './world.ts';

const T = 5000;
const START = 2n ** 230n;

/** A branch of blocks with these spacings in ms. */
function branch(spacingsMs: readonly number[]) {
  let node = linkSerial(null, START, { author: 0, timestampMs: 1_000_000, conflictHeight: 0 }, 0);
  spacingsMs.forEach((ms, i) => {
    const by = { author: 0, timestampMs: node.timestampMs + ms, conflictHeight: 0 };
    node = linkSerial(node, START, by, i + 1);
  });
  return node;
}

describe('retargets', () => {
  const nominal = branch(Array.from({ length: 120 }, () => T));
  const slow = branch(Array.from({ length: 120 }, () => 2 * T));

  it('keep the target at nominal spacing', () => {
    for (const { name, after } of RETARGETS) expect(after(nominal, T), name).toBe(START);
  });

  it('double it, or go there, at twice the spacing', () => {
    expect(lwma(60).after(slow, T)).toBe(2n * START);
    expect(sma(60).after(slow, T)).toBe(2n * START);
    expect(epoch(60).after(slow, T)).toBe(2n * START);
    expect(WTEMA.after(slow, T)).toBe((START * 31n) / 30n);
    // 120 blocks are 600 s late: two half-lives of 300 s, four of 150 s.
    expect(asert(300_000).after(slow, T)).toBe(4n * START);
    expect(asert(150_000).after(slow, T)).toBe(16n * START);
  });

  it('stop at the floor', () => {
    const asleep = branch([...Array.from({ length: 119 }, () => T), 100_000_000]);
    expect(asert(150_000).after(asleep, T)).toBe(FLOOR_TARGET);
  });
});

describe('a world of miners', () => {
  const run = (seed: bigint) => {
    const world = createWorld({
      seed,
      spacingMs: T,
      miners: [
        { author: 0, hashesPerSecond: 45_000 },
        { author: 1, hashesPerSecond: 45_000 },
      ],
      startTarget: equilibriumTarget(90_000, T),
      delayMs: () => 500,
    });
    world.runBlocks(300);
    return { world, times: world.miners.map((miner) => miner.tip.timestampMs) };
  };

  it('repeats itself for a seed, and differs between seeds', () => {
    expect(run(7n).times).toEqual(run(7n).times);
    expect(run(7n).times).not.toEqual(run(8n).times);
  });

  it('follows hash rates: half of the blocks each, one chain', () => {
    const { world } = run(3n);
    const [first, second] = world.miners;
    expect(first!.found + second!.found).toBe(300);
    expect(Math.abs(first!.found - 150)).toBeLessThan(60);
    expect(Math.abs(first!.tip.height - second!.tip.height)).toBeLessThanOrEqual(2);
  });

  it('holds back what comes from the future', () => {
    const world = createWorld({
      seed: 1n,
      spacingMs: T,
      miners: [
        { author: 0, hashesPerSecond: 0, skewMs: 1000, stamp: 'latest' },
        { author: 1, hashesPerSecond: 0 },
      ],
      startTarget: START,
    });
    const block = world.author(world.miners[0]!)!;
    expect(block.timestampMs).toBe(latestTimestampMs(world.scheduler.nowMs() + 1000, T));
    world.runFor(999);
    expect(world.miners[1]!.tip).toBe(world.root);
    world.runFor(1);
    expect(world.miners[1]!.tip).toBe(block);
  });
});

describe('difficulty', () => {
  const cell = { retarget: WTEMA, spacingMs: T, seeds: 40 };

  it('keeps the mean spacing within 5 %, with its known bias', () => {
    const { mean } = meanSpacing(cell).spacingMs;
    expect(mean).toBeGreaterThan(T);
    expect(mean).toBeLessThan(1.05 * T);
  });

  it('does not rush after eight hours of sleep, where an absolute schedule does', () => {
    expect(blocksAfterSleep(cell).mean).toBeLessThan(1.2 * 60);
    expect(blocksAfterSleep({ ...cell, retarget: asert(300_000) }).mean).toBeGreaterThan(5 * 60);
  });

  it('bears lies about the time by half the hash power', () => {
    for (const stamp of ['latest', 'earliest'] as const) {
      expect(Math.abs(spacingUnderLies(cell, 0.5, stamp).mean / T - 1)).toBeLessThan(0.07);
    }
  });
});

describe('forks', () => {
  it('are as rare as the closed form says', () => {
    const { stale, expected } = staleRate({ miners: 10, delayMs: 500, spacingMs: T, seeds: 20 });
    expect(expected).toBeCloseTo(0.0861, 4);
    expect(Math.abs(stale.mean - expected)).toBeLessThan(0.012);
  });

  it('of a selfish pool pay what Eyal and Sirer say', () => {
    // At the threshold the share is the hash power: 1/3 without, 1/4 with half of the ties.
    expect(eyalSirer(1 / 3, 0)).toBeCloseTo(1 / 3, 10);
    expect(eyalSirer(0.25, 0.5)).toBeCloseTo(0.25, 10);
    const { share, expected } = selfishMining({ alpha: 0.4, fast: 10, spacingMs: T, seeds: 20 });
    expect(Math.abs(share.mean - expected)).toBeLessThan(0.05);
  });

  it('are overtaken about as often as Rosenfeld says', () => {
    expect(rosenfeld(0.1, 6)).toBeCloseTo(0.000591, 6);
    expect(rosenfeld(0.3, 6)).toBeCloseTo(0.15645, 5);
    const { probability, expected } = catchUp({
      q: 0.3,
      confirmations: 6,
      spacingMs: T,
      races: 1000,
      stamp: 'clock',
    });
    expect(probability).toBeGreaterThan(0.8 * expected);
    expect(probability).toBeLessThan(2 * expected);
  });
});

describe('author spacing', () => {
  const one = { spacingMs: T, finalityDepth: 36, insiders: 1, share: 0.995, stamp: 'clock' } as const;

  it('bounds an insider by a third from genesis on only when admitted miners count', () => {
    const from = 'genesis';
    expect(insider({ ...one, from, form: NO_SPACING }, 3).share.mean).toBeGreaterThan(0.98);
    expect(insider({ ...one, from, form: BY_RECENT_AUTHORS }, 3).share.mean).toBeGreaterThan(0.98);
    const bounded = insider({ ...one, from, form: byAdmittedMiners() }, 3);
    expect(bounded.share.mean).toBeLessThan(0.35);
    expect(bounded.finalWithin60).toBeGreaterThan(0.95);
  });

  it('keeps a chain going with one miner of ten', () => {
    const { firstTenMinutes } = deaths({ spacingMs: T, form: byAdmittedMiners(), dead: 9 }, 5);
    expect(firstTenMinutes.mean).toBeGreaterThan(5);
  });

  it('counts every block of the survivors: half of the miners reach the nominal pace again', () => {
    const { nextHour } = deaths({ spacingMs: T, form: NO_SPACING, dead: 5 }, 5);
    expect(nextHour.mean / 720).toBeGreaterThan(0.93);
    expect(nextHour.mean / 720).toBeLessThan(1.03);
  });

  it('leaves no way for two insiders to overtake in secret, and cannot hold three', () => {
    const form = byAdmittedMiners();
    expect(secretBranch({ spacingMs: T, insiders: 2, power: 199, form })).toBeNull();
    expect(secretBranch({ spacingMs: T, insiders: 2, power: 199, form: BY_RECENT_AUTHORS })).not.toBeNull();
    expect(secretBranch({ spacingMs: T, insiders: 3, power: 199, form })).not.toBeNull();
  });
});

describe('finality', () => {
  const given = { depth: 12, miners: 10, blocks: 400, seeds: 10 };

  it('breaks under a fixed partition exactly when both sides reach seven authors', () => {
    for (const rule of [oneQuorum, twoQuorums]) {
      expect(searchConflicts({ ...given, rule, equivocators: 3, firstSide: 3 }).conflicts).toBe(0);
      expect(searchConflicts({ ...given, rule, equivocators: 4, firstSide: 2 }).conflicts).toBe(0);
      expect(searchConflicts({ ...given, rule, equivocators: 4, firstSide: 3 }).conflicts).toBe(10);
    }
  });

  it('holds under two quorums against three equivocators where one quorum breaks', () => {
    const moving = { ...given, equivocators: 3, firstSide: null, blocks: 1500, seeds: 20 };
    expect(searchConflicts({ ...moving, rule: oneQuorum }).conflicts).toBeGreaterThan(0);
    const safe = searchConflicts({ ...moving, rule: twoQuorums });
    expect(safe.conflicts).toBe(0);
    expect(safe.finalPer100).toBeGreaterThan(20);
  });
});

describe('the table', () => {
  it('prints every figure of a section, the same for the same seeds', () => {
    const rows = measure('catch-up', 1);
    expect(rows).toHaveLength(8);
    expect(measure('catch-up', 1)).toEqual(rows);
    expect(formatRows(rows).trim().split('\n')).toHaveLength(8);
    expect(formatRows([{ ...rows[0]!, value: null, error: null, expected: null }])).toContain(': none\n');
  });

  it('summarises', () => {
    expect(summarise([1, 2, 3, 4])).toEqual({ mean: 2.5, error: Math.sqrt(5 / 12), median: 3, p95: 4 });
  });
});
