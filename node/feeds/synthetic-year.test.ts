import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { localTimeAt } from './local-time.ts';
import { loadWholesalePrices } from './prices.ts';
import { createSyntheticYear, MEAN_EUR_PER_MWH, RESIDUAL } from './synthetic-year.ts';

const PUN_FILE = new URL('../../../shared/data/pun-hourly-2021-2025.csv.gz', import.meta.url);
const HOUR_MS = 3_600_000;
const FIT_START = Date.UTC(2022, 11, 31, 23);
const FIT_END = Date.UTC(2025, 3, 30, 22);

const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

const deviation = (values: number[]): number => {
  const centre = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - centre) ** 2)));
};

function correlation(a: number[], b: number[]): number {
  const [ma, mb] = [mean(a), mean(b)];
  return mean(a.map((value, i) => (value - ma) * (b[i]! - mb))) / (deviation(a) * deviation(b));
}

const autocorrelation = (values: number[], lag: number): number =>
  correlation(values.slice(lag), values.slice(0, values.length - lag));

interface Sample {
  readonly cell: number;
  readonly date: number;
  readonly eurPerMwh: number;
}

function samplesOf(at: (utcMs: number) => number | null): Sample[] {
  const samples: Sample[] = [];
  for (let utcMs = FIT_START; utcMs < FIT_END; utcMs += HOUR_MS) {
    const local = localTimeAt(utcMs, 'Europe/Rome');
    const cell = ((local.month - 1) * 2 + (local.weekday >= 6 ? 1 : 0)) * 24 + local.hour;
    const date = Math.floor((utcMs + local.offsetMs) / 86_400_000);
    samples.push({ cell, date, eurPerMwh: at(utcMs)! / 1000 });
  }
  return samples;
}

function residualsOf(samples: Sample[]) {
  const table = MEAN_EUR_PER_MWH.flatMap(({ workday, weekend }) => [...workday, ...weekend]);
  const residuals = samples.map(({ cell, eurPerMwh }) => eurPerMwh - table[cell]!);
  const byDate = new Map<number, number[]>();
  samples.forEach(({ date }, i) => {
    byDate.set(date, [...(byDate.get(date) ?? []), residuals[i]!]);
  });
  const days = [...byDate.values()].map(mean);
  const dayMean = new Map([...byDate].map(([date, values]) => [date, mean(values)]));
  const hours = samples.map(({ date }, i) => residuals[i]! - dayMean.get(date)!);
  return { residuals, days, hours };
}

describe.skipIf(!existsSync(PUN_FILE))('fit of the synthetic year (skipped without the PUN file)', () => {
  it('is what the file gives', () => {
    const samples = samplesOf(loadWholesalePrices(PUN_FILE.pathname).at);
    expect(samples.length).toBe(20_423);
    const cells = Array.from({ length: 576 }, (_, cell) =>
      Math.round(mean(samples.filter((sample) => sample.cell === cell).map((sample) => sample.eurPerMwh))),
    );
    expect(MEAN_EUR_PER_MWH.flatMap(({ workday, weekend }) => [...workday, ...weekend])).toEqual(cells);
    const { residuals, days, hours } = residualsOf(samples);
    expect(deviation(residuals)).toBeCloseTo(24.6, 1);
    expect(autocorrelation(residuals, 1)).toBeCloseTo(0.944, 3);
    expect(autocorrelation(residuals, 24)).toBeCloseTo(0.748, 3);
    expect(deviation(days)).toBeCloseTo(RESIDUAL.daySigmaEurPerMwh, 1);
    expect(autocorrelation(days, 1)).toBeCloseTo(RESIDUAL.dayPhi, 3);
    expect(deviation(hours)).toBeCloseTo(RESIDUAL.hourSigmaEurPerMwh, 1);
    expect(autocorrelation(hours, 1)).toBeCloseTo(RESIDUAL.hourPhi, 3);
  });
});

describe('createSyntheticYear', () => {
  const synthetic = createSyntheticYear(7n);

  it('has the level, spread and persistence of its fit', () => {
    const samples = samplesOf(synthetic.at);
    const { residuals } = residualsOf(samples);
    expect(Math.abs(mean(residuals))).toBeLessThan(3);
    expect(deviation(residuals)).toBeGreaterThan(21);
    expect(deviation(residuals)).toBeLessThan(28);
    expect(Math.abs(autocorrelation(residuals, 1) - 0.944)).toBeLessThan(0.03);
    expect(Math.abs(autocorrelation(residuals, 24) - 0.748)).toBeLessThan(0.1);
  });

  it('gives a non-negative integer at any instant, the same to everybody with the seed, in any order', () => {
    const again = createSyntheticYear(7n);
    const other = createSyntheticYear(8n);
    const instants = Array.from({ length: 500 }, (_, i) => Date.UTC(2031, 0, 1) + i * 17 * HOUR_MS + i);
    const prices = instants.map((utcMs) => synthetic.at(utcMs)!);
    expect(instants.toReversed().map((utcMs) => again.at(utcMs))).toEqual(prices.toReversed());
    expect(prices.every((price) => Number.isInteger(price) && price >= 0)).toBe(true);
    expect(instants.filter((utcMs, i) => other.at(utcMs) === prices[i]).length).toBeLessThan(10);
  });

  it('holds one price through the hour and follows the local hour over a clock change', () => {
    const hour = Date.UTC(2024, 7, 15, 9);
    expect(synthetic.at(hour)).toBe(synthetic.at(hour + HOUR_MS - 1));
    expect(synthetic.at(hour)).not.toBe(synthetic.at(hour + HOUR_MS));
    expect(synthetic.coversLocalDate('2024-03-31')).toBe(true);
    expect(() => synthetic.coversLocalDate('2024-02-30')).toThrow('not a calendar date');
  });
});
