import { describe, expect, it } from 'vitest';
import { ancestorAt } from '../../../consensus/header-chain.ts';
import { equilibriumTarget } from './difficulty-cells.ts';
import { type FinalityRule, oneQuorum, oneQuorumWithConflicts, twoQuorums } from './finality-rules.ts';
import { createWorld } from './world.ts';

const SPACING_MS = 5000;
const GIVEN = { depth: 12, minerCount: 10 };

interface Stage {
  /** Side of each miner. */
  sides: readonly number[];
  authors: readonly number[];
}

/** Ten honest miners that find blocks as told; final heights and whether two final blocks conflict. */
function play(finality: FinalityRule, stages: readonly Stage[]) {
  let sides: readonly number[] = [];
  const world = createWorld({
    seed: 1n,
    spacingMs: SPACING_MS,
    finality,
    miners: Array.from({ length: 10 }, (_, author) => ({ author, hashesPerSecond: 0 })),
    startTarget: equilibriumTarget(90_000, SPACING_MS),
    delayMs: (from, to) => (sides[from.index] === sides[to.index] ? 0 : null),
  });
  for (const stage of stages) {
    sides = stage.sides;
    world.exchangeTips();
    for (const author of stage.authors) {
      world.runFor(SPACING_MS / 2);
      expect(world.author(world.miners[author]!), `block of ${author}`).not.toBeNull();
    }
  }
  const finals = world.miners.map((miner) => miner.final);
  const conflicts = finals.some((a) =>
    finals.some((b) => a.height <= b.height && ancestorAt(b, a.height) !== a),
  );
  return { finals: finals.map((node) => node.height), conflicts, world };
}

const take = (authors: readonly number[], count: number) =>
  Array.from({ length: count }, (_, i) => authors[i % authors.length]!);

/** 3 to 6 go from the first side to the second before they see the first side's thirteenth block. */
const FIRST = [0, 0, 0, 0, 0, 0, 0, 1, 1, 1];
const SECOND = [0, 0, 0, 1, 1, 1, 1, 1, 1, 1];
const LEFT = take([0, 1, 2, 3, 4, 5, 6], 12);
const RIGHT = take([7, 8, 9], 13);
const COUNTEREXAMPLE: readonly Stage[] = [
  { sides: FIRST, authors: RIGHT.flatMap((right, i) => (i < LEFT.length ? [right, LEFT[i]!] : [right])) },
  { sides: SECOND, authors: [0] },
  { sides: SECOND, authors: [3, 4, 5, 6] },
];

describe('one partition that moves once, nobody dishonest', () => {
  it('makes two conflicting blocks final under one quorum, in 30 blocks', () => {
    const { finals, conflicts } = play(oneQuorum(GIVEN), COUNTEREXAMPLE);
    expect(finals).toEqual([1, 1, 1, 5, 5, 5, 5, 5, 5, 5]);
    expect(conflicts).toBe(true);
  });

  it('does so with conflict heights too: they only delay the second one', () => {
    const longer: Stage[] = [...COUNTEREXAMPLE, { sides: SECOND, authors: take([3, 4, 5, 6, 7, 8, 9], 28) }];
    const { conflicts } = play(oneQuorumWithConflicts(GIVEN), longer);
    expect(conflicts).toBe(true);
  });

  it('does not under two quorums, however long it goes on', () => {
    const longer: Stage[] = [
      ...COUNTEREXAMPLE,
      { sides: SECOND, authors: take([3, 4, 5, 6, 7, 8, 9], 60) },
      { sides: SECOND, authors: take([0, 1, 2], 60) },
    ];
    const { finals, conflicts } = play(twoQuorums(GIVEN), longer);
    expect(conflicts).toBe(false);
    expect(Math.max(...finals.slice(3))).toBeGreaterThan(0);
    expect(finals.slice(0, 3)).toEqual([0, 0, 0]);
  });
});
