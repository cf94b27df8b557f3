import { describe, expect, it } from 'vitest';
import { isEndedLink } from './stream-errors.ts';

describe('an error that nobody caught', () => {
  const named = (name: string) =>
    Object.assign(new Error('Cannot write to a stream that is closed'), { name });

  it('is of one link by its name alone', () => {
    expect(
      ['StreamStateError', 'StreamResetError', 'MuxerClosedError'].map((n) => isEndedLink(named(n))),
    ).toEqual([true, true, true]);
    expect(['Error', 'TypeError', 'RangeError'].map((n) => isEndedLink(named(n)))).toEqual([
      false,
      false,
      false,
    ]);
    expect(isEndedLink({ name: 'StreamStateError' })).toBe(false);
    expect(isEndedLink(undefined)).toBe(false);
  });
});
