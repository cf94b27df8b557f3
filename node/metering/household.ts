import { WattmeshError } from '../util/errors.ts';
import { createPower, type HouseholdOptions, type HouseholdWorld } from './household-power.ts';

/** A delivery interval of the nominal UTC calendar, `[startMs, startMs + durationMs)`. */
export interface Interval {
  readonly startMs: number;
  readonly durationMs: number;
}

/** What happened in an interval, all integers >= 0: load + export + change of stored + loss = PV + import. */
export interface Delivery {
  readonly loadWh: number;
  readonly pvWh: number;
  /** At the end of the interval. */
  readonly storedWh: number;
  readonly lossWh: number;
  readonly importWh: number;
  readonly exportWh: number;
  /** Cumulative since the meter was built; never fall. */
  readonly importRegisterWh: number;
  readonly exportRegisterWh: number;
}

/** All that a house remembers, fit for JSON. */
export interface HouseholdSnapshot {
  readonly version: 1;
  /** The seed, as decimal text: a snapshot fits one house only. */
  readonly seed: string;
  /** End of the last delivered interval, null before the first. */
  readonly nextStartMs: number | null;
  /** Cumulative load and PV in W x ms, so that no fraction of a Wh is lost between intervals. */
  readonly loadWattMs: number;
  readonly pvWattMs: number;
  readonly storedWh: number;
  readonly importRegisterWh: number;
  readonly exportRegisterWh: number;
}

export interface Household {
  /**
   * Lives through the interval and reads the meter. Time only goes forward: an interval that begins before the last one
   * ended throws HOUSEHOLD_INTERVAL_DELIVERED; after a gap the house first lives through the gap in intervals of the
   * same length, as it would have without a node, and only the registers show it.
   * Throws HOUSEHOLD_INTERVAL_INVALID, HOUSEHOLD_GAP_TOO_LONG (over 100 000 intervals).
   */
  deliver(interval: Interval): Delivery;
  snapshot(): HouseholdSnapshot;
  /** Takes up where a snapshot of the same house left off; throws HOUSEHOLD_SNAPSHOT_INVALID. */
  restore(snapshot: HouseholdSnapshot): void;
}

const HOUR_MS = 3_600_000;
/** Grid of the simulated power: it lies fixed in time, so cutting an hour differently changes no energy. */
const TICK_MS = 300_000;
const MAX_GAP_INTERVALS = 100_000;
const DEFAULT_EFFICIENCY_BPS = 9000;

function invalid(
  code: string,
  message: string,
  remedy: string,
  details: Record<string, unknown>,
): WattmeshError {
  return new WattmeshError({ code, message, remedy, details });
}

function checkSnapshot(snapshot: HouseholdSnapshot, seed: bigint, batteryWh: number): void {
  const counters = [
    snapshot.nextStartMs ?? 0,
    snapshot.loadWattMs,
    snapshot.pvWattMs,
    snapshot.storedWh,
    snapshot.importRegisterWh,
    snapshot.exportRegisterWh,
  ];
  const problem =
    snapshot.version !== 1
      ? `version ${snapshot.version} is unknown`
      : snapshot.seed !== seed.toString()
        ? 'it belongs to another house'
        : counters.some((value) => !Number.isSafeInteger(value) || value < 0)
          ? 'a counter is no integer >= 0'
          : snapshot.storedWh > batteryWh
            ? 'the battery holds more than its capacity'
            : null;
  if (problem === null) return;
  throw invalid(
    'HOUSEHOLD_SNAPSHOT_INVALID',
    `the meter's snapshot cannot be used: ${problem}`,
    'restore the snapshot this house wrote, or start a new house',
    { problem },
  );
}

/** Checks an interval against the meter's clock and returns the start of the time to live through, gap included. */
function lifeStartMs({ startMs, durationMs }: Interval, nextStartMs: number | null): number {
  const details = { startMs, durationMs, nextStartMs };
  if (!Number.isSafeInteger(startMs) || startMs < 0 || !Number.isSafeInteger(durationMs) || durationMs < 1) {
    throw invalid(
      'HOUSEHOLD_INTERVAL_INVALID',
      'an interval begins at a whole millisecond and lasts at least one',
      'pass startMs >= 0 and durationMs >= 1 as integers',
      details,
    );
  }
  if (nextStartMs === null) return startMs;
  if (startMs < nextStartMs) {
    throw invalid(
      'HOUSEHOLD_INTERVAL_DELIVERED',
      'the interval begins before the end of the last delivered one',
      'deliver each interval once, in order; restore an older snapshot to repeat it',
      details,
    );
  }
  if ((startMs - nextStartMs) / durationMs > MAX_GAP_INTERVALS) {
    throw invalid(
      'HOUSEHOLD_GAP_TOO_LONG',
      `the house has not lived for more than ${MAX_GAP_INTERVALS} intervals`,
      'deliver the time between in longer intervals, or start a new house',
      details,
    );
  }
  return nextStartMs;
}

/**
 * The physical house of a simulated member: a load that scatters around `expectedLoadW` (habits of the home, absent days,
 * an autocorrelated base, appliance cycles), PV under the community's sky, a battery run by the given rule on realised
 * values (empty at first), and a two-register meter. Everything follows from the seed and the sequence of intervals.
 * Intervals should be long enough for the battery's power to reach 1 Wh in them.
 */
export function createHousehold<Attributes>(
  options: HouseholdOptions<Attributes>,
  world: HouseholdWorld<Attributes>,
): Household {
  const powerAt = createPower(options, world);
  let state: HouseholdSnapshot = {
    version: 1,
    seed: options.seed.toString(),
    nextStartMs: null,
    loadWattMs: 0,
    pvWattMs: 0,
    storedWh: 0,
    importRegisterWh: 0,
    exportRegisterWh: 0,
  };
  const live = (startMs: number, durationMs: number): Delivery => {
    const endMs = startMs + durationMs;
    let { loadWattMs, pvWattMs } = state;
    for (let tickMs = startMs - (startMs % TICK_MS); tickMs < endMs; tickMs += TICK_MS) {
      const { loadW, pvW } = powerAt(tickMs + TICK_MS / 2);
      const overlapMs = Math.min(endMs, tickMs + TICK_MS) - Math.max(startMs, tickMs);
      loadWattMs += loadW * overlapMs;
      pvWattMs += pvW * overlapMs;
    }
    const loadWh = Math.floor(loadWattMs / HOUR_MS) - Math.floor(state.loadWattMs / HOUR_MS);
    const pvWh = Math.floor(pvWattMs / HOUR_MS) - Math.floor(state.pvWattMs / HOUR_MS);
    const result = world.battery({
      netLoadWh: loadWh - pvWh,
      storedWh: state.storedWh,
      capacityWh: options.batteryWh,
      powerW: options.batteryPowerW,
      durationMs,
      efficiencyBps: options.batteryEfficiencyBps ?? DEFAULT_EFFICIENCY_BPS,
    });
    const { storedWh, gridImportWh: importWh, gridExportWh: exportWh, lossWh } = result;
    const importRegisterWh = state.importRegisterWh + importWh;
    const exportRegisterWh = state.exportRegisterWh + exportWh;
    state = {
      ...state,
      nextStartMs: endMs,
      loadWattMs,
      pvWattMs,
      storedWh,
      importRegisterWh,
      exportRegisterWh,
    };
    return { loadWh, pvWh, storedWh, lossWh, importWh, exportWh, importRegisterWh, exportRegisterWh };
  };
  return {
    deliver(interval) {
      const { startMs, durationMs } = interval;
      let lifeMs = lifeStartMs(interval, state.nextStartMs);
      const rest = (startMs - lifeMs) % durationMs;
      if (rest > 0) live(lifeMs, rest);
      for (lifeMs += rest; lifeMs < startMs; lifeMs += durationMs) live(lifeMs, durationMs);
      return live(startMs, durationMs);
    },
    snapshot: () => ({ ...state }),
    restore(snapshot) {
      checkSnapshot(snapshot, options.seed, options.batteryWh);
      state = { ...snapshot };
    },
  };
}
