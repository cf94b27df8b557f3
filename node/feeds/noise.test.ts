import { describe, expect, it } from 'vitest';
import { createAr1 } from './noise.ts';

const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

describe('createAr1', () => {
  it.each([0, 0.5, 0.9])('has mean 0, variance 1 and the asked persistence %d', (phi) => {
    const series = createAr1(11n, 'test', phi);
    const values = Array.from({ length: 20_000 }, (_, i) => series(i));
    expect(Math.abs(mean(values))).toBeLessThan(0.1);
    expect(Math.abs(mean(values.map((x) => x * x)) - 1)).toBeLessThan(0.1);
    expect(Math.abs(mean(values.slice(1).map((x, i) => x * values[i]!)) - phi)).toBeLessThan(0.06);
  });

  it('reads the same in any order and before the epoch, and differs by seed and label', () => {
    const series = createAr1(11n, 'test', 0.8);
    const forward = Array.from({ length: 9000 }, (_, i) => series(i - 4500));
    const again = createAr1(11n, 'test', 0.8);
    for (const index of [4499, -4500, 0, -1, 2000]) expect(again(index)).toBe(forward[index + 4500]);
    expect(series(-4500)).toBe(forward[0]);
    expect(createAr1(12n, 'test', 0.8)(0)).not.toBe(forward[4500]);
    expect(createAr1(11n, 'other', 0.8)(0)).not.toBe(forward[4500]);
  });
});
