/** Author spacing: one miner's share of blocks is bounded whatever its hash power (a genesis parameter). */
import type { HeaderNode } from './header-chain.ts';

/** Blocks whose distinct authors set the spacing. */
export const AUTHOR_WINDOW = 60;
/** After this many spacings without a block anybody may author: most miners may be dead. */
export const WAIVER_SPACINGS = 9;

/** Heights that an author must leave between its blocks on this branch: max(1, floor(recent authors / 3)). */
export function requiredSpacing(parent: HeaderNode): number {
  const authors = new Set<number>();
  let node: HeaderNode | null = parent;
  for (let i = 0; i < AUTHOR_WINDOW && node !== null && node.height > 0; i++, node = node.parent) {
    authors.add(node.author);
  }
  return Math.max(1, Math.floor(authors.size / 3));
}

/** Whether `author` may follow `parent` with a block of this timestamp. */
export function mayAuthor(
  parent: HeaderNode,
  block: { author: number; timestampMs: number },
  spacingMs: number,
): boolean {
  if (block.timestampMs - parent.timestampMs >= WAIVER_SPACINGS * spacingMs) return true;
  const spacing = requiredSpacing(parent);
  let node: HeaderNode | null = parent;
  for (let i = 1; i < spacing && node !== null && node.height > 0; i++, node = node.parent) {
    if (node.author === block.author) return false;
  }
  return true;
}
