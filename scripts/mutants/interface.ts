/** What the search for planted bugs shares. */

export type MutantClass = 'consensus' | 'market' | 'storage' | 'sync';

/** One bug that is planted into one production file; the simulation's checkers have to find it. */
export interface Mutant {
  readonly name: string;
  readonly class: MutantClass;
  /** Path from the root of the project. */
  readonly file: string;
  /** Occurs exactly once in the file. */
  readonly find: string;
  readonly replace: string;
  /** What goes wrong by it. */
  readonly why: string;
}

/** What one simulated run of a bundle gave; one line of the child's output. */
export interface SeedResult {
  seed: number;
  cpuSeconds: number;
  /** First violation of each checker, in order. */
  violations: { checker: string; detail: string }[];
  traceHash: string;
}

/** What a search for one planted bug gave. */
export interface MutantResult {
  name: string;
  class: MutantClass;
  /** Null: it survived. */
  caughtBySeed: number | null;
  checker: string | null;
  detail: string | null;
  seeds: number;
  cpuSeconds: number;
}
