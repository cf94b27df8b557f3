/** Justified and settled heights once more, from the specification (docs/protocol.md, section 7), once per block. */
import type { Standing } from './ledger-checker.ts';

const WINDOW = 720;

/** One block of a branch, newest first by `parent`. */
export interface Link {
  readonly height: number;
  readonly author: number;
  readonly conflictHeight: number;
  readonly standing: Standing;
  readonly parent: Link | null;
}

/** What a block on top of `parent` justifies and settles. */
export function standingOf(
  block: { height: number; author: number; conflictHeight: number },
  parent: Link,
  quorum: number,
): Standing {
  const before = parent.standing;
  const newest = new Map([[block.author, { ...block, seen: before.justified }]]);
  let at: Link | null = parent;
  while (at !== null && at.parent !== null && at.height >= block.height - WINDOW) {
    if (at.height <= before.settled) break;
    if (!newest.has(at.author)) newest.set(at.author, { ...at, seen: at.parent.standing.justified });
    at = at.parent;
  }
  const voices = [...newest.values()];
  const highest = (
    from: number,
    floor: number,
    speaks: (voice: (typeof voices)[number], h: number) => boolean,
  ) => {
    for (let height = from; height > floor; height--) {
      const count = voices.filter((voice) => voice.conflictHeight < height && speaks(voice, height)).length;
      if (count >= quorum) return height;
    }
    return floor;
  };
  return {
    justified: highest(block.height - 1, before.justified, (voice, height) => voice.height > height),
    settled: highest(before.justified, before.settled, (voice, height) => voice.seen >= height),
  };
}
