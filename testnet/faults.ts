/** Faults that people impose on a running testnet; what stands is kept in `faults.json`, so that a restart brings it back. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { identityFromSeed } from '../node/p2p/identity.ts';
import type { LinkRule } from '../node/p2p/link-rules.ts';
import { WattmeshError } from '../node/util/errors.ts';
import { requireNode } from './control.ts';
import { nodeFolder } from './folders.ts';
import { keySeedsOf } from './genesis.ts';
import type { Manifest } from './manifest.ts';
import { guardPaused } from './pause-guard.ts';
import { type ProcessRecord, signalProcess } from './processes.ts';
import { callOf, type RpcCall } from './rpc.ts';
import { readRunningFile, readToken } from './running-file.ts';
import { faultsPath, livingSupervisor, readNodeProcess, runningNodes, type Testnet } from './state.ts';

const ANSWER_LIMIT_MS = 10_000;

const Rule = z.object({
  name: z.string(),
  peers: z.array(z.string()),
  drop: z.boolean(),
  swallow: z.boolean(),
  delayMs: z.number(),
  jitterMs: z.number(),
  kbitPerSecond: z.number().nullable(),
});

const Faults = z.object({
  /** By node; a node without faults is left out. */
  links: z.record(z.string(), z.array(Rule)),
  skewsMs: z.record(z.string(), z.number()),
});
export type Faults = z.infer<typeof Faults>;

/** What stands at present; a file that is missing or torn means no faults. */
export function readFaults(dir: string): Faults {
  try {
    return Faults.parse(JSON.parse(readFileSync(faultsPath(dir), 'utf8')));
  } catch {
    return { links: {}, skewsMs: {} };
  }
}

function writeFaults(dir: string, faults: Faults): void {
  const isEmpty = Object.keys(faults.links).length === 0 && Object.keys(faults.skewsMs).length === 0;
  if (isEmpty) rmSync(faultsPath(dir), { force: true });
  else writeFileSync(faultsPath(dir), `${JSON.stringify(faults, null, 2)}\n`);
}

/** A call with the node's own token; it must run. Throws NODE_NOT_RUNNING. */
export function adminCall(testnet: Testnet, name: string): RpcCall {
  const root = nodeFolder(testnet.dir, name);
  const running = readRunningFile(root);
  if (running === null || !runningNodes(testnet.dir, testnet.manifest).has(name)) throw notRunning(name);
  return callOf({ url: running.url, token: readToken(root), timeoutMs: ANSWER_LIMIT_MS });
}

function notRunning(name: string): WattmeshError {
  return new WattmeshError({
    code: 'NODE_NOT_RUNNING',
    message: `node ${name} is not running`,
    remedy: `start it: wattmesh testnet start ${name}`,
    details: { node: name },
  });
}

/** Tells a running node the faults that stand for it. */
export async function imposeFaults(testnet: Testnet, name: string): Promise<void> {
  const { links, skewsMs } = readFaults(testnet.dir);
  const call = adminCall(testnet, name);
  await call('dev_setLinks', { rules: links[name] ?? [] });
  await call('dev_setClockSkew', { skewMs: skewsMs[name] ?? 0 });
}

/** Tells every running node; those that do not answer hear of it when they are resumed or started. */
async function imposeEverywhere(testnet: Testnet): Promise<string[]> {
  const names = [...runningNodes(testnet.dir, testnet.manifest).keys()];
  const outcomes = await Promise.allSettled(names.map((name) => imposeFaults(testnet, name)));
  return names.filter((_, i) => {
    const outcome = outcomes[i]!;
    if (outcome.status === 'fulfilled') return false;
    if (outcome.reason instanceof WattmeshError && isSilence(outcome.reason.code)) return true;
    throw outcome.reason;
  });
}

const isSilence = (code: string): boolean =>
  code === 'RPC_TIMEOUT' || code === 'NODE_UNREACHABLE' || code === 'NODE_NOT_RUNNING';

/** The peer id of a node, whether it runs or not; null: it never ran and its key is its own. */
export function peerIdOf({ dir, manifest }: Testnet, name: string): string | null {
  const running = readRunningFile(nodeFolder(dir, name));
  if (running !== null) return running.peerId;
  const node = manifest.nodes.find((candidate) => candidate.name === name);
  if (node === undefined || node.member === null) return null;
  return identityFromSeed(keySeedsOf(manifest, node).peer).peerId;
}

const untouched = { drop: false, swallow: false, delayMs: 0, jitterMs: 0, kbitPerSecond: null };

function setRule(faults: Faults, node: string, name: string, rule: LinkRule | null): void {
  const rest = (faults.links[node] ?? []).filter((known) => known.name !== name);
  if (rule !== null) rest.push({ ...rule, peers: [...rule.peers] });
  if (rest.length > 0) faults.links[node] = rest;
  else delete faults.links[node];
}

/** The named sets and, as one more, everybody else; throws NODE_UNKNOWN, PARTITION_INVALID. */
export function partitionSets(testnet: Testnet, named: readonly (readonly string[])[]): string[][] {
  const seen = new Set<string>();
  for (const name of named.flat()) {
    requireNode(testnet, name);
    if (seen.has(name)) throw badPartition(`node ${name} stands in two sets`);
    seen.add(name);
  }
  const rest = testnet.manifest.nodes.map(({ name }) => name).filter((name) => !seen.has(name));
  const sets = [...named.map((set) => [...set]), rest].filter((set) => set.length > 0);
  if (sets.length < 2) throw badPartition('a partition needs two sides');
  return sets;
}

function badPartition(why: string): WattmeshError {
  return new WattmeshError({
    code: 'PARTITION_INVALID',
    message: why,
    remedy: 'name sets of nodes: wattmesh testnet partition n01,n02 n03,n04; all others form one more set',
  });
}

/** Two halves with the same number of miners, as far as that goes. */
export function halves({ nodes }: Manifest): string[][] {
  const miners = nodes.filter((node) => node.roles.includes('miner'));
  const others = nodes.filter((node) => !node.roles.includes('miner'));
  const sides: string[][] = [[], []];
  [...miners, ...others].forEach(({ name }, i) => void sides[i % 2]!.push(name));
  return sides;
}

export interface ImposedFaults {
  sets: string[][];
  /** Nodes that did not answer; they hear of it when they are resumed or started. */
  silent: string[];
}

/**
 * Cuts the sets off from each other, in place of any earlier partition. One way: what the first set sends to the
 * others vanishes, while it still hears them.
 */
export async function partition(
  testnet: Testnet,
  named: readonly (readonly string[])[],
  options: { oneWay: boolean },
): Promise<ImposedFaults> {
  const sets = partitionSets(testnet, named);
  const faults = readFaults(testnet.dir);
  const sender = sets[0]!;
  for (const set of sets) {
    const others = sets.filter((other) => other !== set).flat();
    const peers = others.flatMap((name) => peerIdOf(testnet, name) ?? []);
    const rule = {
      ...untouched,
      name: 'partition',
      peers,
      ...(options.oneWay ? { swallow: true } : { drop: true }),
    };
    for (const name of set)
      setRule(faults, name, 'partition', options.oneWay && set !== sender ? null : rule);
  }
  writeFaults(testnet.dir, faults);
  return { sets, silent: await imposeEverywhere(testnet) };
}

/** Ends every partition and makes every link fast again; clocks stay as they are. */
export async function healLinks(testnet: Testnet): Promise<{ silent: string[] }> {
  writeFaults(testnet.dir, { ...readFaults(testnet.dir), links: {} });
  return { silent: await imposeEverywhere(testnet) };
}

export interface Slowness {
  delayMs: number;
  jitterMs: number;
  kbitPerSecond: number | null;
}

/** Everything that the node sends leaves later. Throws NODE_UNKNOWN, NODE_NOT_RUNNING. */
export async function slowNode(testnet: Testnet, name: string, slowness: Slowness): Promise<void> {
  requireNode(testnet, name);
  const faults = readFaults(testnet.dir);
  setRule(faults, name, 'slow', { ...untouched, name: 'slow', peers: ['*'], ...slowness });
  writeFaults(testnet.dir, faults);
  await imposeFaults(testnet, name);
}

/** The node believes to be that far ahead of the machine's clock. Throws NODE_UNKNOWN, NODE_NOT_RUNNING. */
export async function skewNode(testnet: Testnet, name: string, skewMs: number): Promise<void> {
  requireNode(testnet, name);
  const faults = readFaults(testnet.dir);
  if (skewMs === 0) delete faults.skewsMs[name];
  else faults.skewsMs[name] = skewMs;
  writeFaults(testnet.dir, faults);
  await imposeFaults(testnet, name);
}

/** SIGSTOP: the node stands still with all its connections open. Throws NODE_UNKNOWN, NODE_NOT_RUNNING. */
export function pauseNode(testnet: Testnet, name: string): void {
  const node = signal(testnet, name, 'SIGSTOP');
  const supervisor = livingSupervisor(testnet.dir);
  if (supervisor !== null) guardPaused(node, supervisor);
}

/** SIGCONT, and the faults that were imposed meanwhile. Throws NODE_UNKNOWN, NODE_NOT_RUNNING. */
export async function resumeNode(testnet: Testnet, name: string): Promise<void> {
  signal(testnet, name, 'SIGCONT');
  await imposeFaults(testnet, name);
}

function signal(testnet: Testnet, name: string, what: 'SIGSTOP' | 'SIGCONT'): ProcessRecord {
  requireNode(testnet, name);
  const record = readNodeProcess(testnet.dir, name);
  if (record === null || !signalProcess(record, what)) throw notRunning(name);
  return record;
}
