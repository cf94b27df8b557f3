import { describe, expect, it } from 'vitest';
import { createTokenBucket, MAX_SLICE_MS, SLICE_MS } from './token-bucket.ts';

describe('token bucket', () => {
  it('allows exactly rate x time from an empty start', () => {
    const bucket = createTokenBucket(10_000, 1000);
    expect(bucket.available(1000)).toBe(0);
    expect(bucket.available(1001)).toBe(10);
    expect(bucket.available(1025)).toBe(250);
    bucket.spend(250);
    expect(bucket.available(1025)).toBe(0);
    expect(bucket.available(1050)).toBe(250);
  });

  it('never bursts more than one slice after a pause', () => {
    const bucket = createTokenBucket(10_000, 0);
    const oneSlice = (10_000 * MAX_SLICE_MS) / 1000;
    expect(bucket.available(MAX_SLICE_MS - 1)).toBe(oneSlice - 10);
    expect(bucket.available(MAX_SLICE_MS)).toBe(oneSlice);
    expect(bucket.available(8 * 3_600_000)).toBe(oneSlice);
    bucket.spend(oneSlice);
    expect(bucket.available(8 * 3_600_000)).toBe(0);
  });

  it('keeps fractions, so that slow rates come out too', () => {
    const bucket = createTokenBucket(3, 0);
    let spent = 0;
    for (let ms = 0; ms <= 10_000; ms++) {
      const allowed = bucket.available(ms);
      expect(allowed).toBeLessThanOrEqual(1);
      bucket.spend(allowed);
      spent += allowed;
    }
    expect(spent).toBeGreaterThanOrEqual(29);
    expect(spent).toBeLessThanOrEqual(30);
  });

  it('spends the full allowance with timers late by almost one slice, and never more', () => {
    const bucket = createTokenBucket(22_500, 0);
    let spent = 0;
    for (let ms = 0, i = 0; ms < 10_000; i++, ms += i % 2 === 0 ? SLICE_MS : MAX_SLICE_MS - 1) {
      const allowed = bucket.available(ms);
      bucket.spend(allowed);
      spent += allowed;
      expect(spent).toBeLessThanOrEqual((22_500 * ms) / 1000);
      expect(spent).toBeGreaterThan((22_500 * ms) / 1000 - 1);
    }
  });

  it('adds nothing when the clock runs backwards, and nothing twice when it returns', () => {
    const bucket = createTokenBucket(1000, 100);
    expect(bucket.available(110)).toBe(10);
    expect(bucket.available(50)).toBe(10);
    expect(bucket.available(110)).toBe(10);
    expect(bucket.available(111)).toBe(11);
  });

  it('waits for a regular slice, or for one hash if that takes longer', () => {
    const bucket = createTokenBucket(1000, 0);
    expect(bucket.waitMs(0)).toBe(SLICE_MS);
    expect(bucket.waitMs(10)).toBe(SLICE_MS - 10);
    expect(bucket.waitMs(SLICE_MS)).toBe(0);
    expect(bucket.waitMs(40)).toBe(0);
    expect(createTokenBucket(1, 0).waitMs(0)).toBe(1000);
  });

  it('has no cap with null', () => {
    const bucket = createTokenBucket(null, 0);
    expect(bucket.available(0)).toBe(Infinity);
    bucket.spend(1e9);
    expect(bucket.available(0)).toBe(Infinity);
    expect(bucket.waitMs(0)).toBe(0);
  });

  it('changes its rate from that moment on', () => {
    const bucket = createTokenBucket(1000, 0);
    bucket.setRate(2000, 10);
    expect(bucket.available(10)).toBe(10);
    expect(bucket.available(20)).toBe(30);
    bucket.setRate(100, 20);
    expect(bucket.available(20)).toBe((100 * MAX_SLICE_MS) / 1000);
    bucket.setRate(null, 20);
    expect(bucket.available(20)).toBe(Infinity);
    bucket.setRate(1000, 30);
    expect(bucket.available(30)).toBe(0);
    expect(bucket.available(31)).toBe(1);
  });
});
