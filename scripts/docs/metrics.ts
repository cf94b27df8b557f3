/** `metrics.md`: what `/metrics` tells. */
import { METRICS } from '../../node/metrics/registry.ts';
import { cell, code, page, table } from './markdown.ts';

export function metricsPage(): string {
  const rows = Object.entries(METRICS).map(([name, { kind, help }]) => [code(name), kind, cell(help)]);
  return page('Metrics', [
    'Prometheus text at `GET /metrics` on the port of JSON-RPC. Values are read from the node at every scrape; counters count from the start of the process.',
    table(['Name', 'Kind', 'Meaning'], rows),
    'The process metrics of `prom-client` (CPU, memory, event loop, garbage collection) come along with the prefix `wattmesh_`.',
  ]);
}
