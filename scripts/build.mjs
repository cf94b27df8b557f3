/**
 * Bundles the programs into dist/: the command line, the daemon and the miner's worker thread.
 *
 * Usage: node scripts/build.mjs [--force]
 *
 * Does nothing when dist/ was built from the same sources. `ensureBuilt` does the same for other scripts and tests.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
export const DIST = join(ROOT, 'dist');
const STAMP = join(DIST, 'build.json');

/** Bundle in dist/ -> its entry point. */
const ENTRIES = {
  'wattmesh.mjs': 'node/cli/main.ts',
  'node-main.mjs': 'node/host/daemon.ts',
  'miner-worker.mjs': 'node/miner/worker.ts',
};
/**
 * What starts the daemon: runtimes that can keep compiled code between starts (Node 22 and later) do so, which saves a
 * quarter of a start's CPU.
 */
const NODE_BOOT = `import module from 'node:module';
import { fileURLToPath } from 'node:url';
module.enableCompileCache?.(fileURLToPath(new URL('./compile-cache', import.meta.url)));
await import('./node-main.mjs');
`;
/** Compiled code: found in node_modules at run time, and partly optional. */
const NATIVE = ['classic-level', 'sodium-native', '@chainsafe/hashtree', '@chainsafe/hashtree-*', 'esbuild'];
/** Bundled CommonJS packages call `require` and know their folder. */
const BANNER = [
  "import { createRequire as wattmeshCreateRequire } from 'node:module';",
  "import { dirname as wattmeshDirname } from 'node:path';",
  "import { fileURLToPath as wattmeshFileURLToPath } from 'node:url';",
  'const require = wattmeshCreateRequire(import.meta.url);',
  'const wattmeshBundleFile = wattmeshFileURLToPath(import.meta.url);',
  'const wattmeshBundleDir = wattmeshDirname(wattmeshBundleFile);',
].join('\n');

function* sourceFiles(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* sourceFiles(path);
    else if (/\.(ts|mjs|json)$/.test(entry.name) && !entry.name.includes('.test.')) yield path;
  }
}

function sources() {
  const files = [join(ROOT, 'package.json'), join(ROOT, 'package-lock.json'), fileURLToPath(import.meta.url)];
  for (const folder of ['node', 'testnet']) files.push(...sourceFiles(join(ROOT, folder)));
  return files.sort();
}

/** Cheap: names, sizes and times. Equal to the stamp's: nothing can have changed. */
function fingerprint(files) {
  const hash = createHash('sha256');
  for (const file of files) {
    const { size, mtimeMs } = statSync(file);
    hash.update(`${relative(ROOT, file)}\0${size}\0${mtimeMs}\n`);
  }
  return hash.digest('hex');
}

function contentHash(files) {
  const hash = createHash('sha256');
  for (const file of files) hash.update(`${relative(ROOT, file)}\0`).update(readFileSync(file));
  return hash.digest('hex');
}

function readStamp() {
  try {
    const stamp = JSON.parse(readFileSync(STAMP, 'utf8'));
    for (const bundle of Object.keys(ENTRIES)) statSync(join(DIST, bundle));
    return stamp;
  } catch {
    return null;
  }
}

/** Two builds at once, and programs that start meanwhile, never see half a file. */
function writeAtomic(path, content) {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    writeFileSync(temporary, content);
    renameSync(temporary, path);
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** How every program of ours is bundled. */
export const bundleOptions = {
  absWorkingDir: ROOT,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  external: NATIVE,
  banner: { js: BANNER },
  define: {
    __dirname: 'wattmeshBundleDir',
    __filename: 'wattmeshBundleFile',
    'process.env.NODE_ENV': '"production"',
  },
  minify: true,
  legalComments: 'none',
  logLevel: 'silent',
};

async function bundle(outfile, entry) {
  const { build } = await import('esbuild');
  const result = await build({
    ...bundleOptions,
    entryPoints: [entry],
    outfile: join(DIST, outfile),
    write: false,
  });
  return result.outputFiles.map((file) => ({ path: file.path, content: file.contents }));
}

/** Builds when the sources differ from what dist/ was built from; says whether it did. */
export async function ensureBuilt(options = {}) {
  const files = sources();
  const marks = fingerprint(files);
  const stamp = options.force ? null : readStamp();
  if (stamp?.fingerprint === marks) return { built: false };
  const content = contentHash(files);
  if (stamp?.content !== content) {
    options.onBuild?.();
    mkdirSync(DIST, { recursive: true });
    const outputs = await Promise.all(Object.entries(ENTRIES).map(([out, entry]) => bundle(out, entry)));
    for (const { path, content: bytes } of outputs.flat()) writeAtomic(path, bytes);
    writeAtomic(join(DIST, 'node.mjs'), NODE_BOOT);
  }
  writeAtomic(STAMP, `${JSON.stringify({ fingerprint: marks, content })}\n`);
  return { built: stamp?.content !== content };
}

async function main() {
  const startedMs = performance.now();
  try {
    const { built } = await ensureBuilt({ force: process.argv.includes('--force') });
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    process.stdout.write(built ? `built dist/ in ${seconds} s\n` : 'dist/ is up to date\n');
  } catch (error) {
    const problems = error.errors?.map(
      ({ text, location }) => `${location ? `${location.file}:${location.line}: ` : ''}${text}`,
    );
    process.stderr.write(`error: the build failed\n${(problems ?? [error.message]).join('\n')}\n`);
    process.exitCode = 1;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
