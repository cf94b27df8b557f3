/** Civil time from UTC milliseconds by arithmetic alone, so that pure code and both hosts agree on it. */

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** A moment as people write it. */
export interface CivilTime {
  readonly year: number;
  /** 1..12 */
  readonly month: number;
  /** 1..31 */
  readonly day: number;
  /** 1..366 */
  readonly dayOfYear: number;
  /** ISO 8601: 1 Monday .. 7 Sunday */
  readonly weekday: number;
  /** 0..23 */
  readonly hour: number;
  /** 0..86 399 999 */
  readonly msOfDay: number;
}

/** Days from 1970-01-01 to a date of the Gregorian calendar (Hinnant, "chrono-compatible low-level date algorithms"). */
export function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

/** UTC civil time of an instant in ms since 1970 (the inverse of `daysFromCivil`, same source). */
export function utcTime(utcMs: number): CivilTime {
  const days = Math.floor(utcMs / DAY_MS);
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const marchDay = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const marchMonth = Math.floor((5 * marchDay + 2) / 153);
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  const msOfDay = utcMs - days * DAY_MS;
  return {
    year,
    month,
    day: marchDay - Math.floor((153 * marchMonth + 2) / 5) + 1,
    dayOfYear: days - daysFromCivil(year, 1, 1) + 1,
    weekday: ((((days + 3) % 7) + 7) % 7) + 1,
    hour: Math.floor(msOfDay / HOUR_MS),
    msOfDay,
  };
}

/** 01:00 UTC of the last Sunday of a month with 31 days. */
function lastSundayUtcMs(year: number, month: number): number {
  const last = daysFromCivil(year, month, 31);
  const { weekday } = utcTime(last * DAY_MS);
  return (last - (weekday % 7)) * DAY_MS + HOUR_MS;
}

/**
 * Local time of Italy and its neighbours: UTC+1, and UTC+2 from the last Sunday of March to the last Sunday of October,
 * changing at 01:00 UTC (Directive 2000/84/EC; valid from 1996). `offsetMs` is local minus UTC.
 */
export function centralEuropeanTime(utcMs: number): CivilTime & { readonly offsetMs: number } {
  const { year } = utcTime(utcMs);
  const summer = utcMs >= lastSundayUtcMs(year, 3) && utcMs < lastSundayUtcMs(year, 10);
  const offsetMs = summer ? 2 * HOUR_MS : HOUR_MS;
  return { ...utcTime(utcMs + offsetMs), offsetMs };
}
