/** Makes an input shorter and simpler while it goes on to fail in the same way. */
import { concatBytes } from '../../node/util/bytes.ts';

const MAX_TRIES = 3000;
/** Inputs that take their time to fail are left as they are then. */
const MAX_MS = 120_000;

/** `fails` says whether an input still fails in that way; it is called at most 3000 times, for two minutes. */
export async function minimise(
  input: Uint8Array,
  fails: (input: Uint8Array) => Promise<boolean>,
): Promise<Uint8Array> {
  let best = input;
  let tries = 0;
  const endMs = performance.now() + MAX_MS;
  const goesOn = () => tries < MAX_TRIES && performance.now() < endMs;
  const accept = async (candidate: Uint8Array): Promise<boolean> => {
    if (!goesOn()) return false;
    tries++;
    if (!(await fails(candidate))) return false;
    best = candidate;
    return true;
  };
  for (let size = Math.ceil(best.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < best.length && goesOn(); ) {
      const shorter = concatBytes(best.subarray(0, at), best.subarray(at + size));
      if (!(await accept(shorter))) at += size;
    }
  }
  for (const simple of [0x00, 0x30]) {
    for (let at = 0; at < best.length && goesOn(); at++) {
      // A zero that was accepted before is simple enough.
      if (best[at] === simple || best[at] === 0) continue;
      const simpler = best.slice();
      simpler[at] = simple;
      await accept(simpler);
    }
  }
  return best;
}
