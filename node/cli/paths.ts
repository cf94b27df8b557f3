/** Where things stand on this machine. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WattmeshError } from '../util/errors.ts';

/** Data folder of a single node (XDG base directories). */
export function defaultDataDir(env: NodeJS.ProcessEnv = process.env): string {
  const home = env.XDG_DATA_HOME;
  const base = home !== undefined && isAbsolute(home) ? home : join(homedir(), '.local', 'share');
  return join(base, 'wattmesh');
}

/** The daemon's bundle, from a bundle or from the sources; throws BUILD_MISSING. */
export function nodeScriptPath(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) {
      const script = join(folder, 'dist', 'node.mjs');
      if (existsSync(script)) return script;
    }
    if (folder === dirname(folder)) break;
  }
  throw new WattmeshError({
    code: 'BUILD_MISSING',
    message: 'the bundle of the node is missing',
    remedy: 'build it: npm run build',
  });
}
