import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compareBytes } from '../util/bytes.ts';
import type { Store } from './interface.ts';
import { blockKey, familyRange, metaKey } from './layout.ts';
import { checkTable } from './table-check.ts';
import { openForTest, withFolder, withRawLevel } from './test-folder.ts';
import { verifyRecords } from './verify.ts';

const BLOCKS = 12;
const BLOCK_BYTES = 6000;

function key(height: number): Uint8Array {
  return blockKey(height, new Uint8Array(32).fill(height));
}

function value(height: number): Uint8Array {
  return new Uint8Array(BLOCK_BYTES).fill(height);
}

function put(height: number) {
  return { type: 'put' as const, key: key(height), value: value(height) };
}

/** Blocks 1 to 12, each larger than a block of LevelDB, in one table. */
async function fill(dir: string): Promise<void> {
  const store = await openForTest(dir);
  await store.write(
    Array.from({ length: BLOCKS }, (_, i) => put(i + 1)),
    { sync: true },
  );
  await store.close();
  await (await openForTest(dir)).close();
}

async function tableOf(dir: string): Promise<string> {
  const tables = (await readdir(join(dir, 'data'))).filter((name) => name.endsWith('.ldb'));
  expect(tables).toHaveLength(1);
  return join(dir, 'data', tables[0]!);
}

/** Flips one bit inside the stored bytes of a block; returns where. */
async function flipIn(dir: string, height: number): Promise<void> {
  const path = await tableOf(dir);
  const bytes = await readFile(path);
  const at = bytes.indexOf(Buffer.from(value(height))) + 100;
  expect(at).toBeGreaterThan(100);
  bytes[at]! ^= 4;
  await writeFile(path, bytes);
}

async function expectAllBut(store: Store, lost: readonly number[]): Promise<void> {
  for (let height = 1; height <= BLOCKS; height++) {
    expect(await store.get(key(height)), `block ${height}`).toEqual(
      lost.includes(height) ? null : value(height),
    );
  }
}

describe('opening a folder with a damaged table', () => {
  it('names what is lost, keeps the rest, and is sound again once that is written anew', () =>
    withFolder(async (dir) => {
      await fill(dir);
      await flipIn(dir, 7);
      const store = await openForTest(dir);
      await expectAllBut(store, [7]);
      expect(store.losses).toHaveLength(1);
      const [{ from, to }] = store.losses as [{ from: Uint8Array; to: Uint8Array }];
      expect(compareBytes(from, key(6))).toBeGreaterThanOrEqual(0);
      expect(compareBytes(from, key(7))).toBeLessThanOrEqual(0);
      expect(compareBytes(to, key(7))).toBeGreaterThanOrEqual(0);
      expect(compareBytes(to, key(8))).toBeLessThan(0);
      await store.write([put(7)], { sync: true });
      await store.close();
      const again = await openForTest(dir);
      expect(again.losses).toEqual([]);
      await expectAllBut(again, []);
      await again.close();
      expect((await readdir(dir)).sort()).toEqual(['data', 'lock']);
    }));

  it('starts again after a kill at any stage of the replacement', () =>
    withFolder(async (dir) => {
      const damaged = join(dir, 'damaged-store');
      await fill(damaged);
      await flipIn(damaged, 7);
      const stages: ((root: string) => Promise<void>)[] = [
        async (root) => {
          await mkdir(join(root, 'rebuilt'));
          await writeFile(join(root, 'rebuilt', 'CURRENT'), 'half written');
        },
        async (root) => {
          await rename(join(root, 'data'), join(root, 'damaged'));
          await mkdir(join(root, 'rebuilt'));
        },
        async (root) => {
          await cp(join(root, 'data'), join(root, 'damaged'), { recursive: true });
        },
      ];
      for (const [i, stage] of stages.entries()) {
        const root = join(dir, `stage-${i}`);
        await cp(damaged, root, { recursive: true });
        await stage(root);
        const store = await openForTest(root);
        expect(store.losses).toHaveLength(1);
        await expectAllBut(store, [7]);
        await store.close();
        expect((await readdir(root)).sort()).toEqual(['data', 'lock']);
      }
    }));

  it('takes no half-written table of a killed process for damage', () =>
    withFolder(async (dir) => {
      await fill(dir);
      const path = await tableOf(dir);
      const whole = await readFile(path);
      const number = Number(/(\d+)\.ldb$/.exec(path)![1]);
      const orphans = [number + 1, number + 2, number + 3, number + 900];
      for (const orphan of orphans) {
        const name = `${String(orphan).padStart(6, '0')}.ldb`;
        await writeFile(join(dir, 'data', name), whole.subarray(0, whole.length / 2));
      }
      for (let start = 0; start < 2; start++) {
        const store = await openForTest(dir);
        expect(store.losses).toEqual([]);
        await expectAllBut(store, []);
        await store.write([put(1)], { sync: true });
        await store.close();
      }
    }));

  it('gives up a table whose index is damaged, and opens', () =>
    withFolder(async (dir) => {
      await fill(dir);
      const path = await tableOf(dir);
      const bytes = await readFile(path);
      bytes[bytes.length - 48 - 10]! ^= 1;
      await writeFile(path, bytes);
      const store = await openForTest(dir);
      expect(store.losses).toHaveLength(1);
      expect(await store.get(key(1))).toBeNull();
      await store.close();
    }));
});

describe('a table damaged under a running store', () => {
  /** Makes LevelDB refuse the block that holds one of ours, without a word to the store. */
  async function refuse(dir: string, height: number): Promise<void> {
    const path = await tableOf(dir);
    const bytes = await readFile(path);
    const at = bytes.indexOf(Buffer.from(value(height)));
    bytes[at]! ^= 1;
    const [damage] = checkTable(bytes);
    bytes[at]! ^= 1;
    bytes[damage!.sealAt] = 0xff;
    await writeFile(path, bytes);
  }

  const all = familyRange('block');

  it('is reported by get, and by a walk after all that can be read', () =>
    withFolder(async (dir) => {
      await fill(dir);
      const store = await openForTest(dir);
      await refuse(dir, 7);
      await expect(store.get(key(7))).rejects.toMatchObject({
        code: 'STORE_RECORD_DAMAGED',
        message: expect.stringContaining('block 7 0707'),
        details: { key: key(7) },
      });
      const seen: number[] = [];
      const walk = (async () => {
        for await (const entry of store.range(all.from, all.to)) seen.push(entry.key[4]!);
      })();
      await expect(walk).rejects.toMatchObject({ code: 'STORE_DAMAGED' });
      expect(seen).toEqual([1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12]);
      const report = await verifyRecords(store, all.from, all.to, () => null);
      expect(report).toMatchObject({ checked: 11, damaged: [{ key: all.from }] });
      await store.close();
    }));

  it('does not let a walk with a limit pass over it silently', () =>
    withFolder(async (dir) => {
      await fill(dir);
      const store = await openForTest(dir);
      await refuse(dir, 7);
      async function seenUpTo(limit: number): Promise<number[]> {
        const seen: number[] = [];
        for await (const entry of store.range(all.from, all.to, limit)) seen.push(entry.key[4]!);
        return seen;
      }
      expect(await seenUpTo(5)).toEqual([1, 2, 3, 4, 5]);
      await expect(seenUpTo(7)).rejects.toMatchObject({ code: 'STORE_DAMAGED' });
      await store.close();
    }));
});

describe('bytes changed through LevelDB itself', () => {
  it('are reported by verification with their key and reason, beside what the caller finds wrong', () =>
    withFolder(async (dir) => {
      await fill(dir);
      await withRawLevel(dir, async (db) => {
        const stored = Uint8Array.from((await db.get(key(3)))!);
        stored[40]! ^= 1;
        await db.put(key(3), stored);
      });
      const store = await openForTest(dir);
      await store.write([{ type: 'put', key: metaKey('other'), value: value(1) }], { sync: true });
      const { from, to } = familyRange('block');
      const report = await verifyRecords(store, from, to, (_, found) =>
        found[0] === 5 ? 'it is a five' : null,
      );
      expect(report).toEqual({
        checked: BLOCKS - 1,
        damaged: [
          { key: key(3), reason: 'its checksum does not match' },
          { key: key(5), reason: 'it is a five' },
        ],
      });
      await store.close();
      await rm(dir, { recursive: true });
      await expect(verifyRecords(store, from, to, () => null)).rejects.toMatchObject({
        code: 'STORE_CLOSED',
      });
    }));
});
