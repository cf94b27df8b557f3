import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createFinality, QUORUM_WINDOW, quorumOf } from './finality.ts';
import { ancestorAt, type HeaderNode } from './header-chain.ts';
import { fakeBranch, fakeNode } from './testing.ts';

const cycle = (authors: number, length: number) => Array.from({ length }, (_, i) => i % authors);
const heights = (tip: HeaderNode, depth = 12, minerCount = 10) => {
  const finality = createFinality({ depth, minerCount });
  return [finality.justifiedHeight(tip), finality.finalHeight(tip)];
};

describe('finality', () => {
  it('needs more than two thirds of the admitted miners', () => {
    expect([1, 2, 3, 4, 6, 9, 10, 12, 100].map(quorumOf)).toEqual([1, 2, 3, 3, 5, 7, 7, 9, 67]);
  });

  it('never comes with 6 of 10 authors, however deep', () => {
    expect(heights(fakeBranch(null, cycle(6, 1000)))).toEqual([0, 0]);
  });

  it('justifies with the seventh author, and is final when seven have built on that', () => {
    // Block 1 has seven authors above it at height 8, and seven blocks of those who saw that at height 15.
    expect(heights(fakeBranch(null, cycle(7, 7)), 1)).toEqual([0, 0]);
    expect(heights(fakeBranch(null, cycle(7, 8)), 1)).toEqual([1, 0]);
    expect(heights(fakeBranch(null, cycle(7, 14)), 1)).toEqual([7, 0]);
    expect(heights(fakeBranch(null, cycle(7, 15)), 1)).toEqual([8, 1]);
  });

  it('waits for the depth', () => {
    expect(heights(fakeBranch(null, cycle(7, 36)), 36)).toEqual([29, 0]);
    expect(heights(fakeBranch(null, cycle(7, 37)), 36)).toEqual([30, 1]);
  });

  it('does not count an author for what it signed against', () => {
    const trunk = fakeBranch(null, cycle(6, 20));
    const seventh = (conflictHeight: number) => fakeNode(trunk, { author: 6, conflictHeight });
    expect(heights(seventh(0))[0]).toBe(14);
    expect(heights(seventh(13))[0]).toBe(14);
    expect(heights(seventh(14))[0]).toBe(0);
    expect(heights(seventh(99))[0]).toBe(0);
    // Once it has left that height behind, it counts again.
    const later = fakeBranch(seventh(14), cycle(6, 6));
    expect(heights(later)[0]).toBe(20);
  });

  it('forgets authors that wrote more than a window ago', () => {
    const after = (blocks: number) => heights(fakeBranch(null, [6, ...cycle(6, blocks)]))[0];
    const two = (blocks: number) => heights(fakeBranch(null, [...cycle(6, 6), 6, ...cycle(6, blocks)]))[0];
    expect(after(5)).toBe(0);
    expect(two(0)).toBe(0);
    expect(two(1)).toBe(1);
    // The seventh author's only block, at the window's edge and beyond it.
    const stuck = (blocks: number) => {
      const trunk = fakeBranch(null, [...cycle(5, 10), 5]);
      const long = fakeBranch(trunk, cycle(5, blocks));
      return heights(fakeNode(long, { author: 6 }))[0];
    };
    expect(stuck(QUORUM_WINDOW - 1)).toBe(10);
    expect(stuck(QUORUM_WINDOW)).toBe(0);
  });

  it('only grows along a branch', () => {
    const run = fc.array(fc.record({ author: fc.nat({ max: 9 }), conflictHeight: fc.nat({ max: 40 }) }), {
      maxLength: 120,
    });
    fc.assert(
      fc.property(run, (blocks) => {
        const finality = createFinality({ depth: 3, minerCount: 10 });
        let node = fakeNode(null);
        let before = [0, 0];
        for (const block of blocks) {
          node = fakeNode(node, block);
          const now = [finality.justifiedHeight(node), finality.finalHeight(node)];
          expect(now[0]).toBeGreaterThanOrEqual(before[0]!);
          expect(now[1]).toBeGreaterThanOrEqual(before[1]!);
          expect(now[1]).toBeLessThanOrEqual(now[0]!);
          before = now;
        }
      }),
      { numRuns: 100 },
    );
  });
});

interface Phase {
  /** Side of the partition that each miner is on. */
  sides: readonly number[];
  authors: readonly number[];
}

/** Miners under a partition that moves: a side knows what any of its members brings along, and signs by the rules. */
function playMiners(phases: readonly Phase[], miners: number): HeaderNode[] {
  const finality = createFinality({ depth: 1, minerCount: miners });
  const genesis = fakeNode(null);
  const known = Array.from({ length: miners }, () => new Set([genesis]));
  const signed: HeaderNode[][] = Array.from({ length: miners }, () => []);
  const finals: HeaderNode[] = [];
  const best = (nodes: readonly HeaderNode[]): HeaderNode => {
    const anchor = nodes
      .map((node) => ancestorAt(node, finality.justifiedHeight(node))!)
      .reduce((a, b) => (b.height > a.height ? b : a));
    return nodes
      .filter((node) => ancestorAt(node, anchor.height) === anchor)
      .reduce((a, b) => (b.work > a.work ? b : a));
  };
  for (const { sides, authors } of phases) {
    const together = (miner: number) => known.filter((_, other) => sides[other] === sides[miner]);
    for (let miner = 0; miner < miners; miner++) {
      for (const other of together(miner)) for (const node of other) known[miner]!.add(node);
    }
    for (const miner of authors) {
      const parent = best([...known[miner]!]);
      const against = signed[miner]!.filter((own) => ancestorAt(parent, own.height) !== own);
      const block = fakeNode(parent, {
        author: miner,
        conflictHeight: Math.max(0, ...against.map(({ height }) => height)),
        timestampMs: parent.timestampMs + 2000 + miner,
      });
      signed[miner]!.push(block);
      for (const other of together(miner)) other.add(block);
      finals.push(ancestorAt(block, finality.finalHeight(block))!);
    }
  }
  return finals;
}

describe('two final blocks never conflict', () => {
  it('although two justified ones may: miners that leave before the quorum is complete help both', () => {
    const apart = { sides: [0, 0, 0, 1], authors: [2, 0, 1, 3, 3, 3, 3] };
    // Miners 0 and 1 go over to the longer branch of 3; miner 2 completes the quorum that they left behind.
    const moved = { sides: [1, 1, 0, 1], authors: [0, 1, 3, 2] };
    const finals = playMiners([apart, moved], 4);
    expect(finals.map(({ height }) => height)).toEqual(finals.map(() => 0));
    const left = fakeBranch(null, [2, 0, 1, 2]);
    let right = fakeBranch(null, [3, 3, 3, 3]);
    for (const [author, conflictHeight] of [
      [0, 2],
      [1, 3],
      [3, 0],
    ] as const) {
      right = fakeNode(right, { author, conflictHeight });
    }
    expect([heights(left, 1, 4), heights(right, 1, 4)]).toEqual([
      [1, 0],
      [4, 0],
    ]);
  });

  it('under partitions that move', () => {
    const miners = 4;
    const phase = fc.record({
      sides: fc.array(fc.nat({ max: 1 }), { minLength: miners, maxLength: miners }),
      authors: fc.array(fc.nat({ max: miners - 1 }), { minLength: 1, maxLength: 10 }),
    });
    let reached = 0;
    fc.assert(
      fc.property(fc.array(phase, { minLength: 4, maxLength: 14 }), (phases) => {
        const finals = playMiners(phases, miners);
        const highest = finals.reduce((a, b) => (b.height > a.height ? b : a));
        if (highest.height > 0) reached++;
        for (const final of finals) expect(ancestorAt(highest, final.height)).toBe(final);
      }),
      { numRuns: 500 },
    );
    expect(reached).toBeGreaterThan(100);
  });
});
