/** The parser of the command line. Commands are found and their arguments checked; none is performed. */
import yargs, { type Argv } from 'yargs';
import { exitCodeOf } from '../../../node/cli/exit-codes.ts';
import { errorLines } from '../../../node/cli/output.ts';
import { createParser } from '../../../node/cli/parser.ts';
import { WattmeshError } from '../../../node/util/errors.ts';
import { bytesOfTexts, type OpenTarget, promise, type Target, textOf } from '../interface.ts';

/** Arguments are parted by line ends. */
const COMMANDS = [
  'status',
  'peers --json',
  'init --preset demo --rpc-port 0',
  'start --data-dir x --die-with-parent',
  'chain info --node n03 --timeout 5',
  'chain block 12 --full',
  'chain verify --from 1 --to 9',
  'chain proof 00ab',
  'chain proof --tx 00ab',
  'market step 4',
  'market book --depth 3',
  'market order buy --kwh 1 --max 0.25',
  'market order sell --kwh 0.5 --min -0.1 --step 7',
  'market trades --kind AUCTION --limit 5',
  'community',
  'mine start',
  'export --dir out',
  'rpc node_info {}',
  'testnet run --steps 6 --seed 42',
  'testnet up --prices p.csv --date 2024-08-15',
  'testnet logs n03 n05 -f --level warn --grep x',
  'testnet kill n03',
  'testnet down',
  '--help',
  '--version',
  'testnet --help',
  '-- chain info',
  'chain -- info',
  '--no-color chain -- info',
  'rpc node_info -- -5',
];
const WORDS = [
  '--',
  '-',
  '\n--',
  '\n-f\n',
  '=',
  '--no-',
  '--json=false',
  '--timeout\n',
  '--__proto__.x=1',
  '--constructor.prototype.x',
  '--a.b.c',
  '--$0',
  '--_',
  '--help=',
  'NaN',
  'Infinity',
  '0x10',
  '1e400',
  '\u0000',
  '[object Object]',
  'completion',
  '--get-yargs-completions\n',
  '--show-hidden',
];

type Registered = (...parts: unknown[]) => unknown;

/** While `run` goes on, commands are replaced by one that notes its name, and nothing is printed. */
async function withoutEffects(run: (noted: string[]) => Promise<unknown>): Promise<string[]> {
  const noted: string[] = [];
  const prototype = Object.getPrototypeOf(yargs([])) as { command: Registered };
  const { command } = prototype;
  const { log, error } = console;
  prototype.command = function replaced(this: Argv, name: unknown, about: unknown, build: unknown) {
    const [word = ''] = String(name).split(' ');
    return command.call(this, name, about, build, () => void noted.push(word));
  };
  console.log = () => void noted.push('printed');
  console.error = console.log;
  try {
    await run(noted);
  } finally {
    prototype.command = command;
    console.log = log;
    console.error = error;
  }
  return noted;
}

function openParser(): OpenTarget {
  const environment = JSON.stringify(process.env);
  return {
    seeds: bytesOfTexts(COMMANDS.map((line) => line.split(' ').join('\n'))),
    words: bytesOfTexts(WORDS),
    async run(input) {
      const argv = textOf(input).split('\n').slice(0, 64);
      const exitCode = process.exitCode;
      let outcome: string[];
      try {
        outcome = await withoutEffects(() => createParser(argv).parseAsync());
        promise(outcome.length > 0, 'neither a command, nor help, nor an error');
      } catch (error) {
        // What `main` does: a named error, and words for people.
        if (!(error instanceof WattmeshError)) throw error;
        const lines = errorLines(error);
        promise(exitCodeOf(error) === 2, `the exit code of ${error.code} is not 2`);
        promise(
          lines.length >= 2 && lines.every((line) => !line.includes('\n    at ')),
          'no remedy, or a stack',
        );
        outcome = [error.code.toLowerCase()];
      }
      promise(process.exitCode === exitCode, 'parsing sets the exit code');
      promise(!('x' in {}), 'an argument changed the prototype of objects');
      promise(JSON.stringify(process.env) === environment, 'parsing changes the environment');
      return [...new Set(outcome)].slice(0, 4).join(' ');
    },
  };
}

export const cliTargets: readonly Target[] = [
  {
    name: 'cli-parser',
    about: 'arguments of wattmesh: a command, help, or an error of usage with a remedy',
    maxBytes: 1024,
    briefRuns: 250,
    mustReach: ['usage', 'printed', 'status', 'order', 'run', 'logs'],
    open: openParser,
  },
];
