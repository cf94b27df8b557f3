import { describe, expect, it } from 'vitest';
import { localDateAt, localDayStartUtcMs, localTimeAt, nextDate } from './local-time.ts';

const ROME = 'Europe/Rome';
const HOUR_MS = 3_600_000;

const hoursOf = (date: string, zone = ROME): number =>
  (localDayStartUtcMs(nextDate(date), zone) - localDayStartUtcMs(date, zone)) / HOUR_MS;

describe('local days', () => {
  it('begin at local midnight in winter and summer', () => {
    expect(localDayStartUtcMs('2024-08-15', ROME)).toBe(Date.UTC(2024, 7, 14, 22));
    expect(localDayStartUtcMs('2024-01-15', ROME)).toBe(Date.UTC(2024, 0, 14, 23));
    expect(localDayStartUtcMs('2024-03-31', ROME)).toBe(Date.UTC(2024, 2, 30, 23));
    expect(localDayStartUtcMs('2024-10-27', ROME)).toBe(Date.UTC(2024, 9, 26, 22));
  });

  it('have 23, 24 or 25 hours', () => {
    expect(['2024-03-30', '2024-03-31', '2024-04-01'].map((date) => hoursOf(date))).toEqual([24, 23, 24]);
    expect(['2024-10-26', '2024-10-27', '2024-10-28'].map((date) => hoursOf(date))).toEqual([24, 25, 24]);
    expect(['2021-03-28', '2022-03-27', '2023-03-26', '2025-03-30'].map((date) => hoursOf(date))).toEqual([
      23, 23, 23, 23,
    ]);
    expect(hoursOf('2024-03-31', 'UTC')).toBe(24);
  });

  it('begin at their first instant where a zone skips or repeats midnight', () => {
    expect(localDayStartUtcMs('2018-11-04', 'America/Sao_Paulo')).toBe(Date.UTC(2018, 10, 4, 3));
    expect(localDateAt(Date.UTC(2018, 10, 4, 3) - 1, 'America/Sao_Paulo')).toBe('2018-11-03');
    expect(localDayStartUtcMs('2024-08-15', 'Asia/Kathmandu')).toBe(Date.UTC(2024, 7, 14, 18, 15));
  });

  it('turn an instant into civil fields', () => {
    expect(localTimeAt(Date.UTC(2024, 7, 18, 22, 30, 1, 5), ROME)).toEqual({
      year: 2024,
      month: 8,
      day: 19,
      hour: 0,
      weekday: 1,
      offsetMs: 2 * HOUR_MS,
    });
    expect(localTimeAt(Date.UTC(2024, 11, 31, 23), ROME)).toMatchObject({ year: 2025, month: 1, weekday: 3 });
    expect(nextDate('2024-12-31')).toBe('2025-01-01');
  });

  it.each(['2024-02-30', '2023-02-29', '2024-8-15', '15/08/2024', '', '2024-08-15T00:00'])(
    'refuse "%s"',
    (date) => {
      expect(() => localDayStartUtcMs(date, ROME)).toThrow('not a calendar date');
    },
  );
});
