import { describe, expect, it } from 'vitest';
import { type LinkRule, policyOf } from './link-rules.ts';

const rule = (given: Partial<LinkRule>): LinkRule => ({
  name: 'rule',
  peers: ['a'],
  drop: false,
  swallow: false,
  delayMs: 0,
  jitterMs: 0,
  kbitPerSecond: null,
  ...given,
});

describe('link rules', () => {
  it('touch nothing when there are none', () => {
    const policy = policyOf([]);
    expect(policy.denies('a', 'inbound')).toBe(false);
    expect(policy.shape).toBeUndefined();
  });

  it('touch the named peers alone', () => {
    const policy = policyOf([rule({ drop: true }), rule({ peers: ['b'], delayMs: 5 })]);
    expect(['a', 'b', 'c'].map((peer) => policy.denies(peer, 'outbound'))).toEqual([true, false, false]);
    expect(['a', 'b', 'c'].map((peer) => policy.shape!(peer)?.delayMs ?? null)).toEqual([null, 5, null]);
  });

  it('name everybody by a star', () => {
    const policy = policyOf([rule({ peers: ['*'], swallow: true })]);
    expect(policy.shape!('anybody')).toEqual({ swallow: true, delayMs: 0, jitterMs: 0, bytesPerMs: null });
    expect(policy.denies('anybody', 'inbound')).toBe(false);
  });

  it('add up', () => {
    const policy = policyOf([
      rule({ delayMs: 300, kbitPerSecond: 64 }),
      rule({ peers: ['*'], jitterMs: 20, kbitPerSecond: 8 }),
      rule({ swallow: true, delayMs: 100 }),
    ]);
    expect(policy.shape!('a')).toEqual({ swallow: true, delayMs: 300, jitterMs: 20, bytesPerMs: 1 });
    expect(policy.shape!('b')).toEqual({ swallow: false, delayMs: 0, jitterMs: 20, bytesPerMs: 1 });
  });
});
