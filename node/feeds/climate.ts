import { createAr1 } from './noise.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/**
 * Mean daily minimum and maximum of Turin (Caselle airport) per month, whole degrees, normals 1981-2010 as published by
 * climieviaggi.it/clima/italia/torino.
 */
const DAILY_MIN_C = [-2, -1, 3, 7, 12, 15, 17, 17, 13, 9, 3, -1];
const DAILY_MAX_C = [7, 9, 14, 17, 21, 26, 28, 28, 23, 18, 11, 7];

/**
 * Share of the daily range reached in each UTC hour, in hundredths: coldest about sunrise, warmest at 14 UTC
 * (about two and a half hours after the sun's noon); the usual asymmetric shape of a clear day, our estimate.
 */
const DIURNAL_CENTI = [
  26, 20, 14, 8, 3, 0, 5, 18, 36, 55, 71, 84, 93, 98, 100, 97, 90, 80, 69, 59, 51, 44, 37, 31,
];

/** Day-to-day persistence and spread of daily mean temperature in temperate climates, our estimate. */
const DAY_PHI = 0.75;
const DAY_SIGMA_CENTI_C = 280;

/** Air temperature at any instant, integer CentiC. */
export interface Climate {
  temperatureAt(utcMs: number): number;
}

/** Linear interpolation of a periodic monthly table whose values stand for the middle of their month. */
function monthly(table: readonly number[], utcMs: number): number {
  const date = new Date(utcMs);
  const length =
    Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1) -
    Date.UTC(date.getUTCFullYear(), date.getUTCMonth());
  const position =
    date.getUTCMonth() + (utcMs - Date.UTC(date.getUTCFullYear(), date.getUTCMonth())) / length - 0.5;
  const before = Math.floor(position);
  const share = position - before;
  return table[(before + 12) % 12]! * (1 - share) + table[(before + 13) % 12]! * share;
}

/** The temperature Turin usually has at this time of year and day, integer CentiC, without noise. */
export function usualTemperatureAt(utcMs: number): number {
  const low = monthly(DAILY_MIN_C, utcMs);
  const high = monthly(DAILY_MAX_C, utcMs);
  const dayMs = ((utcMs % DAY_MS) + DAY_MS) % DAY_MS;
  const hour = Math.floor(dayMs / HOUR_MS);
  const share = (dayMs - hour * HOUR_MS) / HOUR_MS;
  const diurnal = DIURNAL_CENTI[hour]! * (1 - share) + DIURNAL_CENTI[(hour + 1) % 24]! * share;
  return Math.round(100 * low + (high - low) * diurnal);
}

/**
 * Weather for a place without a weather service: Turin's climatology plus an AR(1) deviation from day to day
 * (phi 0.75, sigma 2.8 K, linear between the days), the same for everybody who knows the seed.
 */
export function createClimate(seed: bigint): Climate {
  const deviation = createAr1(seed, 'temperature-day', DAY_PHI);
  return {
    temperatureAt(utcMs) {
      const position = utcMs / DAY_MS - 0.5;
      const day = Math.floor(position);
      const share = position - day;
      const noise = deviation(day) * (1 - share) + deviation(day + 1) * share;
      return usualTemperatureAt(utcMs) + Math.round(DAY_SIGMA_CENTI_C * noise);
    },
  };
}

/** `createClimate(seed).temperatureAt(utcMs)` for one look; keep a `Climate` where many are needed. */
export function temperatureAt(utcMs: number, seed: bigint): number {
  return createClimate(seed).temperatureAt(utcMs);
}
