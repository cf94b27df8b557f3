import { describe, expect, it } from 'vitest';
import { createRateMeter } from './rate-meter.ts';

describe('rate meter', () => {
  it('is 0 without a sample or without time', () => {
    const meter = createRateMeter(10_000);
    expect(meter.perSecond(5, 100)).toBe(0);
    meter.record(5, 100);
    expect(meter.perSecond(5, 100)).toBe(0);
  });

  it('is the mean since the first sample while the window fills', () => {
    const meter = createRateMeter(10_000);
    meter.record(0, 0);
    meter.record(1000, 500);
    expect(meter.perSecond(2000, 3000)).toBe(1500);
  });

  it('forgets what lies before the window, and everything on reset', () => {
    const meter = createRateMeter(10_000);
    for (let s = 0; s <= 30; s++) meter.record(s * 1000, s <= 15 ? s * 1000 : 15_000);
    expect(meter.perSecond(30_000, 15_000)).toBe(0);
    for (let s = 31; s <= 40; s++) meter.record(s * 1000, 15_000 + (s - 30) * 200);
    expect(meter.perSecond(40_000, 17_000)).toBe(200);
    meter.reset();
    expect(meter.perSecond(41_000, 17_000)).toBe(0);
  });
});
