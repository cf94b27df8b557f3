import type { ConnectionGater } from '@libp2p/interface';
import type { LinkDirection, LinkPolicy, Log } from './interface.ts';
import type { Penalties } from './penalties.ts';

/** Decides about links, in the order: fault layer, bans, number of connections. */
export interface Gate {
  /** Banned, or denied by the link policy. */
  denies(peerId: string, direction: LinkDirection): boolean;
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
