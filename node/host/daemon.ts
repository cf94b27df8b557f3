/** Entry of the daemon's bundle: `node dist/node.mjs start --data-dir DIR [--die-with-parent]`. */
import '../util/polyfill.ts';
import { parseArgs } from 'node:util';
import { isEndedLink } from '../p2p/stream-errors.ts';
import { WattmeshError } from '../util/errors.ts';
import { type RunningNode, startNode } from './real.ts';

/** Exit codes of the daemon; the command line documents them. */
const EXIT = { ok: 0, failed: 1, usage: 2 } as const;

function report(error: unknown): void {
  if (error instanceof WattmeshError) {
    process.stderr.write(`error: ${error.message}\n  ${error.remedy}\n  code ${error.code}\n`);
  } else {
    const { message } = error as Error;
    process.stderr.write(
      `error: ${message}\n  this is a defect of wattmesh: please report it with node.log\n`,
    );
    if (process.env.WATTMESH_DEBUG) console.error(error);
  }
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { 'data-dir': { type: 'string' }, 'die-with-parent': { type: 'boolean' } },
  });
  const dataDir = values['data-dir'];
  if (positionals[0] !== 'start' || dataDir === undefined) {
    process.stderr.write('usage: start --data-dir DIR [--die-with-parent]\n');
    process.exitCode = EXIT.usage;
    return;
  }
  let node: RunningNode | null = null;
  let isStopping = false;
  const stop = async (code: number): Promise<void> => {
    if (isStopping) return;
    isStopping = true;
    await node?.stop();
    // Sockets and timers of libraries may linger; everything of ours is closed.
    process.exit(code);
  };
  const fatal = (error: unknown): void => {
    report(error);
    void stop(EXIT.failed);
  };
  const uncaught = (error: unknown): void => {
    if (isEndedLink(error)) process.stderr.write(`a link ended: ${(error as Error).message}\n`);
    else fatal(error);
  };
  process.on('SIGTERM', () => void stop(EXIT.ok));
  process.on('SIGINT', () => void stop(EXIT.ok));
  process.on('uncaughtException', uncaught);
  process.on('unhandledRejection', uncaught);
  if (values['die-with-parent']) {
    // The parent holds the other end of this pipe: it ends with the parent, however that dies.
    process.stdin.on('end', () => void stop(EXIT.ok));
    process.stdin.on('error', () => void stop(EXIT.ok));
    process.stdin.resume();
  }
  try {
    const workerUrl = new URL('./miner-worker.mjs', import.meta.url);
    node = await startNode({ dataDir, workerUrl, onFatal: fatal, onShutdown: () => void stop(EXIT.ok) });
  } catch (error) {
    report(error);
    process.exit(EXIT.failed);
  }
}

await main();
