/** The documentation says what the code says. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { findErrors } from './docs/errors.ts';
import { referencePages, stalePages } from './docs/main.ts';
import { branchesOf, literalText } from './docs/source.ts';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

function* markdownIn(folder: string): Generator<string> {
  for (const entry of readdirSync(join(ROOT, folder), { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) yield* markdownIn(path);
    else if (entry.name.endsWith('.md')) yield path;
  }
}
const documents = ['README.md', ...markdownIn('docs')];
const written = documents.filter((path) => !path.startsWith('docs/reference/'));

describe('the generated reference', () => {
  it('is what the code gives: otherwise run node scripts/generate-docs.mjs', async () => {
    expect(await stalePages(ROOT)).toEqual([]);
  });

  it('holds codes of every kind of source, and every command', async () => {
    const pages = await referencePages(ROOT);
    const errors = pages.get('docs/reference/errors.md')!;
    for (const code of [
      'TX_WINDOW_CLOSED', // a violation
      'BLOCK_STATE_ROOT', // a code put together from a table
      'GENESIS_FILE', // an error object
      'RPC_PORT_BUSY', // one of two
      'TRADE_NOT_FOUND', // a suffix
      'P2P_REQUEST_TIMEOUT', // a row of a table
      'STORE_NO_SPACE', // words instead of a message
      'RPC_BAD_RESPONSE', // compared first
      'USAGE',
    ]) {
      expect(errors, code).toContain(`\`${code}\``);
    }
    const cli = pages.get('docs/reference/cli.md')!;
    for (const command of ['init', 'chain verify', 'market order', 'export csv', 'testnet kill']) {
      expect(cli, command).toMatch(new RegExp(`^#+ wattmesh ${command}$`, 'm'));
    }
  });

  it('finds messages and what to do in source text', () => {
    const text =
      "fail(violation('A_B', `x #{toHex(y)}, #{f(1)}`)); notFound('C', 'no ' , 'look');".replaceAll(
        '#{',
        '${',
      );
    expect(findErrors([{ path: 'x.ts', text }])).toEqual([
      { code: 'A_B', message: 'x {y}, {…}', remedy: null, path: 'x.ts' },
      { code: 'C_NOT_FOUND', message: 'no ', remedy: 'look', path: 'x.ts' },
    ]);
    expect(branchesOf("a ? 'b?' : c ? `d:` : e")).toEqual(["'b?'", '`d:`', 'e']);
    expect(literalText("'it\\'s'")).toBe("it's");
    expect(literalText("'a' + 'b'")).toBeNull();
  });
});

describe('the written documents', () => {
  it('have the import table of the tidy test', () => {
    const source = /const MAY_IMPORT[^=]*= \{\n([\s\S]*?)\n\};/.exec(read('node/tidy.test.ts'))![1]!;
    const rule = [...source.matchAll(/^ {2}(\w+): \[([^\]]*)\],/gm)].map(([, folder, names]) => [
      folder,
      [...names!.matchAll(/'(\w+)'/g)].map((match) => match[1]).sort(),
    ]);
    expect(rule.length).toBeGreaterThan(10);
    const rows = [...read('docs/architecture.md').matchAll(/^\| `node\/(\w+)` +\|(.*)\|$/gm)].map(
      ([, folder, cells]) => [
        folder,
        [
          ...cells!
            .split('|')
            .at(-1)!
            .matchAll(/`(\w+)`/g),
        ]
          .map((match) => match[1])
          .sort(),
      ],
    );
    const table = Object.fromEntries(rows);
    for (const [folder, names] of rule as [string, string[]][]) expect(table[folder], folder).toEqual(names);
  });

  it('link to files that exist', () => {
    const broken = documents.flatMap((path) =>
      [...read(path).matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)]
        .map((match) => match[1]!)
        .filter((target) => !existsSync(join(ROOT, dirname(path), target)))
        .map((target) => `${path} -> ${target}`),
    );
    expect(documents.length).toBeGreaterThan(15);
    expect(broken).toEqual([]);
  });

  it('name files and commands that exist', () => {
    const cli = read('docs/reference/cli.md');
    const scripts = Object.keys((JSON.parse(read('package.json')) as { scripts: object }).scripts);
    const wrong: string[] = [];
    for (const path of written) {
      const text = read(path);
      for (const [, words] of text.matchAll(/npx wattmesh ((?:[a-z]+ ?)+)/g)) {
        const [group, verb] = words!.trim().split(' ');
        const isGroup = cli.includes(`#### wattmesh ${group} `);
        const command = isGroup ? `#### wattmesh ${group} ${verb}\n` : `### wattmesh ${group}\n`;
        if (!cli.includes(command)) wrong.push(`${path}: npx wattmesh ${words}`);
      }
      for (const [, name] of text.matchAll(/npm run (?:-s )?([a-z]+)/g)) {
        if (!scripts.includes(name!)) wrong.push(`${path}: npm run ${name}`);
      }
      for (const [, file] of text.matchAll(/`((?:node|testnet|scripts)\/[\w./-]+\.(?:ts|mjs|json))`/g)) {
        if (!existsSync(join(ROOT, file!))) wrong.push(`${path}: ${file}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});
