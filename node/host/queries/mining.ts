/** Handlers of `mining_*`. */
import { accountName } from '../../protocol/accounts.ts';
import type { RpcHandlers } from '../../rpc/schema/methods.ts';
import { WattmeshError } from '../../util/errors.ts';
import type { NodeAccess } from '../access.ts';
import { asOf, genesisOf, type Queries } from './queries.ts';

type MiningHandlers = Pick<RpcHandlers, 'mining_getInfo' | 'mining_start' | 'mining_stop'>;

/** The member as whom this node may author blocks; null: it may not. */
function author(access: NodeAccess): string | null {
  const { member } = access.config;
  if (access.miner === null || member === null) return null;
  return genesisOf(access).miners.some((miner) => miner.member === member) ? accountName(member) : null;
}

function switchMining(access: NodeAccess, on: boolean): { enabled: boolean } {
  if (access.miner === null) {
    throw new WattmeshError({
      code: 'MINING_DISABLED',
      message: 'this node has no miner',
      remedy: 'ask a node with the role miner; node_info names the roles',
    });
  }
  access.setMining(on);
  return { enabled: access.core.mining() };
}

export function miningHandlers({ access }: Queries): MiningHandlers {
  return {
    mining_getInfo() {
      const stats = access.miner?.stats() ?? null;
      const { blocksMined, blocksStale } = access.core.stats();
      return {
        enabled: access.core.mining(),
        member: author(access),
        hashesPerSecond: Math.round(stats?.hashesPerSecond ?? 0),
        declaredHashesPerSecond:
          stats === null || stats.declaredHashesPerSecond === null
            ? null
            : Math.round(stats.declaredHashesPerSecond),
        hashesTotal: stats?.hashesTotal ?? 0,
        hasher: stats?.hasher ?? null,
        blocksMined,
        blocksStale,
        currentHeight: access.core.chain.tip().height + 1,
        asOf: asOf(access),
      };
    },
    mining_start: () => switchMining(access, true),
    mining_stop: () => switchMining(access, false),
  };
}
