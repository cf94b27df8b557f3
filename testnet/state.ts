/** What a testnet remembers about its processes, and which testnet was started last. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { z } from 'zod';
import { WattmeshError } from '../node/util/errors.ts';
import { nodeFolder, readManifest } from './folders.ts';
import type { Manifest } from './manifest.ts';
import { isRunning, type ProcessRecord } from './processes.ts';

const Process = z.object({ pid: z.int().min(1), birth: z.string() });

/** `testnet.json` in the folder of a testnet. */
const TestnetState = z.object({
  version: z.literal(1),
  startedMs: z.int(),
  /** The process that holds the nodes and takes them along when it dies; null: they live on their own. */
  supervisor: Process.nullable(),
});
export type TestnetState = z.infer<typeof TestnetState>;

/** `process.json` in a node's data folder: the process that was started last. */
const NodeProcess = z.object({ ...Process.shape, startedMs: z.int() });
export type NodeProcess = z.infer<typeof NodeProcess>;

function readJson<T>(path: string, schema: z.ZodType<T>): T | null {
  try {
    return schema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return null;
  }
}

function writeJson(path: string, value: unknown): void {
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  writeFileSync(temporary, `${JSON.stringify(value, null, 2)}\n`);
  renameSync(temporary, path);
}

const statePath = (dir: string): string => join(dir, 'testnet.json');
/** What `faults.ts` keeps. */
export const faultsPath = (dir: string): string => join(dir, 'faults.json');
const processPath = (dir: string, name: string): string => join(nodeFolder(dir, name), 'process.json');

export function readState(dir: string): TestnetState | null {
  return readJson(statePath(dir), TestnetState);
}

export function writeState(dir: string, state: TestnetState): void {
  writeJson(statePath(dir), state);
}

/** The process started last for a node, whether it still runs or not. */
export function readNodeProcess(dir: string, name: string): NodeProcess | null {
  return readJson(processPath(dir, name), NodeProcess);
}

export function writeNodeProcess(dir: string, name: string, record: NodeProcess): void {
  writeJson(processPath(dir, name), record);
}

/** Those processes of a testnet that run, by node. */
export function runningNodes(dir: string, manifest: Manifest): Map<string, ProcessRecord> {
  const running = new Map<string, ProcessRecord>();
  for (const { name } of manifest.nodes) {
    const record = readNodeProcess(dir, name);
    if (record !== null && isRunning(record)) running.set(name, record);
  }
  return running;
}

/** The supervisor of a testnet, if one is alive. */
export function livingSupervisor(dir: string): ProcessRecord | null {
  const supervisor = readState(dir)?.supervisor ?? null;
  return supervisor !== null && isRunning(supervisor) ? supervisor : null;
}

/** Where wattmesh keeps what it remembers between commands (XDG base directories). */
export function stateHome(env: NodeJS.ProcessEnv = process.env): string {
  const home = env.XDG_STATE_HOME;
  const base = home !== undefined && isAbsolute(home) ? home : join(homedir(), '.local', 'state');
  return join(base, 'wattmesh');
}

const pointerPath = (env?: NodeJS.ProcessEnv): string => join(stateHome(env), 'current-testnet');

/** Makes `dir` the testnet that commands without `--dir` mean. */
export function rememberTestnet(dir: string, env?: NodeJS.ProcessEnv): void {
  const path = pointerPath(env);
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  writeFileSync(temporary, `${dir}\n`);
  renameSync(temporary, path);
}

export function currentTestnet(env?: NodeJS.ProcessEnv): string | null {
  try {
    const dir = readFileSync(pointerPath(env), 'utf8').trim();
    return dir === '' ? null : dir;
  } catch {
    return null;
  }
}

/** A testnet that exists: its folder and its manifest. */
export interface Testnet {
  dir: string;
  manifest: Manifest;
}

/** The testnet in `dir`, or the one started last; throws TESTNET_NONE, TESTNET_MISSING, MANIFEST_DAMAGED. */
export function findTestnet(dir: string | undefined): Testnet {
  const chosen = dir === undefined ? currentTestnet() : resolve(dir);
  if (chosen === null) {
    throw new WattmeshError({
      code: 'TESTNET_NONE',
      message: 'no testnet has been started yet',
      remedy: 'start one: wattmesh testnet up',
    });
  }
  const manifest = readManifest(chosen);
  if (manifest === null) {
    throw new WattmeshError({
      code: 'TESTNET_MISSING',
      message: `there is no testnet in ${chosen}`,
      remedy: 'start one: wattmesh testnet up, or name its folder with --dir',
      details: { dir: chosen },
    });
  }
  return { dir: chosen, manifest };
}

/** The folder of a start request that a supervisor takes up. */
const requestPath = (dir: string, name: string): string => join(nodeFolder(dir, name), 'start-request');

/** Asks the supervisor to start a node. */
export function requestStart(dir: string, name: string): void {
  writeFileSync(requestPath(dir, name), '');
}

/** Whether a start was asked for; forgets the request. */
export function takeStartRequest(dir: string, name: string): boolean {
  try {
    rmSync(requestPath(dir, name));
    return true;
  } catch {
    return false;
  }
}
