import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeRecord, encodeRecord, RECORD_OVERHEAD_BYTES } from './record.ts';

const keys = fc.uint8Array({ minLength: 1, maxLength: 40 });
const payloads = fc.uint8Array({ maxLength: 300 });

describe('record', () => {
  it('has the specified frame', () => {
    const record = encodeRecord(Uint8Array.of(1), Uint8Array.of(2, 3));
    expect(Buffer.from(record).toString('hex')).toBe(
      // SHA-256 of 01 02 03 begins with 039058c6f2c0cb49
      `0102000000${'039058c6f2c0cb492c533b0a4d14ef77'}0203`,
    );
    expect(record.length).toBe(RECORD_OVERHEAD_BYTES + 2);
  });

  it('gives back the payload, also from the middle of a larger buffer', () => {
    fc.assert(
      fc.property(keys, payloads, (key, payload) => {
        const record = encodeRecord(key, payload);
        expect(decodeRecord(key, record)).toEqual(payload);
        const larger = new Uint8Array(record.length + 9);
        larger.set(record, 5);
        expect(decodeRecord(key, larger.subarray(5, 5 + record.length))).toEqual(payload);
      }),
    );
  });

  it('refuses any changed byte, any other length and any other key', () => {
    fc.assert(
      fc.property(keys, payloads, fc.nat(), fc.integer({ min: 1, max: 255 }), (key, payload, where, mask) => {
        const record = encodeRecord(key, payload);
        const changed = record.slice();
        changed[where % record.length]! ^= mask;
        expect(decodeRecord(key, changed)).toBeNull();
        expect(decodeRecord(key, record.subarray(0, where % record.length))).toBeNull();
        expect(decodeRecord(key, Uint8Array.from([...record, 0]))).toBeNull();
        const otherKey = key.slice();
        otherKey[where % key.length]! ^= mask;
        expect(decodeRecord(otherKey, record)).toBeNull();
      }),
    );
  });
});
