/** Handlers of `net_*`. */
import type { RpcHandlers } from '../../rpc/schema/methods.ts';
import type { Queries } from './queries.ts';

type NetHandlers = Pick<RpcHandlers, 'net_peers'>;

export function netHandlers({ access }: Queries): NetHandlers {
  return {
    net_peers: () =>
      access.network.peers().map((peer) => ({
        peerId: peer.peerId,
        address: peer.address,
        direction: peer.direction,
        connectedAtMs: Math.floor(peer.connectedAtMs),
        agent: peer.agent,
        meshTopics: peer.meshTopics,
        score: Math.round(peer.score),
        rttMs: peer.rttMs === null ? null : Math.round(peer.rttMs),
      })),
  };
}
