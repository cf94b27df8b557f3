/** What a fuzz target is, and what is found. */

/** A property over valid values: checked by fast-check, which also shrinks what breaks it. */
export interface ValueProperty {
  /** Checks `runs` values of a seed; null, or what broke it in words. */
  check(seed: number, runs: number): string | null;
}

/** A target whose fixtures stand. */
export interface OpenTarget {
  /** Valid and nearly valid inputs: what the mutator begins from, besides the stored corpus. */
  readonly seeds: readonly Uint8Array[];
  /** Words of the format, for the mutator to put in. */
  readonly words?: readonly Uint8Array[];
  /**
   * Gives one input to the code and checks the promises. Returns the outcomes, words parted by spaces, out of at most a
   * few dozen: an input with a new outcome is kept to be mutated further. Throws where a promise is broken.
   */
  run(input: Uint8Array): string | Promise<string>;
  readonly property?: ValueProperty;
  close?(): void | Promise<void>;
}

/** One row of the table of targets. */
export interface Target {
  /** Kebab-case; also the folder of its stored inputs. */
  readonly name: string;
  /** Which code, and which promises beyond those of every target. */
  readonly about: string;
  /** Longer inputs are cut. */
  readonly maxBytes: number;
  /** Mutated inputs in `npm test`. */
  readonly briefRuns: number;
  /**
   * Outcomes (or what they begin with, up to a hyphen) that the stored inputs, the seeds and the brief runs must reach
   * together, or the target tests nothing.
   */
  readonly mustReach: readonly string[];
  open(): OpenTarget | Promise<OpenTarget>;
}

export type FindingKind = 'broken' | 'slow' | 'property' | 'hang' | 'memory' | 'crash';

/** A broken promise, with what breaks it. */
export interface Finding {
  target: string;
  kind: FindingKind;
  message: string;
  /** Null for a property, which its seed repeats. */
  input: Uint8Array | null;
  /** Seed of a property. */
  seed: number | null;
}

/** Most CPU time of one input, in ms. */
export const MAX_INPUT_MS = 1000;

/** A promise that does not hold. */
export class BrokenPromise extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'BrokenPromise';
  }
}

/** States a promise; throws `BrokenPromise`. */
export function promise(holds: boolean, what: string): asserts holds {
  if (!holds) throw new BrokenPromise(what);
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** UTF-8 of texts, for seeds and words. */
export function bytesOfTexts(texts: readonly string[]): Uint8Array[] {
  return texts.map((text) => encoder.encode(text));
}

/** Text of an input as a program reads a file: what is no UTF-8 becomes U+FFFD. */
export function textOf(input: Uint8Array): string {
  return decoder.decode(input);
}
