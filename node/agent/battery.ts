import { assert } from '../util/errors.ts';

/** One interval of one battery; all numbers are integers. */
export interface BatteryInterval {
  /** Load minus PV, signed Wh. */
  readonly netLoadWh: number;
  /** Charge at the start, 0..capacityWh. */
  readonly storedWh: number;
  readonly capacityWh: number;
  /** Greatest charging and discharging power at the terminals. */
  readonly powerW: number;
  /** Nominal length of the interval. */
  readonly durationMs: number;
  /** Round-trip efficiency, 1..10 000; all of the loss is taken while charging. */
  readonly efficiencyBps: number;
}

/** Where the energy of the interval went, all >= 0 Wh; at most one of import and export is not zero. */
export interface BatteryResult {
  readonly storedWh: number;
  readonly gridImportWh: number;
  readonly gridExportWh: number;
  readonly lossWh: number;
}

const MS_PER_HOUR = 3_600_000;
const BPS_ONE = 10_000;

/** Greatest energy through the terminals in an interval, rounded down: below 1 Wh in very short intervals it is 0. */
export function powerLimitWh(powerW: number, durationMs: number): number {
  return Math.floor((powerW * durationMs) / MS_PER_HOUR);
}

/**
 * The seed's rule: cover a deficit from the battery first, store a surplus first; no planning.
 * Conserves exactly: load + export + (stored after - stored before) + loss = PV + import.
 * The charging loss is rounded down (less than 1 Wh per interval), so a battery can always be filled.
 * Asserts integer inputs in their ranges.
 */
export function greedyBattery(interval: BatteryInterval): BatteryResult {
  const { netLoadWh, storedWh, capacityWh, efficiencyBps } = interval;
  assert(Number.isSafeInteger(netLoadWh), 'netLoadWh is an integer');
  assert(Number.isSafeInteger(capacityWh) && capacityWh >= 0, 'capacityWh is an integer >= 0');
  assert(
    Number.isSafeInteger(storedWh) && storedWh >= 0 && storedWh <= capacityWh,
    'storedWh fits the capacity',
  );
  assert(interval.powerW >= 0 && interval.durationMs >= 0, 'power and duration are >= 0');
  assert(
    Number.isInteger(efficiencyBps) && efficiencyBps >= 1 && efficiencyBps <= BPS_ONE,
    'efficiencyBps in 1..10000',
  );
  const limitWh = powerLimitWh(interval.powerW, interval.durationMs);
  if (netLoadWh >= 0) {
    const dischargedWh = Math.min(netLoadWh, storedWh, limitWh);
    return {
      storedWh: storedWh - dischargedWh,
      gridImportWh: netLoadWh - dischargedWh,
      gridExportWh: 0,
      lossWh: 0,
    };
  }
  const surplusWh = -netLoadWh;
  const roomWh = capacityWh - storedWh;
  const takenWh = Math.min(surplusWh, limitWh, Math.floor((roomWh * BPS_ONE) / efficiencyBps));
  const lossWh = Math.floor((takenWh * (BPS_ONE - efficiencyBps)) / BPS_ONE);
  return {
    storedWh: storedWh + takenWh - lossWh,
    gridImportWh: 0,
    gridExportWh: surplusWh - takenWh,
    lossWh,
  };
}
