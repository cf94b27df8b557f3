/**
 * Searches for inputs that break a promise of the node.
 *
 * Usage: node scripts/fuzz.mjs [--target NAME] [--minutes N] [--seed S] [--json] [--keep]
 *        node scripts/fuzz.mjs --target NAME --input FILE
 *        node scripts/fuzz.mjs --target NAME --property SEED
 *        node scripts/fuzz.mjs --list
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { bundleOptions, DIST, ROOT } from './build.mjs';

const { values } = parseArgs({
  options: {
    target: { type: 'string', default: '' },
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: '' },
    input: { type: 'string', default: '' },
    property: { type: 'string', default: '' },
    json: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    // For the tests of the runner itself.
    corpus: { type: 'string', default: join(ROOT, 'scripts/fuzz/corpus') },
    'hang-seconds': { type: 'string', default: '60' },
    'heap-mb': { type: 'string', default: '1536' },
  },
});

mkdirSync(DIST, { recursive: true });
const outfile = join(DIST, 'fuzz.mjs');
await build({
  ...bundleOptions,
  // Names in stacks are worth more than bytes here.
  minify: false,
  entryPoints: [join(ROOT, 'scripts/fuzz/main.ts')],
  outfile,
  external: [...bundleOptions.external, 'vitest'],
});
const { main } = await import(pathToFileURL(outfile).href);
process.exitCode = await main({ ...values, hangSeconds: values['hang-seconds'], heapMb: values['heap-mb'] });
