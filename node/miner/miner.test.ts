import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { bigintFromBytes } from '../util/bytes.ts';
import type { WattmeshError } from '../util/errors.ts';
import { createMiner, type FoundNonce, type Miner, type MinerOptions, type MiningJob } from './miner.ts';
import { MAX_SLICE_MS } from './token-bucket.ts';
import { bundleMiner, type TestBundle } from './worker-bundle.ts';

const FLOOR = 2n ** 244n - 1n;
const CERTAIN = 2n ** 256n - 1n;
const WAIT = { timeout: 60_000, interval: 10 };

function rootAt(timestampMs: number, salt = 0): Uint8Array {
  return createHash('sha256').update(`${timestampMs}/${salt}`).digest();
}

function blockId(found: FoundNonce, salt = 0): bigint {
  const root = rootAt(found.timestampMs, salt);
  return bigintFromBytes(createHash('sha256').update(root).update(found.nonce).digest());
}

function job(id: number, target: bigint, salt = 0): MiningJob {
  return { id, rootAt: (timestampMs) => rootAt(timestampMs, salt), target, earliestMs: 0 };
}

/** A worker of a few lines, for misbehaviour that the real one must not be able to show. */
function fakeWorker(onJob: string, atStart = ''): URL {
  const code = `import { parentPort, workerData } from 'node:worker_threads';
    ${atStart}
    parentPort.on('message', (message) => { if (message.type === 'job') { const job = message.job; ${onJob} } });
    parentPort.postMessage({ type: 'ready', hasher: 'node-crypto', passedOver: [] });`;
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`);
}

let bundle: TestBundle;
const miners: Miner[] = [];

beforeAll(async () => {
  bundle = await bundleMiner();
});
afterEach(async () => {
  await Promise.all(miners.splice(0).map((miner) => miner.stop()));
});
afterAll(() => bundle.remove());

function setup(overrides: Partial<MinerOptions> = {}) {
  const found: FoundNonce[] = [];
  const errors: WattmeshError[] = [];
  const miner = createMiner({
    workerUrl: bundle.workerUrl,
    hashesPerSecond: null,
    randomBytes,
    now: () => Date.now(),
    onFound: (nonce) => found.push(nonce),
    onError: (error) => errors.push(error),
    ...overrides,
  });
  miners.push(miner);
  return { miner, found, errors };
}

describe('miner', () => {
  it.each(['as-sha256', 'node-crypto', undefined] as const)(
    'finds a real block with hasher %s',
    async (hasher) => {
      const { miner, found, errors } = setup(hasher === undefined ? {} : { hasher });
      await miner.start();
      miner.mine(job(7, FLOOR));
      await vi.waitFor(() => expect(found).toHaveLength(1), WAIT);
      expect(found[0]!.jobId).toBe(7);
      expect(found[0]!.nonce).toHaveLength(32);
      expect(blockId(found[0]!)).toBeLessThanOrEqual(FLOOR);
      const stats = miner.stats();
      expect(stats).toMatchObject({ running: true, declaredHashesPerSecond: null });
      expect(stats.hashesTotal).toBeGreaterThan(0);
      expect(stats.hashesPerSecond).toBeGreaterThan(0);
      if (hasher !== undefined) expect(stats.hasher).toBe(hasher);
      expect(errors).toEqual([]);
    },
  );

  it('performs real hashes up to its cap and no more', async () => {
    const { miner } = setup({ hashesPerSecond: 20_000 });
    await miner.start();
    const startMs = performance.now();
    miner.mine(job(1, 0n));
    await vi.waitFor(() => expect(miner.stats().hashesTotal).toBeGreaterThan(20_000), WAIT);
    const allowance = (hashesPerSecond: number) =>
      (hashesPerSecond * (performance.now() - startMs + MAX_SLICE_MS)) / 1000;
    const total = miner.stats().hashesTotal;
    expect(total).toBeLessThanOrEqual(allowance(20_000));

    miner.setHashesPerSecond(200_000);
    expect(miner.stats().declaredHashesPerSecond).toBe(200_000);
    // More than the old cap would ever have allowed by then.
    await vi.waitFor(() => expect(miner.stats().hashesTotal).toBeGreaterThan(2 * allowance(20_000)), WAIT);
    expect(miner.stats().hashesTotal).toBeLessThanOrEqual(total + allowance(200_000));
  });

  it('never reports a job that was replaced or cancelled', async () => {
    const { miner, found, errors } = setup();
    await miner.start();
    for (let id = 0; id < 200; id += 2) {
      miner.mine(job(id, CERTAIN, id));
      // Sometimes the first job has been found already, and its message is on the way.
      if (id % 4 === 0) await new Promise((resolve) => setImmediate(resolve));
      if (found.at(-1)?.jobId === id) continue;
      miner.mine(job(id + 1, CERTAIN, id + 1));
      await vi.waitFor(() => expect(found.at(-1)?.jobId).toBe(id + 1), WAIT);
    }
    const ids = found.map(({ jobId }) => jobId);
    expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
    expect(ids.length).toBe(100);

    miner.mine(job(1000, CERTAIN));
    miner.cancel();
    miner.mine(job(1001, CERTAIN));
    await vi.waitFor(() => expect(found.at(-1)?.jobId).toBe(1001), WAIT);
    expect(found.some(({ jobId }) => jobId === 1000)).toBe(false);
    expect(errors).toEqual([]);
  });

  it('tells a stale result from a current one even if the job id is the same', async () => {
    // Answers every job with the generation before it.
    const stale = fakeWorker(`parentPort.postMessage({ type: 'found', generation: job.generation - 1,
      timestampMs: job.timestampMs, nonce: new Uint8Array(32) });
      if (job.generation === 3) parentPort.postMessage({ type: 'found', generation: 3,
      timestampMs: job.timestampMs, nonce: new Uint8Array(32).fill(3) });`);
    const { miner, found, errors } = setup({ workerUrl: stale });
    await miner.start();
    for (let i = 0; i < 3; i++) miner.mine(job(5, CERTAIN));
    await vi.waitFor(() => expect(found).toHaveLength(1), WAIT);
    expect(found[0]!.nonce).toEqual(new Uint8Array(32).fill(3));
    expect(errors).toEqual([]);
  });

  it('refreshes the timestamp alone, never below the earliest', async () => {
    const asked: number[] = [];
    let clockMs = 1000;
    const { miner, found } = setup({ now: () => clockMs, refreshMs: 5 });
    await miner.start();
    miner.mine({
      id: 1,
      target: 0n,
      earliestMs: 1500,
      rootAt: (timestampMs) => {
        asked.push(timestampMs);
        return rootAt(timestampMs);
      },
    });
    expect(asked).toEqual([1500]);
    clockMs = 1500;
    const refreshed = () => expect(asked.at(-1)).toBe(clockMs);
    clockMs = 1501.9;
    await vi.waitFor(() => expect(asked.at(-1)).toBe(1501), WAIT);
    clockMs = 2000;
    await vi.waitFor(refreshed, WAIT);
    expect(asked).toEqual([1500, 1501, 2000]);
    expect(found).toEqual([]);
  });

  it('accepts a nonce found just before a refresh, with the timestamp it was found for', async () => {
    // Holds its answer to the first job until the refresh has arrived.
    const slow = fakeWorker(
      `if (first === null) first = job; else parentPort.postMessage({ type: 'found',
        generation: first.generation, timestampMs: first.timestampMs, nonce: first.nonceStart });`,
      'let first = null;',
    );
    let clockMs = 1000;
    const { miner, found } = setup({ workerUrl: slow, now: () => clockMs, refreshMs: 5 });
    await miner.start();
    miner.mine(job(1, CERTAIN));
    clockMs = 2000;
    await vi.waitFor(() => expect(found).toHaveLength(1), WAIT);
    expect(found[0]!.timestampMs).toBe(1000);
  });

  it('reports an invalid nonce as an error, not as a block, and mines on', async () => {
    const wrong = fakeWorker(
      `parentPort.postMessage({ type: 'found', generation: job.generation,
        timestampMs: job.timestampMs, nonce: new Uint8Array(asked++ === 0 ? 32 : 31) });`,
      'let asked = 0;',
    );
    const { miner, found, errors } = setup({ workerUrl: wrong });
    await miner.start();
    miner.mine(job(1, 0n));
    await vi.waitFor(() => expect(errors.length).toBeGreaterThanOrEqual(2), WAIT);
    expect(new Set(errors.map(({ code }) => code))).toEqual(new Set(['MINER_INVALID_NONCE']));
    expect(found).toEqual([]);
  });

  it('restarts a crashed worker with a reason and gives it the job again', async () => {
    const counter = 'const starts = new BigUint64Array(workerData.counter); const nth = ++starts[0];';
    const crashing = fakeWorker(
      `if (nth === 1n) throw new Error('out of luck');
       if (nth === 2n) process.exit(9);
       parentPort.postMessage({ type: 'found', generation: job.generation,
         timestampMs: job.timestampMs, nonce: job.nonceStart });`,
      counter,
    );
    const { miner, found, errors } = setup({ workerUrl: crashing });
    await miner.start();
    miner.mine(job(4, CERTAIN));
    await vi.waitFor(() => expect(found).toHaveLength(1), WAIT);
    expect(found[0]!.jobId).toBe(4);
    expect(errors.map(({ code }) => code)).toEqual(['MINER_WORKER_CRASHED', 'MINER_WORKER_CRASHED']);
    expect(errors[0]!.message).toContain('out of luck');
    expect(errors[1]!.details).toMatchObject({ exitCode: 9, crashes: 2 });
    expect(miner.stats().hashesTotal).toBe(3);
  });

  it('fails to start with a code when the worker does not come up', async () => {
    const { miner, errors } = setup({ workerUrl: new URL('file:///nowhere/miner-worker.mjs') });
    await expect(miner.start()).rejects.toMatchObject({ code: 'MINER_WORKER_FAILED' });
    expect(miner.stats().running).toBe(false);
    expect(errors).toEqual([]);

    const unknown = setup({ hasher: 'sha-3000' as 'hashtree' });
    await expect(unknown.miner.start()).rejects.toMatchObject({
      code: 'MINER_WORKER_FAILED',
      message: expect.stringContaining('sha-3000'),
    });
  });

  it('can be stopped while it starts, and started again with the job given meanwhile', async () => {
    const { miner, found } = setup();
    const first = miner.start();
    const stopped = miner.stop();
    await expect(first).rejects.toMatchObject({ code: 'MINER_STOPPED' });
    await stopped;
    expect(miner.stats()).toMatchObject({ running: false, hashesPerSecond: 0 });
    miner.mine(job(3, FLOOR));
    await Promise.all([miner.start(), miner.start()]);
    await vi.waitFor(() => expect(found.map(({ jobId }) => jobId)).toEqual([3]), WAIT);
  });

  it('leaves no worker: a process that stops its miner ends by itself', async () => {
    const script = `
      import { createMiner } from ${JSON.stringify(bundle.minerUrl.href)};
      import { randomBytes } from 'node:crypto';
      const fail = (error) => { throw error; };
      const miner = createMiner({ workerUrl: new URL(${JSON.stringify(bundle.workerUrl.href)}),
        hashesPerSecond: null, randomBytes, now: Date.now, onFound: fail, onError: fail });
      await miner.start();
      miner.mine({ id: 1, rootAt: () => new Uint8Array(32), target: 0n, earliestMs: 0 });
      while (miner.stats().hashesTotal === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      await miner.stop();
      console.log(miner.stats().running);`;
    const args = ['--input-type=module', '-e', script];
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 60_000 });
    expect(stdout.trim()).toBe('false');
  });

  it.each([0, -1, Number.NaN, Infinity])('refuses a hash rate of %s', (hashesPerSecond) => {
    expect(() => setup({ hashesPerSecond })).toThrow(expect.objectContaining({ code: 'MINER_INVALID_RATE' }));
    const { miner } = setup();
    expect(() => miner.setHashesPerSecond(hashesPerSecond)).toThrow();
  });

  it('refuses a target that is no 256-bit number', () => {
    const { miner } = setup();
    expect(() => miner.mine(job(1, -1n))).toThrow(RangeError);
    expect(() => miner.mine(job(1, 2n ** 256n))).toThrow(RangeError);
  });
});
