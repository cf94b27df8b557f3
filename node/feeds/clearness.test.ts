import { describe, expect, it } from 'vitest';
import { createClearness } from './clearness.ts';

const HOUR_MS = 3_600_000;

function correlation(a: number[], b: number[]): number {
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [ma, mb] = [mean(a), mean(b)];
  const cov = mean(a.map((value, i) => (value - ma) * (b[i]! - mb)));
  return cov / Math.sqrt(mean(a.map((x) => (x - ma) ** 2)) * mean(b.map((x) => (x - mb) ** 2)));
}

describe('createClearness', () => {
  const sky = createClearness(5n);
  const hours = (month: number) =>
    Array.from({ length: 720 * 6 }, (_, i) =>
      sky.clearnessBpsAt(Date.UTC(2010 + Math.floor(i / 720), month, 1) + (i % 720) * HOUR_MS),
    );

  it('has the medians of the data: clear summers, changeable winters', () => {
    const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;
    expect(Math.abs(median(hours(6)) - 8900)).toBeLessThan(400);
    const winter = hours(0).toSorted((a, b) => a - b);
    expect(winter[Math.floor(0.2 * winter.length)]).toBeLessThan(3000);
    expect(winter[0]).toBeGreaterThanOrEqual(0);
    expect(winter.at(-1)).toBeLessThanOrEqual(10_800);
  });

  it('persists from hour to hour and less from day to day', () => {
    const series = hours(3);
    const lag = (n: number) => correlation(series.slice(n), series.slice(0, -n));
    expect(lag(1)).toBeGreaterThan(0.6);
    expect(lag(1)).toBeLessThan(0.85);
    expect(lag(24)).toBeGreaterThan(0.15);
    expect(lag(24)).toBeLessThan(0.45);
  });

  it('is one sky for everybody with the seed, readable in any order, without jumps', () => {
    const start = Date.UTC(2024, 7, 15, 7);
    const minutes = Array.from({ length: 600 }, (_, i) => start + i * 60_000);
    const values = minutes.map((utcMs) => sky.clearnessBpsAt(utcMs));
    const again = createClearness(5n);
    expect(minutes.toReversed().map((utcMs) => again.clearnessBpsAt(utcMs))).toEqual(values.toReversed());
    expect(Math.max(...values.slice(1).map((value, i) => Math.abs(value - values[i]!)))).toBeLessThan(200);
    expect(createClearness(6n).clearnessBpsAt(start)).not.toBe(values[0]);
  });
});
