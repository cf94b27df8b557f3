/** The thread in which targets run, one after the other. */
import { basename, join } from 'node:path';
import { foundName, readCorpus, storeInput } from './corpus.ts';
import { createFuzzer, type Fuzzer } from './engine.ts';
import type { Finding, Target } from './interface.ts';
import { createBoard, type Job, type Message, type StoredFinding } from './messages.ts';
import { findTargets } from './targets.ts';

/** Mutated inputs between two looks at the clock. */
const SLICE = 20;
/** Slices between two checks of a property. */
const PROPERTY_EVERY = 25;
/** A target that broke so many promises is left alone until somebody has read them. */
const MAX_FINDINGS = 5;
/** Longer inputs are not stored for their outcome alone. */
const MAX_STORED_BYTES = 700;

type Tell = (message: Message) => void;

/** The command that repeats a finding; stores its input. */
export function storeFinding(corpus: string, finding: Finding): StoredFinding {
  const { target, input, seed } = finding;
  if (input === null)
    return { finding, command: `node scripts/fuzz.mjs --target ${target} --property ${seed}` };
  const path = storeInput(corpus, target, { name: foundName(input), bytes: input });
  const shown = join('scripts/fuzz/corpus', target, basename(path));
  return { finding, command: `node scripts/fuzz.mjs --target ${target} --input ${shown}` };
}

/** Stores the shortest input of each outcome that no stored one has; says how many. */
async function storeOutcomes(fuzzer: Fuzzer, known: ReadonlySet<string>, corpus: string): Promise<number> {
  let stored = 0;
  for (const [outcome, bytes] of fuzzer.outcomes()) {
    if (known.has(outcome) || bytes.length > MAX_STORED_BYTES) continue;
    storeInput(corpus, fuzzer.target.name, { name: outcome.replaceAll('_', '-'), bytes });
    stored++;
  }
  return stored;
}

async function runTarget(name: string, job: Job, tell: Tell): Promise<void> {
  const [target] = findTargets(name) as [Target];
  const corpus = readCorpus(job.corpus, name);
  const board = createBoard(job.board);
  const fuzzer = await createFuzzer(target, { seed: BigInt(job.seed), corpus, watch: board.write });
  const startedMs = performance.now();
  const startedCpu = process.cpuUsage();
  const told = new Set<string>();
  const take = async (findings: readonly Finding[]): Promise<void> => {
    for (const finding of findings) {
      const reduced = await fuzzer.reduce(finding);
      const stored = storeFinding(job.corpus, reduced);
      if (told.has(stored.command)) continue;
      told.add(stored.command);
      tell({ type: 'finding', stored });
    }
  };
  for (const { bytes } of corpus) await fuzzer.judge(bytes);
  const known = new Set(fuzzer.outcomes().keys());
  await take(await fuzzer.replay());
  for (let slice = 0; performance.now() - startedMs < job.millisPerTarget; slice++) {
    await take(await fuzzer.run(SLICE));
    if (slice % PROPERTY_EVERY === 0) await take(fuzzer.checkProperty((Number(job.seed) + slice) | 0));
    if (told.size >= MAX_FINDINGS) break;
  }
  const seconds = (performance.now() - startedMs) / 1000;
  const stored = job.keep ? await storeOutcomes(fuzzer, known, job.corpus) : 0;
  const { user, system } = process.cpuUsage(startedCpu);
  const runs = fuzzer.runs();
  const runsPerCpuSecond = Math.round(runs / ((user + system) / 1e6));
  const outcomes = [...fuzzer.outcomes().keys()].sort();
  tell({ type: 'report', report: { target: name, runs, seconds, runsPerCpuSecond, outcomes, stored } });
  await fuzzer.close();
}

/** Runs every target of the job. */
export async function work(job: Job, tell: Tell): Promise<void> {
  for (const name of job.targets) {
    tell({ type: 'begin', target: name });
    await runTarget(name, job, tell);
  }
}
