/** Starts the processes of a testnet and waits until they are of use. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { dataFolder } from '../node/config/data-folder.ts';
import { WattmeshError } from '../node/util/errors.ts';
import { nodeFolder } from './folders.ts';
import { tailOf } from './log-lines.ts';
import type { ManifestNode } from './manifest.ts';
import type { PortRange } from './ports.ts';
import { isRunning, type ProcessRecord, spawnProcess } from './processes.ts';
import { callOf } from './rpc.ts';
import { type RunningFile, readRunningFile } from './running-file.ts';
import { type Testnet, writeNodeProcess } from './state.ts';

const POLL_MS = 50;
const READY_POLL_MS = 250;
const CRASH_LINES = 20;
const EXIT_NEWS_MS = 5000;
/** Peers that every node must have before a testnet counts as up. */
const READY_PEERS = 3;

export interface StartOptions {
  /** The daemon's bundle. */
  nodeScript: string;
  /** The nodes die with this process, however it dies. */
  bound: boolean;
  signal: AbortSignal;
  /** Limits of one node's start and of everybody's readiness. */
  startLimitMs: number;
  readyLimitMs: number;
  onProgress(done: number, total: number, what: string): void;
}

export interface StartedNode {
  node: ManifestNode;
  process: ProcessRecord;
  running: RunningFile;
}

/** What the process wrote to stdout and stderr; the node's own log is another file. */
export function outputPath(root: string): string {
  return join(root, 'output.log');
}

function crashed(name: string, root: string, how: string): WattmeshError {
  const { log } = dataFolder(root);
  return new WattmeshError({
    code: 'NODE_CRASHED',
    message: `node ${name} ended while it was starting (${how})`,
    remedy: `read its log: ${log}`,
    details: { node: name, log, logLines: tailOf(name, [log, outputPath(root)], CRASH_LINES) },
  });
}

function tooSlow(name: string, root: string, limitMs: number): WattmeshError {
  const { log } = dataFolder(root);
  return new WattmeshError({
    code: 'NODE_START_TIMEOUT',
    message: `node ${name} did not answer within ${Math.round(limitMs / 1000)} s`,
    remedy: `read its log: ${log}`,
    details: { node: name, log, logLines: tailOf(name, [log, outputPath(root)], CRASH_LINES) },
  });
}

async function answers(url: string): Promise<boolean> {
  try {
    await callOf({ url })('node_info', {});
    return true;
  } catch {
    return false;
  }
}

/** The process is gone before Node.js tells us how it went. */
async function howItEnded(child: ChildProcess): Promise<string> {
  if (child.exitCode === null && child.signalCode === null) {
    await Promise.race([once(child, 'exit'), delay(EXIT_NEWS_MS)]);
  }
  return child.signalCode ?? `exit code ${child.exitCode ?? 'unknown'}`;
}

/** Starts one node and waits until its RPC answers; throws NODE_CRASHED, NODE_START_TIMEOUT. */
export async function startNode(
  testnet: Testnet,
  node: ManifestNode,
  options: StartOptions,
): Promise<StartedNode> {
  const root = nodeFolder(testnet.dir, node.name);
  const args = ['start', '--data-dir', root, ...(options.bound ? ['--die-with-parent'] : [])];
  const { record, child } = await spawnProcess({
    script: options.nodeScript,
    args,
    outputPath: outputPath(root),
    bound: options.bound,
  });
  writeNodeProcess(testnet.dir, node.name, { ...record, startedMs: Date.now() });
  const endMs = performance.now() + options.startLimitMs;
  for (;;) {
    options.signal.throwIfAborted();
    const running = readRunningFile(root);
    if (running !== null && running.pid === record.pid && (await answers(running.url))) {
      return { node, process: record, running };
    }
    if (child.exitCode !== null || child.signalCode !== null || !isRunning(record)) {
      throw crashed(node.name, root, await howItEnded(child));
    }
    if (performance.now() > endMs) throw tooSlow(node.name, root, options.startLimitMs);
    await delay(POLL_MS);
  }
}

/** Starts nodes in waves of as many as there are cores, giving each its ports just before; stops at the first failure. */
export async function startNodes(
  testnet: Testnet,
  nodes: readonly ManifestNode[],
  ports: PortRange,
  options: StartOptions,
): Promise<StartedNode[]> {
  const started: StartedNode[] = [];
  const queue = [...nodes];
  let failed = false;
  const lane = async (): Promise<void> => {
    for (;;) {
      const node = failed ? undefined : queue.shift();
      if (node === undefined) return;
      try {
        await ports.release([node.rpcPort, node.p2pPort]);
        started.push(await startNode(testnet, node, options));
        options.onProgress(started.length, nodes.length, 'nodes started');
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const lanes = Array.from({ length: availableParallelism() }, lane);
  const results = await Promise.allSettled(lanes);
  await ports.releaseAll();
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  return started.sort((a, b) => nodes.indexOf(a.node) - nodes.indexOf(b.node));
}

/** What a node still lacks, in words; null when it is ready. */
async function missing(url: string, peersWanted: number): Promise<string | null> {
  try {
    const call = callOf({ url });
    const [peers, info] = await Promise.all([call('net_peers', {}), call('chain_getInfo', {})]);
    if (peers.length < peersWanted) return `${peers.length} of ${peersWanted} peers`;
    return info.height < 1 ? 'no block yet' : null;
  } catch {
    return 'no answer';
  }
}

/** Waits until every node has three peers (fewer in a smaller testnet) and a block; throws TESTNET_NOT_READY. */
export async function waitUntilReady(
  nodes: readonly { name: string; url: string }[],
  options: StartOptions,
): Promise<void> {
  const peersWanted = Math.min(READY_PEERS, nodes.length - 1);
  const endMs = performance.now() + options.readyLimitMs;
  for (;;) {
    options.signal.throwIfAborted();
    const lacks = await Promise.all(nodes.map(({ url }) => missing(url, peersWanted)));
    const laggards = nodes.flatMap(({ name }, i) => (lacks[i] === null ? [] : [`${name} (${lacks[i]})`]));
    options.onProgress(nodes.length - laggards.length, nodes.length, 'nodes ready');
    if (laggards.length === 0) return;
    if (performance.now() > endMs) {
      throw new WattmeshError({
        code: 'TESTNET_NOT_READY',
        message: `not ready within ${Math.round(options.readyLimitMs / 1000)} s: ${laggards.join(', ')}`,
        remedy: 'read their logs: wattmesh testnet logs --level warn',
        details: { laggards },
      });
    }
    await delay(READY_POLL_MS);
  }
}
