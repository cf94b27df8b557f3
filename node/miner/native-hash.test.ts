import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { createRng } from '../util/rng.ts';
import { HASHER_NAMES, type HasherName, hashWithNodeCrypto, loadBatchHasher } from './native-hash.ts';

function isInstalled(name: string): boolean {
  try {
    createRequire(import.meta.url).resolve(name);
    return true;
  } catch {
    return false;
  }
}

const hasNative = isInstalled('@chainsafe/hashtree');

function digestsOneByOne(input: Uint8Array): string[] {
  return Array.from({ length: input.length / 64 }, (_, i) =>
    createHash('sha256')
      .update(input.subarray(64 * i, 64 * (i + 1)))
      .digest('hex'),
  );
}

describe('batch hashers', () => {
  for (const name of HASHER_NAMES) {
    it.skipIf(name === 'hashtree' && !hasNative)(
      `${name} agrees with node:crypto on random inputs`,
      async () => {
        const hasher = await loadBatchHasher(name);
        expect(hasher.name).toBe(name);
        const rng = createRng(7n);
        for (const count of [1, 2, 3, 4, 5, 8, 15, 16, 17, 31, 64, 129, 512]) {
          const input = Uint8Array.from({ length: 64 * count }, () => rng.below(256));
          const output = new Uint8Array(32 * count);
          hasher.hashInto(input, output);
          const hex = Buffer.from(output).toString('hex');
          expect(hex).toBe(digestsOneByOne(input).join(''));
        }
      },
    );
  }

  it('chooses the fastest that loads and says what it passed over', async () => {
    const hasher = await loadBatchHasher();
    expect(hasher.name).toBe(hasNative ? 'hashtree' : 'as-sha256');
    expect(hasher.passedOver).toHaveLength(hasNative ? 0 : 1);
  });

  it('fails with a code when the named one does not load', async () => {
    await expect(loadBatchHasher('sha-3000' as HasherName)).rejects.toMatchObject({
      code: 'MINER_HASHER_UNAVAILABLE',
      details: { only: 'sha-3000' },
    });
  });

  it('refuses buffers whose lengths do not belong together', () => {
    expect(() => hashWithNodeCrypto(new Uint8Array(63), new Uint8Array(32))).toThrow(RangeError);
    expect(() => hashWithNodeCrypto(new Uint8Array(128), new Uint8Array(32))).toThrow(RangeError);
    expect(() => hashWithNodeCrypto(new Uint8Array(128), new Uint8Array(64))).not.toThrow();
  });
});
