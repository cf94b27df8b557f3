/** Real wholesale prices for a testnet: checked before anything starts. */
import { resolve } from 'node:path';
import { localDateAt, localDayStartUtcMs } from '../node/feeds/local-time.ts';
import { loadWholesalePrices } from '../node/feeds/prices.ts';
import type { Preset } from '../node/protocol/presets/interface.ts';
import { WattmeshError } from '../node/util/errors.ts';
import type { Manifest } from './manifest.ts';

const TIME_ZONE = 'Europe/Rome';

/**
 * The local day `date` of the file, at the preset's local hour, stands for the calendar start. Throws PRICE_DATE_NEEDED,
 * PRICE_FILE_MISSING, PRICE_FILE_FORMAT, PRICE_DATE_MISSING, DATE_INVALID.
 */
export function preparePrices(
  preset: Preset,
  given: { file: string; date: string | undefined; steps: number },
): NonNullable<Manifest['prices']> {
  const { date } = given;
  if (date === undefined) {
    throw new WattmeshError({
      code: 'PRICE_DATE_NEEDED',
      message: 'real prices need the day to take them from',
      remedy: 'add the day, for example --date 2024-08-15',
    });
  }
  const file = resolve(given.file);
  const series = loadWholesalePrices(file, { localDate: date });
  const { calendarStartMs, stepNominalMs } = preset.params;
  const startOfDayMs = localDayStartUtcMs(localDateAt(calendarStartMs, TIME_ZONE), TIME_ZONE);
  const fromMs = localDayStartUtcMs(date, TIME_ZONE) + calendarStartMs - startOfDayMs;
  for (let step = 0; step < given.steps; step++) {
    const utcMs = fromMs + step * stepNominalMs;
    if (series.at(utcMs) !== null) continue;
    throw new WattmeshError({
      code: 'PRICE_DATE_MISSING',
      message: `${file} has no price for step ${step}, ${new Date(utcMs).toISOString()}`,
      remedy: 'choose an earlier --date, or fewer --steps',
      details: { path: file, date, step },
    });
  }
  return { file, date, fromMs };
}
