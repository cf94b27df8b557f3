import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { equalBytes } from '../util/bytes.ts';
import { WattmeshError } from '../util/errors.ts';

export type HasherName = 'hashtree' | 'as-sha256' | 'node-crypto';

/** Hashes N concatenated 64-byte messages into N concatenated 32-byte SHA-256 digests. */
export type HashInto = (input: Uint8Array, output: Uint8Array) => void;

export interface BatchHasher {
  readonly name: HasherName;
  readonly hashInto: HashInto;
  /** Why each faster implementation was passed over, in words; empty when the fastest one loaded. */
  readonly passedOver: readonly string[];
}

export const HASHER_NAMES: readonly HasherName[] = ['hashtree', 'as-sha256', 'node-crypto'];

const LOADERS: Record<HasherName, () => Promise<HashInto>> = {
  // Not a static import: the package is optional, and its absence must fail here and nowhere else.
  hashtree: async () => {
    const native = createRequire(import.meta.url)('@chainsafe/hashtree') as { hashInto: HashInto };
    return native.hashInto;
  },
  'as-sha256': async () => (await import('@chainsafe/as-sha256')).hashInto,
  'node-crypto': async () => hashWithNodeCrypto,
};

/**
 * Loads the fastest batch hasher this machine has, or exactly the one named.
 * A candidate must agree with `node:crypto` on a self-test before it is used.
 * Throws `MINER_HASHER_UNAVAILABLE` when the named one does not load.
 */
export async function loadBatchHasher(only?: HasherName): Promise<BatchHasher> {
  const passedOver: string[] = [];
  for (const name of only === undefined ? HASHER_NAMES : [only]) {
    try {
      const hashInto = await LOADERS[name]();
      selfTest(hashInto);
      return { name, hashInto, passedOver };
    } catch (error) {
      passedOver.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new WattmeshError({
    code: 'MINER_HASHER_UNAVAILABLE',
    message: `no usable batch hasher: ${passedOver.join('; ')}`,
    remedy: 'Remove the hasher setting to let the node choose, or reinstall with optional dependencies.',
    details: { only: only ?? null },
  });
}

/** The fallback that is always there: one `createHash` per 64-byte message. */
export function hashWithNodeCrypto(input: Uint8Array, output: Uint8Array): void {
  if (input.length % 64 !== 0 || input.length !== 2 * output.length) {
    throw new RangeError(`${input.length} bytes in, ${output.length} out: not 64 in and 32 out per message`);
  }
  for (let at = 0; at < input.length; at += 64) {
    output.set(
      createHash('sha256')
        .update(input.subarray(at, at + 64))
        .digest(),
      at / 2,
    );
  }
}

// 37 messages: full vectors of every width in use (2, 4, 8, 16 lanes) and a remainder for each.
const SELF_TEST_MESSAGES = 37;

function selfTest(hashInto: HashInto): void {
  const input = Uint8Array.from(
    { length: 64 * SELF_TEST_MESSAGES },
    (_, i) => (i * 131 + (i >> 6) * 7) & 0xff,
  );
  const expected = new Uint8Array(32 * SELF_TEST_MESSAGES);
  const actual = new Uint8Array(32 * SELF_TEST_MESSAGES);
  hashWithNodeCrypto(input, expected);
  hashInto(input, actual);
  if (!equalBytes(actual, expected)) throw new Error('its digests differ from those of node:crypto');
}
