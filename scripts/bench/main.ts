/** All benchmarks of the project, each beside its yardstick from the same run. */

import { cpus } from 'node:os';
import { installHasher } from '../../node/host/hasher.ts';
import { benchClearing } from '../../node/market/clearing/bench.ts';
import { benchHashRate } from '../../node/miner/bench.ts';
import { benchApplyBlock } from './apply-block.ts';
import { benchDifficulty } from './difficulty.ts';
import { type Benchmark, cpuTimeMs, round } from './interface.ts';
import { benchDemo, benchProcessStart } from './process.ts';

function table(benchmarks: readonly Benchmark[]): string {
  const rows = benchmarks.map(
    ({ name, value, unit, yardstick, ratio }) =>
      `${name.padEnd(20)} ${String(value).padStart(12)} ${unit}\n${''.padEnd(20)} ${String(yardstick.value).padStart(12)} ${yardstick.unit} (${yardstick.name}); ratio ${ratio}`,
  );
  return `${rows.join('\n')}\n`;
}

/** Runs the benchmarks whose name contains `only`, and prints them. */
export async function main(options: {
  json: boolean;
  only: string;
  wattmesh: string;
  node: string;
}): Promise<void> {
  // Minutes for each section: only when asked for.
  if (options.only.startsWith('difficulty')) return benchDifficulty(options);
  const wanted = (...names: string[]) => names.some((name) => name.includes(options.only));
  const benchmarks: Benchmark[] = [];
  const hasher = await installHasher();
  if (wanted('miner-hash-rate')) {
    const { name, value, unit, yardstick, ratio } = await benchHashRate();
    benchmarks.push({ name, value: round(value), unit, yardstick, ratio: round(ratio) });
  }
  if (wanted('clearing-100k')) benchmarks.push(benchClearing(cpuTimeMs));
  if (wanted('apply-block-known', 'apply-block-unknown')) benchmarks.push(...benchApplyBlock());
  if (wanted('process-start')) benchmarks.push(await benchProcessStart(options.wattmesh, options.node));
  if (wanted('process-rss', 'demo-cpu')) benchmarks.push(...(await benchDemo(options.wattmesh)));
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ benchmarks })}\n`);
    return;
  }
  process.stdout.write(table(benchmarks));
  process.stdout.write(
    `hasher ${hasher}, Node ${process.versions.node}, ${cpus()[0]?.model}, ${cpus().length} cores\n`,
  );
}
