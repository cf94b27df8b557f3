/** The tree of commands. Each group declares itself here and loads its work only when it is called. */
import yargs, { type Argv } from 'yargs';
import packageJson from '../../package.json' with { type: 'json' };
import { WattmeshError } from '../util/errors.ts';
import { chainCommand } from './commands/chain.ts';
import { communityCommand } from './commands/community.ts';
import { exportCommand } from './commands/export.ts';
import { initCommand, startCommand } from './commands/local.ts';
import { marketCommand } from './commands/market.ts';
import { mineCommand } from './commands/mine.ts';
import { peersCommand, statusCommand } from './commands/node.ts';
import { rpcCommand } from './commands/rpc.ts';
import { simulateCommand } from './commands/simulate.ts';
import { testnetCommand } from './commands/testnet.ts';

const MAX_WIDTH = 110;

/** Sentences of the parser's library that say less than they could. */
const CLEARER: readonly (readonly [RegExp, string])[] = [
  [/^Not enough non-option arguments.*$/, 'an argument is missing'],
  [/^Too many non-option arguments.*$/, 'there are too many arguments'],
  [/^Missing required arguments?: (.*)$/, 'missing: $1'],
  [/^Implications failed: (\S+) -> (\S+)$/, '--$1 needs --$2'],
  [/^Unknown (arguments?|commands?): (.*)$/, 'unknown $1: $2'],
];

/** The words of the command line up to the first option or value: the command that was meant. */
function commandWords(argv: readonly string[]): string[] {
  const words: string[] = [];
  for (const word of argv.slice(0, 2)) {
    if (!/^[a-z]+$/.test(word)) break;
    words.push(word);
  }
  return words;
}

/** A mistake in the arguments; the remedy names the command or the help that was meant. */
function usageError(message: string, argv: readonly string[]): WattmeshError {
  const words = commandWords(argv);
  const meant = /^Did you mean (.+)\?$/.exec(message.trim())?.[1];
  if (meant !== undefined) {
    const typed = words.pop() ?? '';
    return new WattmeshError({
      code: 'USAGE',
      message: `there is no command "${[...words, typed].join(' ')}"`,
      remedy: `Did you mean: ${['wattmesh', ...words, meant].join(' ')}`,
    });
  }
  const oneLine = message.replace(/\s*\n\s*/g, ' ').trim();
  const clearer = CLEARER.find(([pattern]) => pattern.test(oneLine));
  return new WattmeshError({
    code: 'USAGE',
    message: clearer === undefined ? oneLine : oneLine.replace(clearer[0], clearer[1]),
    remedy: `See: ${['wattmesh', ...words].join(' ')} --help`,
  });
}

/** Of a command after `--` the library does nothing and says nothing. Commands have one word or two. */
function hidesCommand(argv: readonly string[]): boolean {
  const words = argv.filter((word) => !/^--(no-)?color(=|$)/.test(word));
  return words.slice(0, 2).includes('--');
}

export function createParser(argv: readonly string[]): Argv {
  const parser = yargs([...argv])
    .scriptName('wattmesh')
    .usage(
      '$0 COMMAND [OPTIONS]\n\nA node of an energy community: a local market settled over proof of work.',
    )
    .example('$0 testnet run', 'twelve nodes trade a day and are verified, in about 6 minutes')
    .example('$0 testnet up', 'the same nodes, to look at until "testnet down"')
    .example('$0 market trades --limit 5', 'the last trades, asked of a running node')
    .example('$0 init && $0 start', 'a single node that mines alone')
    .version(packageJson.version)
    .alias('h', 'help')
    .option('color', { type: 'boolean', describe: 'colours (also NO_COLOR, FORCE_COLOR)', hidden: true })
    .strict()
    .recommendCommands()
    .demandCommand(1, 'name a command')
    .exitProcess(false)
    .showHelpOnFail(false)
    .check((args) => {
      const broken = Object.entries(args).find(([, value]) => Number.isNaN(value));
      if (broken !== undefined) throw new Error(`${broken[0]} is not a number`);
      if (hidesCommand(argv)) throw new Error('the command comes before "--"');
      return true;
    }, true)
    .fail((message, error) => {
      if (error instanceof WattmeshError || !message) throw error;
      throw usageError(message, argv);
    });
  const commands = [
    initCommand,
    startCommand,
    statusCommand,
    peersCommand,
    chainCommand,
    marketCommand,
    communityCommand,
    mineCommand,
    exportCommand,
    rpcCommand,
    testnetCommand,
    simulateCommand,
  ];
  for (const register of commands) register(parser);
  return parser.wrap(Math.min(MAX_WIDTH, parser.terminalWidth())) as Argv;
}
