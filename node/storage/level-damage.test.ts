import { cp, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { equalBytes } from '../util/bytes.ts';
import { WattmeshError } from '../util/errors.ts';
import { createRng, type Rng } from '../util/rng.ts';
import { decodeCommit, encodeCommit } from './commit.ts';
import type { Store } from './interface.ts';
import { addressesKey, blockKey, receiptsKey, tipKey } from './layout.ts';
import type { LevelStore } from './level-store.ts';
import { openForTest, withFolder } from './test-folder.ts';

const BLOCKS = 40;

/** What a caller can conclude about a folder that somebody damaged. */
type Outcome = 'intact' | 'reported' | 'missing' | 'older' | 'refused';

function id(height: number): Uint8Array {
  return new Uint8Array(32).fill(height & 255, 0, 31);
}

/** Values of 60 to 2 500 bytes that differ in every byte from block to block. */
function content(height: number, salt: number): Uint8Array {
  const size = 60 + ((height * 977 + salt * 131) % 2440);
  return Uint8Array.from(
    { length: size },
    (_, i) => (height * 31 + salt * 7 + ((i * 2654435761) >>> 24)) & 255,
  );
}

/** One batch per block, as the node writes them: block, receipts, a value that is rewritten, the commit record. */
async function writeBlocks(store: Store, from: number, to: number): Promise<void> {
  for (let height = from; height <= to; height++) {
    const commit = { sequence: BigInt(height), tipId: id(height), tipHeight: height };
    await store.write(
      [
        { type: 'put', key: blockKey(height, id(height)), value: content(height, 0) },
        { type: 'put', key: receiptsKey(id(height)), value: content(height, 1) },
        { type: 'put', key: addressesKey(), value: content(height, 2) },
        { type: 'put', key: tipKey(), value: encodeCommit({ ...commit, finalHeight: 0, snapshotHeight: 0 }) },
      ],
      { sync: false },
    );
  }
}

type Read = { value: Uint8Array | null } | 'damaged';

async function read(store: Store, key: Uint8Array): Promise<Read> {
  try {
    return { value: await store.get(key) };
  } catch (error) {
    if (error instanceof WattmeshError && error.code === 'STORE_RECORD_DAMAGED') return 'damaged';
    throw error;
  }
}

/** Reads all as a caller does that trusts the commit record only; throws on any wrong value. */
async function judge(store: LevelStore): Promise<Outcome> {
  const tip = await read(store, tipKey());
  const commit = tip === 'damaged' || tip.value === null ? null : decodeCommit(tip.value);
  const height = commit?.tipHeight ?? 0;
  if (commit !== null) expect(commit.tipId).toEqual(id(height));
  let reported = tip === 'damaged' || store.losses.length > 0;
  let missing = false;
  async function look(key: Uint8Array, expected: Uint8Array, due: boolean): Promise<void> {
    const found = await read(store, key);
    if (found === 'damaged') reported = true;
    else if (found.value === null) missing ||= due;
    else if (!equalBytes(found.value, expected)) throw new Error('a wrong value was returned');
  }
  for (let h = 1; h <= BLOCKS; h++) {
    await look(blockKey(h, id(h)), content(h, 0), h <= height);
    await look(receiptsKey(id(h)), content(h, 1), h <= height);
  }
  const rewritten = await read(store, addressesKey());
  if (rewritten === 'damaged') reported = true;
  else if (rewritten.value === null) missing ||= height > 0;
  else {
    const version = Array.from({ length: BLOCKS }, (_, i) => i + 1).find((h) =>
      equalBytes(rewritten.value!, content(h, 2)),
    );
    if (version === undefined) throw new Error('a value was returned that nobody wrote');
    // an old value of a key that is rewritten is honest only where the caller sees the loss of its batch
    if (version < height && !reported && !missing) throw new Error('an old value was returned unnoticed');
  }
  if (reported) return 'reported';
  if (missing) return 'missing';
  return height === BLOCKS ? 'intact' : 'older';
}

async function rangeAgrees(store: Store): Promise<void> {
  try {
    for await (const entry of store.range(Uint8Array.of(0x10), Uint8Array.of(0x11))) {
      if ('damaged' in entry) continue;
      const height = new DataView(entry.key.buffer, entry.key.byteOffset).getUint32(1);
      if (!equalBytes(entry.key, blockKey(height, id(height)))) throw new Error('a key that nobody wrote');
      if (!equalBytes(entry.value, content(height, 0))) throw new Error('a wrong value in a range');
    }
  } catch (error) {
    if (!(error instanceof WattmeshError) || error.code !== 'STORE_DAMAGED') throw error;
  }
}

async function outcomeOf(dir: string): Promise<Outcome> {
  let store: LevelStore;
  try {
    store = await openForTest(dir);
  } catch (error) {
    if (error instanceof WattmeshError && error.code === 'STORE_DAMAGED') return 'refused';
    throw error;
  }
  try {
    await rangeAgrees(store);
    return await judge(store);
  } catch (error) {
    if (error instanceof WattmeshError && error.code === 'STORE_DAMAGED') return 'refused';
    throw error;
  } finally {
    await store.close();
  }
}

async function flipBit(dir: string, pattern: RegExp, rng: Rng): Promise<string> {
  const names = (await readdir(dir)).filter((name) => pattern.test(name)).sort();
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(dir, name))).size));
  let at = rng.below(sizes.reduce((sum, size) => sum + size, 0));
  const file = sizes.findIndex((size) => {
    if (at < size) return true;
    at -= size;
    return false;
  });
  const path = join(dir, names[file]!);
  const bytes = await readFile(path);
  bytes[at]! ^= 1 << rng.below(8);
  await writeFile(path, bytes);
  return `${names[file]} at ${at}`;
}

async function tally(dir: string, trials: number, damage: (copy: string) => Promise<string>) {
  const seen: Record<Outcome, number> = { intact: 0, reported: 0, missing: 0, older: 0, refused: 0 };
  for (let trial = 0; trial < trials; trial++) {
    const copy = `${dir}-copy-${trial}`;
    await cp(dir, copy, { recursive: true });
    const what = await damage(copy);
    try {
      seen[await outcomeOf(copy)] += 1;
    } catch (error) {
      throw new Error(`trial ${trial}, ${what}: ${String(error)}`, { cause: error });
    }
  }
  return seen;
}

/** Three states of one history: all in the log, all in a table, half and half. */
const STATES: Record<string, (dir: string) => Promise<void>> = {
  log: (dir) => fill(dir, [BLOCKS]),
  tables: (dir) => fill(dir, [BLOCKS / 2, BLOCKS, BLOCKS]),
  'log and table': (dir) => fill(dir, [BLOCKS / 2, BLOCKS]),
};

/** Each opening writes up to the next height and moves what was in the log to a table. */
async function fill(dir: string, heights: readonly number[]): Promise<void> {
  let from = 1;
  for (const height of heights) {
    const store = await openForTest(dir);
    await writeBlocks(store, from, height);
    await store.close();
    from = height + 1;
  }
}

const TRIALS = 40;

describe('a folder with one flipped bit', () => {
  const cases: [string, RegExp, readonly Outcome[]][] = [
    ['log', /\.log$/, ['missing', 'older']],
    ['tables', /\.ldb$/, ['reported', 'intact']],
    ['log and table', /\.(log|ldb)$/, ['missing', 'older', 'reported', 'intact']],
    ['log and table', /^(MANIFEST|CURRENT)/, ['reported']],
  ];
  for (const [state, files, possible] of cases) {
    it(`never returns a wrong value: ${state}, ${files}`, () =>
      withFolder(async (dir) => {
        const data = join(dir, 'data');
        await STATES[state]!(data);
        const rng = createRng(7n);
        const seen = await tally(data, TRIALS, (copy) => flipBit(join(copy, 'data'), files, rng));
        expect(seen[possible[0]!]).toBeGreaterThan(0);
        const rest = (Object.keys(seen) as Outcome[]).filter((outcome) => !possible.includes(outcome));
        for (const outcome of rest) expect(seen[outcome], outcome).toBe(0);
      }));
  }

  it('is judged by a reader that does notice a wrong value, an old one and a lost one', () =>
    withFolder(async (dir) => {
      await STATES.log!(dir);
      const store = await openForTest(dir);
      expect(await judge(store)).toBe('intact');
      await store.write([{ type: 'put', key: addressesKey(), value: content(3, 2) }], { sync: true });
      await expect(judge(store)).rejects.toThrow('an old value');
      await store.write([{ type: 'del', key: receiptsKey(id(5)) }], { sync: true });
      expect(await judge(store)).toBe('missing');
      await store.write([{ type: 'put', key: receiptsKey(id(5)), value: content(6, 1) }], { sync: true });
      await expect(judge(store)).rejects.toThrow('a wrong value');
      await store.close();
    }));
});

describe('a folder whose log was cut', () => {
  it('holds a consistent prefix', () =>
    withFolder(async (dir) => {
      const data = join(dir, 'data');
      await STATES.log!(data);
      const rng = createRng(8n);
      const log = (await readdir(join(data, 'data'))).find((name) => name.endsWith('.log'))!;
      const { size } = await stat(join(data, 'data', log));
      let shortened = 0;
      for (let trial = 0; trial < TRIALS; trial++) {
        const copy = join(dir, `copy-${trial}`);
        await cp(data, copy, { recursive: true });
        await truncate(join(copy, 'data', log), rng.below(size));
        const store = await openForTest(copy);
        expect(await judge(store)).toBe('older');
        const tip = await store.get(tipKey());
        const height = tip === null ? 0 : decodeCommit(tip)!.tipHeight;
        for (let h = height + 1; h <= BLOCKS; h++) expect(await store.get(blockKey(h, id(h)))).toBeNull();
        if (height > 0) shortened += 1;
        await store.close();
      }
      expect(shortened).toBeGreaterThan(0);
    }));
});
