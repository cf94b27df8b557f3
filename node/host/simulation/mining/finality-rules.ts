/** The finality rule in use, and two simpler ones that it is measured against. */
import { createFinality, newestByAuthor, quorumOf } from '../../../consensus/finality.ts';
import type { HeaderNode } from '../../../consensus/header-chain.ts';

export interface FinalityRule {
  readonly name: string;
  finalHeight(tip: HeaderNode): number;
  /** Null where a rule has no justified blocks: then the highest final block leads. */
  readonly justifiedHeight: ((tip: HeaderNode) => number) | null;
}

export interface FinalityGiven {
  depth: number;
  minerCount: number;
}

/** The rule of `consensus/finality.ts`. */
export function twoQuorums(given: FinalityGiven): FinalityRule {
  return { name: 'two quorums', ...createFinality(given) };
}

/** Remembers a height per block, computed from that of its parent: parents first. */
function alongBranch(follow: (tip: HeaderNode, before: number) => number): (tip: HeaderNode) => number {
  const known = new WeakMap<HeaderNode, number>();
  return (tip) => {
    const path: HeaderNode[] = [];
    let node = tip;
    while (node.parent !== null && !known.has(node)) {
      path.push(node);
      node = node.parent;
    }
    let height = known.get(node) ?? 0;
    for (const next of path.reverse()) {
      height = follow(next, height);
      known.set(next, height);
    }
    return height;
  };
}

/** One quorum: final when `depth` deep and built on by more than 2/3 of the miners, wherever else they signed. */
export function oneQuorum({ depth, minerCount }: FinalityGiven): FinalityRule {
  const quorum = quorumOf(minerCount);
  const finalHeight = alongBranch((tip, before) => {
    const authors = new Set<number>();
    for (let node = tip; node.parent !== null && node.height > before; node = node.parent) {
      if (authors.size >= quorum && tip.height - node.height >= depth) return node.height;
      authors.add(node.author);
    }
    return before;
  });
  return { name: 'one quorum', finalHeight, justifiedHeight: null };
}

/** One quorum whose authors speak only for heights above everything that they signed on other branches. */
export function oneQuorumWithConflicts({ depth, minerCount }: FinalityGiven): FinalityRule {
  const quorum = quorumOf(minerCount);
  const finalHeight = alongBranch((tip, before) => {
    const newest = newestByAuthor(tip, before + 1, minerCount);
    if (newest.length < quorum) return before;
    for (let height = tip.height - depth; height > before; height--) {
      const speaks = (node: HeaderNode) =>
        node.height > height && node.signed.header.body.conflictHeight < height;
      if (newest.filter(speaks).length >= quorum) return height;
    }
    return before;
  });
  return { name: 'one quorum with conflict heights', finalHeight, justifiedHeight: null };
}
