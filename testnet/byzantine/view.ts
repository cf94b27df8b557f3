/** The target and the honest nodes as RPC shows them: the only witness of the verdict. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Result } from '../../node/rpc/schema/methods.ts';
import { callOf, type RpcCall } from '../rpc.ts';

const ANSWER_LIMIT_MS = 15_000;
/** A kept connection may have ended meanwhile, as may the next one: only who stays away is gone. */
const CALL_ATTEMPTS = 5;
const RETRY_MS = 300;
const POLL_MS = 100;
/** Blocks below the lowest tip at which all must agree: above, two may be the tip for a moment. */
const SETTLED_DEPTH = 2;
const MIB = 1_048_576;

type Peer = Result<'net_peers'>[number];

export interface TargetView {
  /** What identifies the target's process: it changes when the node was started again. */
  life(): Promise<string>;
  height(): Promise<number>;
  /** The target's entry for a peer; null: not linked. */
  peer(peerId: string): Promise<Peer | null>;
  rssMiB(): Promise<number>;
  /** CPU time that the target's process has used since its start, ms. */
  cpuMs(): Promise<number>;
  /** Whether the transaction waits at the target or is in its chain. */
  knowsTransaction(idHex: string): Promise<boolean>;
  /** Whether the block is in the target's main chain. */
  hasMainBlock(idHex: string): Promise<boolean>;
  /** Links among target and honest nodes that stand now, as `name>peerId`. */
  honestLinks(): Promise<Set<string>>;
  /** Honest nodes in the target's gossip mesh of blocks. */
  honestMesh(): Promise<number>;
  /** The lowest score that the target gives an honest node. */
  lowestHonestScore(): Promise<number>;
  /** What the target lacks to be ready; null: nothing. */
  unready(): Promise<string | null>;
  /** Why target and honest nodes do not agree on the blocks below their tips; null: they do. */
  disagreement(): Promise<string | null>;
  /** The slowest answer since it was last asked for, ms. */
  slowestMs(): number;
}

export interface ViewOptions {
  target: { rpc: string };
  honest: readonly { name: string; url: string }[];
}

/** Waits until the condition holds; false when the time is over. */
export async function waitFor(
  limitMs: number,
  holds: () => Promise<boolean> | boolean,
  signal: AbortSignal,
): Promise<boolean> {
  const endMs = performance.now() + limitMs;
  for (;;) {
    signal.throwIfAborted();
    if (await holds()) return true;
    if (performance.now() > endMs) return false;
    await delay(POLL_MS);
  }
}

/** Asks again where a connection broke; a node that is down refuses every time. */
function patientCall(url: string): RpcCall {
  const call = callOf({ url, timeoutMs: ANSWER_LIMIT_MS });
  return async (...given) => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await call(...given);
      } catch (error) {
        if ((error as { code?: string }).code !== 'NODE_UNREACHABLE' || attempt === CALL_ATTEMPTS)
          throw error;
        await delay(RETRY_MS);
      }
    }
  };
}

export function createView({ target, honest }: ViewOptions): TargetView {
  const call = patientCall(target.rpc);
  const nodes = [
    { name: 'target', call },
    ...honest.map(({ name, url }) => ({ name, call: patientCall(url) })),
  ];
  let slowest = 0;
  const timed = async <T>(answer: Promise<T>): Promise<T> => {
    const fromMs = performance.now();
    const result = await answer;
    slowest = Math.max(slowest, performance.now() - fromMs);
    return result;
  };
  const found = async <T>(answer: Promise<T>): Promise<T | null> => {
    try {
      return await answer;
    } catch (error) {
      if (/_NOT_FOUND$/.test((error as { code?: string }).code ?? '')) return null;
      throw error;
    }
  };
  const honestPeers = async (): Promise<Peer[]> => {
    const ids = await Promise.all(
      nodes.slice(1).map(async (node) => (await node.call('node_info', {})).peerId),
    );
    return (await call('net_peers', {})).filter(({ peerId }) => ids.includes(peerId));
  };
  return {
    async life() {
      const { pid, startedMs } = await timed(call('node_info', {}));
      return `${pid} since ${startedMs}`;
    },
    height: async () => (await timed(call('chain_getInfo', {}))).height,
    peer: async (peerId) =>
      (await timed(call('net_peers', {}))).find((peer) => peer.peerId === peerId) ?? null,
    rssMiB: async () => (await metric(target.rpc, 'wattmesh_process_resident_memory_bytes')) / MIB,
    cpuMs: async () => (await metric(target.rpc, 'wattmesh_process_cpu_seconds_total')) * 1000,
    knowsTransaction: async (id) => (await found(call('tx_get', { id }))) !== null,
    async hasMainBlock(hash) {
      const block = await found(call('chain_getBlock', { hash }));
      return block?.mainChain === true;
    },
    honestLinks: () => honestLinks(nodes),
    honestMesh: async () =>
      (await honestPeers()).filter(({ meshTopics }) => meshTopics.includes('block')).length,
    lowestHonestScore: async () => Math.min(0, ...(await honestPeers()).map(({ score }) => score)),
    async unready() {
      const { ready, checks } = await call('node_health', {});
      const why = checks.filter(({ ok }) => !ok).map(({ name, detail }) => `${name}: ${detail}`);
      return ready ? null : why.join(', ');
    },
    disagreement: () => disagreement(nodes),
    slowestMs() {
      const value = slowest;
      slowest = 0;
      return Math.round(value);
    },
  };
}

async function metric(url: string, name: string): Promise<number> {
  const response = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(ANSWER_LIMIT_MS) });
  const found = new RegExp(`^${name} (\\S+)$`, 'm').exec(await response.text());
  if (found === null) throw new Error(`the target does not tell its ${name}`);
  return Number(found[1]);
}

interface Asked {
  name: string;
  call: RpcCall;
}

async function honestLinks(nodes: readonly Asked[]): Promise<Set<string>> {
  const ids = await Promise.all(nodes.map(async (node) => (await node.call('node_info', {})).peerId));
  const links = await Promise.all(
    nodes.map(async ({ name, call }) =>
      (await call('net_peers', {}))
        .filter((peer) => ids.includes(peer.peerId))
        .map((peer) => `${name}>${peer.peerId}`),
    ),
  );
  return new Set(links.flat());
}

async function disagreement(nodes: readonly Asked[]): Promise<string | null> {
  const heights = await Promise.all(nodes.map(async (node) => (await node.call('chain_getInfo', {})).height));
  const height = Math.max(0, Math.min(...heights) - SETTLED_DEPTH);
  const hashes = await Promise.all(
    nodes.map(async ({ call }) => (await call('chain_getBlock', { height })).hash),
  );
  if (Math.max(...heights) - height > 3 * SETTLED_DEPTH) return `heights ${heights.join(', ')}`;
  return new Set(hashes).size === 1 ? null : `different blocks at height ${height}`;
}
