import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const MODULES = fileURLToPath(new URL('../../node_modules', import.meta.url));

/** A process of its own that has a folder open; used to kill it. */
export type StoreChild = {
  /** The next line it prints; `null` after its end. */
  line(): Promise<string | null>;
  /** Sends SIGKILL if it still runs, and waits for its end. */
  kill(): Promise<void>;
};

/**
 * Bundles a child program around the store of this folder, as Node 20 does not run TypeScript.
 * `body` is the inside of an async function with `store`, `dir` and `print(line)`. Returns the path of the program.
 */
export async function buildStoreChild(dir: string, body: string): Promise<string> {
  const outfile = join(dir, 'child.cjs');
  const contents = `
    import { openLevelStore } from './level-store.ts';
    const dir = process.argv[2];
    const print = (line) => new Promise((done) => process.stdout.write(line + '\\n', done));
    const log = { info() {}, warn() {} };
    openLevelStore(dir, { log })
      .then(async (store) => { ${body} })
      .catch(async (error) => { await print('failed ' + error.code); process.exit(1); });
  `;
  await build({
    stdin: { contents, resolveDir: HERE, loader: 'ts' },
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    external: ['level'],
    logLevel: 'error',
  });
  return outfile;
}

/** Starts a child program on a folder; `limitBlocks` caps the size of every file it writes, in KiB. */
export function startStoreChild(program: string, dir: string, limitBlocks?: number): StoreChild {
  const command = [process.execPath, program, dir];
  const limited = ['bash', '-c', `ulimit -f ${limitBlocks}; exec "$@"`, 'bash', ...command];
  const [file, ...args] = limitBlocks === undefined ? command : limited;
  const child: ChildProcess = spawn(file!, args, {
    env: { ...process.env, NODE_PATH: MODULES },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  return {
    async line() {
      const next = await lines.next();
      return next.done ? null : next.value;
    },
    async kill() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await ended;
    },
  };
}
