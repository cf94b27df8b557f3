/** `wattmesh init` and `wattmesh start`: a node without a testnet. */
import { resolve } from 'node:path';
import type { Argv } from 'yargs';
import { WattmeshError } from '../../util/errors.ts';
import { printNote, printResult } from '../output.ts';
import { defaultDataDir, nodeScriptPath } from '../paths.ts';

const DATA_DIR = 'data-dir';

function checkPort(port: number): number {
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new WattmeshError({
    code: 'USAGE',
    message: `${port} is no port`,
    remedy: 'give a number from 0 to 65535; 0: any free port',
  });
}

export function initCommand(y: Argv): Argv {
  return y.command(
    'init',
    'makes the data folder of a development node that mines alone',
    (options) =>
      options
        .option('preset', { type: 'string', default: 'demo', describe: 'rules and pace of the chain' })
        .option(DATA_DIR, { type: 'string', describe: `folder (default: ${defaultDataDir()})` })
        .option('rpc-port', { type: 'number', default: 0, describe: 'port of JSON-RPC; 0: any free one' })
        .option('p2p-port', { type: 'number', default: 0, describe: 'port for peers; 0: any free one' })
        .option('json', { type: 'boolean', default: false, describe: 'JSON on stdout' })
        .example('$0 init --data-dir ./node1', 'then: $0 start --data-dir ./node1'),
    async (args) => {
      const { initNode } = await import('../../../testnet/init.ts');
      const dataDir = resolve(args.dataDir ?? defaultDataDir());
      const ports = { rpcPort: checkPort(args.rpcPort), p2pPort: checkPort(args.p2pPort) };
      const result = await initNode({ preset: args.preset, dataDir, ...ports });
      printResult(args.json, result, () => [
        `A node of the preset ${args.preset} stands in ${dataDir}.`,
        `Start it: wattmesh start${args.dataDir === undefined ? '' : ` --data-dir ${args.dataDir}`}`,
      ]);
    },
  );
}

export function startCommand(y: Argv): Argv {
  return y.command(
    'start',
    'runs the node of a data folder until it is interrupted',
    (options) =>
      options
        .option(DATA_DIR, { type: 'string', describe: `folder (default: ${defaultDataDir()})` })
        .option('die-with-parent', { type: 'boolean', default: false, describe: 'end when stdin ends' })
        .example('$0 start --data-dir ./node1', 'the node that init made there'),
    async (args) => {
      const script = nodeScriptPath();
      const dataDir = resolve(args.dataDir ?? defaultDataDir());
      printNote(`node of ${dataDir}; see it: wattmesh status --data-dir ${dataDir}; Ctrl-C ends it`);
      // The daemon is a program of its own that reads its arguments as if it had been called directly.
      const { pathToFileURL } = await import('node:url');
      process.argv = [process.execPath, script, 'start', '--data-dir', dataDir];
      if (args.dieWithParent) process.argv.push('--die-with-parent');
      await import(pathToFileURL(script).href);
    },
  );
}
