import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** One figure beside what limits it, from the same run. */
export interface Benchmark {
  name: string;
  value: number;
  unit: string;
  yardstick: { name: string; value: number; unit: string };
  ratio: number;
}

/** Collects young garbage now, so that a measurement pays for its own only. */
export const collectGarbage: () => void = (() => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options: { type: 'minor' }) => void;
  return () => collect({ type: 'minor' });
})();

/** CPU time of this process, user and system, in ms. */
export function cpuTimeMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)]!;
}

export function round(value: number, digits = 3): number {
  return Number(value.toPrecision(digits + 1));
}
