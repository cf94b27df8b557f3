import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareBytes } from '../util/bytes.ts';
import {
  addressesKey,
  authoredKey,
  blockKey,
  describeKey,
  FAMILIES,
  type Family,
  familyRange,
  headerKey,
  heightRange,
  metaKey,
  parseKey,
  receiptsKey,
  snapshotKey,
  tipKey,
} from './layout.ts';

const ids = fc.uint8Array({ minLength: 32, maxLength: 32 });
const heights = fc.oneof(fc.integer({ min: 0, max: 0xffff_ffff }), fc.constantFrom(0, 255, 256, 0xffff_ffff));
const byHeight = { block: blockKey, header: headerKey, snapshot: snapshotKey } as const;
const byId = { receipts: receiptsKey, authored: authoredKey } as const;

function inside(key: Uint8Array, { from, to }: { from: Uint8Array; to: Uint8Array }): boolean {
  return compareBytes(key, from) >= 0 && compareBytes(key, to) < 0;
}

describe('layout', () => {
  it('has one prefix per family, none at an end of the key space', () => {
    const prefixes = Object.values(FAMILIES).map((family) => family.prefix);
    expect(new Set(prefixes).size).toBe(prefixes.length);
    for (const prefix of prefixes) expect(prefix > 0 && prefix < 0xff).toBe(true);
  });

  it('takes every key apart as it was built', () => {
    fc.assert(
      fc.property(heights, ids, (height, id) => {
        for (const [family, build] of Object.entries(byHeight)) {
          expect(parseKey(build(height, id))).toEqual({ family, height, id });
        }
        for (const [family, build] of Object.entries(byId)) {
          expect(parseKey(build(id))).toEqual({ family, id });
        }
      }),
    );
    expect(parseKey(tipKey())).toEqual({ family: 'tip' });
    expect(parseKey(addressesKey())).toEqual({ family: 'addresses' });
    expect(parseKey(metaKey('layout-1'))).toEqual({ family: 'meta', name: 'layout-1' });
    expect(parseKey(metaKey('x'.repeat(64)))).toEqual({ family: 'meta', name: 'x'.repeat(64) });
  });

  it('takes nothing else for a key', () => {
    const id = new Uint8Array(32);
    const built = [tipKey(), addressesKey(), blockKey(1, id), receiptsKey(id)];
    for (const key of built) {
      expect(parseKey(Uint8Array.from([...key, 0]))).toBeNull();
      expect(parseKey(key.subarray(0, key.length - 1))).toBeNull();
    }
    const names = ['', 'A', 'a/b', 'x'.repeat(65)].map((name) => [1, ...new TextEncoder().encode(name)]);
    for (const name of names) expect(parseKey(Uint8Array.from(name))).toBeNull();
    expect(parseKey(Uint8Array.of(0xee))).toBeNull();
  });

  it('sorts by height, then by id', () => {
    fc.assert(
      fc.property(heights, heights, ids, ids, (a, b, idA, idB) => {
        for (const build of Object.values(byHeight)) {
          const order = Math.sign(compareBytes(build(a, idA), build(b, idB)));
          expect(order).toBe(Math.sign(a - b) || Math.sign(compareBytes(idA, idB)));
        }
      }),
    );
  });

  it('bounds families and heights: lower end in, upper end out', () => {
    const id = new Uint8Array(32).fill(255);
    const keys: [Family, Uint8Array][] = [
      ['block', blockKey(0xffff_ffff, id)],
      ['header', headerKey(0, new Uint8Array(32))],
      ['receipts', receiptsKey(id)],
      ['tip', tipKey()],
      ['meta', metaKey('a')],
    ];
    for (const [family, key] of keys) {
      for (const other of Object.keys(FAMILIES) as Family[]) {
        expect(inside(key, familyRange(other))).toBe(other === family);
      }
    }
    const range = heightRange('block', 5, 7);
    expect([4, 5, 6, 7].map((height) => inside(blockKey(height, id), range))).toEqual([
      false,
      true,
      true,
      false,
    ]);
    expect(inside(blockKey(0xffff_ffff, id), heightRange('block', 0, 2 ** 32))).toBe(true);
    expect(inside(blockKey(0xffff_ffff, id), heightRange('block', 0, 0xffff_ffff))).toBe(false);
  });

  it('refuses heights, ids and names out of range', () => {
    const id = new Uint8Array(32);
    for (const height of [-1, 0.5, Number.NaN, 2 ** 32]) expect(() => blockKey(height, id)).toThrow('u32');
    for (const size of [31, 33]) {
      expect(() => blockKey(1, new Uint8Array(size))).toThrow('32 bytes');
      expect(() => receiptsKey(new Uint8Array(size))).toThrow('32 bytes');
    }
    for (const name of ['', 'Upper', 'x'.repeat(65)]) expect(() => metaKey(name)).toThrow('no name');
  });

  it('describes keys in words', () => {
    const id = new Uint8Array(32).fill(0xab);
    expect(describeKey(blockKey(12, id))).toBe(`block 12 ${'ab'.repeat(32)}`);
    expect(describeKey(authoredKey(id))).toBe(`authored ${'ab'.repeat(32)}`);
    expect(describeKey(metaKey('genesis'))).toBe('meta genesis');
    expect(describeKey(tipKey())).toBe('tip');
    expect(describeKey(Uint8Array.of(0xee, 1))).toBe('key ee01');
  });
});
