/** Handlers of `node_*`. */
import { PROTOCOL_VERSION } from '../../protocol/types.ts';
import type { Result, RpcHandlers } from '../../rpc/schema/methods.ts';
import type { NodeAccess } from '../access.ts';
import { genesisOf, memberName, type Queries } from './queries.ts';

type NodeHandlers = Pick<RpcHandlers, 'node_info' | 'node_health' | 'node_shutdown'>;

/** The name that genesis gave the chain. */
export function chainName(access: NodeAccess): string {
  return new TextDecoder().decode(genesisOf(access).name);
}

/** Readiness with its reasons; `/readyz` answers from the same. */
export function healthOf(access: NodeAccess): Result<'node_health'> {
  const { network, core } = access;
  const unready = access.unready();
  const peers = network.peers().length;
  const behind = Math.max(0, core.chain.bestHeader().height - core.chain.tip().height);
  const waiting = access.store.waiting();
  const damaged = access.damage().filter((damage) => !damage.repaired).length;
  return {
    live: true,
    ready: unready.length === 0 && waiting === null,
    checks: [
      {
        name: 'peers',
        ok: peers > 0,
        detail: `${peers} peers, ${network.meshPeers('block').length} in the mesh`,
      },
      { name: 'sync', ok: behind <= 2, detail: `${behind} blocks behind the best known header` },
      {
        name: 'chain',
        ok: core.chain.safeMode() === null,
        detail: core.chain.safeMode() ?? 'not in safe mode',
      },
      { name: 'storage', ok: damaged === 0, detail: `${damaged} damaged records wait for repair` },
      {
        name: 'disk',
        ok: waiting === null,
        detail: waiting === null ? 'every write is on disk' : `${waiting.code}: ${waiting.message}`,
      },
      ...unready.map((detail) => ({ name: 'readiness', ok: false, detail })),
    ],
  };
}

export function nodeHandlers({ access }: Queries): NodeHandlers {
  const { config, network, core } = access;
  return {
    node_info: () => ({
      name: config.name,
      version: access.version,
      protocolVersion: PROTOCOL_VERSION,
      chainName: chainName(access),
      genesisHash: core.chain.genesis.idHex,
      peerId: network.peerId,
      member: memberName(access),
      roles: [...config.roles],
      listen: network.addresses(),
      dataDir: access.dataDir,
      pid: process.pid,
      startedMs: access.startedMs,
    }),
    node_health: () => healthOf(access),
    node_shutdown() {
      // The answer must be on its way before the server closes its connections.
      setImmediate(() => access.shutdown());
      return { accepted: true };
    },
  };
}
