import { describe, expect, it } from 'vitest';
import { jsonOf, moneyFromJson, moneyToJson, numberToHex, targetToHex } from './codec.ts';

describe('values that JavaScript numbers cannot hold', () => {
  it('carries money beyond 2^53 exactly', () => {
    for (const value of [0n, -1n, 2n ** 53n + 1n, -(2n ** 63n)]) {
      expect(moneyFromJson(moneyToJson(value))).toBe(value);
    }
    for (const text of ['', '1.5', '0x10', ' 1', '1e3'])
      expect(() => moneyFromJson(text)).toThrow(SyntaxError);
  });

  it('writes work without and targets with leading zeros', () => {
    expect(numberToHex(0n)).toBe('0');
    expect(numberToHex(2n ** 200n)).toBe(`1${'0'.repeat(50)}`);
    expect(targetToHex(2n ** 244n - 1n)).toBe(`000${'f'.repeat(61)}`);
  });

  it('turns any plain value into JSON', () => {
    const value = { a: 1n, b: new Uint8Array([0, 255]), c: [true, null, 'x'], d: undefined };
    expect(jsonOf(value)).toEqual({ a: '1', b: '00ff', c: [true, null, 'x'] });
    expect(() => jsonOf(Number.NaN)).toThrow(TypeError);
    expect(() => jsonOf(() => 1)).toThrow(TypeError);
  });
});
