/** `cli.md`: every command with its own help. */
import { EXIT } from '../../node/cli/exit-codes.ts';
import { createParser } from '../../node/cli/parser.ts';
import { code, fenced, page, table } from './markdown.ts';

const WIDTH = 110;
/** A folder that no machine has: default paths under it are the same on every machine. */
const DATA_HOME = '/XDG_DATA_HOME';

const EXIT_MEANING: Record<keyof typeof EXIT, string> = {
  ok: 'done',
  failure: 'any other error',
  usage: 'the command line or a parameter is wrong',
  unreachable: 'no node answers',
  notFound: 'what was asked for does not exist',
  refused: 'the node, or the state of things, refuses',
  timeout: 'it did not happen in time',
  checkFailed: 'a check failed: a damaged block, a wrong proof, a testnet that does not agree',
  interrupted: 'interrupted by a signal',
};

async function helpOf(words: readonly string[]): Promise<string> {
  const help = await createParser(words).locale('en').wrap(WIDTH).getHelp();
  return help.replaceAll(`${DATA_HOME}/`, '$XDG_DATA_HOME/');
}

/** The commands that a help text lists, as words after the program's name. */
function subcommandsOf(help: string): string[][] {
  const listed = /\nCommands:\n((?: {2}.*\n)+)/.exec(`${help}\n`)?.[1] ?? '';
  return [...listed.matchAll(/^ {2}wattmesh ((?:[a-z]+ ?)+)/gm)].map((match) => match[1]!.trim().split(' '));
}

async function sectionsOf(words: readonly string[]): Promise<string[]> {
  const help = await helpOf(words);
  const title = `${'#'.repeat(words.length + 2)} wattmesh ${words.join(' ')}`.trimEnd();
  const sections = [words.length === 0 ? fenced('text', help) : `${title}\n\n${fenced('text', help)}`];
  for (const inner of subcommandsOf(help)) {
    if (inner.length === words.length + 1) sections.push(...(await sectionsOf(inner)));
  }
  return sections;
}

export async function cliPage(): Promise<string> {
  const before = process.env.XDG_DATA_HOME;
  process.env.XDG_DATA_HOME = DATA_HOME;
  try {
    const exits = Object.entries(EXIT).map(([name, number]) => [
      String(number),
      EXIT_MEANING[name as keyof typeof EXIT],
    ]);
    return page('Command line', [
      'In a checkout: `npx wattmesh COMMAND`, or `node scripts/wattmesh.mjs COMMAND`. Answers go to stdout, everything else to stderr. `--json` prints the answer as JSON.',
      'A command finds its node by `--rpc` (or `WATTMESH_RPC`), `--data-dir`, `--node`, else it takes the first node that answers of the testnet started last, else the node of the default data folder. `$XDG_DATA_HOME` is `~/.local/share` where it is not set. `WATTMESH_DEBUG=1` prints the stack of an error; `NO_COLOR` and `FORCE_COLOR` are obeyed.',
      `## Exit codes\n\n${table(['Code', 'Meaning'], exits)}\n\nAn error prints \`error: MESSAGE (${code('CODE').replaceAll('`', '')})\` and, on the next line, what to do. All codes: [errors.md](errors.md).`,
      `## Commands`,
      ...(await sectionsOf([])),
    ]);
  } finally {
    if (before === undefined) delete process.env.XDG_DATA_HOME;
    else process.env.XDG_DATA_HOME = before;
  }
}
