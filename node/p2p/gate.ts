import type { ConnectionGater } from '@libp2p/interface';
import type { LinkDirection, LinkPolicy, LinkShape, Log } from './interface.ts';
import type { Penalties } from './penalties.ts';

/** Decides about links, in the order: fault layer, bans, number of connections. */
export interface Gate {
  /** Banned, or denied by the link policy. */
  denies(peerId: string, direction: LinkDirection): boolean;
  /** What the link policy does to the bytes for a peer. */
  shape(peerId: string): LinkShape | null;
  setPolicy(policy: LinkPolicy): void;
  readonly gater: ConnectionGater;
}

/** `connections` is asked at every inbound connection: libp2p's own limit does not hold for exempted hosts. */
export function createGate(options: {
  penalties: Penalties;
  policy: LinkPolicy;
  maxConnections: number;
  connections: () => number;
  log: Log;
}): Gate {
  const { penalties, maxConnections, connections, log } = options;
  let policy = options.policy;
  const denies = (peerId: string, direction: LinkDirection): boolean =>
    policy.denies(peerId, direction) || penalties.isBanned(peerId);
  const refuses = (peerId: string, direction: LinkDirection): boolean => {
    if (!denies(peerId, direction)) return false;
    log('debug', 'link refused', { peerId, direction });
    return true;
  };
  return {
    denies,
    shape: (peerId) => policy.shape?.(peerId) ?? null,
    setPolicy: (next) => {
      policy = next;
    },
    gater: {
      denyDialPeer: (peer) => refuses(peer.toString(), 'outbound'),
      denyInboundConnection: () => connections() >= maxConnections,
      denyInboundEncryptedConnection: (peer) => refuses(peer.toString(), 'inbound'),
      denyOutboundEncryptedConnection: (peer) => refuses(peer.toString(), 'outbound'),
    },
  };
}
