import { describe, expect, it } from 'vitest';
import { mayAuthor, requiredSpacing } from './author-spacing.ts';
import { earliestTimestampMs, latestTimestampMs, targetAfter } from './header.ts';
import { ancestorAt, commonAncestor, type HeaderNode, marketClockMs } from './header-chain.ts';
import { FLOOR_TARGET, isBelowTarget, minSpacingMs, nextTarget, workOf } from './target.ts';
import { fakeBranch, fakeNode } from './testing.ts';

const T = 2n ** 240n;
const next = (height: number, target: bigint, elapsedMs: number, spacingMs = 5000) =>
  nextTarget({ height, target, timestampMs: 1_000_000 + elapsedMs }, 1_000_000, spacingMs);

describe('the target', () => {
  it('stays when the spacing is met', () => {
    expect(next(100, T, 5000)).toBe(T);
    expect(next(0, T, 5000)).toBe(T);
    expect(next(100, T, 2000, 2000)).toBe(T);
  });

  // 2^240 x ((n - 1) x 5000 + 10 000) / (n x 5000), worked out beside the program.
  it.each([
    [0, 4, T + T / 4n],
    [9, 4, T + T / 4n],
    [10, 5, T + T / 5n],
    [11, 5, T + T / 5n],
    [58, 29, (T * 30n) / 29n],
    [59, 29, (T * 30n) / 29n],
    [60, 30, 1825741966937663807236074084101015799688400026771472923392326408002373768n],
    [61, 30, (T * 31n) / 30n],
    [1_000_000, 30, (T * 31n) / 30n],
  ])('after height %d follows with window %d', (height, _window, expected) => {
    expect(next(height, T, 10_000)).toBe(expected);
  });

  it('counts a spacing of at least a tenth and at most twelve', () => {
    const least = (T * 97n) / 100n;
    const most = (T * 205n) / 150n;
    expect([next(100, T, 499), next(100, T, 500), next(100, T, 0), next(100, T, -9)]).toEqual([
      least,
      least,
      least,
      least,
    ]);
    expect(next(100, T, 501)).toBeGreaterThan(least);
    expect([next(100, T, 60_000), next(100, T, 60_001), next(100, T, 28_800_000)]).toEqual([
      most,
      most,
      most,
    ]);
    expect(next(100, T, 59_999)).toBeLessThan(most);
  });

  it('never leaves 1..floor', () => {
    expect(next(100, FLOOR_TARGET, 5001)).toBe(FLOOR_TARGET);
    expect(next(100, FLOOR_TARGET, 60_000)).toBe(FLOOR_TARGET);
    expect(next(100, FLOOR_TARGET, 4999)).toBeLessThan(FLOOR_TARGET);
    expect(next(100, FLOOR_TARGET, 500)).toBe(
      27421466445360524795132777211530095365642550079509606230047328244061458922n,
    );
    expect(next(100, 1n, 500)).toBe(1n);
    expect(next(100, 1n, 5000)).toBe(1n);
    expect(next(100, 2n, 60_000)).toBe(2n);
  });

  it('of the first block is the genesis target; then the parent’s own spacing counts', () => {
    const genesis = fakeNode(null, { timestampMs: 1000, target: T });
    expect(targetAfter(genesis, 5000)).toBe(T);
    const first = fakeNode(genesis, { timestampMs: 11_000 });
    expect(targetAfter(first, 5000)).toBe(T + T / 4n);
  });

  it('rounds the least distance of timestamps up', () => {
    expect(minSpacingMs(2000)).toBe(200);
    expect(minSpacingMs(2001)).toBe(201);
    expect(earliestTimestampMs(fakeNode(null, { timestampMs: 77 }), 2000)).toBe(277);
  });
});

describe('work', () => {
  it('is the expected number of hashes', () => {
    expect(workOf(FLOOR_TARGET)).toBe(4096n);
    expect(workOf(2n ** 256n - 1n)).toBe(1n);
    expect(workOf(0n)).toBe(2n ** 256n);
    expect(workOf(2n)).toBe(2n ** 256n / 3n);
  });

  it('counts a hash equal to the target, and reads it big-endian', () => {
    const id = new Uint8Array(32);
    id[1] = 0x0f;
    id.fill(0xff, 2);
    expect(isBelowTarget(id, FLOOR_TARGET)).toBe(true);
    expect(isBelowTarget(id, FLOOR_TARGET - 1n)).toBe(false);
    id[1] = 0x10;
    expect(isBelowTarget(id, FLOOR_TARGET)).toBe(false);
  });

  it('adds up along a branch, genesis not counted', () => {
    const root = fakeNode(null);
    expect(root.work).toBe(0n);
    expect(fakeBranch(root, [1, 2, 3]).work).toBe(3n * 4096n);
    expect(fakeNode(root, { target: FLOOR_TARGET / 2n }).work).toBe(8192n);
  });
});

describe('time', () => {
  it('may run ahead by two spacings, at least 10 s', () => {
    expect(latestTimestampMs(100_000, 2000)).toBe(110_000);
    expect(latestTimestampMs(100_000, 5000)).toBe(110_000);
    expect(latestTimestampMs(100_000, 5001)).toBe(110_002);
    expect(latestTimestampMs(100_000, 10_000)).toBe(120_000);
  });

  it.each([
    [[100], 100],
    [[100, 300], 100],
    [[100, 300, 200], 200],
    [[100, 300, 200, 400], 200],
    [[100, 300, 200, 400, 500], 300],
    [[999, 100, 300, 200, 400, 500], 300],
    [[1, 2, 900, 901, 3, 4, 5], 5],
  ])('the market clock after %j is %d: the lower median of at most five', (timestamps, clock) => {
    let node: HeaderNode | null = null;
    for (const timestampMs of timestamps) node = fakeNode(node, { timestampMs });
    expect(marketClockMs(node!)).toBe(clock);
  });
});

describe('branches', () => {
  const root = fakeNode(null);
  const shared = fakeBranch(root, [1, 2]);
  const left = fakeBranch(shared, [3, 4, 5]);
  const right = fakeBranch(shared, [6]);

  it('meet at their last common node', () => {
    expect(commonAncestor(left, right)).toBe(shared);
    expect(commonAncestor(right, left)).toBe(shared);
    expect(commonAncestor(left, shared)).toBe(shared);
    expect(commonAncestor(left, left)).toBe(left);
    expect(commonAncestor(fakeNode(root, { author: 9 }), left)).toBe(root);
  });

  it('have one node per height', () => {
    expect(ancestorAt(left, 2)).toBe(shared);
    expect(ancestorAt(left, 5)).toBe(left);
    expect(ancestorAt(left, 0)).toBe(root);
    expect(ancestorAt(left, 6)).toBeNull();
  });
});

describe('author spacing', () => {
  const spacingOf = (authors: number) =>
    requiredSpacing(
      fakeBranch(
        null,
        Array.from({ length: authors }, (_, i) => i),
      ),
    );

  it('is a third of the recent authors, at least 1', () => {
    expect([0, 1, 3, 5, 6, 8, 9, 10, 12].map(spacingOf)).toEqual([1, 1, 1, 1, 2, 2, 3, 3, 4]);
  });

  it('looks at the last 60 blocks only', () => {
    const early = fakeBranch(null, [0, 1, 2, 3, 4, 5]);
    const six = fakeBranch(
      early,
      Array.from({ length: 55 }, () => 5),
    );
    expect(requiredSpacing(six.parent!)).toBe(2);
    expect(requiredSpacing(six)).toBe(1);
  });

  it('holds an author back for that many heights, genesis not counted', () => {
    const tip = fakeBranch(null, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const soon = { timestampMs: tip.timestampMs + 2000 };
    const free = Array.from({ length: 10 }, (_, author) => mayAuthor(tip, { author, ...soon }, 2000));
    expect(free).toEqual([true, true, true, true, true, true, true, true, false, false]);
    expect(mayAuthor(fakeNode(null), { author: 0, timestampMs: 2000 }, 2000)).toBe(true);
    expect(mayAuthor(fakeBranch(null, [4, 4, 4]), { author: 4, timestampMs: 9000 }, 2000)).toBe(true);
  });

  it('is waived after nine spacings of silence', () => {
    const tip = fakeBranch(null, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const at = (ms: number) => mayAuthor(tip, { author: 9, timestampMs: tip.timestampMs + ms }, 2000);
    expect([at(17_999), at(18_000), at(18_001)]).toEqual([false, true, true]);
  });
});
