import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { WattmeshError } from '../util/errors.ts';
import { loadWholesalePrices, microEurPerKwh } from './prices.ts';

const PUN_FILE = new URL('../../../shared/data/pun-hourly-2021-2025.csv.gz', import.meta.url);
const HOUR_MS = 3_600_000;
const HEADER = 'utc,pun_eur_mwh,nord_eur_mwh';

const folder = mkdtempSync(join(tmpdir(), 'wattmesh-prices-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
function fileWith(content: string | Buffer): string {
  const path = join(folder, `prices-${files++}.csv`);
  writeFileSync(path, content);
  return path;
}

function csv(startMs: number, count: number, stepMs = HOUR_MS): string {
  const rows = Array.from({ length: count }, (_, i) => {
    const utc = new Date(startMs + i * stepMs).toISOString().slice(0, 16);
    return `${utc}Z,${100 + i}.5,${200 + i}`;
  });
  return `${[HEADER, ...rows].join('\n')}\n`;
}

function errorOf(action: () => unknown): WattmeshError {
  try {
    action();
  } catch (error) {
    if (error instanceof WattmeshError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('loadWholesalePrices', () => {
  const startMs = Date.UTC(2024, 7, 14, 22);

  it('reads plain and compressed files, both prices, and holds each through its hour', () => {
    const text = csv(startMs, 24);
    for (const path of [fileWith(text), fileWith(gzipSync(text)), fileWith(text.replaceAll('\n', '\r\n'))]) {
      const pun = loadWholesalePrices(path, { localDate: '2024-08-15' });
      expect(pun.at(startMs)).toBe(100_500);
      expect(pun.at(startMs + HOUR_MS - 1)).toBe(100_500);
      expect(pun.at(startMs + HOUR_MS)).toBe(101_500);
      expect(pun.at(startMs - 1)).toBeNull();
      expect(pun.at(startMs + 24 * HOUR_MS - 1)).toBe(123_500);
      expect(pun.at(startMs + 24 * HOUR_MS)).toBeNull();
      expect(loadWholesalePrices(path, { price: 'nord' }).at(startMs)).toBe(200_000);
    }
  });

  it('converts EUR/MWh to integers, zero and negative prices included', () => {
    expect([116.4567, 44.67966, 0, -12.5, 0.0005].map(microEurPerKwh)).toEqual([
      116_457, 44_680, 0, -12_500, 1,
    ]);
    const path = fileWith(`${HEADER}\n2024-08-15T09:00Z,-12.5,0\n`);
    expect(loadWholesalePrices(path).at(Date.UTC(2024, 7, 15, 9))).toBe(-12_500);
  });

  it('reads quarter hours, and knows where a gap begins', () => {
    const quarters = loadWholesalePrices(fileWith(csv(startMs, 96, 900_000)));
    expect(quarters.at(startMs + 900_000 - 1)).toBe(100_500);
    expect(quarters.at(startMs + 900_000)).toBe(101_500);
    expect(quarters.at(startMs + 96 * 900_000)).toBeNull();
    expect(quarters.coversLocalDate('2024-08-15')).toBe(true);
    const gap = csv(startMs, 24)
      .split('\n')
      .filter((_, i) => i !== 12)
      .join('\n');
    const holed = loadWholesalePrices(fileWith(gap));
    expect(holed.at(startMs + 11 * HOUR_MS)).toBeNull();
    expect(holed.at(startMs + 10 * HOUR_MS)).not.toBeNull();
    expect(holed.coversLocalDate('2024-08-15')).toBe(false);
  });

  it('wants 23 hours on the spring day and 25 on the autumn day, not one less', () => {
    const spring = Date.UTC(2024, 2, 30, 23);
    expect(loadWholesalePrices(fileWith(csv(spring, 23))).coversLocalDate('2024-03-31')).toBe(true);
    expect(loadWholesalePrices(fileWith(csv(spring, 22))).coversLocalDate('2024-03-31')).toBe(false);
    const autumn = Date.UTC(2024, 9, 26, 22);
    expect(loadWholesalePrices(fileWith(csv(autumn, 25))).coversLocalDate('2024-10-27')).toBe(true);
    expect(loadWholesalePrices(fileWith(csv(autumn, 24))).coversLocalDate('2024-10-27')).toBe(false);
  });

  it('says what is missing', () => {
    const missing = errorOf(() => loadWholesalePrices(join(folder, 'nowhere.csv.gz')));
    expect(missing.code).toBe('PRICE_FILE_MISSING');
    expect(missing.message).toContain('nowhere.csv.gz');
    const path = fileWith(csv(startMs, 24));
    const date = errorOf(() => loadWholesalePrices(path, { localDate: '2024-08-16' }));
    expect(date.code).toBe('PRICE_DATE_MISSING');
    expect(date.details).toMatchObject({ first: '2024-08-15', last: '2024-08-15' });
    expect(errorOf(() => loadWholesalePrices(path, { localDate: '15/08/2024' })).code).toBe('DATE_INVALID');
  });

  it.each([
    ['nothing', '', 1],
    ['another header', 'time,price\n2024-08-15T09:00Z,1\n', 1],
    ['a header alone', `${HEADER}\n`, 1],
    ['two columns', `${HEADER}\n2024-08-15T09:00Z,1\n`, 2],
    ['four columns', `${HEADER}\n2024-08-15T09:00Z,1,2,3\n`, 2],
    ['a decimal comma', `${HEADER}\n2024-08-15T09:00Z,"1,5",2\n`, 2],
    ['an empty cell', `${HEADER}\n2024-08-15T09:00Z,1,2\n2024-08-15T10:00Z,,2\n`, 3],
    ['NaN', `${HEADER}\n2024-08-15T09:00Z,NaN,2\n`, 2],
    ['a hexadecimal number', `${HEADER}\n2024-08-15T09:00Z,0x10,2\n`, 2],
    ['an absurd number', `${HEADER}\n2024-08-15T09:00Z,20001,2\n`, 2],
    ['a broken NORD price', `${HEADER}\n2024-08-15T09:00Z,1,x\n`, 2],
    ['a local time', `${HEADER}\n2024-08-15T09:00,1,2\n`, 2],
    ['the 30th of February', `${HEADER}\n2024-02-30T09:00Z,1,2\n`, 2],
    ['a crooked minute', `${HEADER}\n2024-08-15T09:10Z,1,2\n`, 2],
    ['a row twice', `${HEADER}\n2024-08-15T09:00Z,1,2\n2024-08-15T09:00Z,1,2\n`, 3],
    ['a row out of order', `${HEADER}\n2024-08-15T09:00Z,1,2\n2024-08-15T08:00Z,1,2\n`, 3],
    ['an empty line inside', `${HEADER}\n2024-08-15T09:00Z,1,2\n\n2024-08-15T10:00Z,1,2\n`, 3],
  ])('refuses %s and names the line', (_, content, line) => {
    const error = errorOf(() => loadWholesalePrices(fileWith(content)));
    expect([error.code, error.details.line]).toEqual(['PRICE_FILE_FORMAT', line]);
    expect(error.message).toContain(`line ${line}`);
  });

  it('refuses a cut gzip file', () => {
    const whole = gzipSync(csv(startMs, 24));
    const error = errorOf(() => loadWholesalePrices(fileWith(whole.subarray(0, whole.length - 20))));
    expect(error.code).toBe('PRICE_FILE_FORMAT');
  });
});

describe.skipIf(!existsSync(PUN_FILE))('the real PUN file (skipped without it)', () => {
  const load = (localDate?: string) =>
    loadWholesalePrices(PUN_FILE.pathname, localDate === undefined ? {} : { localDate });

  it('gives the prices of the Ferragosto of 2024 and covers every day from 2021 to April 2025', () => {
    const series = load('2024-08-15');
    expect(series.at(Date.UTC(2020, 11, 31, 23))).toBe(50_870);
    expect(series.at(Date.UTC(2020, 11, 31, 22))).toBeNull();
    expect(series.at(Date.UTC(2021, 0, 1, 1))).toBe(44_680);
    for (let day = Date.UTC(2021, 0, 1); day <= Date.UTC(2025, 3, 30); day += 86_400_000) {
      const date = new Date(day).toISOString().slice(0, 10);
      if (!series.coversLocalDate(date)) expect(date).toBe('covered');
    }
    expect(series.coversLocalDate('2025-05-01')).toBe(false);
    expect(series.coversLocalDate('2020-12-31')).toBe(false);
  });

  it('refuses a day after its end', () => {
    expect(errorOf(() => load('2025-05-01')).code).toBe('PRICE_DATE_MISSING');
  });
});
