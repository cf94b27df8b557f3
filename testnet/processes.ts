/** Processes by pid and birth, so that a recycled pid is never taken for the process that had it before. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** A process that we started: `birth` tells it from a later one with the same pid. */
export interface ProcessRecord {
  pid: number;
  birth: string;
}

const POLL_MS = 50;

function linuxBirth(pid: number): string | null {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state] = fields;
  const startTicks = fields[19];
  if (state === 'Z' || state === 'X' || startTicks === undefined) return null;
  return `${readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()}:${startTicks}`;
}

/** What tells this process from others with its pid; null when no such process runs (a zombie does not run). */
export function birthOf(pid: number): string | null {
  try {
    if (process.platform === 'linux') return linuxBirth(pid);
    const line = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    return line === '' || line.startsWith('Z') ? null : line.slice(line.indexOf(' ') + 1).trim();
  } catch {
    return null;
  }
}

/** Whether exactly this process still runs. */
export function isRunning(record: ProcessRecord): boolean {
  return birthOf(record.pid) === record.birth;
}

/** Sends a signal, unless the process is gone or its pid belongs to another one; says whether it was sent. */
export function signalProcess(record: ProcessRecord, signal: NodeJS.Signals): boolean {
  if (!isRunning(record)) return false;
  try {
    process.kill(record.pid, signal);
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw cause;
  }
}

/** Waits until none of the processes runs; gives those that still do after the limit. */
export async function waitForExit(
  records: readonly ProcessRecord[],
  limitMs: number,
): Promise<ProcessRecord[]> {
  const endMs = performance.now() + limitMs;
  let left = records.filter(isRunning);
  while (left.length > 0 && performance.now() < endMs) {
    await delay(POLL_MS);
    left = left.filter(isRunning);
  }
  return left;
}

export interface StopResult {
  /** Ended after SIGTERM. */
  stopped: number;
  /** Needed SIGKILL. */
  killed: number;
  /** Run even after SIGKILL. */
  left: ProcessRecord[];
}

/** SIGTERM to all, and SIGKILL to those that still run after the grace time. */
export async function stopProcesses(records: readonly ProcessRecord[], graceMs: number): Promise<StopResult> {
  const running = records.filter((record) => signalProcess(record, 'SIGTERM'));
  // A paused process would hear of it only when it goes on.
  for (const record of running) signalProcess(record, 'SIGCONT');
  const stubborn = await waitForExit(running, graceMs);
  for (const record of stubborn) signalProcess(record, 'SIGKILL');
  const left = await waitForExit(stubborn, 5000);
  return { stopped: running.length - stubborn.length, killed: stubborn.length - left.length, left };
}

export interface SpawnOptions {
  script: string;
  args: readonly string[];
  /** What the process writes to stdout and stderr. */
  outputPath: string;
  /** Keep a pipe to its stdin open: it reads the end of it when we die, however we die. */
  bound: boolean;
}

export interface SpawnedProcess {
  record: ProcessRecord;
  child: ChildProcess;
}

/** Many nodes share one machine: a smaller young heap each costs little time and saves tens of MB. */
const RUNTIME_FLAGS = ['--max-semi-space-size=4'];

/** Starts a Node.js program in a session of its own, so that Ctrl-C in our terminal does not reach it. */
export function spawnProcess(options: SpawnOptions): Promise<SpawnedProcess> {
  const output = openSync(options.outputPath, 'a');
  const child = spawn(process.execPath, [...RUNTIME_FLAGS, options.script, ...options.args], {
    detached: true,
    stdio: [options.bound ? 'pipe' : 'ignore', output, output],
  });
  closeSync(output);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('spawn', () => {
      child.off('error', reject);
      child.on('error', () => {});
      child.stdin?.on('error', () => {});
      if (!options.bound) child.unref();
      const pid = child.pid!;
      resolve({ child, record: { pid, birth: birthOf(pid) ?? 'ended at once' } });
    });
  });
}
