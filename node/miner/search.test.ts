import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { bigintFromBytes, bytesFromBigint, fromHex } from '../util/bytes.ts';
import { createRng } from '../util/rng.ts';
import { HASHER_NAMES, hashWithNodeCrypto, loadBatchHasher } from './native-hash.ts';
import { addToNonce, createSearcher } from './search.ts';

const FLOOR = 2n ** 244n - 1n;
const rng = createRng(11n);
const random32 = () => Uint8Array.from({ length: 32 }, () => rng.below(256));

function blockId(bodyRoot: Uint8Array, nonce: Uint8Array): bigint {
  return bigintFromBytes(createHash('sha256').update(bodyRoot).update(nonce).digest());
}

function nonceAt(start: Uint8Array, i: number): Uint8Array {
  return bytesFromBigint((bigintFromBytes(start) + BigInt(i)) % 2n ** 256n, 32);
}

/** The specification of the search: one nonce after the other with node:crypto. */
function naiveSearch(bodyRoot: Uint8Array, target: bigint, start: Uint8Array, maxHashes: number) {
  for (let i = 0; i < maxHashes; i++) {
    const nonce = nonceAt(start, i);
    if (blockId(bodyRoot, nonce) <= target) return nonce;
  }
  return null;
}

const loaded = await Promise.all(HASHER_NAMES.map((name) => loadBatchHasher(name).catch(() => null)));
const hashers = loaded.filter((hasher) => hasher !== null);

describe('search', () => {
  it('has at least both bundled hashers to compare', () => {
    expect(hashers.map((hasher) => hasher.name)).toEqual(
      expect.arrayContaining(['as-sha256', 'node-crypto']),
    );
  });

  it('finds the same first nonce whatever the hasher and the batch size', () => {
    for (const target of [2n ** 256n - 1n, 2n ** 255n, 2n ** 250n + 12_345n, FLOOR]) {
      const bodyRoot = random32();
      const nonceStart = random32();
      const expected = naiveSearch(bodyRoot, target, nonceStart, 50_000);
      expect(expected).not.toBeNull();
      for (const { hashInto } of hashers) {
        for (const batchSize of [1, 3, 16, 100, 512, 4096]) {
          const request = { bodyRoot, target: bytesFromBigint(target, 32), nonceStart, maxHashes: 50_000 };
          expect(createSearcher(hashInto, batchSize).search(request).nonce).toEqual(expected);
        }
      }
    }
  });

  it('accepts a block id equal to the target and rejects one above it', () => {
    const bodyRoot = random32();
    const nonceStart = random32();
    const id = blockId(bodyRoot, nonceStart);
    const searcher = createSearcher(hashWithNodeCrypto, 4);
    const searchOne = (target: bigint) =>
      searcher.search({ bodyRoot, target: bytesFromBigint(target, 32), nonceStart, maxHashes: 1 });
    expect(searchOne(id)).toEqual({ nonce: nonceStart, hashes: 1 });
    expect(searchOne(id + 1n)).toEqual({ nonce: nonceStart, hashes: 1 });
    expect(searchOne(id - 1n)).toEqual({ nonce: null, hashes: 1 });
  });

  it('performs exactly the hashes it is allowed, and says so', () => {
    let performed = 0;
    const counting = (input: Uint8Array, output: Uint8Array) => {
      expect(input.length).toBe(2 * output.length);
      performed += input.length / 64;
      hashWithNodeCrypto(input, output);
    };
    const searcher = createSearcher(counting, 16);
    for (const maxHashes of [0, 1, 15, 16, 17, 32, 33]) {
      performed = 0;
      const request = { bodyRoot: random32(), target: new Uint8Array(32), nonceStart: random32(), maxHashes };
      expect(searcher.search(request)).toEqual({ nonce: null, hashes: maxHashes });
      expect(performed).toBe(maxHashes);
    }
  });

  it('counts the whole batch that held the hit', () => {
    const searcher = createSearcher(hashWithNodeCrypto, 16);
    const easy = { bodyRoot: random32(), target: new Uint8Array(32).fill(255), nonceStart: random32() };
    expect(searcher.search({ ...easy, maxHashes: 100 }).hashes).toBe(16);
    expect(searcher.search({ ...easy, maxHashes: 5 }).hashes).toBe(5);
  });

  it.each([
    ['a 32-bit word', `${'ab'.repeat(28)}fffffffa`],
    ['all 256 bits', `${'ff'.repeat(31)}fa`],
  ])('carries the nonce over %s', (_what, startHex) => {
    const nonceStart = fromHex(startHex)!;
    // Nonces 0-5 come before the carry. A body whose least id of 40 comes after it, that id as the target.
    let bodyRoot: Uint8Array;
    let ids: bigint[];
    let least: number;
    do {
      bodyRoot = random32();
      ids = Array.from({ length: 40 }, (_, i) => blockId(bodyRoot, nonceAt(nonceStart, i)));
      least = ids.reduce((best, id, i) => (id < ids[best]! ? i : best), 0);
    } while (least < 6);
    const request = { bodyRoot, target: bytesFromBigint(ids[least]!, 32), nonceStart, maxHashes: 40 };
    const expected = nonceAt(nonceStart, least);
    for (const batchSize of [1, 16, 512]) {
      expect(createSearcher(hashWithNodeCrypto, batchSize).search(request).nonce).toEqual(expected);
    }
  });

  it('does not keep anything of the search before it', () => {
    const searcher = createSearcher(hashWithNodeCrypto, 64);
    const bodyRoot = random32();
    const nonceStart = random32();
    const target = bytesFromBigint(FLOOR, 32);
    const fresh = (root: Uint8Array, start: Uint8Array) =>
      createSearcher(hashWithNodeCrypto, 64).search({
        bodyRoot: root,
        target,
        nonceStart: start,
        maxHashes: 640,
      });
    for (const [root, start] of [
      [bodyRoot, nonceStart],
      [random32(), nonceStart],
      [bodyRoot, random32()],
      [bodyRoot, nonceStart],
    ] as const) {
      const request = { bodyRoot: root, target, nonceStart: start, maxHashes: 640 };
      expect(searcher.search(request)).toEqual(fresh(root, start));
    }
  });
});

describe('addToNonce', () => {
  it('adds big-endian with carry and wraps', () => {
    for (const [start, count] of [
      [0n, 0],
      [0n, 255],
      [255n, 1],
      [2n ** 32n - 1n, 1],
      [2n ** 200n - 3n, 2 ** 40 + 7],
      [2n ** 256n - 1n, 2],
    ] as const) {
      const nonce = bytesFromBigint(start, 32);
      addToNonce(nonce, count);
      expect(bigintFromBytes(nonce)).toBe((start + BigInt(count)) % 2n ** 256n);
    }
  });
});
