/** Verbs on single nodes and the end of a testnet. */
import { rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { WattmeshError } from '../node/util/errors.ts';
import { nodeFolder } from './folders.ts';
import { type StartOptions, startNode } from './launcher.ts';
import type { ManifestNode } from './manifest.ts';
import { holdPorts, isPortFree } from './ports.ts';
import {
  isRunning,
  type ProcessRecord,
  type StopResult,
  signalProcess,
  stopProcesses,
  waitForExit,
} from './processes.ts';
import { readRunningFile } from './running-file.ts';
import {
  faultsPath,
  livingSupervisor,
  readNodeProcess,
  requestStart,
  runningNodes,
  type Testnet,
} from './state.ts';

const KILL_LIMIT_MS = 5000;
const POLL_MS = 100;

/** A node by name; throws NODE_UNKNOWN with the names there are. */
export function requireNode({ manifest }: Testnet, name: string): ManifestNode {
  const node = manifest.nodes.find((candidate) => candidate.name === name);
  if (node !== undefined) return node;
  const names = manifest.nodes.map((candidate) => candidate.name);
  throw new WattmeshError({
    code: 'NODE_UNKNOWN',
    message: `there is no node "${name}" in this testnet`,
    remedy: `choose one of: ${names.join(', ')}`,
    details: { node: name, nodes: names },
  });
}

function notRunning(name: string): WattmeshError {
  return new WattmeshError({
    code: 'NODE_NOT_RUNNING',
    message: `node ${name} is not running`,
    remedy: `start it: wattmesh testnet start ${name}`,
    details: { node: name },
  });
}

/** SIGKILL, then waits until the process is gone; throws NODE_UNKNOWN, NODE_NOT_RUNNING. */
export async function killNode(testnet: Testnet, name: string): Promise<ProcessRecord> {
  requireNode(testnet, name);
  const record = readNodeProcess(testnet.dir, name);
  if (record === null || !signalProcess(record, 'SIGKILL')) throw notRunning(name);
  await waitForExit([record], KILL_LIMIT_MS);
  return record;
}

/** Waits until the supervisor has started the node; it holds the pipe that ends the node with it. */
async function startBySupervisor(testnet: Testnet, name: string, options: StartOptions): Promise<string> {
  requestStart(testnet.dir, name);
  const root = nodeFolder(testnet.dir, name);
  const endMs = performance.now() + options.startLimitMs;
  while (performance.now() < endMs) {
    options.signal.throwIfAborted();
    const record = readNodeProcess(testnet.dir, name);
    const running = readRunningFile(root);
    if (record !== null && isRunning(record) && running?.pid === record.pid) return running.url;
    await delay(POLL_MS);
  }
  throw new WattmeshError({
    code: 'NODE_START_TIMEOUT',
    message: `the supervisor of the testnet did not start node ${name}`,
    remedy: `read its log: wattmesh testnet logs ${name}`,
    details: { node: name },
  });
}

/** Starts a node that is down, with the identity it had; throws NODE_UNKNOWN, NODE_RUNNING, PORT_BUSY, NODE_CRASHED. */
export async function startDownNode(testnet: Testnet, name: string, options: StartOptions): Promise<string> {
  const node = requireNode(testnet, name);
  if (runningNodes(testnet.dir, testnet.manifest).has(name)) {
    throw new WattmeshError({
      code: 'NODE_RUNNING',
      message: `node ${name} is already running`,
      remedy: 'see all nodes: wattmesh testnet status',
      details: { node: name },
    });
  }
  if (!options.bound && livingSupervisor(testnet.dir) !== null) {
    return startBySupervisor(testnet, name, options);
  }
  const ports = await holdPorts([node.rpcPort, node.p2pPort]);
  await ports.releaseAll();
  const { running } = await startNode(testnet, node, options);
  return running.url;
}

export interface DownResult extends StopResult {
  /** Ports of the testnet that somebody still listens on. */
  busyPorts: number[];
}

/** Stops every process of a testnet, the supervisor first, and looks whether anything is left. */
export async function stopTestnet(testnet: Testnet, graceMs: number): Promise<DownResult> {
  const { dir, manifest } = testnet;
  const supervisor = livingSupervisor(dir);
  if (supervisor !== null && supervisor.pid !== process.pid) {
    signalProcess(supervisor, 'SIGTERM');
    const stubborn = await waitForExit([supervisor], graceMs + KILL_LIMIT_MS);
    for (const record of stubborn) signalProcess(record, 'SIGKILL');
    await waitForExit(stubborn, KILL_LIMIT_MS);
  }
  const records = [...runningNodes(dir, manifest).values()];
  const result = await stopProcesses(records, graceMs);
  rmSync(faultsPath(dir), { force: true });
  // A testnet that ended long ago has no claim on its ports.
  const ports = records.length === 0 ? [] : manifest.nodes.flatMap((node) => [node.rpcPort, node.p2pPort]);
  const busyPorts: number[] = [];
  for (const port of ports) if (!(await isPortFree(port))) busyPorts.push(port);
  return { ...result, busyPorts };
}
