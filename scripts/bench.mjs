/**
 * Measures the node against its yardsticks.
 *
 * Usage: node scripts/bench.mjs [--json] [--only NAME]
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { bundleOptions, DIST, ensureBuilt, ROOT } from './build.mjs';

const { values } = parseArgs({
  options: { json: { type: 'boolean', default: false }, only: { type: 'string', default: '' } },
});

await ensureBuilt();
mkdirSync(DIST, { recursive: true });
const outfile = join(DIST, 'bench.mjs');
await build({ ...bundleOptions, entryPoints: [join(ROOT, 'scripts/bench/main.ts')], outfile });
const { main } = await import(pathToFileURL(outfile).href);
await main({
  json: values.json,
  only: values.only,
  wattmesh: join(ROOT, 'scripts/wattmesh.mjs'),
  node: join(DIST, 'node.mjs'),
});
