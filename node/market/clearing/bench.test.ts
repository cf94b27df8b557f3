import { describe, expect, it } from 'vitest';
import { benchClearing } from './bench.ts';

describe('benchClearing', () => {
  it('divides orders by the CPU time it is given', () => {
    let now = 0;
    const result = benchClearing(() => {
      now += 50;
      return now;
    });
    expect(result).toEqual({
      name: 'clearing-100k',
      value: 2_000_000,
      unit: 'orders per CPU second',
      yardstick: {
        name: 'typed-array sort of the same keys',
        value: 2_000_000,
        unit: 'orders per CPU second',
      },
      ratio: 1,
    });
  });
});
