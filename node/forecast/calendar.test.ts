import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { centralEuropeanTime, daysFromCivil, utcTime } from './calendar.ts';

const DAY_MS = 86_400_000;

describe('calendar', () => {
  it('agrees with the platform on every field of UTC', () => {
    fc.assert(
      fc.property(fc.integer({ min: Date.UTC(1900, 0, 1), max: Date.UTC(2199, 11, 31) }), (utcMs) => {
        const date = new Date(utcMs);
        const year = date.getUTCFullYear();
        expect(utcTime(utcMs)).toEqual({
          year,
          month: date.getUTCMonth() + 1,
          day: date.getUTCDate(),
          dayOfYear: Math.floor((utcMs - Date.UTC(year, 0, 1)) / DAY_MS) + 1,
          weekday: date.getUTCDay() === 0 ? 7 : date.getUTCDay(),
          hour: date.getUTCHours(),
          msOfDay: ((utcMs % DAY_MS) + DAY_MS) % DAY_MS,
        });
        expect(daysFromCivil(year, date.getUTCMonth() + 1, date.getUTCDate())).toBe(
          Math.floor(utcMs / DAY_MS),
        );
      }),
    );
  });

  it('agrees with the time zone data base for Europe/Rome in every hour of eight years', () => {
    const format = new Intl.DateTimeFormat('en-GB', {
      timeZone: 'Europe/Rome',
      hourCycle: 'h23',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
    });
    const pad = (n: number) => String(n).padStart(2, '0');
    for (let utcMs = Date.UTC(2020, 0, 1); utcMs < Date.UTC(2028, 0, 1); utcMs += 3_600_000) {
      const local = centralEuropeanTime(utcMs);
      const text = `${pad(local.day)}/${pad(local.month)}, ${pad(local.hour)}`;
      if (format.format(utcMs) !== text) expect(text).toBe(format.format(utcMs));
    }
  });

  it('changes at 01:00 UTC, not a millisecond before', () => {
    const spring = Date.UTC(2024, 2, 31, 1);
    expect([centralEuropeanTime(spring - 1).hour, centralEuropeanTime(spring).hour]).toEqual([1, 3]);
    const autumn = Date.UTC(2024, 9, 27, 1);
    expect([centralEuropeanTime(autumn - 1).hour, centralEuropeanTime(autumn).hour]).toEqual([2, 2]);
    expect(centralEuropeanTime(autumn - 1).offsetMs - centralEuropeanTime(autumn).offsetMs).toBe(3_600_000);
  });
});
