/** Runs one target: stored inputs, seeds, then mutations of both; keeps what has a new outcome; judges every run. */
import { equalBytes } from '../../node/util/bytes.ts';
import { createRng, deriveSeed } from '../../node/util/rng.ts';
import type { StoredInput } from './corpus.ts';
import { type Finding, type FindingKind, MAX_INPUT_MS, type OpenTarget, type Target } from './interface.ts';
import { minimise } from './minimise.ts';
import { mutate } from './mutate.ts';

/** Inputs kept for mutation besides the stored ones. */
const MAX_KEPT = 256;
const PROPERTY_RUNS = 20;

/** Told of every input before it runs, so that another thread can name the one that never ends. */
export type Watch = (input: Uint8Array) => void;

export interface Fuzzer {
  readonly target: Target;
  /** Stored inputs and seeds, each once. */
  replay(): Promise<Finding[]>;
  /** Mutated inputs; ends early at the first finding. */
  run(count: number): Promise<Finding[]>;
  /** Values of the property, if the target has one. */
  checkProperty(seed: number, runs?: number): Finding[];
  /** Judges a single input; null: every promise holds. */
  judge(input: Uint8Array): Promise<Finding | null>;
  /** A shorter input that fails in the same way. */
  reduce(finding: Finding): Promise<Finding>;
  runs(): number;
  /** The shortest input seen of each outcome. */
  outcomes(): ReadonlyMap<string, Uint8Array>;
  close(): Promise<void>;
}

interface Failure {
  kind: FindingKind;
  message: string;
}

/** Failures are the same when their first lines are, numbers and quoted words apart. */
function likeness(failure: Failure): string {
  const [line = ''] = failure.message.split('\n');
  return `${failure.kind} ${line.replace(/[0-9a-f]{8,}|\d+|"[^"]*"/g, '#').slice(0, 120)}`;
}

function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return `not an Error was thrown: ${String(error)}`;
  const [, ...frames] = (error.stack ?? '').split('\n    at ');
  return `${error.name}: ${error.message}\n${frames.slice(0, 6).join('\n')}`;
}

/** Runs an input; a string is its outcomes. */
async function attempt(open: OpenTarget, input: Uint8Array): Promise<string | Failure> {
  const given = input.slice();
  try {
    const result = open.run(given);
    const outcome = typeof result === 'string' ? result : await result;
    if (equalBytes(given, input)) return outcome;
    return { kind: 'broken', message: 'the given bytes were changed' };
  } catch (error) {
    return { kind: 'broken', message: wordsOf(error) };
  }
}

/** Only time of this process counts, and only when three runs agree: others use the machine, too. */
async function isSlow(open: OpenTarget, input: Uint8Array, maxMs: number): Promise<boolean> {
  for (let i = 0; i < 3; i++) {
    const before = process.cpuUsage();
    await attempt(open, input);
    const { user, system } = process.cpuUsage(before);
    if ((user + system) / 1000 <= maxMs) return false;
  }
  return true;
}

export async function createFuzzer(
  target: Target,
  options: { seed: bigint; corpus: readonly StoredInput[]; watch?: Watch; maxInputMs?: number },
): Promise<Fuzzer> {
  const open = await target.open();
  const { seed, watch, maxInputMs = MAX_INPUT_MS } = options;
  const first = [...options.corpus.map(({ bytes }) => bytes), ...open.seeds];
  const kept: Uint8Array[] = [];
  const outcomes = new Map<string, Uint8Array>();
  let runs = 0;
  let mutations = 0;

  const judgeRaw = async (input: Uint8Array): Promise<string | Failure> => {
    watch?.(input);
    runs++;
    const from = performance.now();
    const result = await attempt(open, input);
    if (performance.now() - from <= maxInputMs || typeof result !== 'string') return result;
    if (!(await isSlow(open, input, maxInputMs))) return result;
    return { kind: 'slow', message: `takes over ${maxInputMs} ms` };
  };
  const found = (failure: Failure, input: Uint8Array | null): Finding => {
    return { target: target.name, seed: null, input, ...failure };
  };
  const judge = async (input: Uint8Array): Promise<Finding | null> => {
    const result = await judgeRaw(input);
    if (typeof result !== 'string') return found(result, input);
    for (const outcome of result.split(' ')) {
      const known = outcomes.get(outcome);
      if (known === undefined && kept.length < MAX_KEPT) kept.push(input);
      if (known === undefined || input.length < known.length) outcomes.set(outcome, input);
    }
    return null;
  };

  return {
    target,
    judge,
    async replay() {
      const findings: Finding[] = [];
      for (const input of first) {
        const finding = await judge(input.subarray(0, target.maxBytes));
        if (finding !== null) findings.push(finding);
      }
      return findings;
    },
    async run(count) {
      for (let i = 0; i < count; i++) {
        const rng = createRng(deriveSeed(seed, `${target.name}/${mutations++}`));
        const pool = rng.below(3) === 0 && kept.length > 0 ? kept : first;
        const base = pool[rng.below(Math.max(1, pool.length))] ?? new Uint8Array(0);
        const sources = { pool: first, words: open.words ?? [], maxBytes: target.maxBytes };
        const finding = await judge(mutate(rng, base, sources));
        if (finding !== null) return [finding];
      }
      return [];
    },
    checkProperty(propertySeed, count = PROPERTY_RUNS) {
      if (open.property === undefined) return [];
      runs += count;
      const message = open.property.check(propertySeed, count);
      if (message === null) return [];
      return [{ target: target.name, kind: 'property', message, input: null, seed: propertySeed }];
    },
    async reduce(finding) {
      if (finding.input === null || finding.kind === 'slow') return finding;
      const wanted = likeness(finding);
      let last: Failure = finding;
      const input = await minimise(finding.input, async (candidate) => {
        watch?.(candidate);
        const result = await attempt(open, candidate);
        if (typeof result === 'string' || likeness(result) !== wanted) return false;
        last = result;
        return true;
      });
      return found({ kind: last.kind, message: last.message }, input);
    },
    runs: () => runs,
    outcomes: () => outcomes,
    async close() {
      await open.close?.();
    },
  };
}
