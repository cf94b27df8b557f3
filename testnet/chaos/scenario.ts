/** What a chaos scenario is, and what it may do. */
import type { Rng } from '../../node/util/rng.ts';
import type { NodeAddress } from '../observe.ts';
import type { Testnet } from '../state.ts';
import type { Violation } from './ledger.ts';

/** A time that must not be too long, unless the machine was unfit to judge by. */
export interface Bar {
  name: string;
  valueMs: number;
  limitMs: number;
}

/** Counters that a scenario adds to. */
export interface Figures {
  kills: number;
  faults: Record<string, number>;
  /** From a kill, through the start, until the node followed the common tip again. */
  backAtTipMs: number[];
  /** From the end of the faults until a node shared the common tip, one entry per node and heal. */
  oneTipMs: number[];
}

export interface ChaosActions {
  /** SIGKILL. */
  kill(name: string): Promise<void>;
  /** SIGTERM, and its end. */
  stop(name: string): Promise<void>;
  start(name: string): Promise<void>;
  pause(name: string): Promise<void>;
  resume(name: string): Promise<void>;
  partition(sets: readonly (readonly string[])[], options?: { oneWay: boolean }): Promise<void>;
  heal(): Promise<void>;
  slow(
    name: string,
    slowness: { delayMs: number; jitterMs: number; kbitPerSecond: number | null },
  ): Promise<void>;
  skew(name: string, skewMs: number): Promise<void>;
  setMining(name: string, on: boolean): Promise<void>;
  /** Stops the node where it runs and flips bytes of its database. */
  corrupt(name: string, count: number): Promise<void>;
  /** Starts a damaged node; where it refuses by name, does what it says. True: it refused. */
  startDamaged(name: string): Promise<boolean>;
}

export interface ChaosContext {
  readonly testnet: Testnet;
  readonly seed: bigint;
  readonly rng: Rng;
  readonly signal: AbortSignal;
  /** Length of a storm. */
  readonly minutes: number;
  readonly kills: number;
  /** A shorter run of the same shape. */
  readonly quick: boolean;
  readonly figures: Figures;
  readonly actions: ChaosActions;
  addresses(): readonly NodeAddress[];
  names(): string[];
  miners(): string[];
  log(text: string): void;
  sleep(ms: number): Promise<void>;
  /** Until the nodes share one tip; how long each of them took. Those that never do are a violation. */
  waitOneTip(options: { names?: readonly string[]; limitMs: number }): Promise<Map<string, number>>;
  /** Height of the highest tip by RPC. */
  topHeight(): Promise<number>;
  /** Until a transaction was seen confirmed: faults before that prove nothing. */
  waitConfirmed(): Promise<void>;
  bar(bar: Bar): void;
  violate(violation: Violation): void;
}

export interface Scenario {
  name: string;
  describe: string;
  /** Links are cut at some time: blocks of the losing side, however deep, may leave the chain. */
  partitions: boolean;
  /** Whether every owner must be able to say what became of its transactions: not where owners forget by dying. */
  accounting: boolean;
  run(context: ChaosContext): Promise<void>;
}

/** A random subset in random order. */
export function draw<T>(rng: Rng, items: readonly T[], count: number): T[] {
  const left = [...items];
  return Array.from(
    { length: Math.min(count, left.length) },
    () => left.splice(rng.below(left.length), 1)[0]!,
  );
}

/** An integer in [min, max]. */
export function between(rng: Rng, min: number, max: number): number {
  return min + rng.below(max - min + 1);
}

/** A fault fired; scenarios whose faults never fire prove nothing. */
export function count(figures: Figures, fault: string): void {
  figures.faults[fault] = (figures.faults[fault] ?? 0) + 1;
}
