/** Finality by author quorum: deep enough, and signed over by more than two thirds of the admitted miners. */
import type { HeaderNode } from './header-chain.ts';

/** Distinct authors that must have built on a block: more than 2/3 of the admitted miners. */
export function quorumOf(minerCount: number): number {
  return Math.floor((2 * minerCount) / 3) + 1;
}

/**
 * Height of the highest final block on the branch of `tip`, at least `floorHeight` (finality is never revoked).
 * A block is final when it is at least `depth` blocks below the tip and the blocks above it have a quorum of authors.
 */
export function finalHeight(
  tip: HeaderNode,
  given: { depth: number; minerCount: number; floorHeight: number },
): number {
  const quorum = quorumOf(given.minerCount);
  const authors = new Set<number>();
  let node: HeaderNode | null = tip;
  while (node !== null && node.height > given.floorHeight) {
    if (authors.size >= quorum && tip.height - node.height >= given.depth) return node.height;
    authors.add(node.author);
    node = node.parent;
  }
  return given.floorHeight;
}
