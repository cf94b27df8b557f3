/** Performs the faults of a plan, and counts how often each class came to pass. */
import type { Simulation } from '../simulation.ts';
import type { Fault, Plan } from './plan.ts';
import type { Machine } from './world.ts';

/** Every class of fault that a swarm must have seen. */
export const FAULT_CLASSES = [
  'crash-prefix',
  'crash-subset',
  'crash-torn',
  'crash-in-recovery',
  'crash-all',
  'pause',
  'sleep',
  'partition',
  'one-way-partition',
  'loss',
  'duplication',
  'reordering',
  'slow-link',
  'bit-flip',
  'disk-full',
  'slow-disk',
  'clock-offset',
  'clock-drift',
  'clock-step',
  'hash-shock',
  'tiny-limits',
  'adversary-withhold',
  'adversary-selfish',
  'adversary-twin',
  'adversary-time-early',
  'adversary-time-late',
  'adversary-bad-body',
  'adversary-bad-state',
  'adversary-spam',
  'adversary-flood',
  'adversary-stall',
  'real-work',
  'real-keys',
  'eager-templates',
] as const;
export type FaultClass = (typeof FAULT_CLASSES)[number];
export type FaultCounts = Record<FaultClass, number>;

export function noFaults(): FaultCounts {
  return Object.fromEntries(FAULT_CLASSES.map((name) => [name, 0])) as FaultCounts;
}

interface Bench {
  readonly simulation: Simulation;
  readonly plan: Plan;
  readonly counts: FaultCounts;
  /** Faults end with the safety phase: what was to end later does not happen any more. */
  isOver: boolean;
}

export interface FaultPlayer {
  readonly counts: FaultCounts;
  /** Ends every fault: links are good, disks have space, processes run; dead nodes stay dead. */
  end(): void;
}

/** Arranges the faults of the plan on a simulation that has not begun. */
export function playFaults(simulation: Simulation, plan: Plan): FaultPlayer {
  const bench: Bench = { simulation, plan, counts: noFaults(), isOver: false };
  countStanding(bench);
  for (const fault of plan.faults) {
    simulation.at(fault.atMs, () => (bench.isOver ? undefined : start(bench, fault)));
  }
  return {
    counts: bench.counts,
    end() {
      bench.isOver = true;
      const { network, machines } = simulation;
      network.heal();
      network.setConditions({ ...plan.links, loss: 0, duplication: 0, reordering: 0 });
      for (const machine of machines) {
        network.setNodeConditions(machine.index, null);
        machine.disk.setFull(false);
        machine.diskMs = plan.diskMs;
        simulation.resume(machine.index);
      }
      countLinks(bench);
    },
  };
}

/** Classes that hold from the beginning. */
function countStanding({ plan, counts }: Bench): void {
  for (const { kind } of plan.adversaries) counts[`adversary-${kind}`]++;
  if (plan.clocks.some(({ offsetMs }) => offsetMs !== 0)) counts['clock-offset']++;
  if (plan.clocks.some(({ driftPpm }) => driftPpm !== 0)) counts['clock-drift']++;
  if (plan.tinyLimits) counts['tiny-limits']++;
  if (plan.realWork) counts['real-work']++;
  if (plan.realKeys) counts['real-keys']++;
  if (plan.eager) counts['eager-templates']++;
}

function countLinks({ simulation, counts }: Bench): void {
  const links = simulation.network.counts();
  counts.loss += links.lost;
  counts.duplication += links.duplicated;
  counts.reordering += links.reordered;
}

function start(bench: Bench, fault: Fault): void | Promise<void> {
  const { simulation, counts, plan } = bench;
  const { network, machines } = simulation;
  switch (fault.kind) {
    case 'crash':
      return startCrash(bench, fault);
    case 'pause':
      counts[fault.nodes.length === plan.nodes ? 'sleep' : 'pause']++;
      for (const node of fault.nodes) simulation.pause(node);
      return after(bench, fault.forMs, () => {
        for (const node of fault.nodes) simulation.resume(node);
      });
    case 'cut':
      counts[fault.bothWays ? 'partition' : 'one-way-partition']++;
      network.cut(fault.from, fault.to);
      if (fault.bothWays) network.cut(fault.to, fault.from);
      return after(bench, fault.forMs, () => network.heal());
    case 'links':
      network.setConditions(fault.links);
      return after(bench, fault.forMs, () => network.setConditions(plan.links));
    case 'slow':
      counts['slow-link']++;
      network.setNodeConditions(fault.node, fault.links);
      return after(bench, fault.forMs, () => network.setNodeConditions(fault.node, null));
    case 'flip':
      return startFlip(bench, fault);
    case 'full':
      counts['disk-full']++;
      machines[fault.node]!.disk.setFull(true);
      return after(bench, fault.forMs, () => {
        machines[fault.node]!.disk.setFull(false);
        return simulation.restart(fault.node);
      });
    case 'disk': {
      const machine = machines[fault.node]!;
      counts['slow-disk']++;
      machine.diskMs = fault.syncMs;
      return after(bench, fault.forMs, () => {
        machine.diskMs = plan.diskMs;
      });
    }
    case 'clock':
      counts['clock-step']++;
      return machines[fault.node]!.clock.set(fault.offsetMs);
    case 'power':
      counts['hash-shock']++;
      for (const node of fault.nodes) simulation.setHashRate(node, fault.factor * honestRate(bench, node));
      return;
  }
}

function after({ simulation, ...bench }: Bench, forMs: number, action: () => void | Promise<void>): void {
  const endMs = simulation.nowMs() + forMs;
  if (endMs < bench.plan.safetyMs) simulation.at(endMs, action);
}

function honestRate({ plan }: Bench, node: number): number {
  return hashRate(plan, node);
}

/** Hashes per second of a miner as the plan has it. */
export function hashRate(plan: Plan, node: number): number {
  return (plan.hashShares[node] ?? 0) * (4096 / (plan.spacingMs / 1000));
}

function startCrash(bench: Bench, fault: Extract<Fault, { kind: 'crash' }>): void {
  const { simulation, counts, plan } = bench;
  counts[`crash-${fault.mode}`]++;
  if (fault.nodes.length === plan.nodes) counts['crash-all']++;
  for (const node of fault.nodes) simulation.crash(node, fault.mode);
  const restart = async (left: number): Promise<void> => {
    for (const node of fault.nodes) {
      await simulation.restart(node);
      if (left === 0) continue;
      counts['crash-in-recovery']++;
      simulation.crash(node, fault.mode);
    }
    if (left > 0) simulation.at(simulation.nowMs() + 1, () => restart(left - 1));
  };
  simulation.at(simulation.nowMs() + fault.downMs, () => (bench.isOver ? undefined : restart(fault.again)));
}

function startFlip(bench: Bench, { node, downMs }: Extract<Fault, { kind: 'flip' }>): void {
  const { simulation, counts } = bench;
  const machine: Machine = simulation.machines[node]!;
  simulation.crash(node);
  if (machine.disk.flipBit(machine.rng) !== null) counts['bit-flip']++;
  simulation.at(simulation.nowMs() + downMs, () => (bench.isOver ? undefined : simulation.restart(node)));
}
