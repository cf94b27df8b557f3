import { WattmeshError } from '../util/errors.ts';

const DAY_MS = 86_400_000;
const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(timeZone: string): Intl.DateTimeFormat {
  let format = formats.get(timeZone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      era: 'short',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    formats.set(timeZone, format);
  }
  return format;
}

/** Civil fields of an instant in a time zone of the platform's data base. */
export interface LocalTime {
  readonly year: number;
  /** 1..12 */
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  /** ISO 8601: 1 Monday .. 7 Sunday */
  readonly weekday: number;
  /** Local minus UTC. */
  readonly offsetMs: number;
}

/** The civil time people in `timeZone` read at `utcMs`. */
export function localTimeAt(utcMs: number, timeZone: string): LocalTime {
  const field: Record<string, number> = {};
  for (const part of formatOf(timeZone).formatToParts(utcMs)) field[part.type] = Number(part.value);
  const { year, month, day, hour, minute, second } = field as Record<string, number>;
  const asUtcMs = Date.UTC(year!, month! - 1, day!, hour!, minute!, second!);
  const weekday = new Date(asUtcMs).getUTCDay();
  return {
    year: year!,
    month: month!,
    day: day!,
    hour: hour!,
    weekday: weekday === 0 ? 7 : weekday,
    offsetMs: asUtcMs - Math.floor(utcMs / 1000) * 1000,
  };
}

/** Milliseconds of `YYYY-MM-DD` read as UTC; throws DATE_INVALID for anything else, 30 February included. */
function parseDate(date: string): number {
  const utcMs = /^\d{4}-\d{2}-\d{2}$/.test(date) ? Date.parse(`${date}T00:00:00Z`) : Number.NaN;
  if (Number.isNaN(utcMs) || new Date(utcMs).toISOString().slice(0, 10) !== date) {
    throw new WattmeshError({
      code: 'DATE_INVALID',
      message: `"${date}" is not a calendar date`,
      remedy: 'write the date as YYYY-MM-DD, for example 2024-08-15',
      details: { date },
    });
  }
  return utcMs;
}

/**
 * The instant at which a local day begins, UTC ms. Right on days of 23 and 25 hours; where a zone skips midnight itself
 * (not in Europe) it is the first instant of the day. Throws DATE_INVALID.
 */
export function localDayStartUtcMs(date: string, timeZone: string): number {
  const midnight = parseDate(date);
  const offsets = [midnight - DAY_MS, midnight + DAY_MS].map(
    (utcMs) => localTimeAt(utcMs, timeZone).offsetMs,
  );
  const candidates = offsets.map((offsetMs) => midnight - offsetMs).sort((a, b) => a - b);
  const exact = candidates.find((utcMs) => utcMs + localTimeAt(utcMs, timeZone).offsetMs === midnight);
  return exact ?? candidates[1]!;
}

/** The calendar date after `date`; throws DATE_INVALID. */
export function nextDate(date: string): string {
  return new Date(parseDate(date) + DAY_MS).toISOString().slice(0, 10);
}

/** The calendar date in `timeZone` at `utcMs`, as YYYY-MM-DD. */
export function localDateAt(utcMs: number, timeZone: string): string {
  return new Date(utcMs + localTimeAt(utcMs, timeZone).offsetMs).toISOString().slice(0, 10);
}
