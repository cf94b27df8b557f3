import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compareBytes } from '../util/bytes.ts';
import { checkTable, crc32c } from './table-check.ts';
import { openForTest, withFolder } from './test-folder.ts';

async function makeTable(dir: string, records: number): Promise<Uint8Array> {
  const store = await openForTest(dir);
  for (let i = 0; i < records; i++) {
    const value = new Uint8Array(200 + 37 * i).fill(i);
    await store.write([{ type: 'put', key: Uint8Array.of(1, i), value }], { sync: false });
  }
  await store.close();
  await (await openForTest(dir)).close();
  const name = (await readdir(join(dir, 'data'))).find((file) => file.endsWith('.ldb'));
  return new Uint8Array(await readFile(join(dir, 'data', name!)));
}

describe('crc32c', () => {
  it('gives the check values of RFC 3720', () => {
    const digits = new TextEncoder().encode('xx123456789x');
    expect(crc32c(digits, 2, 11) >>> 0).toBe(0xe3069283);
    expect(crc32c(new Uint8Array(32), 0, 32) >>> 0).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(255), 0, 32) >>> 0).toBe(0x62a8ab43);
    const ascending = Uint8Array.from({ length: 32 }, (_, i) => i);
    expect(crc32c(ascending, 0, 32) >>> 0).toBe(0x46dd794e);
  });
});

describe('checkTable', () => {
  it('finds every flipped byte of a real table but those of the padding of the footer', () =>
    withFolder(async (dir) => {
      const table = await makeTable(dir, 20);
      expect(checkTable(table)).toEqual([]);
      const harmless: number[] = [];
      for (let at = 0; at < table.length; at++) {
        table[at]! ^= 0x10;
        const found = checkTable(table);
        if (found.length === 0) harmless.push(at);
        for (const { sealAt, lost } of found) {
          expect(sealAt).toBeLessThan(table.length);
          if (lost !== null) expect(compareBytes(lost.from, lost.to)).toBeLessThanOrEqual(0);
        }
        table[at]! ^= 0x10;
      }
      for (const at of harmless) {
        expect(at).toBeGreaterThanOrEqual(table.length - 48 + 4);
        expect(table[at]).toBe(0);
      }
    }));

  it('finds the damage again in a sealed table, at the same place', () =>
    withFolder(async (dir) => {
      const table = await makeTable(dir, 20);
      for (const at of [10, table.length - 60, table.length - 48, table.length - 3]) {
        const copy = table.slice();
        copy[at]! ^= 1;
        const found = checkTable(copy);
        for (const { sealAt } of found) copy[sealAt] = 0xff;
        expect(checkTable(copy).length).toBeGreaterThan(0);
      }
    }));

  it('takes a file cut at any length for damaged, and an empty one for nothing', () =>
    withFolder(async (dir) => {
      const table = await makeTable(dir, 3);
      for (let size = 1; size < table.length; size++) {
        expect(checkTable(table.subarray(0, size)).length, `${size} bytes`).toBeGreaterThan(0);
      }
      expect(checkTable(new Uint8Array(0))).toEqual([]);
    }));
});
