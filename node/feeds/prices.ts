import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { WattmeshError } from '../util/errors.ts';
import { localDateAt, localDayStartUtcMs, nextDate } from './local-time.ts';

/** Wholesale prices over time; a synthetic year and a file look the same to their user. */
export interface PriceSeries {
  /** Price in force at an instant, integer microEUR/kWh (may be negative), null where the series has none. */
  at(utcMs: number): number | null;
  /** Whether every instant of the local day (Europe/Rome, 23 to 25 hours) has a price; throws DATE_INVALID. */
  coversLocalDate(date: string): boolean;
}

export interface PriceFileOptions {
  /** Which price of the file: the single national price (default) or that of the zone NORD. */
  readonly price?: 'pun' | 'nord';
  /** A local day that must be covered in full, else PRICE_DATE_MISSING. */
  readonly localDate?: string;
}

const TIME_ZONE = 'Europe/Rome';
const HEADER = 'utc,pun_eur_mwh,nord_eur_mwh';
const QUARTER_HOUR_MS = 900_000;
const HOUR_MS = 3_600_000;
/** Beyond the harmonised limits of the European auctions by far: a larger number is a mistake of units. */
const MAX_EUR_PER_MWH = 20_000;
const UTC_PATTERN = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::00(?:\.000)?)?Z$/;
const NUMBER_PATTERN = /^-?\d+(?:\.\d+)?$/;

/** EUR/MWh to integer microEUR/kWh: x 1000, rounded to the nearest, halves up. */
export function microEurPerKwh(eurPerMwh: number): number {
  return Math.round(eurPerMwh * 1000);
}

function formatError(path: string, line: number, problem: string): WattmeshError {
  return new WattmeshError({
    code: 'PRICE_FILE_FORMAT',
    message: `${path}, line ${line}: ${problem}`,
    remedy: `give a CSV or CSV.gz file with the header "${HEADER}", ascending UTC instants and prices in EUR/MWh`,
    details: { path, line },
  });
}

function readText(path: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw new WattmeshError({
      code: 'PRICE_FILE_MISSING',
      message: `cannot read the price file ${path}`,
      remedy:
        'check the path given with --prices, or leave the option out to use the built-in synthetic year',
      details: { path },
      cause,
    });
  }
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes.toString('utf8');
  try {
    return gunzipSync(bytes).toString('utf8');
  } catch (cause) {
    throw new WattmeshError({
      code: 'PRICE_FILE_FORMAT',
      message: `${path} is a damaged gzip file`,
      remedy: 'fetch the file again, or unpack it and give the CSV',
      details: { path, line: 0 },
      cause,
    });
  }
}

interface Row {
  readonly startMs: number;
  readonly price: number;
}

function parseRow(line: string, column: number): Row | string {
  const cells = line.split(',');
  if (cells.length !== 3) return `expected 3 columns, found ${cells.length}`;
  const [utc] = cells as [string];
  const startMs = UTC_PATTERN.test(utc) ? Date.parse(utc) : Number.NaN;
  if (Number.isNaN(startMs) || !new Date(startMs).toISOString().startsWith(utc.slice(0, 16))) {
    return `"${utc}" is not a UTC instant like 2024-08-15T09:00Z`;
  }
  if (startMs % QUARTER_HOUR_MS !== 0) return `"${utc}" does not lie on a quarter of an hour`;
  for (const cell of cells.slice(1)) {
    if (!NUMBER_PATTERN.test(cell)) return `"${cell}" is not a number`;
    if (Math.abs(Number(cell)) > MAX_EUR_PER_MWH) return `${cell} EUR/MWh is no wholesale price`;
  }
  return { startMs, price: microEurPerKwh(Number(cells[column])) };
}

function parseRows(path: string, text: string, column: number): Row[] {
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  if (lines[0]?.replace(/^\uFEFF/, '') !== HEADER)
    throw formatError(path, 1, `the header is not "${HEADER}"`);
  if (lines.length === 1) throw formatError(path, 1, 'no prices follow the header');
  const rows: Row[] = [];
  for (let i = 1; i < lines.length; i++) {
    const row = parseRow(lines[i]!, column);
    if (typeof row === 'string') throw formatError(path, i + 1, row);
    if (i > 1 && row.startMs <= rows.at(-1)!.startMs) {
      throw formatError(path, i + 1, 'the instant is not later than that of the line before');
    }
    rows.push(row);
  }
  return rows;
}

/** A price holds until the next one, at most an hour; before a gap and at the end as long as the one before it did. */
function endsOf(rows: readonly Row[]): number[] {
  let stepMs = HOUR_MS;
  return rows.map((row, i) => {
    const next = rows[i + 1];
    if (next !== undefined && next.startMs - row.startMs <= HOUR_MS) stepMs = next.startMs - row.startMs;
    return row.startMs + stepMs;
  });
}

function seriesOf(rows: readonly Row[]): PriceSeries {
  const ends = endsOf(rows);
  const indexAt = (utcMs: number): number => {
    let low = 0;
    let high = rows.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (rows[middle]!.startMs <= utcMs) low = middle + 1;
      else high = middle;
    }
    return low > 0 && utcMs < ends[low - 1]! ? low - 1 : -1;
  };
  return {
    at: (utcMs) => rows[indexAt(utcMs)]?.price ?? null,
    coversLocalDate(date) {
      const endMs = localDayStartUtcMs(nextDate(date), TIME_ZONE);
      let utcMs = localDayStartUtcMs(date, TIME_ZONE);
      while (utcMs < endMs) {
        const index = indexAt(utcMs);
        if (index < 0) return false;
        utcMs = ends[index]!;
      }
      return true;
    },
  };
}

/**
 * Reads wholesale prices from a CSV or CSV.gz file with the columns utc (start of the period), pun_eur_mwh, nord_eur_mwh;
 * periods of an hour or less, quarter hours included. Reads the whole file at once: for start-up only.
 * Throws PRICE_FILE_MISSING, PRICE_FILE_FORMAT (with the line), PRICE_DATE_MISSING, DATE_INVALID.
 */
export function loadWholesalePrices(path: string, options: PriceFileOptions = {}): PriceSeries {
  const rows = parseRows(path, readText(path), options.price === 'nord' ? 2 : 1);
  const series = seriesOf(rows);
  if (options.localDate !== undefined && !series.coversLocalDate(options.localDate)) {
    const first = localDateAt(rows[0]!.startMs, TIME_ZONE);
    const last = localDateAt(rows.at(-1)!.startMs, TIME_ZONE);
    throw new WattmeshError({
      code: 'PRICE_DATE_MISSING',
      message: `${path} does not hold every price of ${options.localDate} (Europe/Rome); it runs from ${first} to ${last}`,
      remedy: `choose a --date between ${first} and ${last} without gaps`,
      details: { path, date: options.localDate, first, last },
    });
  }
  return series;
}
