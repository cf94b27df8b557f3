/**
 * Finality by two quorums of authors. A signed block speaks for its ancestors, except for those at or below its
 * `conflictHeight`: its author worked on another branch there. A block is justified when a quorum speaks for it, and
 * final when a quorum has built on a branch on which it, or a block above it, was justified already. Who follows the
 * highest justified block never helps two conflicting blocks to become final (docs/adr/0014-finality-by-two-quorums.md).
 */
import type { HeaderNode } from './header-chain.ts';

/** Blocks above a block that may speak for it: bounds the walk where no quorum comes. */
export const QUORUM_WINDOW = 720;

/** Distinct authors that must speak for a block: more than 2/3 of the admitted miners. */
export function quorumOf(minerCount: number): number {
  return Math.floor((2 * minerCount) / 3) + 1;
}

/** What a branch has settled; both heights only grow along a branch. */
export interface Finality {
  /** Height of the highest justified block of the branch of `tip`. */
  justifiedHeight(tip: HeaderNode): number;
  /** Height of the highest final block of the branch of `tip`: at least `depth` below it. */
  finalHeight(tip: HeaderNode): number;
}

interface Standing {
  readonly justified: number;
  /** Final but for the depth. */
  readonly settled: number;
}

/** Heights (after, upTo] that an author's block speaks for. */
interface Reach {
  after: number;
  upTo: number;
}

export function createFinality(given: { depth: number; minerCount: number }): Finality {
  const quorum = quorumOf(given.minerCount);
  const standings = new WeakMap<HeaderNode, Standing>();

  const standingOf = (tip: HeaderNode): Standing => {
    const path: HeaderNode[] = [];
    let node = tip;
    while (!standings.has(node) && node.parent !== null) {
      path.push(node);
      node = node.parent;
    }
    let standing = standings.get(node) ?? { justified: 0, settled: 0 };
    standings.set(node, standing);
    for (const next of path.reverse()) {
      standing = follow(next, standing);
      standings.set(next, standing);
    }
    return standing;
  };

  const follow = (tip: HeaderNode, before: Standing): Standing => {
    const justifying: Reach[] = [];
    const settling: Reach[] = [];
    const lowest = Math.max(before.settled + 1, tip.height - QUORUM_WINDOW);
    // The newest block of each author speaks: what it says of its author's other branches holds for the older ones.
    for (const block of newestByAuthor(tip, lowest, given.minerCount)) {
      const after = block.signed.header.body.conflictHeight;
      justifying.push({ after, upTo: block.height - 1 });
      settling.push({ after, upTo: standings.get(block.parent!)!.justified });
    }
    return {
      justified: highestCovered(justifying, quorum, before.justified),
      settled: highestCovered(settling, quorum, before.settled),
    };
  };

  return {
    justifiedHeight: (tip) => standingOf(tip).justified,
    finalHeight: (tip) => Math.max(0, Math.min(standingOf(tip).settled, tip.height - given.depth)),
  };
}

/** The newest block of each author on the branch, down to `lowest`. */
export function newestByAuthor(tip: HeaderNode, lowest: number, minerCount: number): HeaderNode[] {
  const newest = new Map<number, HeaderNode>();
  let node: HeaderNode | null = tip;
  while (node !== null && node.parent !== null && node.height >= lowest && newest.size < minerCount) {
    if (!newest.has(node.author)) newest.set(node.author, node);
    node = node.parent;
  }
  return [...newest.values()];
}

/** The greatest height above `floor` that at least `quorum` reaches cover; `floor` when there is none. */
function highestCovered(reaches: readonly Reach[], quorum: number, floor: number): number {
  const able = reaches.filter(({ after, upTo }) => upTo > floor && upTo > after);
  if (able.length < quorum) return floor;
  able.sort((a, b) => b.upTo - a.upTo);
  for (let i = quorum - 1; i < able.length; i++) {
    const height = able[i]!.upTo;
    let covering = 0;
    for (let k = 0; k < able.length && able[k]!.upTo >= height; k++) if (able[k]!.after < height) covering++;
    if (covering >= quorum) return height;
  }
  return floor;
}
