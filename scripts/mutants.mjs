/**
 * Tests the checkers of the simulation: plants bugs one by one, and says which checker finds each, and by which seed.
 *
 * Usage: node scripts/mutants.mjs [--only NAME]... [--seeds N] [--nodes N] [--json]
 *
 * `--nodes 0` takes the number of nodes that each seed draws. Exit code 1: a mutant survives, or the unchanged code
 * shows a violation on the seeds that were used.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { bundleOptions, DIST, ROOT } from './build.mjs';

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    seeds: { type: 'string', default: '200' },
    nodes: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
  },
});

mkdirSync(DIST, { recursive: true });
// Its own folder: two runs at once do not read each other's bundles.
const outdir = mkdtempSync(join(DIST, 'mutants-'));
try {
  const outfile = join(outdir, 'main.mjs');
  const entry = join(ROOT, 'scripts/mutants/main.ts');
  await build({ ...bundleOptions, minify: false, entryPoints: [entry], outfile });
  const { main } = await import(pathToFileURL(outfile).href);
  process.exitCode = await main({
    root: ROOT,
    bundleOptions,
    outdir,
    only: values.only,
    seeds: Number(values.seeds),
    nodes: Number(values.nodes),
    json: values.json,
    write: (text) => process.stdout.write(text),
  });
} finally {
  rmSync(outdir, { recursive: true, force: true });
}
