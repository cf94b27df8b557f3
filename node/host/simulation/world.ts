/** What the parts of one simulation share. */

import type { ChainRules } from '../../consensus/header.ts';
import type { CoreEvent, Effect, Notice, PersistBatch } from '../../core/events.ts';
import type { CoreLimits } from '../../core/limits.ts';
import type { Core } from '../../core/node.ts';
import type { GenesisDocument } from '../../protocol/genesis-file.ts';
import type { Signer } from '../../protocol/signing.ts';
import type { Transaction } from '../../protocol/types.ts';
import type { Rng } from '../../util/rng.ts';
import type { Scheduler } from '../../util/scheduler.ts';
import type { ChainStore } from '../chain-store.ts';
import type { LoadedChain } from '../load-chain.ts';
import type { Beginning } from '../restore.ts';
import type { SimClock } from './clock.ts';
import type { SimDisk } from './disk.ts';
import type { SharedExecutions } from './executions.ts';
import type { SimNetwork } from './network.ts';
import type { WorkPort } from './work.ts';

export interface SimNodeOptions {
  /** Null: a full node that does not mine. */
  miner: { member: number; signer: Signer } | null;
  hashesPerSecond: number;
  clock?: { offsetMs: number; driftPpm: number };
  /** What this node does instead of what an honest one does. */
  adversary?: Adversary | undefined;
}

/** Departures from the honest node; each may be left out. */
export interface Adversary {
  readonly kind: string;
  /** True: the effect is taken care of. */
  perform?(machine: Machine, effect: Effect): boolean;
  /** The answer to a peer; undefined: the honest one. */
  answer?(machine: Machine, asked: RequestEffect): Uint8Array | null | undefined;
  /** Timestamp of a block of its own. */
  timestampMs?(machine: Machine, earliestMs: number): number;
  /** Called every second of virtual time. */
  tick?(machine: Machine): void;
}

export type RequestEffect = Extract<Effect, { type: 'request' }>;

/** Who watches: the checkers of a run. Calls follow every event. */
export interface Observer {
  onEvent?(machine: Machine, event: CoreEvent): void;
  onNotice?(machine: Machine, notice: Notice): void;
  onPersisted?(machine: Machine, batch: PersistBatch): void;
  /** A node gives one of its own blocks to the network. */
  onPublish?(machine: Machine, bytes: Uint8Array): void;
  onPenalty?(machine: Machine, peer: number, reason: string): void;
  onBan?(machine: Machine, peer: number, reason: string): void;
  onBoot?(machine: Machine, loaded: LoadedChain): void;
  onCrash?(machine: Machine): void;
  /** The node's logic threw: a defect. */
  onThrow(machine: Machine, where: string, error: unknown): void;
}

export interface World {
  readonly document: GenesisDocument;
  readonly beginning: Beginning;
  readonly rules: ChainRules;
  readonly startMs: number;
  readonly scheduler: Scheduler;
  readonly network: SimNetwork;
  readonly machines: Machine[];
  readonly work: WorkPort;
  readonly executions: SharedExecutions;
  readonly observer: Observer;
  readonly limits: Partial<CoreLimits>;
  /** Templates are made continuously, as the daemon does, or when the work is found. */
  readonly eager: boolean;
  readonly traffic: ((node: number, core: Core, wallMs: number) => Transaction[]) | null;
  trace: { add(text: string): void; digest(): string };
  /** Work of promises is under way that must end before the next event. */
  busy: boolean;
}

/** One simulated computer: a core, a disk, a clock, timers. */
export interface Machine {
  readonly world: World;
  readonly index: number;
  readonly options: SimNodeOptions;
  readonly rng: Rng;
  readonly disk: SimDisk;
  readonly clock: SimClock;
  /** Null while the node is down. */
  core: Core | null;
  store: ChainStore | null;
  /** Time from a write to its sync, ms. */
  diskMs: number;
  boots: number;
  wakeId: number;
  wakeAtMs: number;
  miningId: number;
  job: Extract<Effect, { type: 'mine' }> | null;
  peers: Set<number>;
  points: Map<number, number>;
  bans: { peer: number; reason: string }[];
  messages: number;
  /** What waits while the process is stopped; null: it runs. */
  backlog: (() => void)[] | null;
  /** Gives an event to the core and performs what it asks for. */
  deliver(event: CoreEvent): void;
}

export function wallMs(machine: Machine): number {
  return machine.clock.wallMs(machine.world.scheduler.nowMs());
}

/** Runs an action later unless the node crashed in between. */
export function later(machine: Machine, delayMs: number, action: () => void): number {
  const { boots } = machine;
  return machine.world.scheduler.after(delayMs, () => {
    if (machine.boots === boots) action();
  });
}
