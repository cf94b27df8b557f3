/** Reference price and temperature of a step from the oracles' reports. */
import type { MarketScalars } from '../protocol/state.ts';
import type { BlockContext } from './context.ts';

/** Reports below which nobody's word is taken: of three, one liar stays inside the honest range. */
export const MIN_REPORTS = 3;

/** Largest magnitudes that an oracle may report: 10 EUR/kWh and 100 degrees. Fees and factors on top stay in 32 bits. */
export const MAX_WHOLESALE_MICRO_EUR_PER_KWH = 10_000_000;
export const MAX_TEMPERATURE_CENTI_C = 10_000;

export interface Observed {
  wholesaleMicroEurPerKwh: number;
  temperatureCentiC: number;
  /** Bit 0: price stale or default; bit 1: temperature stale or default. */
  staleFlags: number;
}

/** Lower median: the element at floor((n - 1) / 2) of the ascending order. */
export function lowerMedian(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)]!;
}

/**
 * Closes the observations of a step: the lower median of at least three reports; with fewer, the last accepted value,
 * flagged stale; after the maximal age, the genesis default.
 */
export function closeObservations(context: BlockContext, step: number): Observed {
  const { state, genesis } = context;
  const reports = state.observations(step);
  if (reports.length >= MIN_REPORTS) {
    const wholesaleMicroEurPerKwh = lowerMedian(reports.map((report) => report.wholesaleMicroEurPerKwh));
    const temperatureCentiC = lowerMedian(reports.map((report) => report.temperatureCentiC));
    state.setMarket({
      wholesaleMicroEurPerKwh,
      wholesaleStepPlus1: step + 1,
      temperatureCentiC,
      temperatureStepPlus1: step + 1,
    });
    return { wholesaleMicroEurPerKwh, temperatureCentiC, staleFlags: 0 };
  }
  return { ...lastObserved(genesis.params, state.market(), step), staleFlags: 3 };
}

/** What holds for a step without enough reports of its own. */
export function lastObserved(
  params: {
    observationMaxAgeSteps: number;
    defaultWholesaleMicroEurPerKwh: number;
    defaultTemperatureCentiC: number;
  },
  market: MarketScalars,
  step: number,
): { wholesaleMicroEurPerKwh: number; temperatureCentiC: number } {
  const fresh = (stepPlus1: number) => stepPlus1 > 0 && step + 1 - stepPlus1 <= params.observationMaxAgeSteps;
  return {
    wholesaleMicroEurPerKwh: fresh(market.wholesaleStepPlus1)
      ? market.wholesaleMicroEurPerKwh
      : params.defaultWholesaleMicroEurPerKwh,
    temperatureCentiC: fresh(market.temperatureStepPlus1)
      ? market.temperatureCentiC
      : params.defaultTemperatureCentiC,
  };
}
