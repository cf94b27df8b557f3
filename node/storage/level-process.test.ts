import { mkdir, readdir, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compareBytes } from '../util/bytes.ts';
import type { Store } from './interface.ts';
import { buildStoreChild, startStoreChild } from './store-child.ts';
import { openForTest, withFolder } from './test-folder.ts';

const HOLD = `await print('ready'); setInterval(() => {}, 1000);`;
// Batch n puts the same value n under every key of 0..19, and moves key 20+n: all or nothing must show.
const WRITE = `
  await print('ready');
  for (let n = 1; ; n++) {
    const value = new Uint8Array(1500).fill(n & 255);
    new DataView(value.buffer).setUint32(0, n);
    const ops = Array.from({ length: 20 }, (_, i) => ({ type: 'put', key: Uint8Array.of(1, i), value }));
    const stamp = new Uint8Array(5);
    stamp[0] = 2;
    new DataView(stamp.buffer).setUint32(1, n);
    ops.push({ type: 'put', key: stamp, value });
    await store.write(ops, { sync: n % 4 === 0 });
    await print(String(n));
  }
`;
const FILL = `
  for (let n = 1; ; n++) {
    const key = new Uint8Array(5).fill(2, 0, 1);
    new DataView(key.buffer).setUint32(1, n);
    const value = new Uint8Array(10000).fill(n & 255);
    const outcome = await store.write([{ type: 'put', key, value }], { sync: true }).then(() => 'ok', (e) => e.code);
    if (outcome === 'ok') continue;
    const later = await store.write([{ type: 'put', key, value }], { sync: true }).then(() => 'ok', (e) => e.code);
    await print([n - 1, outcome, later].join(' '));
    process.exit(0);
  }
`;

function stampKey(n: number): Uint8Array {
  const key = new Uint8Array(5);
  key[0] = 2;
  new DataView(key.buffer).setUint32(1, n);
  return key;
}

function count(value: Uint8Array | null): number {
  return value === null ? 0 : new DataView(value.buffer, value.byteOffset).getUint32(0);
}

async function stamps(store: Store): Promise<Uint8Array[]> {
  const keys: Uint8Array[] = [];
  for await (const entry of store.range(Uint8Array.of(2), Uint8Array.of(3))) {
    expect(entry).not.toHaveProperty('damaged');
    keys.push(entry.key);
  }
  return keys;
}

async function expectWholeBatches(dir: string, acknowledged: number): Promise<number> {
  const store = await openForTest(dir);
  try {
    expect(store.losses).toEqual([]);
    const last = count(await store.get(Uint8Array.of(1, 0)));
    expect(last).toBeGreaterThanOrEqual(acknowledged);
    for (let i = 0; i < 20; i++) expect(count(await store.get(Uint8Array.of(1, i)))).toBe(last);
    const keys = await stamps(store);
    expect(keys).toHaveLength(last);
    keys.forEach((key, i) => {
      expect(compareBytes(key, stampKey(i + 1))).toBe(0);
    });
    return last;
  } finally {
    await store.close();
  }
}

describe('a folder and its processes', () => {
  it('is refused to a second process, by name, until the first is killed', () =>
    withFolder(async (dir) => {
      const program = await buildStoreChild(dir, HOLD);
      const data = join(dir, 'data');
      const child = startStoreChild(program, data);
      try {
        expect(await child.line()).toBe('ready');
        await expect(openForTest(data)).rejects.toMatchObject({
          code: 'STORE_LOCKED',
          message: expect.stringContaining(data),
          remedy: expect.stringContaining('data folder of its own'),
        });
      } finally {
        await child.kill();
      }
      await (await openForTest(data)).close();
    }));

  it('stays locked to others after a second attempt from inside', () =>
    withFolder(async (dir) => {
      const program = await buildStoreChild(dir, HOLD);
      const data = join(dir, 'data');
      const alias = join(dir, 'alias');
      const store = await openForTest(data);
      await symlink(data, alias);
      for (const path of [data, alias]) {
        await expect(openForTest(path)).rejects.toMatchObject({ code: 'STORE_LOCKED' });
      }
      const child = startStoreChild(program, data);
      expect(await child.line()).toBe('failed STORE_LOCKED');
      await child.kill();
      await store.close();
      const next = startStoreChild(program, data);
      expect(await next.line()).toBe('ready');
      await next.kill();
    }));

  it('has whole batches only, and every acknowledged one, after a writer is killed', () =>
    withFolder(async (dir) => {
      const program = await buildStoreChild(dir, WRITE);
      let landedBetween = 0;
      for (let round = 0; round < 8; round++) {
        const data = join(dir, `data-${round}`);
        const child = startStoreChild(program, data);
        let acknowledged = 0;
        try {
          expect(await child.line()).toBe('ready');
          const enough = 5 + 25 * round;
          while (acknowledged < enough) acknowledged = Number(await child.line());
        } finally {
          await child.kill();
        }
        for (let rest = await child.line(); rest !== null; rest = await child.line()) {
          if (/^\d+$/.test(rest)) acknowledged = Number(rest);
        }
        const last = await expectWholeBatches(data, acknowledged);
        landedBetween += last - acknowledged;
      }
      expect(landedBetween).toBeLessThanOrEqual(8);
    }));

  it('names a full disk, writes nothing after it, and keeps what was acknowledged', () =>
    withFolder(async (dir) => {
      const program = await buildStoreChild(dir, FILL);
      const data = join(dir, 'data');
      const child = startStoreChild(program, data, 500);
      const [acknowledged, first, later] = (await child.line())!.split(' ');
      await child.kill();
      expect([first, later]).toEqual(['STORE_NO_SPACE', 'STORE_WRITES_STOPPED']);
      expect(Number(acknowledged)).toBeGreaterThan(10);
      const store = await openForTest(data);
      const keys = await stamps(store);
      expect(keys.length).toBeGreaterThanOrEqual(Number(acknowledged));
      expect(keys.length).toBeLessThanOrEqual(Number(acknowledged) + 1);
      await store.write([{ type: 'put', key: stampKey(keys.length + 1), value: new Uint8Array(9) }], {
        sync: true,
      });
      await store.close();
    }));
});

describe('a folder that cannot be opened', () => {
  async function filled(dir: string): Promise<void> {
    const store = await openForTest(dir);
    await store.write([{ type: 'put', key: Uint8Array.of(1), value: new Uint8Array(100) }], { sync: true });
    await store.close();
    await (await openForTest(dir)).close(); // moves the record from the log to a table
  }

  async function nameOf(dir: string, pattern: RegExp): Promise<string> {
    return join(dir, 'data', (await readdir(join(dir, 'data'))).find((name) => pattern.test(name))!);
  }

  it('is a file, or lies below one', () =>
    withFolder(async (dir) => {
      const file = join(dir, 'file');
      await writeFile(file, 'x');
      for (const path of [file, join(file, 'below')]) {
        await expect(openForTest(path)).rejects.toMatchObject({ code: 'STORE_NOT_A_FOLDER' });
      }
    }));

  const accidents: [string, (dir: string) => Promise<void>, { isKept: boolean }][] = [
    ['CURRENT missing', (dir) => rm(join(dir, 'data', 'CURRENT')), { isKept: true }],
    ['CURRENT empty', (dir) => writeFile(join(dir, 'data', 'CURRENT'), ''), { isKept: true }],
    [
      'CURRENT naming nothing',
      (dir) => writeFile(join(dir, 'data', 'CURRENT'), 'MANIFEST-999999\n'),
      { isKept: true },
    ],
    ['the manifest missing', async (dir) => rm(await nameOf(dir, /^MANIFEST/)), { isKept: true }],
    ['the manifest empty', async (dir) => writeFile(await nameOf(dir, /^MANIFEST/), ''), { isKept: true }],
    ['a table missing', async (dir) => rm(await nameOf(dir, /\.ldb$/)), { isKept: false }],
    ['a table cut off', async (dir) => truncate(await nameOf(dir, /\.ldb$/), 70), { isKept: false }],
  ];
  for (const [what, happen, { isKept }] of accidents) {
    it(`has ${what}: it is made anew of what is left, and says so once`, () =>
      withFolder(async (dir) => {
        await filled(dir);
        await happen(dir);
        const store = await openForTest(dir);
        expect(store.losses).toEqual([{ from: Uint8Array.of(), to: Uint8Array.of(0xff) }]);
        expect(await store.get(Uint8Array.of(1))).toEqual(isKept ? new Uint8Array(100) : null);
        await store.write([{ type: 'put', key: Uint8Array.of(2), value: Uint8Array.of(2) }], { sync: true });
        await store.close();
        const again = await openForTest(dir);
        expect(again.losses).toEqual([]);
        expect(await again.get(Uint8Array.of(1))).toEqual(isKept ? new Uint8Array(100) : null);
        expect(await again.get(Uint8Array.of(2))).toEqual(Uint8Array.of(2));
        await again.close();
        expect((await readdir(join(dir, 'data'))).filter((name) => name === 'lost')).toEqual([]);
      }));
  }

  it('has a folder in the place of CURRENT: refused by name, as often as it is tried', () =>
    withFolder(async (dir) => {
      await filled(dir);
      const current = join(dir, 'data', 'CURRENT');
      await rm(current);
      await mkdir(current);
      for (let attempt = 0; attempt < 2; attempt++) {
        await expect(openForTest(dir)).rejects.toMatchObject({
          code: 'STORE_IO_FAILED',
          message: expect.stringContaining(dir),
        });
      }
    }));

  it('opens when the very first start was killed before anything was stored', () =>
    withFolder(async (dir) => {
      for (const part of ['lock', 'data']) {
        await mkdir(join(dir, part));
        await writeFile(join(dir, part, 'MANIFEST-000001'), '');
        await writeFile(join(dir, part, 'LOCK'), '');
      }
      await (await openForTest(dir)).close();
    }));

  it('opens when only the files around its lock are damaged', () =>
    withFolder(async (dir) => {
      await filled(dir);
      await writeFile(join(dir, 'lock', 'CURRENT'), 'x');
      const store = await openForTest(dir);
      expect(await store.get(Uint8Array.of(1))).toEqual(new Uint8Array(100));
      await store.close();
    }));
});
