import { describe, expect, it } from 'vitest';
import { admittedSpacing, mayAuthor, spacingOf } from './author-spacing.ts';
import { latestTimestampMs } from './header.ts';
import { fakeBranch } from './testing.ts';

describe('author spacing by admitted miners', () => {
  it('is a third of them, at least 1', () => {
    expect([1, 3, 5, 6, 8, 9, 10, 12, 100].map(spacingOf)).toEqual([1, 1, 1, 2, 2, 3, 3, 4, 33]);
    expect(admittedSpacing(10, 5000).spacing).toBe(3);
  });

  it('is waived by six spacings more than a timestamp may lie ahead', () => {
    for (const spacingMs of [2000, 4999, 5000, 5001, 10_000]) {
      const { waiverMs } = admittedSpacing(10, spacingMs);
      expect(waiverMs - latestTimestampMs(0, spacingMs)).toBe(6 * spacingMs);
    }
  });

  it('binds an author that was alone for long, and yields to silence', () => {
    const alone = fakeBranch(
      null,
      Array.from({ length: 80 }, () => 4),
    );
    const form = admittedSpacing(10, 2000);
    const at = (author: number, ms: number) =>
      mayAuthor(alone, { author, timestampMs: alone.timestampMs + ms }, 2000, form);
    expect([at(4, 2000), at(4, 21_999), at(4, 22_000), at(5, 200)]).toEqual([false, false, true, true]);
    expect(mayAuthor(alone, { author: 4, timestampMs: alone.timestampMs + 200 }, 2000)).toBe(true);
  });

  it('lets an author back after two blocks of others among ten', () => {
    const form = admittedSpacing(10, 2000);
    const returns = (authors: readonly number[]) => {
      const tip = fakeBranch(null, authors);
      return mayAuthor(tip, { author: 1, timestampMs: tip.timestampMs + 200 }, 2000, form);
    };
    expect([returns([1]), returns([1, 2]), returns([1, 2, 3]), returns([])]).toEqual([
      false,
      false,
      true,
      true,
    ]);
  });
});
