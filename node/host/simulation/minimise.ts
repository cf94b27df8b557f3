/** Makes a failing plan smaller while it still fails the same way. */
import type { Fault, Plan } from './plan.ts';
import { type RunResult, runPlan } from './run-plan.ts';

export interface Minimised {
  plan: Plan;
  runs: number;
}

interface Search {
  readonly checker: string;
  readonly maxRuns: number;
  readonly run: (plan: Plan) => Promise<Pick<RunResult, 'violations'>>;
  plan: Plan;
  runs: number;
}

/**
 * Delta debugging (Zeller, Hildebrandt 2002) over the faults, then one feature after the other: the smallest plan found
 * within `maxRuns` that still breaks the checker.
 */
export async function minimise(
  plan: Plan,
  checker: string,
  options: { maxRuns?: number; run?: (plan: Plan) => Promise<Pick<RunResult, 'violations'>> } = {},
): Promise<Minimised> {
  const { maxRuns = 120, run = runPlan } = options;
  const search: Search = { checker, maxRuns, run, plan, runs: 0 };
  await dropFaults(search);
  for (const simpler of SIMPLER) {
    const next = simpler(search.plan);
    if (next !== null) await tryPlan(search, next);
  }
  await dropNodes(search);
  await shorten(search);
  await dropFaults(search);
  return { plan: search.plan, runs: search.runs };
}

async function tryPlan(search: Search, plan: Plan): Promise<boolean> {
  if (search.runs >= search.maxRuns) return false;
  search.runs++;
  const { violations } = await search.run(plan);
  const fails = violations.some(({ checker }) => checker === search.checker);
  if (fails) search.plan = plan;
  return fails;
}

async function dropFaults(search: Search): Promise<void> {
  for (let size = Math.ceil(search.plan.faults.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let i = 0; i < search.plan.faults.length; ) {
      const { faults } = search.plan;
      const left = [...faults.slice(0, i), ...faults.slice(i + size)];
      if (!(await tryPlan(search, { ...search.plan, faults: left }))) i += size;
    }
  }
}

/** Each: the plan without one of its features, null where it has none. */
const SIMPLER: readonly ((plan: Plan) => Plan | null)[] = [
  (plan) => (plan.adversaries.length > 0 ? { ...plan, adversaries: [] } : null),
  (plan) => (plan.adversaries.length > 1 ? { ...plan, adversaries: plan.adversaries.slice(0, 1) } : null),
  (plan) => ({ ...plan, links: { ...plan.links, loss: 0 } }),
  (plan) => ({ ...plan, links: { ...plan.links, duplication: 0 } }),
  (plan) => ({ ...plan, links: { ...plan.links, reordering: 0 } }),
  (plan) => ({ ...plan, clocks: plan.clocks.map(() => ({ offsetMs: 0, driftPpm: 0 })) }),
  (plan) => (plan.tinyLimits ? { ...plan, tinyLimits: false } : null),
  (plan) => (plan.realWork ? { ...plan, realWork: false } : null),
  (plan) => (plan.realKeys ? { ...plan, realKeys: false } : null),
  (plan) => (plan.eager ? { ...plan, eager: false } : null),
];

async function dropNodes(search: Search): Promise<void> {
  while (search.plan.nodes > 3) {
    if (!(await tryPlan(search, withoutLast(search.plan)))) return;
  }
}

function withoutLast(plan: Plan): Plan {
  const last = plan.nodes - 1;
  const stays = (node: number) => node !== last;
  const keep = (fault: Fault): Fault[] => {
    if ('node' in fault) return stays(fault.node) ? [fault] : [];
    if ('nodes' in fault) return [{ ...fault, nodes: fault.nodes.filter(stays) }];
    if (fault.kind === 'cut') {
      return [{ ...fault, from: fault.from.filter(stays), to: fault.to.filter(stays) }];
    }
    return [fault];
  };
  return {
    ...plan,
    nodes: last,
    miners: Math.min(plan.miners, last),
    hashShares: plan.hashShares.slice(0, last),
    clocks: plan.clocks.slice(0, last),
    adversaries: plan.adversaries.filter(({ node }) => stays(node)),
    core: plan.core.filter(stays),
    faults: plan.faults.flatMap(keep),
  };
}

async function shorten(search: Search): Promise<void> {
  for (;;) {
    const safetyMs = Math.floor(search.plan.safetyMs / 2);
    const faults = search.plan.faults.filter(({ atMs }) => atMs < safetyMs);
    if (safetyMs < 20_000 || !(await tryPlan(search, { ...search.plan, safetyMs, faults }))) return;
  }
}
