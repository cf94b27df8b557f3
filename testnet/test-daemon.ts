/** For tests only: real daemons on data folders, and the command line beside them. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { RpcClient } from '../node/rpc/client.ts';
import { clientOf } from './rpc.ts';
import { readRunningFile, readToken } from './running-file.ts';

const fromRoot = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const COMMAND = fromRoot('scripts/wattmesh.mjs');

export interface Exit {
  code: number | null;
  signal: string | null;
  err: string;
}

export interface Daemon {
  readonly child: ChildProcess;
  readonly url: string;
  readonly address: string;
  readonly peerId: string;
  readonly call: RpcClient['call'];
  readonly exit: Promise<Exit>;
  /** SIGTERM, and its end; `ms` is how long that took. */
  stop(): Promise<Exit & { ms: number }>;
  kill(): Promise<Exit>;
}

/** Starts a daemon and gives what became of it, up or not; it ends with the test process at the latest. */
export function spawnDaemon(dataDir: string): { child: ChildProcess; exit: Promise<Exit> } {
  const script = fromRoot('dist/node.mjs');
  const child = spawn(process.execPath, [script, 'start', '--data-dir', dataDir, '--die-with-parent'], {
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  const exit = new Promise<Exit>((resolve, reject) => {
    let err = '';
    child.stderr!.on('data', (part) => {
      err += part;
    });
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, err }));
  });
  return { child, exit };
}

/** Starts a daemon that must come up. */
export async function startDaemon(dataDir: string): Promise<Daemon> {
  const { child, exit } = spawnDaemon(dataDir);
  let ended: Exit | null = null;
  void exit.then((end) => {
    ended = end;
  });
  await until(`a node in ${dataDir}`, () => {
    if (ended !== null) throw new Error(`the node ended: ${JSON.stringify(ended)}`);
    return readRunningFile(dataDir)?.pid === child.pid;
  });
  const running = readRunningFile(dataDir)!;
  const client = clientOf({ url: running.url, token: readToken(dataDir), timeoutMs: 60_000 });
  return {
    child,
    exit,
    url: running.url,
    address: running.p2p[0]!,
    peerId: running.peerId,
    call: client.call,
    async stop() {
      const fromMs = performance.now();
      child.kill('SIGTERM');
      return { ...(await exit), ms: performance.now() - fromMs };
    },
    kill() {
      child.kill('SIGKILL');
      return exit;
    },
  };
}

/** Waits until the condition holds; generous, because tests share the machine. */
export async function until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  const endMs = performance.now() + 90_000;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(`never: ${what}`);
    await delay(100);
  }
}

/** The `wattmesh` command, its output whole. */
export async function wattmesh(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [COMMAND, ...argv], {
      env: { ...process.env, NO_COLOR: '1' },
    });
    return { code: 0, out: stdout, err: stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, out: stdout, err: stderr };
  }
}

/** The `wattmesh` command while it runs; its stdout can be read. */
export function launchWattmesh(...argv: string[]): { child: ChildProcess; exit: Promise<number | null> } {
  const child = spawn(process.execPath, [COMMAND, ...argv], {
    env: { ...process.env, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return { child, exit: new Promise((resolve) => child.on('close', resolve)) };
}

/** Builds the bundles that daemons are started from, when a source is newer. */
export async function build(): Promise<void> {
  await promisify(execFile)(process.execPath, [fromRoot('scripts/build.mjs')]);
}
