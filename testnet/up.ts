/** Makes a testnet, or takes one up again, and brings its nodes to life. */
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { WattmeshError } from '../node/util/errors.ts';
import { nodeFolder, readManifest, writeDataFolders } from './folders.ts';
import { type StartedNode, type StartOptions, startNodes, waitUntilReady } from './launcher.ts';
import { createManifest, type Manifest, requirePreset } from './manifest.ts';
import { holdPorts, type PortRange, reservePorts } from './ports.ts';
import { preparePrices } from './prices.ts';
import { birthOf, stopProcesses } from './processes.ts';
import { readRunningFile } from './running-file.ts';
import {
  livingSupervisor,
  rememberTestnet,
  runningNodes,
  stateHome,
  type Testnet,
  writeState,
} from './state.ts';

/** How long a node has to end in order before it is killed. */
export const STOP_GRACE_MS = 10_000;

export interface UpOptions {
  /** Undefined: the preset of the testnet that is there, or `demo`. */
  preset: string | undefined;
  /** Undefined: a new folder under the state directory. */
  dir: string | undefined;
  seed: string | undefined;
  portBase: number | undefined;
  prices: string | undefined;
  date: string | undefined;
  steps: number | undefined;
  /** Only a new testnet will do. */
  fresh: boolean;
}

const DEFAULT_PRESET = 'demo';
const DEFAULT_SEED = '42';

function freshDir(preset: string): string {
  const stamp = new Date().toISOString().slice(0, 19).replace(/[:T]/g, '-');
  return join(stateHome(), 'testnets', `${preset}-${stamp}-${process.pid}`);
}

function exists(dir: string, why: string): WattmeshError {
  return new WattmeshError({
    code: 'TESTNET_EXISTS',
    message: `${dir} ${why}`,
    remedy: 'choose another --dir, or leave it out for a new folder',
    details: { dir },
  });
}

async function createTestnet(options: UpOptions): Promise<{ testnet: Testnet; ports: PortRange }> {
  const preset = requirePreset(options.preset ?? DEFAULT_PRESET);
  const steps = options.steps ?? preset.steps;
  const prices =
    options.prices === undefined
      ? null
      : preparePrices(preset, { file: options.prices, date: options.date, steps });
  const dir = resolve(options.dir ?? freshDir(preset.name));
  if (existsSync(dir) && readdirSync(dir).length > 0) throw exists(dir, 'is not empty');
  const ports = await reservePorts(2 * preset.community.prosumers, options.portBase);
  try {
    const manifest = createManifest({
      preset: preset.name,
      seed: options.seed ?? DEFAULT_SEED,
      timeMs: Date.now(),
      portBase: ports.base,
      prices,
    });
    await writeDataFolders(dir, manifest);
    return { testnet: { dir, manifest }, ports };
  } catch (error) {
    await ports.releaseAll();
    throw error;
  }
}

/** The testnet in `dir`, with the ports of those nodes held that do not run. */
async function reopenTestnet(
  dir: string,
  manifest: Manifest,
  options: UpOptions,
): Promise<{ testnet: Testnet; ports: PortRange }> {
  if (options.fresh) throw exists(dir, 'already holds a testnet');
  if (options.preset !== undefined && options.preset !== manifest.preset) {
    throw exists(dir, `holds a testnet of the preset ${manifest.preset}`);
  }
  const running = runningNodes(dir, manifest);
  const down = manifest.nodes.filter((node) => !running.has(node.name));
  const ports = await holdPorts(down.flatMap((node) => [node.rpcPort, node.p2pPort]));
  return { testnet: { dir, manifest }, ports };
}

/** Makes the testnet's files, or reads those that are there. */
export async function openTestnet(options: UpOptions): Promise<{ testnet: Testnet; ports: PortRange }> {
  if (options.preset !== undefined) requirePreset(options.preset);
  if (options.dir === undefined) return createTestnet(options);
  const dir = resolve(options.dir);
  const manifest = readManifest(dir);
  return manifest === null ? createTestnet(options) : reopenTestnet(dir, manifest, options);
}

export interface UpNode {
  name: string;
  pid: number;
  rpc: string;
  p2p: string;
  roles: string[];
  dataDir: string;
}

function upNodes({ dir, manifest }: Testnet, started: readonly StartedNode[]): UpNode[] {
  const fresh = new Map(started.map((entry) => [entry.node.name, entry.running]));
  return manifest.nodes.map((node) => {
    const dataDir = nodeFolder(dir, node.name);
    const running = fresh.get(node.name) ?? readRunningFile(dataDir);
    if (running === null) throw new Error(`node ${node.name} has left no running.json`);
    const p2p = running.p2p[0] ?? '';
    return { name: node.name, pid: running.pid, rpc: running.url, p2p, roles: [...node.roles], dataDir };
  });
}

/**
 * Starts every node that does not run and waits until all are ready; what was started is stopped again when that fails.
 * Throws NODE_CRASHED, NODE_START_TIMEOUT, TESTNET_NOT_READY, PORT_BUSY.
 */
export async function bringUp(
  { testnet, ports }: { testnet: Testnet; ports: PortRange },
  options: StartOptions,
): Promise<UpNode[]> {
  const { dir, manifest } = testnet;
  const before = runningNodes(dir, manifest);
  const down = manifest.nodes.filter((node) => !before.has(node.name));
  const supervisor = options.bound
    ? { pid: process.pid, birth: birthOf(process.pid) ?? '' }
    : livingSupervisor(dir);
  writeState(dir, { version: 1, startedMs: Date.now(), supervisor });
  rememberTestnet(dir);
  try {
    const nodes = upNodes(testnet, await startNodes(testnet, down, ports, options));
    await waitUntilReady(
      nodes.map(({ name, rpc }) => ({ name, url: rpc })),
      options,
    );
    return nodes;
  } catch (error) {
    const after = runningNodes(dir, manifest);
    const ours = [...after].filter(([name]) => !before.has(name)).map(([, record]) => record);
    await stopProcesses(ours, STOP_GRACE_MS);
    throw error;
  }
}
