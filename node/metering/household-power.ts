import { createRng, deriveSeed, type Rng } from '../util/rng.ts';

/**
 * The world a house stands in. Handed in by the host, so that this adapter knows neither the forecasts nor the feeds:
 * all functions must be pure, or a restored house would not continue as it was.
 */
export interface HouseholdWorld<Attributes> {
  /** Mean load of such a home, W (forecast/load-profile). */
  expectedLoadW(
    home: Attributes,
    moment: {
      readonly localHour: number;
      readonly weekday: number;
      readonly month: number;
      readonly temperatureCentiC: number;
    },
  ): number;
  /** Local civil time; `weekday` 1 Monday .. 7 (forecast/calendar). */
  localTime(utcMs: number): {
    readonly hour: number;
    readonly weekday: number;
    readonly month: number;
    readonly offsetMs: number;
  };
  /** Cloudless PV power, W (forecast/solar). */
  clearSkyPvW(
    system: HouseholdLocation & {
      readonly utcMs: number;
      readonly pvWp: number;
      readonly temperatureCentiC: number;
    },
  ): number;
  /** Share of it that the community's sky lets through, seeded for the community (feeds/clearness). */
  clearnessBpsAt(utcMs: number): number;
  temperatureAt(utcMs: number): number;
  /** What the battery does with the realised interval (agent/battery). */
  battery(interval: {
    readonly netLoadWh: number;
    readonly storedWh: number;
    readonly capacityWh: number;
    readonly powerW: number;
    readonly durationMs: number;
    readonly efficiencyBps: number;
  }): {
    readonly storedWh: number;
    readonly gridImportWh: number;
    readonly gridExportWh: number;
    readonly lossWh: number;
  };
}

export interface HouseholdLocation {
  readonly latitudeMicroDeg: number;
  readonly longitudeMicroDeg: number;
  readonly tiltDeg?: number;
  readonly azimuthDeg?: number;
}

export interface HouseholdOptions<Attributes> {
  readonly attributes: Attributes;
  readonly location: HouseholdLocation;
  readonly pvWp: number;
  readonly batteryWh: number;
  readonly batteryPowerW: number;
  /** Round trip, default 9 000. */
  readonly batteryEfficiencyBps?: number;
  /** The home's own seed: equal seeds live equal lives. */
  readonly seed: bigint;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const BPS_ONE = 10_000;

/*
 * The numbers below are chosen so that sixteen homes scatter like the sixteen European homes of the HAMLET project
 * (TU Munich): mean pairwise hourly correlation 0.11, hourly deviation 0.79 of the mean, peak of the sum 0.42 of the sum of
 * peaks. Ours: 0.08-0.12, 0.69-0.75, 0.38-0.42. Their likeness from day to day (0.53) is not reached (0.20-0.26).
 */

/** Share of the expected energy that comes as appliance cycles; the rest is a noisy base. */
const APPLIANCE_SHARE = 0.22;
/** Power, length and weight of appliance cycles: kettle, cooking, washing machine, dish washer, vacuum or iron. */
const APPLIANCES: readonly (readonly [watts: number, minutes: number, weight: number])[] = [
  [1200, 6, 50],
  [1500, 20, 28],
  [500, 75, 8],
  [700, 75, 6],
  [900, 25, 8],
];
const APPLIANCE_WEIGHTS = APPLIANCES.reduce((sum, [, , weight]) => sum + weight, 0);
const MEAN_CYCLE_WH =
  APPLIANCES.reduce((sum, [watts, minutes, weight]) => sum + (watts * minutes * weight) / 60, 0) /
  APPLIANCE_WEIGHTS;
const LONGEST_CYCLE_HOURS = 2;

/** Spread of the hourly base load around its mean (log scale), its persistence, and the terms that carry it. */
const BASE_SIGMA = 0.3;
const BASE_PHI = 0.8;
const BASE_TERMS = 20;
/** How much a home's own day differs from the average home's (log scale, per hour of day, smoothed). */
const HABIT_SIGMA = 0.25;
/** Spread from day to day, and days on which nobody is at home. */
const DAY_SIGMA = 0.2;
const AWAY_PROBABILITY = 0.04;
const AWAY_FACTOR = 0.3;
/** Roofs under one sky differ a little, for good (dirt, shade) and by the hour (single clouds). */
const ROOF_LOSS_MAX = 0.08;
const ROOF_SIGMA = 0.04;

/** Standard normal by twelve uniforms: equal on every machine. */
function gaussian(rng: Rng): number {
  let sum = -6;
  for (let i = 0; i < 12; i++) sum += rng.next();
  return sum;
}

/** A factor with mean 1. */
const logNormal = (sigma: number, z: number): number => Math.exp(sigma * z - (sigma * sigma) / 2);

/** Poisson count by multiplication of uniforms (Knuth); `mean` stays far below 700. */
function poisson(rng: Rng, mean: number): number {
  const limit = Math.exp(-mean);
  let count = 0;
  for (let product = rng.next(); product > limit; product *= rng.next()) count++;
  return count;
}

/** 24 factors with mean 1: when this home does what others do earlier or later. */
function drawHabits(rng: Rng): number[] {
  const raw = Array.from({ length: 24 }, () => gaussian(rng));
  const smooth = raw.map((z, h) => (raw[(h + 23) % 24]! + 2 * z + raw[(h + 1) % 24]!) / Math.sqrt(6));
  const factors = smooth.map((z) => Math.exp(HABIT_SIGMA * z));
  const sum = factors.reduce((total, factor) => total + factor, 0);
  return factors.map((factor) => (factor * 24) / sum);
}

interface Cycle {
  readonly startMs: number;
  readonly endMs: number;
  readonly watts: number;
}

/** One simulated hour: the base power, the cycles that start in it, the roof's factor. */
interface Hour {
  readonly baseW: number;
  readonly cycles: readonly Cycle[];
  readonly roof: number;
  readonly temperatureCentiC: number;
}

function drawCycles(rng: Rng, startMs: number, expectedWh: number): Cycle[] {
  return Array.from({ length: poisson(rng, expectedWh / MEAN_CYCLE_WH) }, () => {
    let pick = rng.below(APPLIANCE_WEIGHTS);
    const [watts, minutes] = APPLIANCES.find(([, , weight]) => {
      pick -= weight;
      return pick < 0;
    })!;
    const at = startMs + rng.below(HOUR_MS);
    return { startMs: at, endMs: at + minutes * 60_000, watts };
  });
}

/**
 * The power of a house at any instant, integer W >= 0, a pure function of seed and world (hours are only kept while near).
 * For `household.ts` alone: whoever holds this function can look ahead, so it never leaves the meter.
 */
export function createPower<Attributes>(
  options: HouseholdOptions<Attributes>,
  world: HouseholdWorld<Attributes>,
) {
  const hours = new Map<number, Hour>();
  const innovations = new Map<number, number>();
  const rngOf = (label: string) => createRng(deriveSeed(options.seed, label));
  const house = rngOf('house');
  const habits = drawHabits(house);
  const roofShare = 1 - ROOF_LOSS_MAX * house.next();

  const dayFactor = (localDay: number): number => {
    const rng = rngOf(`day:${localDay}`);
    const presence = rng.next() < AWAY_PROBABILITY ? AWAY_FACTOR : 1;
    const mean = 1 - AWAY_PROBABILITY * (1 - AWAY_FACTOR);
    return (presence / mean) * logNormal(DAY_SIGMA, gaussian(rng));
  };
  const innovationAt = (index: number): number => {
    let innovation = innovations.get(index);
    if (innovation === undefined) {
      innovation = gaussian(rngOf(`base:${index}`));
      innovations.set(index, innovation);
      for (const old of innovations.keys()) if (old < index - 2 * BASE_TERMS) innovations.delete(old);
    }
    return innovation;
  };
  const baseNoise = (index: number): number => {
    let sum = 0;
    for (let k = BASE_TERMS - 1; k >= 0; k--) sum = sum * BASE_PHI + innovationAt(index - k);
    return logNormal(BASE_SIGMA, sum * Math.sqrt(1 - BASE_PHI * BASE_PHI));
  };
  const drawHour = (index: number): Hour => {
    const startMs = index * HOUR_MS;
    const local = world.localTime(startMs);
    const temperatureCentiC = world.temperatureAt(startMs);
    const moment = { localHour: local.hour, weekday: local.weekday, month: local.month, temperatureCentiC };
    const expectedW = world.expectedLoadW(options.attributes, moment);
    const meanW =
      expectedW * habits[local.hour]! * dayFactor(Math.floor((startMs + local.offsetMs) / DAY_MS));
    const rng = rngOf(`hour:${index}`);
    const roof = roofShare * (1 + ROOF_SIGMA * gaussian(rng));
    const cycles = drawCycles(rng, startMs, meanW * APPLIANCE_SHARE);
    return { baseW: meanW * (1 - APPLIANCE_SHARE) * baseNoise(index), cycles, roof, temperatureCentiC };
  };
  const hourAt = (index: number): Hour => {
    let hour = hours.get(index);
    if (hour === undefined) {
      hour = drawHour(index);
      hours.set(index, hour);
      for (const old of hours.keys()) if (old < index - 4 * LONGEST_CYCLE_HOURS) hours.delete(old);
    }
    return hour;
  };
  return (utcMs: number): { loadW: number; pvW: number } => {
    const index = Math.floor(utcMs / HOUR_MS);
    const now = hourAt(index);
    let loadW = now.baseW;
    for (let k = 0; k <= LONGEST_CYCLE_HOURS; k++) {
      for (const cycle of hourAt(index - k).cycles) {
        if (cycle.startMs <= utcMs && utcMs < cycle.endMs) loadW += cycle.watts;
      }
    }
    if (options.pvWp === 0) return { loadW: Math.round(loadW), pvW: 0 };
    const { pvWp, location } = options;
    const clearW = world.clearSkyPvW({ ...location, utcMs, pvWp, temperatureCentiC: now.temperatureCentiC });
    const pvW = clearW === 0 ? 0 : (clearW * world.clearnessBpsAt(utcMs) * now.roof) / BPS_ONE;
    return { loadW: Math.round(loadW), pvW: Math.max(0, Math.min(pvWp, Math.round(pvW))) };
  };
}
