/** Figures over many seeds. */
import { createRng, deriveSeed } from '../../../util/rng.ts';

export interface Summary {
  mean: number;
  /** Standard error of the mean. */
  error: number;
  median: number;
  p95: number;
}

/** Of at least one value. */
export function summarise(values: readonly number[]): Summary {
  const sorted = [...values].sort((a, b) => a - b);
  const mean = meanOf(values);
  const variance =
    values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, values.length - 1);
  return {
    mean,
    error: Math.sqrt(variance / values.length),
    median: quantile(sorted, 0.5),
    p95: quantile(sorted, 0.95),
  };
}

export function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Element of an ascending list below which the share lies. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
}

/** One value per seed; the label keeps the cells of a table independent of each other. */
export function overSeeds<T>(label: string, seeds: number, run: (seed: bigint) => T): T[] {
  return Array.from({ length: seeds }, (_, i) => run(deriveSeed(BigInt(i), label)));
}

/** A generator for draws beside those of a world. */
export const rngOf = (seed: bigint, label: string) => createRng(deriveSeed(seed, label));
