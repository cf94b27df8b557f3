/**
 * The simulation host: the same core as the daemon, with the daemon's own reading and writing of the chain, under a
 * virtual clock, simulated links and disks, and seeded mining. One seed fixes everything.
 */
import { genesisRoot } from '../consensus/genesis.ts';
import type { CoreLimits } from '../core/limits.ts';
import type { Core } from '../core/node.ts';
import type { GenesisDocument } from '../protocol/genesis-file.ts';
import type { Verifier } from '../protocol/signing.ts';
import type { Transaction } from '../protocol/types.ts';
import { assert } from '../util/errors.ts';
import { createRng, deriveSeed } from '../util/rng.ts';
import { createScheduler } from '../util/scheduler.ts';
import { beginningOf } from './restore.ts';
import { createSharedExecutions } from './simulation/executions.ts';
import { boot, crash, createMachine, pause, resume, updatePeers } from './simulation/machine.ts';
import { mine, scheduleMining } from './simulation/miner.ts';
import { createSimNetwork, drawLinks, type LinkConditions, type SimNetwork } from './simulation/network.ts';
import { createTrace } from './simulation/trace.ts';
import { realWork, type WorkPort } from './simulation/work.ts';
import type { Machine, Observer, SimNodeOptions, World } from './simulation/world.ts';

export interface SimulationOptions {
  seed: bigint;
  document: GenesisDocument;
  verifier: Verifier;
  nodes: readonly SimNodeOptions[];
  conditions: LinkConditions;
  /** Who is linked to whom; default: a ring with random chords, `degree` links per node. */
  links?: readonly (readonly number[])[];
  degree?: number;
  /** Default: real hashing, for targets near the floor. */
  work?: WorkPort;
  /** One execution in so many is done again where another node has done it; 1, the default: every node executes. */
  repeatOneIn?: number;
  /** Templates as the daemon makes them, not only when a block is found. */
  eager?: boolean;
  limits?: Partial<CoreLimits>;
  /** Transactions that a node submits when its tip changes. */
  traffic?: (node: number, core: Core, wallMs: number) => Transaction[];
  observer?: Partial<Observer>;
}

export interface Simulation {
  readonly world: World;
  readonly machines: readonly Machine[];
  readonly network: SimNetwork;
  /** Lets virtual time pass. */
  run(durationMs: number): Promise<void>;
  nowMs(): number;
  /** Performs an action at a virtual time. */
  at(timeMs: number, action: () => void | Promise<void>): void;
  /** Kills a node: what was not synced may be gone. */
  crash(node: number, mode?: 'prefix' | 'subset' | 'torn'): void;
  restart(node: number): Promise<void>;
  pause(node: number): void;
  resume(node: number): void;
  setHashRate(node: number, hashesPerSecond: number): void;
  submit(node: number, transaction: Transaction): void;
  counts(): { executed: number; shared: number; repeated: number };
  /** Digest over every event in order: equal for equal seeds. */
  traceHash(): string;
}

export async function createSimulation(options: SimulationOptions): Promise<Simulation> {
  const world = createWorld(options);
  const { machines, network, scheduler } = world;
  for (const [index, node] of options.nodes.entries()) {
    machines.push(createMachine(world, index, options.seed, node));
  }
  for (const machine of machines) await boot(machine);
  for (const machine of machines) updatePeers(machine);
  startTicks(world);
  const pending: Promise<void>[] = [];

  return {
    world,
    machines,
    network,
    nowMs: () => scheduler.nowMs(),
    counts: world.executions.counts,
    traceHash: world.trace.digest,
    async run(durationMs) {
      const endMs = scheduler.nowMs() + durationMs;
      let instantMs = -1;
      let events = 0;
      while (scheduler.runNext(endMs)) {
        events = scheduler.nowMs() === instantMs ? events + 1 : 0;
        instantMs = scheduler.nowMs();
        assert(events < EVENTS_AT_ONCE, `virtual time stands still at ${instantMs} ms`);
        while (pending.length > 0) await pending.shift();
        if (!world.busy) continue;
        world.busy = false;
        await settled();
      }
      scheduler.runUntil(endMs);
    },
    at: (timeMs, action) =>
      void scheduler.after(timeMs - scheduler.nowMs(), () => {
        const done = action();
        if (done !== undefined) pending.push(done);
      }),
    crash: (node, mode) => crash(machines[node]!, mode),
    async restart(node) {
      const machine = machines[node]!;
      if (machine.core !== null) return;
      try {
        await boot(machine);
      } catch (error) {
        world.observer.onThrow(machine, 'start', error);
        return;
      }
      for (const other of machines) updatePeers(other);
    },
    pause: (node) => pause(machines[node]!),
    resume: (node) => resume(machines[node]!),
    setHashRate(node, hashesPerSecond) {
      machines[node]!.options.hashesPerSecond = hashesPerSecond;
      if (world.eager) mine(machines[node]!);
      else scheduleMining(machines[node]!);
    },
    submit: (node, transaction) => machines[node]!.deliver({ type: 'submit', requestId: 0, transaction }),
  };
}

/** More events than these at one instant mean that one of them calls the next without end. */
const EVENTS_AT_ONCE = 100_000;

/** Lets promises that can go on do so: with disks in memory nothing else is waited for. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function createWorld(options: SimulationOptions): World {
  const { document, seed } = options;
  const scheduler = createScheduler();
  const work = options.work ?? realWork;
  const rng = createRng(deriveSeed(seed, 'network'));
  const machines: Machine[] = [];
  const rules = {
    genesis: document.genesis,
    genesisRoot: genesisRoot(document.genesis),
    verifier: options.verifier,
    ...(work.hasWork === undefined ? {} : { hasWork: work.hasWork }),
  };
  const links = options.links ?? drawLinks(options.nodes.length, 'random', options.degree ?? 3, rng);
  const network = createSimNetwork(
    { links, scheduler, rng, conditions: options.conditions },
    {
      isUp: (node) => machines[node]?.core != null,
      gossip: (to, from, { topic, messageId, bytes }) =>
        machines[to]!.deliver({ type: 'gossip', topic, messageId, from: String(from), bytes }),
      linksChanged: () => {
        for (const machine of machines) updatePeers(machine);
      },
    },
  );
  return {
    document,
    beginning: beginningOf(document),
    rules,
    startMs: document.genesis.timeMs,
    scheduler,
    network,
    machines,
    work,
    executions: createSharedExecutions(options.repeatOneIn ?? 1, createRng(deriveSeed(seed, 'executions'))),
    observer: { onThrow: rethrow, ...options.observer },
    limits: options.limits ?? {},
    eager: options.eager ?? false,
    traffic: options.traffic ?? null,
    trace: createTrace(),
    busy: false,
  };
}

function rethrow(_: Machine, where: string, error: unknown): void {
  throw new Error(`a node failed (${where})`, { cause: error });
}

const TICK_MS = 1000;

/** What adversaries do unasked. */
function startTicks(world: World): void {
  const acting = world.machines.filter((machine) => machine.options.adversary?.tick !== undefined);
  if (acting.length === 0) return;
  const tick = (): void => {
    for (const machine of acting) {
      if (machine.core !== null && machine.backlog === null) machine.options.adversary!.tick!(machine);
    }
    world.scheduler.after(TICK_MS, tick);
  };
  world.scheduler.after(TICK_MS, tick);
}
