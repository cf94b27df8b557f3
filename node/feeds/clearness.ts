import { createAr1 } from './noise.ts';

const HOUR_MS = 3_600_000;

/** How much of the clear sky's power arrives, the same for a whole community, integer Bps (10 000 = clear sky). */
export interface Clearness {
  clearnessBpsAt(utcMs: number): number;
}

/** Shares of hours to which the quantiles below belong. */
const SHARES = [0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1];

/**
 * Quantiles of PVGIS output over clear-sky output (node/forecast/solar.ts), in hundredths, hours above 0.05 kW/kWp, Turin
 * 2021-2023, for winter (Dec-Feb), spring, summer, autumn; the last is the 99 % quantile.
 */
const QUANTILES_CENTI: readonly (readonly number[])[] = [
  [0, 2, 6, 14, 27, 55, 80, 90, 93, 96, 100, 102, 108],
  [3, 11, 17, 35, 54, 73, 85, 90, 92, 94, 98, 100, 105],
  [5, 17, 38, 63, 79, 85, 89, 91, 92, 94, 96, 98, 103],
  [1, 5, 9, 20, 37, 58, 74, 85, 91, 95, 99, 102, 109],
];

/**
 * Latent weather: a day part (phi 0.65) and an hour part (phi 0.55) with these shares of variance, which reproduce the
 * autocorrelation of the data's normal scores: 0.74 after 1 h, 0.65 after 2 h, 0.52 after 4 h, 0.36 after 24 h.
 */
const DAY_PHI = 0.65;
const HOUR_PHI = 0.55;
const DAY_VARIANCE = 0.45;

/** Normal distribution function, logistic approximation (Bowling et al. 2009), error below 0.0002. */
function normalCdf(z: number): number {
  return 1 / (1 + Math.exp(-1.5976 * z - 0.07056 * z ** 3));
}

function quantileCenti(utcMs: number, share: number): number {
  const season = QUANTILES_CENTI[Math.floor(((new Date(utcMs).getUTCMonth() + 1) % 12) / 3)]!;
  const above = Math.max(
    1,
    SHARES.findIndex((bound) => bound >= share),
  );
  const part = (share - SHARES[above - 1]!) / (SHARES[above]! - SHARES[above - 1]!);
  return season[above - 1]! + part * (season[above]! - season[above - 1]!);
}

/** The sky over one community: seeded, readable at any instant, linear between the hours. */
export function createClearness(communitySeed: bigint): Clearness {
  const day = createAr1(communitySeed, 'clearness-day', DAY_PHI);
  const hour = createAr1(communitySeed, 'clearness-hour', HOUR_PHI);
  const atHour = (index: number): number => {
    const latent =
      Math.sqrt(DAY_VARIANCE) * day(Math.floor(index / 24)) + Math.sqrt(1 - DAY_VARIANCE) * hour(index);
    return quantileCenti(index * HOUR_MS, Math.min(1, Math.max(0, normalCdf(latent))));
  };
  return {
    clearnessBpsAt(utcMs) {
      const position = utcMs / HOUR_MS;
      const before = Math.floor(position);
      const share = position - before;
      return Math.round(100 * (atHour(before) * (1 - share) + atHour(before + 1) * share));
    },
  };
}
