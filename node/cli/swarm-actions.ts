/** What `simulate swarm` and `simulate replay` do; loaded when one is called. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { installHasher } from '../host/hasher.ts';
import type { Violation } from '../host/simulation/checkers.ts';
import { drawPlan } from '../host/simulation/draw-plan.ts';
import { minimise } from '../host/simulation/minimise.ts';
import { Plan } from '../host/simulation/plan.ts';
import { type RunResult, runPlan } from '../host/simulation/run-plan.ts';
import { runSwarm, type SeedResult, type SwarmReport } from '../host/simulation/swarm.ts';
import { WattmeshError } from '../util/errors.ts';
import { withInterrupt } from './interrupt.ts';
import { printJson, printLine, printNote } from './output.ts';

export interface SwarmArguments {
  from: bigint;
  to: bigint;
  nodes: number | undefined;
  everything: boolean;
  execute: 'shared' | 'all';
  keep: string;
  json: boolean;
}

/** Seeds after which every class of fault must have come to pass. */
const SEEDS_FOR_ALL = 400;

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

export async function swarm(args: SwarmArguments): Promise<void> {
  await installHasher();
  const failed: SeedResult[] = [];
  const report = await withInterrupt((signal) =>
    runSwarm({
      from: args.from,
      to: args.to,
      nodes: args.nodes,
      everything: args.everything,
      repeatOneIn: args.execute === 'all' ? 1 : 8,
      signal,
      cpuMs,
      onSeed(result) {
        const { plan, nodeHours, violations } = result;
        if (!args.json)
          printLine(`seed ${plan.seed}: ${plan.nodes} nodes, ${nodeHours.toFixed(1)} node-hours`);
        if (violations.length === 0) return;
        failed.push(result);
        for (const violation of violations) printNote(`seed ${plan.seed}: ${violationLine(violation)}`);
      },
    }),
  );
  if (args.json) printJson(report);
  else for (const line of reportLines(report)) printLine(line);
  for (const result of failed) await keepPlan(result, args.keep);
  const lacks = report.seeds >= SEEDS_FOR_ALL && !args.everything ? report.missing : [];
  if (failed.length === 0 && lacks.length === 0) return;
  throw new WattmeshError({
    code: 'CHECK_FAILED',
    message:
      failed.length > 0
        ? `${failed.length} of ${report.seeds} seeds broke an invariant`
        : `faults that never came to pass: ${lacks.join(', ')}`,
    remedy:
      failed.length > 0
        ? `run one again: wattmesh simulate replay ${failed[0]!.plan.seed}`
        : 'run more seeds, or look at how the plans are drawn',
    details: { seeds: failed.map(({ plan }) => plan.seed) },
  });
}

function violationLine({ checker, atMs, node, detail }: Violation): string {
  return `${checker} at ${(atMs / 1000).toFixed(1)} s on node ${node}: ${detail}`;
}

function reportLines(report: SwarmReport): string[] {
  const happened = Object.entries(report.faults).filter(([, count]) => count > 0);
  return [
    `${report.seeds} seeds, ${report.nodeHours} node-hours, ${report.nodeHoursPerCpuMinute} per CPU minute`,
    `${report.blocks} blocks and their markets agree with the reference model; ${report.transactions} transactions`,
    `deepest reorganisation ${report.deepestReorganisation}; violations ${report.violations.length}`,
    `faults: ${happened.map(([name, count]) => `${name} ${count}`).join(', ')}`,
    ...(report.missing.length > 0 ? [`never: ${report.missing.join(', ')}`] : []),
  ];
}

/** Writes the smallest plan that still fails, and how to run it. */
async function keepPlan({ plan, violations }: SeedResult, folder: string): Promise<void> {
  const [{ checker }] = violations as [Violation];
  const smallest = checker === 'determinism' ? { plan, runs: 0 } : await minimise(plan, checker);
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${checker}-${plan.seed}.json`);
  writeFileSync(path, `${JSON.stringify(smallest.plan)}\n`);
  const { nodes, faults } = smallest.plan;
  printNote(`${nodes} nodes and ${faults.length} faults are enough: wattmesh simulate replay ${path}`);
}

export interface ReplayArguments {
  plan: string;
  nodes: number | undefined;
  minimise: boolean;
  json: boolean;
}

export async function replay(args: ReplayArguments): Promise<void> {
  await installHasher();
  const plan = /^\d{1,18}$/.test(args.plan)
    ? drawPlan(BigInt(args.plan), { nodes: args.nodes })
    : readPlan(args.plan);
  const result = await runPlan(plan);
  if (args.json) printJson(result);
  else for (const line of resultLines(result)) printLine(line);
  const [first] = result.violations;
  if (first === undefined) return;
  if (args.minimise) {
    const smallest = await minimise(plan, first.checker);
    printNote(`after ${smallest.runs} runs:`);
    printLine(JSON.stringify(smallest.plan));
  }
  throw new WattmeshError({
    code: 'CHECK_FAILED',
    message: violationLine(first),
    remedy: 'the plan and this version fail every time: look at that node and that time',
    details: { seed: plan.seed, traceHash: result.traceHash },
  });
}

function readPlan(path: string): Plan {
  try {
    return Plan.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (cause) {
    throw new WattmeshError({
      code: 'PLAN_NOT_FOUND',
      message: `${path} holds no plan of a simulation`,
      remedy: 'give a file that `wattmesh simulate swarm` kept, or a seed',
      cause,
    });
  }
}

function resultLines(result: RunResult): string[] {
  return [
    `seed ${result.seed}: ${result.nodeHours.toFixed(1)} node-hours, ${result.blocks} blocks, final ${result.finalHeight}`,
    `deepest reorganisation ${result.deepestReorganisation}, trace ${result.traceHash}`,
    ...result.violations.map(violationLine),
  ];
}
