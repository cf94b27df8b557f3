import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

export interface TestBundle {
  /** The bundled worker. */
  readonly workerUrl: URL;
  /** The bundled main side. */
  readonly minerUrl: URL;
  remove(): Promise<void>;
}

/**
 * For tests only: both sides of the miner as plain JavaScript, because a worker thread of Node 20 runs no
 * TypeScript. Inside `node_modules`, so that the bundle finds the optional packages.
 */
export async function bundleMiner(): Promise<TestBundle> {
  const cache = fileURLToPath(new URL('../../node_modules/.cache/', import.meta.url));
  await mkdir(cache, { recursive: true });
  const outdir = await mkdtemp(join(cache, 'miner-'));
  await build({
    entryPoints: ['worker.ts', 'miner.ts'].map((file) => fileURLToPath(new URL(file, import.meta.url))),
    outdir,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    logLevel: 'error',
  });
  return {
    workerUrl: pathToFileURL(join(outdir, 'worker.mjs')),
    minerUrl: pathToFileURL(join(outdir, 'miner.mjs')),
    remove: () => rm(outdir, { recursive: true, force: true }),
  };
}
