/** Runs fuzz targets in a thread and watches it: hangs, lack of memory and crashes are findings, too. */
import '../../node/util/polyfill.ts';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { readCorpus, readInput } from './corpus.ts';
import { createFuzzer } from './engine.ts';
import type { Finding, FindingKind, Target } from './interface.ts';
import {
  createBoard,
  createBoardBuffer,
  type Job,
  type Message,
  type StoredFinding,
  type TargetReport,
} from './messages.ts';
import { findTargets, TARGETS } from './targets.ts';
import { storeFinding, work } from './worker.ts';

const WATCH_MS = 500;

export interface FuzzOptions {
  target: string;
  minutes: string;
  seed: string;
  input: string;
  property: string;
  json: boolean;
  keep: boolean;
  list: boolean;
  corpus: string;
  /** An input that runs this long never ends. */
  hangSeconds: string;
  /** Of the thread: an input that needs more is a finding. */
  heapMb: string;
}

interface Result {
  seed: string;
  reports: TargetReport[];
  findings: StoredFinding[];
}

type Say = (line: string) => void;

interface Watching {
  result: Result;
  say: Say;
  hangMs: number;
  heapMb: number;
}

/** Runs the job in a thread until it is done or dies; gives what is left to do. */
function runThread(job: Job, { result, say, hangMs, heapMb }: Watching): Promise<string[]> {
  const board = createBoard(job.board);
  let current = job.targets[0]!;
  return new Promise((resolve) => {
    const worker = new Worker(fileURLToPath(import.meta.url), {
      workerData: job,
      resourceLimits: { maxOldGenerationSizeMb: heapMb },
    });
    let [lastCount, sinceMs, done] = [-1, Date.now(), false];
    const end = (kind: FindingKind | null, message = ''): void => {
      if (done) return;
      done = true;
      clearInterval(timer);
      if (kind !== null) {
        const finding: Finding = { target: current, kind, message, input: board.read(), seed: null };
        addFinding(result, storeFinding(job.corpus, finding), say);
      }
      const next = kind === null ? [] : job.targets.slice(job.targets.indexOf(current) + 1);
      void worker.terminate().then(() => resolve(next));
    };
    const timer = setInterval(() => {
      const count = board.count();
      if (count !== lastCount) [lastCount, sinceMs] = [count, Date.now()];
      else if (Date.now() - sinceMs > hangMs) end('hang', `no end within ${hangMs / 1000} s`);
    }, WATCH_MS);
    worker.on('message', (message: Message) => {
      if (message.type === 'begin') current = message.target;
      if (message.type === 'finding') addFinding(result, message.stored, say);
      if (message.type === 'report') {
        result.reports.push(message.report);
        say(reportLine(message.report));
      }
    });
    worker.on('error', (error: NodeJS.ErrnoException) => {
      const isMemory = error.code === 'ERR_WORKER_OUT_OF_MEMORY';
      end(isMemory ? 'memory' : 'crash', error.stack ?? error.message);
    });
    worker.on('exit', (code) => end(code === 0 ? null : 'crash', `the thread ended with ${code}`));
  });
}

function addFinding(result: Result, stored: StoredFinding, say: Say): void {
  result.findings.push(stored);
  say(findingLines(stored).join('\n'));
}

function findingLines({ finding, command }: StoredFinding): string[] {
  const size = finding.input === null ? '' : ` (${finding.input.length} bytes)`;
  return [`FOUND in ${finding.target}, ${finding.kind}${size}: ${finding.message}`, `  ${command}`];
}

function reportLine({ target, runs, seconds, runsPerCpuSecond, outcomes, stored }: TargetReport): string {
  const rate = `${String(runs).padStart(9)} runs ${String(runsPerCpuSecond).padStart(7)}/CPU s ${seconds.toFixed(1).padStart(7)} s`;
  return `${target.padEnd(24)}${rate}  ${outcomes.length} outcomes${stored > 0 ? `, ${stored} stored` : ''}`;
}

/** Repeats one input or one property of one target. */
async function repeat(target: Target, options: FuzzOptions): Promise<number> {
  const fuzzer = await createFuzzer(target, { seed: 1n, corpus: readCorpus(options.corpus, target.name) });
  try {
    const finding =
      options.input === ''
        ? (fuzzer.checkProperty(Number(options.property), 20)[0] ?? null)
        : await fuzzer.judge(readInput(options.input));
    const outcomes = [...fuzzer.outcomes().keys()].join(' ');
    const line = finding === null ? `holds: ${outcomes}` : `${finding.kind}: ${finding.message}`;
    process.stdout.write(`${line}\n`);
    return finding === null ? 0 : 7;
  } finally {
    await fuzzer.close();
  }
}

/** Runs what the options ask for; the exit code: 0, 7 with findings, 2 for a mistake in the options. */
export async function main(options: FuzzOptions): Promise<number> {
  const targets = findTargets(options.target);
  const minutes = Number(options.minutes);
  if (targets.length === 0 || !(minutes > 0) || !/^\d*$/.test(options.seed)) {
    process.stderr.write('error: no such target, or a number that is none; see --list\n');
    return 2;
  }
  if (options.list) {
    for (const { name, about } of targets) process.stdout.write(`${name.padEnd(24)}${about}\n`);
    return 0;
  }
  if (options.input !== '' || options.property !== '') return repeat(targets[0]!, options);
  const seed = options.seed === '' ? String(Date.now() % 2 ** 31) : options.seed;
  const say: Say = (line) => void (options.json ? process.stderr : process.stdout).write(`${line}\n`);
  say(`seed ${seed}, ${targets.length} of ${TARGETS.length} targets, ${minutes} minutes`);
  const result: Result = { seed, reports: [], findings: [] };
  const watching = {
    result,
    say,
    hangMs: 1000 * Number(options.hangSeconds),
    heapMb: Number(options.heapMb),
  };
  const millisPerTarget = (minutes * 60_000) / targets.length;
  let left = targets.map(({ name }) => name);
  while (left.length > 0) {
    const board = createBoardBuffer();
    const job = { targets: left, corpus: options.corpus, seed, millisPerTarget, keep: options.keep, board };
    left = await runThread(job, watching);
  }
  const runs = result.reports.reduce((sum, report) => sum + report.runs, 0);
  say(`${runs} runs, ${result.findings.length} findings`);
  if (options.json) process.stdout.write(`${JSON.stringify(resultJson(result, runs))}\n`);
  return result.findings.length === 0 ? 0 : 7;
}

function resultJson({ seed, reports, findings }: Result, runs: number) {
  return {
    seed,
    runs,
    targets: reports,
    findings: findings.map(({ finding, command }) => {
      const { target, kind, message } = finding;
      return { target, kind, message, command };
    }),
  };
}

if (!isMainThread && parentPort !== null) {
  const port = parentPort;
  await work(workerData as Job, (message) => port.postMessage(message));
  port.close();
}
