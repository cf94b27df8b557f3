/** The node's figures for a scrape. Loaded at the first one: a node that nobody scrapes does not pay for it. */
import { createMetrics, type MetricValues } from '../metrics/registry.ts';
import { FUND } from '../protocol/accounts.ts';
import type { NodeAccess } from './access.ts';

const metrics = createMetrics();

export function renderMetrics(access: NodeAccess): Promise<string> {
  return metrics.render(valuesOf(access));
}

function valuesOf(access: NodeAccess): MetricValues {
  const { core, network, miner } = access;
  const { chain, mempool } = core;
  const stats = core.stats();
  const mining = miner?.stats();
  const { state } = chain.execution(chain.tip());
  const market = state.market();
  const fund = state.systemBalance(FUND);
  const pool = mempool.stats();
  return {
    wattmesh_chain_height: chain.tip().height,
    wattmesh_chain_final_height: chain.final().height,
    wattmesh_chain_best_header_height: chain.bestHeader().height,
    wattmesh_chain_reorganisations_total: stats.reorganisations,
    wattmesh_chain_deepest_reorganisation: stats.deepestReorganisation,
    wattmesh_chain_market_clock_seconds: core.clockMs() / 1000,
    wattmesh_chain_damaged_records: access.damage().filter((damage) => !damage.repaired).length,
    wattmesh_blocks_mined_total: stats.blocksMined,
    wattmesh_blocks_stale_total: stats.blocksStale,
    wattmesh_mempool_transactions: pool.count,
    wattmesh_mempool_bytes: pool.bytes,
    wattmesh_miner_hashes_total: mining?.hashesTotal ?? 0,
    wattmesh_miner_hashes_per_second: mining?.hashesPerSecond ?? 0,
    wattmesh_miner_declared_hashes_per_second: mining?.declaredHashesPerSecond ?? 0,
    wattmesh_peers: network.peers().length,
    wattmesh_mesh_peers: network.meshPeers('block').length,
    wattmesh_market_next_step_to_clear: market.nextToClear,
    wattmesh_market_next_step_to_settle: market.nextToSettle,
    wattmesh_fund_euros: Number(fund.creditNanoEur - fund.debitNanoEur) / 1e9,
  };
}
