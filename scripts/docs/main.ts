/** The reference pages of docs/reference, made from the code. */
import '../../node/util/polyfill.ts';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { cliPage } from './cli.ts';
import { configPage } from './config.ts';
import { errorsPage, type SourceText } from './errors.ts';
import { metricsPage } from './metrics.ts';
import { openRpcFile, rpcPage } from './rpc.ts';

/** Helpers of tests; the same names as in the tidy test. */
const TEST_FILE = /\.test\.tsx?$|(^|[/-])(testing|test-[a-z-]+|[a-z-]+-contract|[a-z-]+-child)\.ts$/;

function* sourcesIn(root: string, folder: string): Generator<SourceText> {
  const entries = readdirSync(join(root, folder), { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) yield* sourcesIn(root, path);
    else if (entry.name.endsWith('.ts') && !TEST_FILE.test(path)) {
      yield { path, text: readFileSync(join(root, path), 'utf8') };
    }
  }
}

/** JSON as the project's formatter leaves it, so that a check of the format finds nothing to change. */
function formatted(root: string, path: string, content: string): string {
  if (!path.endsWith('.json')) return content;
  const biome = join(root, 'node_modules', '@biomejs', 'biome', 'bin', 'biome');
  const args = [biome, 'format', `--stdin-file-path=${path}`];
  const maxBuffer = 64 * 1024 * 1024;
  return execFileSync(process.execPath, args, { cwd: root, input: content, encoding: 'utf8', maxBuffer });
}

/** Path from the root of the checkout -> content, for every generated page. */
export async function referencePages(root: string): Promise<Map<string, string>> {
  const sources = [...sourcesIn(root, 'node'), ...sourcesIn(root, 'testnet')];
  const pages: [string, string][] = [
    ['docs/reference/rpc.md', rpcPage()],
    ['docs/reference/openrpc.json', openRpcFile()],
    ['docs/reference/errors.md', errorsPage(sources)],
    ['docs/reference/metrics.md', metricsPage()],
    ['docs/reference/config.md', configPage()],
    ['docs/reference/cli.md', await cliPage()],
  ];
  return new Map(pages.map(([path, content]) => [path, formatted(root, path, content)]));
}

/** The generated pages that are missing or differ from what the code says now. */
export async function stalePages(root: string): Promise<string[]> {
  const stale: string[] = [];
  const expected = await referencePages(root);
  for (const [path, content] of expected) {
    let is: string | null = null;
    try {
      is = readFileSync(join(root, path), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    if (is !== content) stale.push(path);
  }
  const folder = join(root, 'docs', 'reference');
  const known = new Set(expected.keys());
  for (const name of readdirSync(folder)) {
    const path = relative(root, join(folder, name)).split(sep).join('/');
    if (!known.has(path)) stale.push(path);
  }
  return stale;
}
