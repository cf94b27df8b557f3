import { readdirSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { installHasher } from '../hasher.ts';
import { drawPlan } from './draw-plan.ts';
import { FAULT_CLASSES } from './faults.ts';
import { minimise } from './minimise.ts';
import { ADVERSARIES, Plan, toleratedMiners } from './plan.ts';
import { runPlan } from './run-plan.ts';
import { runSwarm } from './swarm.ts';

/** Seeds that every test run covers; `npm run swarm` goes on from there. */
const SEEDS = { from: 2n, to: 16n };
const REGRESSIONS = new URL('./regressions/', import.meta.url);

beforeAll(async () => void (await installHasher()));

describe('a plan', () => {
  it('follows from its seed, is plain data, and tolerates its adversaries', () => {
    for (let seed = 1n; seed <= 300n; seed++) {
      const plan = drawPlan(seed);
      expect(drawPlan(seed)).toEqual(plan);
      expect(Plan.parse(JSON.parse(JSON.stringify(plan)))).toEqual(plan);
      expect(plan.adversaries.length).toBeLessThanOrEqual(toleratedMiners(plan.miners));
      const bad = new Set(plan.adversaries.map(({ node }) => node));
      expect(plan.core.filter((node) => bad.has(node))).toEqual([]);
      expect(plan.core.length).toBeGreaterThan(0);
    }
  });

  it('lets fewer miners lie than two quorums share', () => {
    expect([1, 2, 3, 4, 6, 7, 9, 10, 40].map(toleratedMiners)).toEqual([0, 1, 2, 1, 3, 2, 4, 3, 13]);
  });

  it('draws every kind of fault and of adversary', () => {
    const plans = Array.from({ length: 300 }, (_, i) => drawPlan(BigInt(i)));
    const kinds = new Set(plans.flatMap(({ faults }) => faults.map(({ kind }) => kind)));
    expect([...kinds].sort()).toEqual(
      ['clock', 'crash', 'cut', 'disk', 'flip', 'full', 'links', 'pause', 'power', 'slow'].sort(),
    );
    const bad = new Set(plans.flatMap(({ adversaries }) => adversaries.map(({ kind }) => kind)));
    expect([...bad].sort()).toEqual([...ADVERSARIES].sort());
  });
});

describe('the swarm', () => {
  it('breaks no invariant under random faults', async () => {
    const report = await runSwarm({ ...SEEDS, cpuMs: () => 0 });
    expect(report.violations).toEqual([]);
    expect(report.seeds).toBe(15);
    expect(report.blocks).toBeGreaterThan(500);
    expect(report.nodeHours).toBeGreaterThan(10);
    expect(FAULT_CLASSES.filter((name) => report.faults[name] > 0).length).toBeGreaterThan(18);
  });

  it('leaves the same trace for the same plan, and another for another', async () => {
    const plan = { ...drawPlan(2n), safetyMs: 60_000 };
    const first = await runPlan(plan);
    expect(await runPlan(plan)).toEqual(first);
    expect((await runPlan({ ...plan, seed: '3' })).traceHash).not.toBe(first.traceHash);
  });

  const kept = readdirSync(REGRESSIONS).filter((name) => name.endsWith('.json'));
  it.each(kept)('holds where it once failed: %s', async (name) => {
    const plan = Plan.parse(JSON.parse(readFileSync(new URL(name, REGRESSIONS), 'utf8')));
    expect((await runPlan(plan)).violations).toEqual([]);
  });
});

describe('minimising', () => {
  const plan = drawPlan(25n);
  const guilty = plan.faults[40]!;
  const violation = { checker: 'liveness', atMs: 1, node: 0, detail: '' };

  it('leaves the one fault that matters', async () => {
    const run = async ({ faults }: Plan) => ({
      violations: faults.some(({ atMs }) => atMs === guilty.atMs) ? [violation] : [],
    });
    const smallest = await minimise(plan, 'liveness', { run });
    expect(smallest.plan.faults.map(({ atMs }) => atMs)).toEqual([guilty.atMs]);
    expect(smallest.plan.nodes).toBeLessThanOrEqual(plan.nodes);
    expect(smallest.runs).toBeLessThanOrEqual(120);
    expect(Plan.parse(smallest.plan)).toEqual(smallest.plan);
  });

  it('keeps to its runs, and to the invariant that was broken', async () => {
    let runs = 0;
    const run = async () => {
      runs++;
      return { violations: [{ ...violation, checker: 'another' }] };
    };
    expect((await minimise(plan, 'liveness', { run, maxRuns: 7 })).plan).toEqual(plan);
    expect(runs).toBe(7);
  });
});
