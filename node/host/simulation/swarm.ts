/** Many seeds, one after the other, and what came of them. */
import type { Violation } from './checkers.ts';
import { type DrawOptions, drawPlan } from './draw-plan.ts';
import { FAULT_CLASSES, type FaultClass, type FaultCounts, noFaults } from './faults.ts';
import type { Plan } from './plan.ts';
import { runPlan } from './run-plan.ts';

export interface SwarmOptions extends DrawOptions {
  from: bigint;
  /** Included. */
  to: bigint;
  signal?: AbortSignal | undefined;
  /** CPU time of this process, ms. */
  cpuMs: () => number;
  onSeed?(result: SeedResult): void;
}

export interface SeedResult {
  plan: Plan;
  nodeHours: number;
  violations: readonly Violation[];
}

export interface SwarmReport {
  seeds: number;
  nodeHours: number;
  nodeHoursPerCpuMinute: number;
  blocks: number;
  transactions: number;
  deepestReorganisation: number;
  faults: FaultCounts;
  /** Classes that never came to pass. */
  missing: FaultClass[];
  violations: (Violation & { seed: string })[];
}

/** One seed in so many is run a second time, and must leave the same trace. */
const REPEAT_ONE_IN = 100n;

export async function runSwarm(options: SwarmOptions): Promise<SwarmReport> {
  const report: SwarmReport = {
    seeds: 0,
    nodeHours: 0,
    nodeHoursPerCpuMinute: 0,
    blocks: 0,
    transactions: 0,
    deepestReorganisation: 0,
    faults: noFaults(),
    missing: [],
    violations: [],
  };
  const startMs = options.cpuMs();
  for (let seed = options.from; seed <= options.to; seed++) {
    if (options.signal?.aborted) break;
    const plan = drawPlan(seed, options);
    const result = await runPlan(plan);
    const violations = [...result.violations];
    if (seed % REPEAT_ONE_IN === 0n) violations.push(...(await compareTwice(plan, result.traceHash)));
    report.seeds++;
    report.nodeHours += result.nodeHours;
    report.blocks += result.blocks;
    report.transactions += result.transactions;
    report.deepestReorganisation = Math.max(report.deepestReorganisation, result.deepestReorganisation);
    for (const name of FAULT_CLASSES) report.faults[name] += result.faults[name];
    report.violations.push(...violations.map((violation) => ({ seed: plan.seed, ...violation })));
    options.onSeed?.({ plan, nodeHours: result.nodeHours, violations });
  }
  const cpuMinutes = (options.cpuMs() - startMs) / 60_000;
  report.nodeHoursPerCpuMinute = cpuMinutes > 0 ? Math.round(report.nodeHours / cpuMinutes) : 0;
  report.nodeHours = Math.round(report.nodeHours * 10) / 10;
  report.missing = FAULT_CLASSES.filter((name) => report.faults[name] === 0);
  return report;
}

async function compareTwice(plan: Plan, traceHash: string): Promise<Violation[]> {
  const again = await runPlan(plan);
  if (again.traceHash === traceHash) return [];
  const detail = `the second run left the trace ${again.traceHash}, the first ${traceHash}`;
  return [{ checker: 'determinism', atMs: 0, node: 0, detail }];
}
