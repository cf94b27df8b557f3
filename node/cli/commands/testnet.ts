/** `wattmesh testnet run|up|status|logs|kill|start|down`: declarations; the work is in testnet-actions. Faults: testnet-faults. */

import type { Argv } from 'yargs';
import { LOG_LEVELS } from '../../../testnet/log-lines.ts';
import { checkSeed, withTestnetOptions } from '../options.ts';
import type { LaunchArguments } from '../testnet-actions.ts';
import { faultCommands } from './testnet-faults.ts';

function withLaunchOptions<T>(y: Argv<T>): Argv<T & LaunchArguments> {
  return y
    .option('preset', { type: 'string', describe: 'kind of community (default: demo)' })
    .option('dir', { type: 'string', describe: 'folder (default: a new one in the state directory)' })
    .option('seed', {
      type: 'string',
      coerce: checkSeed,
      describe: 'keys, homes and weather follow from it (default: 42)',
    })
    .option('port-base', { type: 'number', describe: 'first of a range of ports (default: a free range)' })
    .option('prices', { type: 'string', describe: 'CSV file of real wholesale prices, may be gzipped' })
    .option('date', { type: 'string', implies: 'prices', describe: 'day of that file, YYYY-MM-DD' })
    .option('json', {
      type: 'boolean',
      default: false,
      describe: 'JSON on stdout',
    }) as unknown as Argv<T & LaunchArguments & { json: boolean }>;
}

function runCommand(y: Argv): Argv {
  return y.command(
    'run',
    'a community trades, is verified on every node, and is taken down again',
    (options) =>
      withLaunchOptions(options)
        .option('steps', { type: 'number', describe: 'market steps (default: as the preset says)' })
        .option('keep', { type: 'boolean', default: false, describe: 'leave the nodes running at the end' })
        .option('json', { type: 'boolean', default: false, describe: 'the summary as JSON on stdout' })
        .example('$0 testnet run', 'the demo: 12 nodes, 24 steps, about 6 minutes')
        .example('$0 testnet run --steps 6 --dir ./run1', 'shorter, with its files in ./run1')
        .example('$0 testnet run --prices pun.csv.gz --date 2024-08-15', 'with real prices'),
    async (args) => (await import('../testnet-actions.ts')).run(args),
  );
}

function upCommand(y: Argv): Argv {
  return y.command(
    'up',
    'starts a testnet that trades on until "down"; starts what is down of one that is there',
    (options) =>
      withLaunchOptions(options)
        .option('json', { type: 'boolean', default: false, describe: 'the nodes as JSON on stdout' })
        .example('$0 testnet up', 'the demo in a new folder')
        .example('$0 testnet up --preset demo --dir ./net --json', 'for scripts'),
    async (args) => (await import('../testnet-actions.ts')).up(args),
  );
}

function statusCommand(y: Argv): Argv {
  return y.command(
    'status',
    'every node and the community',
    (options) =>
      withTestnetOptions(options)
        .option('json', { type: 'boolean', default: false, describe: 'JSON on stdout' })
        .example('$0 testnet status', 'of the testnet started last'),
    async (args) => (await import('../testnet-actions.ts')).status(args),
  );
}

function logsCommand(y: Argv): Argv {
  return y.command(
    'logs [nodes..]',
    'the logs of all nodes, or of some, merged by time',
    (options) =>
      withTestnetOptions(options)
        .positional('nodes', { type: 'string', array: true, describe: 'names, such as n03 n05' })
        .option('level', { choices: LOG_LEVELS, default: 'info' as const, describe: 'this level and above' })
        .option('grep', { type: 'string', describe: 'only lines that this regular expression matches' })
        .option('tail', { type: 'number', default: 100, describe: 'how many of the lines that are there' })
        .option('follow', {
          alias: 'f',
          type: 'boolean',
          default: false,
          describe: 'go on as they are written',
        })
        .option('json', { type: 'boolean', default: false, describe: 'one JSON object per line' })
        .example('$0 testnet logs -f n03 n05 --level warn', 'follow the warnings of two nodes')
        .example('$0 testnet logs --grep reorg', 'of all nodes'),
    async (args) =>
      (await import('../testnet-actions.ts')).logs({ ...args, nodes: (args.nodes ?? []).map(String) }),
  );
}

function killCommand(y: Argv): Argv {
  return y.command(
    'kill <name>',
    'ends a node at once (SIGKILL)',
    (options) =>
      withTestnetOptions(options)
        .positional('name', { type: 'string', demandOption: true, describe: 'node, such as n03' })
        .example('$0 testnet kill n03', 'then: $0 testnet start n03'),
    async (args) => (await import('../testnet-actions.ts')).kill(args),
  );
}

function startCommand(y: Argv): Argv {
  return y.command(
    'start <name>',
    'starts a node that is down, with the identity and data it had',
    (options) =>
      withTestnetOptions(options)
        .positional('name', { type: 'string', demandOption: true, describe: 'node, such as n03' })
        .example('$0 testnet start n03', 'after: $0 testnet kill n03'),
    async (args) => (await import('../testnet-actions.ts')).start(args),
  );
}

function downCommand(y: Argv): Argv {
  return y.command(
    'down',
    'ends every node and looks whether anything is left',
    (options) => withTestnetOptions(options).example('$0 testnet down', 'the testnet started last'),
    async (args) => (await import('../testnet-actions.ts')).down(args),
  );
}

export function testnetCommand(y: Argv): Argv {
  return y.command('testnet', 'a community of node processes on this machine', (group) => {
    const verbs = [
      runCommand,
      upCommand,
      statusCommand,
      logsCommand,
      killCommand,
      startCommand,
      faultCommands,
      downCommand,
    ];
    for (const register of verbs) register(group);
    const names =
      'run, up, status, logs, kill, start, pause, resume, partition, heal, slow, skew, corrupt, add, rm';
    return group.demandCommand(1, `name one of: ${names}, chaos, down`);
  });
}
