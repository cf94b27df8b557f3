/** Prometheus metrics of a node: one table of names, set from the node's own figures at every scrape. */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';

/** Name -> kind and meaning. Base units; totals end in `_total`. */
export const METRICS = {
  wattmesh_chain_height: { kind: 'gauge', help: 'Height of the tip' },
  wattmesh_chain_final_height: { kind: 'gauge', help: 'Height of the highest final block' },
  wattmesh_chain_best_header_height: { kind: 'gauge', help: 'Height of the best known header' },
  wattmesh_chain_reorganisations_total: { kind: 'counter', help: 'Reorganisations since the start' },
  wattmesh_chain_deepest_reorganisation: {
    kind: 'gauge',
    help: 'Blocks that the deepest reorganisation undid',
  },
  wattmesh_chain_market_clock_seconds: { kind: 'gauge', help: 'Market clock of the next block, since 1970' },
  wattmesh_chain_damaged_records: { kind: 'gauge', help: 'Damaged records that are not mended yet' },
  wattmesh_blocks_mined_total: { kind: 'counter', help: 'Blocks that this node mined since the start' },
  wattmesh_blocks_stale_total: {
    kind: 'counter',
    help: 'Own blocks that left the main chain since the start',
  },
  wattmesh_mempool_transactions: { kind: 'gauge', help: 'Transactions that wait for a block' },
  wattmesh_mempool_bytes: { kind: 'gauge', help: 'Bytes of waiting transactions' },
  wattmesh_miner_hashes_total: { kind: 'counter', help: 'Hashes really performed' },
  wattmesh_miner_hashes_per_second: { kind: 'gauge', help: 'Measured hash rate' },
  wattmesh_miner_declared_hashes_per_second: { kind: 'gauge', help: 'Cap on the hash rate' },
  wattmesh_peers: { kind: 'gauge', help: 'Connected peers' },
  wattmesh_mesh_peers: { kind: 'gauge', help: 'Peers in the gossip mesh of blocks' },
  wattmesh_market_next_step_to_clear: { kind: 'gauge', help: 'First step that is not cleared yet' },
  wattmesh_market_next_step_to_settle: { kind: 'gauge', help: 'First step that is not settled yet' },
  wattmesh_fund_euros: { kind: 'gauge', help: 'Balance of the community fund' },
} as const satisfies Record<string, { kind: 'gauge' | 'counter'; help: string }>;

export type MetricValues = Record<keyof typeof METRICS, number>;

export interface Metrics {
  /** The text of a scrape with these values. */
  render(values: MetricValues): Promise<string>;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'wattmesh_' });
  const gauges = new Map<string, Gauge>();
  const counters = new Map<string, Counter>();
  for (const [name, { kind, help }] of Object.entries(METRICS)) {
    if (kind === 'gauge') gauges.set(name, new Gauge({ name, help, registers: [registry] }));
    else counters.set(name, new Counter({ name, help, registers: [registry] }));
  }
  return {
    async render(values) {
      for (const [name, value] of Object.entries(values)) {
        gauges.get(name)?.set(value);
        const counter = counters.get(name);
        counter?.reset();
        counter?.inc(value);
      }
      return registry.metrics();
    },
  };
}
