/**
 * Writes docs/reference from the code: JSON-RPC, error codes, metrics, configuration, command line.
 *
 * Usage: node scripts/generate-docs.mjs [--check]
 *
 * `--check` writes nothing and fails when a page differs from what the code says.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { DIST, ROOT } from './build.mjs';

const BUNDLE = join(DIST, 'generate-docs.mjs');

/** The generator reads the project's own modules, so it is bundled like them. */
async function loadGenerator() {
  const { build } = await import('esbuild');
  await build({
    absWorkingDir: ROOT,
    entryPoints: ['scripts/docs/main.ts'],
    outfile: BUNDLE,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20.19',
    logLevel: 'warning',
  });
  return import(pathToFileURL(BUNDLE).href);
}

async function main() {
  const { referencePages, stalePages } = await loadGenerator();
  if (process.argv.includes('--check')) {
    const stale = await stalePages(ROOT);
    for (const path of stale) process.stderr.write(`${path} differs from the code\n`);
    if (stale.length > 0) {
      process.stderr.write('Run: node scripts/generate-docs.mjs\n');
      process.exitCode = 1;
    }
    return;
  }
  for (const [path, content] of await referencePages(ROOT)) {
    mkdirSync(dirname(join(ROOT, path)), { recursive: true });
    writeFileSync(join(ROOT, path), content);
    process.stdout.write(`${path}\n`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
