import '../util/polyfill.ts';
import { noise } from '@chainsafe/libp2p-noise';
import type { Identify } from '@libp2p/identify';
import { identify } from '@libp2p/identify';
import type { ConnectionGater, Libp2p } from '@libp2p/interface';
import type { Ping } from '@libp2p/ping';
import { ping } from '@libp2p/ping';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { createLibp2p } from 'libp2p';
import type { LinkFaults } from './faulty-transport.ts';
import type { GossipRouter } from './gossip.ts';
import { gossipService } from './gossip.ts';
import { decodePrivateKey } from './identity.ts';
import type { Names } from './names.ts';
import type { Penalties } from './penalties.ts';
import type { Settings } from './settings.ts';

export type Node = Libp2p<{ identify: Identify; ping: Ping; gossip: GossipRouter }>;

/** Long enough for a machine that runs dozens of nodes on two cores. */
const PATIENCE_MS = 30_000;

/** The libp2p node, not yet started. Loopback is exempt from inbound limits (the gater still counts connections). */
export async function createNode(
  settings: Settings,
  parts: { names: Names; penalties: Penalties; gater: ConnectionGater; faults: LinkFaults | null },
): Promise<Node> {
  const { names, penalties, gater, faults } = parts;
  const node = (await createLibp2p({
    start: false,
    privateKey: decodePrivateKey(settings.privateKey),
    nodeInfo: { name: 'wattmesh', userAgent: settings.agent },
    addresses: { listen: [settings.listen], announce: [...settings.announce] },
    transports: [faults === null ? tcp() : faults.transport],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionGater: gater,
    connectionManager: {
      allow: ['/ip4/127.0.0.0/ipcidr/8', '/ip6/::1/ipcidr/128'],
      maxConnections: settings.maxConnections,
      inboundConnectionThreshold: 32,
      maxIncomingPendingConnections: 64,
      maxParallelDials: 8,
      dialTimeout: PATIENCE_MS,
      addressDialTimeout: PATIENCE_MS,
      inboundUpgradeTimeout: PATIENCE_MS,
      outboundStreamProtocolNegotiationTimeout: PATIENCE_MS,
      inboundStreamProtocolNegotiationTimeout: PATIENCE_MS,
    },
    connectionMonitor: { pingInterval: 10_000, pingTimeout: { minTimeout: 15_000 } },
    services: {
      identify: identify({ timeout: PATIENCE_MS }),
      ping: ping({ timeout: PATIENCE_MS }),
      gossip: gossipService({
        names,
        topics: [...settings.topics, ...settings.publishTopics],
        maxMessageBytes: settings.maxMessageBytes,
        penalties,
      }),
    },
  })) as Node;
  if (faults !== null) node.addEventListener('connection:open', faults.onOpen);
  return node;
}
