import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { loadBatchHasher } from './native-hash.ts';
import { createSearcher } from './search.ts';

export interface HashRateBenchmark {
  readonly name: 'miner-hash-rate';
  readonly value: number;
  readonly unit: 'H/s';
  readonly yardstick: { readonly name: string; readonly value: number; readonly unit: 'H/s' };
  /** value / yardstick: higher is better. */
  readonly ratio: number;
  readonly hasher: string;
  /** Against `openssl speed` of 64-byte messages; null where there is no `openssl`. */
  readonly openssl: {
    readonly name: string;
    readonly value: number;
    readonly unit: 'H/s';
    readonly ratio: number;
  } | null;
}

const ROUNDS = 5;
const DEFAULT_ROUND_MS = 200;

/**
 * Hashes per second of CPU time of the searcher with the fastest hasher, against one `createHash` per call:
 * both in alternating rounds of one run, the median of each.
 */
export async function benchHashRate(roundMs: number = DEFAULT_ROUND_MS): Promise<HashRateBenchmark> {
  const hasher = await loadBatchHasher();
  const searched = searchWork(hasher.hashInto);
  const rounds = { searched: [] as number[], single: [] as number[] };
  for (let round = 0; round < ROUNDS; round++) {
    rounds.searched.push(hashesPerCpuSecond(searched, roundMs));
    rounds.single.push(hashesPerCpuSecond(hashOneByOne, roundMs));
  }
  const value = median(rounds.searched);
  const single = median(rounds.single);
  const openssl = await opensslHashesPerSecond();
  return {
    name: 'miner-hash-rate',
    value,
    unit: 'H/s',
    yardstick: { name: 'node:crypto createHash, one 64-byte message per call', value: single, unit: 'H/s' },
    ratio: value / single,
    hasher: hasher.name,
    openssl:
      openssl === null
        ? null
        : {
            name: 'openssl speed -evp sha256 -bytes 64',
            value: openssl,
            unit: 'H/s',
            ratio: value / openssl,
          },
  };
}

const HASHES_PER_CALL = 16_384;

function searchWork(hashInto: Parameters<typeof createSearcher>[0]): () => number {
  const searcher = createSearcher(hashInto);
  const request = {
    bodyRoot: new Uint8Array(32).fill(7),
    target: new Uint8Array(32),
    nonceStart: new Uint8Array(32),
    maxHashes: HASHES_PER_CALL,
  };
  return () => searcher.search(request).hashes;
}

const message = new Uint8Array(64).fill(7);

function hashOneByOne(): number {
  for (let i = 0; i < 1024; i++) createHash('sha256').update(message).digest();
  return 1024;
}

function hashesPerCpuSecond(work: () => number, roundMs: number): number {
  work();
  const from = process.cpuUsage();
  const until = performance.now() + roundMs;
  let hashes = 0;
  while (performance.now() < until) hashes += work();
  const used = process.cpuUsage(from);
  return (hashes * 1_000_000) / (used.user + used.system);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

async function opensslHashesPerSecond(): Promise<number | null> {
  try {
    const args = ['speed', '-evp', 'sha256', '-bytes', '64', '-seconds', '1'];
    const { stdout } = await promisify(execFile)('openssl', args, { timeout: 30_000 });
    return parseOpensslSpeed(stdout);
  } catch {
    // A yardstick of convenience: no openssl on the PATH, or one without these options.
    return null;
  }
}

/** Hashes per second from the table of `openssl speed` (thousands of bytes per second of 64-byte messages). */
export function parseOpensslSpeed(stdout: string): number | null {
  const match = /^sha256\s+([\d.]+)k\s*$/im.exec(stdout);
  return match === null ? null : (Number(match[1]) * 1000) / 64;
}
