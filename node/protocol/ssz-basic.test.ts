import { ContainerNodeStructType, ContainerType, ListBasicType } from '@chainsafe/ssz';
import { describe, expect, it } from 'vitest';
import { Int32, Uint8, Uint16, Uint32, Uint53, Uint64, Uint256 } from './ssz-basic.ts';

const NUMBERS = [
  { name: 'Uint8', type: Uint8, least: 0, most: 2 ** 8 - 1 },
  { name: 'Uint16', type: Uint16, least: 0, most: 2 ** 16 - 1 },
  { name: 'Uint32', type: Uint32, least: 0, most: 2 ** 32 - 1 },
  { name: 'Uint53', type: Uint53, least: 0, most: 2 ** 53 - 1 },
  { name: 'Int32', type: Int32, least: -(2 ** 31), most: 2 ** 31 - 1 },
] as const;

for (const { name, type, least, most } of NUMBERS) {
  const plain = new ContainerType({ before: Uint8, value: type });
  const struct = new ContainerNodeStructType({ before: Uint8, value: type });
  const list = new ListBasicType(type, 8);

  describe(name, () => {
    it.each([least, least + 1, 0, 1, most - 1, most])('carries %d every way there and back', (value) => {
      const whole = { before: 7, value };
      expect(plain.deserialize(plain.serialize(whole))).toEqual(whole);
      expect(struct.deserialize(struct.serialize(whole))).toEqual(whole);
      expect(list.deserialize(list.serialize([value, least, value]))).toEqual([value, least, value]);
      expect(type.fromJson(type.toJson(value))).toBe(value);

      const views = [plain.toViewDU(whole), struct.toViewDU(whole)] as const;
      for (const view of views) {
        expect(view.value).toBe(value);
        expect(view.hashTreeRoot()).toEqual(plain.hashTreeRoot(whole));
        expect(view.serialize()).toEqual(plain.serialize(whole));
      }
      const read = plain.deserializeToViewDU(plain.serialize(whole));
      expect(read.value).toBe(value);
      read.value = least;
      expect(read.hashTreeRoot()).toEqual(plain.hashTreeRoot({ before: 7, value: least }));

      const items = list.toViewDU([least]);
      items.push(value);
      items.set(0, value);
      items.commit();
      expect(items.getAll()).toEqual([value, value]);
      expect(items.hashTreeRoot()).toEqual(list.hashTreeRoot([value, value]));
    });

    const refused = [least - 1, most + 1, 1.5, Number.NaN, Infinity, -Infinity, 2 ** 53, 2 ** 64];
    if (least === 0) refused.push(-5);
    if (most < 2 ** 32) refused.push(2 ** 32);
    it.each(refused)('refuses %d every way', (value) => {
      const whole = { before: 7, value };
      expect(() => plain.serialize(whole)).toThrow(RangeError);
      expect(() => struct.serialize(whole)).toThrow(RangeError);
      expect(() => plain.hashTreeRoot(whole)).toThrow(RangeError);
      expect(() => struct.hashTreeRoot(whole)).toThrow(RangeError);
      expect(() => list.serialize([value])).toThrow(RangeError);
      expect(() => list.hashTreeRoot([value])).toThrow(RangeError);
      expect(() => plain.toViewDU(whole).hashTreeRoot()).toThrow(RangeError);
      expect(() => struct.toViewDU(whole).hashTreeRoot()).toThrow(RangeError);
      expect(() => {
        const view = plain.toViewDU({ before: 7, value: least });
        view.value = value;
        view.hashTreeRoot();
      }).toThrow(RangeError);
      expect(() => {
        const items = list.toViewDU([least]);
        items.push(value);
        items.hashTreeRoot();
      }).toThrow(RangeError);
    });
  });
}

describe('defaults', () => {
  it('of every type are all-zero bytes with the zero root, so an untouched tree and a default value agree', () => {
    for (const { type } of NUMBERS) {
      const plain = new ContainerType({ value: type, other: type });
      expect(plain.serialize(plain.defaultValue()).every((byte) => byte === 0)).toBe(true);
      expect(plain.defaultViewDU().hashTreeRoot()).toEqual(plain.hashTreeRoot(plain.defaultValue()));
      expect(plain.defaultViewDU().toValue()).toEqual(plain.defaultValue());
    }
  });
});

describe('eight bytes', () => {
  const bytes = (value: bigint) => {
    const out = new Uint8Array(8);
    new DataView(out.buffer).setBigUint64(0, value, true);
    return out;
  };

  it('above 2^53 - 1 are refused on decode by Uint53', () => {
    const type = new ContainerType({ value: Uint53 });
    expect(type.deserialize(bytes(2n ** 53n - 1n)).value).toBe(Number.MAX_SAFE_INTEGER);
    for (const value of [2n ** 53n, 2n ** 53n + 1n, 2n ** 64n - 1n]) {
      expect(() => type.deserialize(bytes(value))).toThrow(RangeError);
      expect(() => type.deserializeToViewDU(bytes(value))).toThrow(RangeError);
    }
  });

  it('are little-endian', () => {
    expect(new ContainerType({ value: Uint53 }).serialize({ value: 0x0102030405 })).toEqual(
      Uint8Array.of(5, 4, 3, 2, 1, 0, 0, 0),
    );
    expect(new ContainerType({ value: Int32 }).serialize({ value: -1 })).toEqual(
      Uint8Array.of(0xff, 0xff, 0xff, 0x7f),
    );
  });
});

describe.each([
  { name: 'Uint64', type: Uint64, most: 2n ** 64n - 1n },
  { name: 'Uint256', type: Uint256, most: 2n ** 256n - 1n },
])('$name', ({ type, most }) => {
  const plain = new ContainerType({ value: type });
  const struct = new ContainerNodeStructType({ value: type });

  it.each([0n, 1n, 2n ** 53n, most - 1n, most])('carries %d every way there and back', (value) => {
    expect(plain.deserialize(plain.serialize({ value }))).toEqual({ value });
    expect(struct.toViewDU({ value }).hashTreeRoot()).toEqual(plain.hashTreeRoot({ value }));
    const view = plain.toViewDU({ value: 0n });
    view.value = value;
    expect(view.hashTreeRoot()).toEqual(plain.hashTreeRoot({ value }));
    expect(view.value).toBe(value);
    expect(type.fromJson(type.toJson(value))).toBe(value);
  });

  it.each([-1n, -5n, most + 1n])('refuses %d every way', (value) => {
    expect(() => plain.serialize({ value })).toThrow(RangeError);
    expect(() => plain.hashTreeRoot({ value })).toThrow(RangeError);
    expect(() => struct.hashTreeRoot({ value })).toThrow(RangeError);
    expect(() => plain.toViewDU({ value }).hashTreeRoot()).toThrow(RangeError);
    expect(() => struct.toViewDU({ value }).hashTreeRoot()).toThrow(RangeError);
    expect(() => {
      const view = plain.toViewDU({ value: 0n });
      view.value = value;
      view.hashTreeRoot();
    }).toThrow(RangeError);
  });
});
