/** Author spacing: one miner's share of blocks is bounded whatever its hash power (a genesis parameter). */
import type { HeaderNode } from './header-chain.ts';

/** Blocks whose distinct authors set the spacing. */
export const AUTHOR_WINDOW = 60;
/** After this many spacings without a block anybody may author: most miners may be dead. */
export const WAIVER_SPACINGS = 9;
/** Spacings of real silence that the waiver of `admittedSpacing` asks for: e^-6 = 0.25 % of the gaps are as long. */
const SILENT_SPACINGS = 6;

/** Heights that an author must leave between its blocks on this branch: max(1, floor(recent authors / 3)). */
export function requiredSpacing(parent: HeaderNode): number {
  const authors = new Set<number>();
  let node: HeaderNode | null = parent;
  for (let i = 0; i < AUTHOR_WINDOW && node !== null && node.height > 0; i++, node = node.parent) {
    authors.add(node.author);
  }
  return spacingOf(authors.size);
}

/** Heights that an author must leave between its blocks among so many miners. */
export function spacingOf(miners: number): number {
  return Math.max(1, Math.floor(miners / 3));
}

/** Heights between two blocks of an author, and the silence in ms by timestamps that waives them. */
export interface AuthorSpacing {
  readonly spacing: number;
  readonly waiverMs: number;
}

/**
 * Author spacing by the admitted miners, whoever was seen of late: an author that is alone for a while gains nothing.
 * The waiver is what a timestamp may lie ahead (`latestTimestampMs`) and six spacings of real silence on top.
 */
export function admittedSpacing(minerCount: number, spacingMs: number): AuthorSpacing {
  const futureMs = Math.max(2 * spacingMs, 10_000);
  return { spacing: spacingOf(minerCount), waiverMs: SILENT_SPACINGS * spacingMs + futureMs };
}

/** Whether `author` may follow `parent` with a block of this timestamp; `given` replaces the spacing by recent authors. */
export function mayAuthor(
  parent: HeaderNode,
  block: { author: number; timestampMs: number },
  spacingMs: number,
  given: Partial<AuthorSpacing> = {},
): boolean {
  const { waiverMs = WAIVER_SPACINGS * spacingMs } = given;
  if (block.timestampMs - parent.timestampMs >= waiverMs) return true;
  const spacing = given.spacing ?? requiredSpacing(parent);
  let node: HeaderNode | null = parent;
  for (let i = 1; i < spacing && node !== null && node.height > 0; i++, node = node.parent) {
    if (node.author === block.author) return false;
  }
  return true;
}

/** Earliest timestamp at which `author` may follow `parent`: the parent's own, or the end of the waiver. */
export function earliestAuthorMs(
  parent: HeaderNode,
  author: number,
  given: { minerCount: number; spacingMs: number },
): number {
  const spacing = admittedSpacing(given.minerCount, given.spacingMs);
  const { timestampMs } = parent;
  const mayAtOnce = mayAuthor(parent, { author, timestampMs }, given.spacingMs, spacing);
  return mayAtOnce ? timestampMs : timestampMs + spacing.waiverMs;
}
