/** How fast this machine is at the moment: seconds measured on a starved one say nothing. */
import { closeSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';

export interface Calibration {
  /** Of 50 synced writes of 4 KiB in the folder of the testnet. */
  diskSyncP99Ms: number;
  /** How late timers of this process were while the scenario ran. */
  timerLagP99Ms: number;
  /** The machine was fit to judge by seconds. */
  sane: boolean;
}

const SYNCS = 50;
const BYTES = 4096;
/** Above these, a bar in seconds measures the machine and not the nodes. */
const MAX_DISK_SYNC_MS = 250;
const MAX_TIMER_LAG_MS = 250;

/** The value below which the share `q` of the values lies, by nearest rank; 0 for none. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? 0;
}

function diskSyncP99Ms(dir: string): number {
  const path = join(dir, 'calibration.tmp');
  const file = openSync(path, 'w');
  const block = Buffer.alloc(BYTES, 1);
  const times: number[] = [];
  try {
    for (let i = 0; i < SYNCS; i++) {
      const startMs = performance.now();
      writeSync(file, block);
      fsyncSync(file);
      times.push(performance.now() - startMs);
    }
  } finally {
    closeSync(file);
    rmSync(path, { force: true });
  }
  return quantile(times, 0.99);
}

/** Measures until the returned function is called. */
export function startCalibration(dir: string): () => Calibration {
  const lag = monitorEventLoopDelay({ resolution: 10 });
  lag.enable();
  return () => {
    lag.disable();
    // The histogram holds whole delays of a 10 ms timer.
    const timerLagP99Ms = Math.max(0, lag.percentile(99) / 1e6 - 10);
    const diskMs = diskSyncP99Ms(dir);
    return {
      diskSyncP99Ms: Math.round(diskMs * 10) / 10,
      timerLagP99Ms: Math.round(timerLagP99Ms * 10) / 10,
      sane: diskMs <= MAX_DISK_SYNC_MS && timerLagP99Ms <= MAX_TIMER_LAG_MS,
    };
  };
}
