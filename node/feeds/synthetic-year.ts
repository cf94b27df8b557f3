import { localDayStartUtcMs, localTimeAt } from './local-time.ts';
import { createAr1 } from './noise.ts';
import type { PriceSeries } from './prices.ts';

/**
 * Mean national price (PUN) by month, kind of day and local hour (Europe/Rome), whole EUR/MWh, over the 20 423 hours from
 * 2023-01-01 to 2025-04-30, the time after the crisis of 2021-22; weekend is Saturday and Sunday, holidays are not apart.
 */
export const MEAN_EUR_PER_MWH: readonly {
  readonly workday: readonly number[];
  readonly weekend: readonly number[];
}[] = [
  {
    workday: [
      121, 114, 108, 106, 107, 118, 139, 156, 173, 165, 150, 142, 134, 133, 140, 149, 159, 171, 170, 166, 152,
      143, 137, 128,
    ],
    weekend: [
      132, 125, 121, 118, 116, 117, 126, 135, 139, 140, 133, 126, 122, 117, 122, 133, 143, 155, 162, 164, 155,
      144, 135, 128,
    ],
  },
  {
    workday: [
      122, 117, 113, 112, 113, 121, 137, 156, 171, 154, 137, 129, 121, 121, 127, 134, 144, 156, 168, 167, 149,
      139, 133, 127,
    ],
    weekend: [
      125, 121, 116, 111, 110, 111, 119, 126, 128, 127, 120, 111, 106, 97, 100, 109, 127, 140, 154, 161, 149,
      138, 130, 122,
    ],
  },
  {
    workday: [
      110, 104, 101, 100, 101, 111, 128, 141, 146, 132, 116, 107, 96, 95, 103, 112, 121, 132, 154, 166, 145,
      129, 121, 116,
    ],
    weekend: [
      115, 110, 107, 106, 105, 108, 113, 112, 108, 99, 84, 73, 64, 56, 58, 69, 93, 116, 136, 150, 141, 130,
      119, 112,
    ],
  },
  {
    workday: [
      103, 98, 96, 95, 96, 102, 122, 147, 147, 126, 108, 96, 80, 74, 79, 85, 95, 106, 120, 150, 156, 136, 118,
      110,
    ],
    weekend: [
      115, 107, 103, 100, 100, 101, 109, 113, 111, 105, 86, 73, 62, 50, 49, 59, 77, 101, 118, 140, 148, 135,
      120, 113,
    ],
  },
  {
    workday: [
      99, 93, 89, 88, 89, 95, 109, 125, 129, 118, 107, 99, 86, 84, 90, 94, 101, 104, 112, 135, 147, 130, 111,
      105,
    ],
    weekend: [
      102, 96, 92, 89, 88, 89, 90, 92, 90, 84, 66, 61, 52, 42, 41, 48, 62, 81, 101, 116, 128, 119, 108, 100,
    ],
  },
  {
    workday: [
      104, 100, 96, 94, 95, 99, 110, 125, 127, 117, 108, 103, 91, 90, 96, 100, 104, 107, 115, 137, 144, 134,
      117, 109,
    ],
    weekend: [
      107, 102, 98, 97, 94, 93, 91, 94, 93, 91, 84, 77, 65, 53, 52, 57, 73, 90, 104, 121, 132, 129, 117, 106,
    ],
  },
  {
    workday: [
      110, 105, 102, 100, 99, 101, 109, 117, 120, 114, 109, 107, 101, 101, 106, 109, 113, 117, 130, 154, 160,
      148, 126, 114,
    ],
    weekend: [
      113, 109, 104, 102, 103, 101, 101, 101, 100, 97, 93, 88, 86, 83, 83, 84, 91, 97, 109, 132, 144, 142,
      126, 111,
    ],
  },
  {
    workday: [
      117, 113, 110, 108, 108, 111, 118, 126, 125, 116, 110, 108, 105, 103, 105, 109, 117, 125, 147, 173, 180,
      159, 132, 119,
    ],
    weekend: [
      124, 119, 115, 113, 113, 112, 111, 111, 109, 105, 100, 93, 93, 89, 88, 92, 102, 111, 125, 149, 162, 148,
      129, 117,
    ],
  },
  {
    workday: [
      109, 105, 102, 101, 101, 106, 122, 142, 149, 133, 120, 113, 102, 100, 105, 111, 118, 126, 147, 175, 159,
      131, 116, 112,
    ],
    weekend: [
      114, 110, 108, 106, 105, 106, 110, 112, 113, 104, 96, 88, 82, 70, 65, 76, 89, 106, 125, 151, 148, 127,
      115, 109,
    ],
  },
  {
    workday: [
      112, 107, 104, 103, 103, 110, 130, 153, 165, 149, 131, 122, 111, 110, 116, 124, 134, 145, 165, 180, 150,
      129, 121, 116,
    ],
    weekend: [
      120, 115, 111, 111, 110, 111, 120, 128, 133, 127, 115, 103, 94, 82, 78, 91, 111, 127, 146, 161, 144,
      131, 120, 115,
    ],
  },
  {
    workday: [
      112, 105, 102, 101, 102, 109, 129, 145, 155, 144, 130, 125, 118, 120, 131, 143, 157, 165, 162, 158, 140,
      130, 123, 114,
    ],
    weekend: [
      118, 113, 106, 103, 103, 105, 118, 125, 122, 115, 104, 96, 96, 95, 102, 115, 134, 143, 147, 147, 137,
      126, 122, 116,
    ],
  },
  {
    workday: [
      109, 104, 98, 96, 96, 105, 123, 143, 158, 150, 134, 128, 121, 121, 129, 142, 158, 165, 161, 156, 142,
      132, 124, 114,
    ],
    weekend: [
      114, 107, 98, 94, 94, 97, 109, 117, 121, 119, 111, 104, 104, 102, 108, 119, 131, 141, 143, 145, 138,
      128, 120, 112,
    ],
  },
];

/**
 * Residuals around the table: standard deviation 24.6 EUR/MWh (5 % below -43.5, 5 % above +39.9), autocorrelation 0.944
 * after 1 h and 0.748 after 24 h, which one AR(1) cannot have; so a part per local day and a part per hour.
 */
export const RESIDUAL = {
  daySigmaEurPerMwh: 21.7,
  dayPhi: 0.864,
  hourSigmaEurPerMwh: 11.5,
  hourPhi: 0.739,
} as const;

const TIME_ZONE = 'Europe/Rome';
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/**
 * A year of hourly wholesale prices that needs no file: the means above plus seeded AR(1) residuals, never below zero.
 * It knows any date, repeats for equal seeds and says nothing about a real day. Integer microEUR/kWh.
 * Refit and compare: `npx vitest run node/feeds/synthetic-year.test.ts` with the PUN file in place.
 */
export function createSyntheticYear(seed: bigint): PriceSeries {
  const day = createAr1(seed, 'price-day', RESIDUAL.dayPhi);
  const hour = createAr1(seed, 'price-hour', RESIDUAL.hourPhi);
  return {
    at(utcMs) {
      const local = localTimeAt(utcMs, TIME_ZONE);
      const means = MEAN_EUR_PER_MWH[local.month - 1]!;
      const mean = (local.weekday >= 6 ? means.weekend : means.workday)[local.hour]!;
      const residual =
        RESIDUAL.daySigmaEurPerMwh * day(Math.floor((utcMs + local.offsetMs) / DAY_MS)) +
        RESIDUAL.hourSigmaEurPerMwh * hour(Math.floor(utcMs / HOUR_MS));
      return Math.max(0, Math.round(1000 * (mean + residual)));
    },
    coversLocalDate(date) {
      localDayStartUtcMs(date, TIME_ZONE);
      return true;
    },
  };
}
