import '../util/polyfill.ts';
import { noise } from '@chainsafe/libp2p-noise';
import { identify } from '@libp2p/identify';
import type { Connection, Libp2p } from '@libp2p/interface';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { multiaddr } from '@multiformats/multiaddr';
import { createLibp2p } from 'libp2p';
import { expect } from 'vitest';
import { generateIdentity } from './identity.ts';
import type { Network, NetworkHandlers, NetworkOptions, Verdict } from './interface.ts';
import { createNetwork } from './network.ts';

export const MAX_TEST_BYTES = 262_144;

export interface TestNode {
  network: Network;
  privateKey: Uint8Array;
  /** Texts of the messages received, in order. */
  received: string[];
  sizes: number[];
  ups: string[];
  downs: string[];
  logs: { level: string; message: string; fields: Record<string, unknown> }[];
  saved: string[];
  address(): string;
  upPeers(): string[];
}

export interface TestOptions extends Partial<NetworkOptions> {
  verdict?: (text: string) => Verdict;
  onRequest?: NetworkHandlers['onRequest'];
}

/** Starts networks on loopback and stops every one of them in `stopAll`. */
export interface TestCluster {
  node(options?: TestOptions): Promise<TestNode>;
  /** A libp2p node that speaks the chain's protocols by hand; returns its connection to `target`. */
  raw(target: TestNode, chain?: string): Promise<{ peer: Libp2p; connection: Connection }>;
  stopAll(): Promise<void>;
}

export function createTestCluster(): TestCluster {
  const running: { stop(): Promise<void> | void }[] = [];
  return {
    async node(options = {}) {
      const node = await createTestNode(options);
      running.push(node.network);
      await node.network.start();
      return node;
    },
    async raw(target, chain = 'test') {
      const peer = await createLibp2p({
        transports: [tcp()],
        connectionEncrypters: [noise()],
        streamMuxers: [yamux()],
        services: { identify: identify() },
      });
      running.push(peer);
      await peer.handle(`/wattmesh/${chain}/peers/1`, (stream) => stream.abort(new Error('not served')));
      const connection = await peer.dial(multiaddr(target.address()));
      return { peer, connection };
    },
    async stopAll() {
      await Promise.all(running.splice(0).map((network) => network.stop()));
    },
  };
}

async function createTestNode(options: TestOptions): Promise<TestNode> {
  const { verdict = () => 'accept', onRequest = async ({ bytes }) => bytes, ...rest } = options;
  const privateKey = rest.privateKey ?? (await generateIdentity()).privateKey;
  const node = {
    privateKey,
    received: [],
    sizes: [],
    ups: [],
    downs: [],
    logs: [],
    saved: [],
  } as unknown as TestNode;
  const handlers: NetworkHandlers = {
    onMessage({ messageId, from, bytes }) {
      const text = new TextDecoder().decode(bytes.subarray(0, 64)).replaceAll('\0', '');
      node.received.push(text);
      node.sizes.push(bytes.length);
      node.network.report(messageId, from, verdict(text));
    },
    onRequest,
    onPeerUp: (peerId) => void node.ups.push(peerId),
    onPeerDown: (peerId) => void node.downs.push(peerId),
  };
  node.network = await createNetwork(
    {
      listen: '/ip4/127.0.0.1/tcp/0',
      seeds: [],
      chain: 'test',
      topics: ['tx', 'block'],
      protocols: [{ name: 'echo', maxRequestBytes: 1_000, maxResponseBytes: 100_000 }],
      maxMessageBytes: MAX_TEST_BYTES,
      redialMs: 100,
      addressBook: {
        load: () => node.saved,
        save(list) {
          node.saved = list;
        },
      },
      log: (level, message, fields) => void node.logs.push({ level, message, fields }),
      now: Date.now,
      ...rest,
      privateKey,
    },
    handlers,
  );
  node.address = () => node.network.addresses()[0]!;
  node.upPeers = () => node.network.peers().map(({ peerId }) => peerId);
  return node;
}

/** Waits until the condition holds; generous, because tests share the machine. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  await expect.poll(condition, { message: what, timeout: 60_000, interval: 20 }).toBe(true);
}

export function bytesOf(text: string, length = text.length): Uint8Array {
  const bytes = new Uint8Array(length);
  bytes.set(new TextEncoder().encode(text));
  return bytes;
}
