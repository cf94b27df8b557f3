import { describe, expect, it } from 'vitest';
import { createPenalties } from './penalties.ts';

function setUp() {
  const clock = { ms: 1_000_000 };
  return { clock, penalties: createPenalties({ now: () => clock.ms, banMs: 600_000 }) };
}

describe('penalties', () => {
  it('bans at 100 points, not at 99', () => {
    const { penalties } = setUp();
    expect(penalties.add('a', 99, 'first')).toBeNull();
    expect(penalties.isBanned('a')).toBe(false);
    expect(penalties.add('a', 1, 'last straw')).toEqual({
      peerId: 'a',
      untilMs: 1_600_000,
      reason: 'last straw',
    });
    expect(penalties.isBanned('a')).toBe(true);
    expect(penalties.isBanned('b')).toBe(false);
    expect(penalties.points('a')).toBe(0);
  });

  it('forgets a point every 6 s, and nothing before', () => {
    const { clock, penalties } = setUp();
    penalties.add('a', 20, 'x');
    clock.ms += 5_999;
    expect(penalties.points('a')).toBe(20);
    clock.ms += 1;
    expect(penalties.points('a')).toBe(19);
    penalties.add('a', 0, 'reading does not restart the clock');
    clock.ms += 114_000;
    expect(penalties.points('a')).toBe(0);
    penalties.add('a', 5, 'x');
    expect(penalties.points('a')).toBe(5);
  });

  it('keeps points when the clock runs backwards, and takes no negative ones', () => {
    const { clock, penalties } = setUp();
    penalties.add('a', 20, 'x');
    clock.ms -= 50_000;
    expect(penalties.points('a')).toBe(20);
    penalties.add('a', -5, 'x');
    expect(penalties.points('a')).toBe(20);
  });

  it('ends a ban with its time', () => {
    const { clock, penalties } = setUp();
    penalties.add('a', 100, 'x');
    clock.ms += 599_999;
    expect(penalties.bans()).toHaveLength(1);
    clock.ms += 1;
    expect(penalties.bans()).toEqual([]);
    expect(penalties.isBanned('a')).toBe(false);
  });

  it('stays bounded under a flood of peer ids', () => {
    const { penalties } = setUp();
    penalties.add('first', 10, 'x');
    for (let i = 0; i < 4_096; i++) penalties.add(`peer ${i}`, 10, 'x');
    expect(penalties.points('first')).toBe(0);
    expect(penalties.points('peer 0')).toBe(10);
  });
});
