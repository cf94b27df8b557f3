import { describe, expect, it } from 'vitest';
import { regulate, tierFactorBps } from './regulator.ts';
import { TEST_POLICY } from './testing.ts';

describe('tiers', () => {
  it.each([
    [0, 10_000],
    [1, 10_200],
    [4, 10_200],
    [5, 10_500],
    [9, 10_500],
    [10, 11_000],
    [1_000_000, 11_000],
  ])('bonus after %d steps with a trade: %d', (count, factor) => {
    expect(tierFactorBps(TEST_POLICY.bonusTiers, count)).toBe(factor);
    expect(tierFactorBps([...TEST_POLICY.bonusTiers].reverse(), count)).toBe(factor);
  });

  it.each([
    [0, 10_000],
    [4, 10_000],
    [5, 10_500],
    [9, 10_500],
    [10, 11_000],
  ])('penalty after %d steps with a purchase from the aggregator: %d', (count, factor) => {
    expect(tierFactorBps(TEST_POLICY.penaltyTiers, count)).toBe(factor);
  });

  it('without tiers there is no factor', () => {
    expect(tierFactorBps([], 100)).toBe(10_000);
  });
});

describe('regulate', () => {
  const before = { p2pSteps: 4, gridSteps: 4 };

  it('counts one per step of each kind, cumulatively, and takes the factors of the new counts', () => {
    const count = (tradedWithMember: boolean, boughtFromAggregator: boolean) =>
      regulate(TEST_POLICY, before, { tradedWithMember, boughtFromAggregator });
    expect(count(false, false)).toEqual({ ...before, bonusBps: 10_200, penaltyBps: 10_000 });
    expect(count(true, false)).toEqual({ p2pSteps: 5, gridSteps: 4, bonusBps: 10_500, penaltyBps: 10_000 });
    expect(count(false, true)).toEqual({ p2pSteps: 4, gridSteps: 5, bonusBps: 10_200, penaltyBps: 10_500 });
    expect(count(true, true)).toEqual({ p2pSteps: 5, gridSteps: 5, bonusBps: 10_500, penaltyBps: 10_500 });
  });

  it('counts under every objective, and gives factors under maximise-p2p only', () => {
    for (const objective of [0, 2, 3, 4, 255]) {
      const after = regulate(
        { ...TEST_POLICY, objective },
        { p2pSteps: 10, gridSteps: 10 },
        {
          tradedWithMember: true,
          boughtFromAggregator: true,
        },
      );
      expect(after).toEqual({ p2pSteps: 11, gridSteps: 11, bonusBps: 10_000, penaltyBps: 10_000 });
    }
  });
});
