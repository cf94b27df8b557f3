import { describe, expect, it } from 'vitest';
import type { FoundMessage, WorkerJob } from './messages.ts';
import { createMiningLoop } from './mining-loop.ts';
import { hashWithNodeCrypto } from './native-hash.ts';
import { createSearcher, type Searcher } from './search.ts';
import { createTokenBucket, MAX_SLICE_MS } from './token-bucket.ts';

const IMPOSSIBLE = new Uint8Array(32);
const CERTAIN = new Uint8Array(32).fill(255);

function job(generation: number, target: Uint8Array): WorkerJob {
  return {
    generation,
    timestampMs: 1000 + generation,
    bodyRoot: new Uint8Array(32).fill(generation),
    target,
    nonceStart: new Uint8Array(32),
  };
}

/** A loop on a virtual clock; a search of n hashes takes `n x msPerHash`. */
function setup(hashesPerSecond: number | null, msPerHash = 0, searcher?: Searcher) {
  const clock = { ms: 0, hashes: 0, found: [] as FoundMessage[] };
  const real = searcher ?? createSearcher(hashWithNodeCrypto, 16);
  const loop = createMiningLoop({
    searcher: {
      search(request) {
        const result = real.search(request);
        clock.ms += result.hashes * msPerHash;
        return result;
      },
    },
    bucket: createTokenBucket(hashesPerSecond, 0),
    now: () => clock.ms,
    onHashes: (hashes) => {
      clock.hashes += hashes;
    },
    onFound: (found) => clock.found.push(found),
  });
  return { loop, clock };
}

describe('mining loop', () => {
  it('idles without a job', () => {
    const { loop, clock } = setup(null);
    expect(loop.step()).toBeNull();
    loop.setJob(job(1, IMPOSSIBLE));
    expect(loop.step()).toBe(0);
    loop.setJob(null);
    expect(loop.step()).toBeNull();
    expect(clock.found).toEqual([]);
  });

  it('follows the delays it asks for at exactly the capped rate', () => {
    const { loop, clock } = setup(1000, 0.01);
    loop.setJob(job(1, IMPOSSIBLE));
    while (clock.ms < 10_000) {
      const delayMs = loop.step();
      expect(delayMs).not.toBeNull();
      clock.ms += delayMs!;
      expect(clock.hashes).toBeLessThanOrEqual(clock.ms);
    }
    expect(clock.hashes).toBeGreaterThan(9_900);
  });

  it('does at most one slice after a sleep', () => {
    const { loop, clock } = setup(1000);
    loop.setJob(job(1, IMPOSSIBLE));
    clock.ms = 3_600_000;
    loop.step();
    loop.step();
    expect(clock.hashes).toBe(MAX_SLICE_MS);
  });

  it('reports the nonce with the job it belongs to, once, and counts its hashes', () => {
    const { loop, clock } = setup(null);
    loop.setJob(job(1, IMPOSSIBLE));
    loop.step();
    const before = clock.hashes;
    loop.setJob(job(2, CERTAIN));
    expect(loop.step()).toBeNull();
    expect(loop.step()).toBeNull();
    expect(clock.found).toEqual([
      { type: 'found', generation: 2, timestampMs: 1002, nonce: new Uint8Array(32) },
    ]);
    expect(clock.hashes).toBe(before + 16);
  });

  it('goes on from where it stopped and never tries a nonce twice', () => {
    const starts: number[] = [];
    const ends: number[] = [];
    const { loop } = setup(null, 0, {
      search({ nonceStart, maxHashes }) {
        const start = new DataView(nonceStart.buffer).getUint32(28);
        starts.push(start);
        ends.push(start + maxHashes);
        return { nonce: null, hashes: maxHashes };
      },
    });
    loop.setJob(job(1, IMPOSSIBLE));
    for (let i = 0; i < 5; i++) loop.step();
    expect(starts).toEqual([0, ...ends.slice(0, -1)]);
  });

  it('steers the length of a search so that messages get in between', () => {
    const calls: number[] = [];
    const searcher: Searcher = {
      search({ maxHashes }) {
        calls.push(maxHashes);
        return { nonce: null, hashes: maxHashes };
      },
    };
    const { loop } = setup(null, 0.0001, searcher);
    loop.setJob(job(1, IMPOSSIBLE));
    for (let i = 0; i < 50; i++) loop.step();
    const lastMs = calls.at(-1)! * 0.0001;
    expect(lastMs).toBeGreaterThanOrEqual(5);
    expect(lastMs).toBeLessThanOrEqual(20);
  });
});
