/** The architecture as a test: who may import whom, what pure code may not touch, how long things may be. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** Folder -> folders it may import besides itself. The same table stands in docs/architecture.md. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  util: [],
  protocol: ['util'],
  market: ['protocol', 'util'],
  consensus: ['market', 'protocol', 'util'],
  core: ['consensus', 'market', 'protocol', 'util'],
  forecast: ['protocol', 'util'],
  agent: ['forecast', 'market', 'protocol', 'util'],
  storage: ['protocol', 'util'],
  p2p: ['protocol', 'util'],
  miner: ['protocol', 'util'],
  metering: ['protocol', 'util'],
  feeds: ['protocol', 'util'],
  rpc: ['protocol', 'util'],
  metrics: ['protocol', 'util'],
  log: ['protocol', 'util'],
  config: ['protocol', 'util'],
};
const PURE = ['util', 'protocol', 'market', 'consensus', 'core', 'agent', 'forecast'];
/** Files outside a folder's rule, with the reason. */
const EXEMPT_FROM_PURITY = new Set([
  // Replaces what an old runtime lacks; it is the first import of every entry point.
  'node/util/polyfill.ts',
]);
const MAX_FILE_LINES = 400;

function* walk(folder: string): Generator<string> {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) yield* walk(path);
    else if (name.endsWith('.ts') || name.endsWith('.tsx') || name.endsWith('.mjs')) yield path;
  }
}

interface SourceFile {
  path: string;
  text: string;
  folder: string;
  isTest: boolean;
}

const files: SourceFile[] = ['node', 'testnet', 'scripts'].flatMap((top) =>
  [...walk(join(ROOT, top))].map((path) => {
    const name = relative(ROOT, path);
    const [, folder = ''] = name.split('/');
    const isTest =
      /\.test\.tsx?$/.test(name) ||
      /(^|[/-])(testing|test-[a-z-]+|[a-z-]+-contract|[a-z-]+-child)\.ts$/.test(name);
    return { path: name, text: readFileSync(path, 'utf8'), folder: top === 'node' ? folder : top, isTest };
  }),
);
const sources = files.filter((file) => !file.isTest && file.path.startsWith('node/'));

const importsOf = (file: SourceFile) =>
  [...file.text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => match[1]!);

/** Source without comments and strings: words in them are not code. */
const codeOf = (file: SourceFile) =>
  file.text
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/\/\/.*$/gm, '')
    .replace(/'(?:[^'\\\n]|\\.)*'/g, "''")
    .replace(/`(?:[^`\\]|\\.)*`/g, '``');

describe('tidy', () => {
  it('visits the tree', () => {
    expect(sources.length).toBeGreaterThan(50);
    for (const folder of Object.keys(MAY_IMPORT)) {
      expect(
        sources.some((file) => file.folder === folder),
        `files in node/${folder}`,
      ).toBe(true);
    }
  });

  it('imports downwards only', () => {
    const wrong: string[] = [];
    for (const file of sources) {
      const allowed = MAY_IMPORT[file.folder];
      for (const target of importsOf(file)) {
        if (!target.startsWith('.')) continue;
        const path = relative(ROOT, resolve(ROOT, dirname(file.path), target));
        const [top, folder] = path.split('/');
        if (allowed === undefined) {
          // host, cli and the dashboard see everything below; nobody sees them, nor the tests.
          if (file.folder !== 'host' && file.folder !== 'cli' && folder === 'host')
            wrong.push(`${file.path} -> ${path}`);
          if (file.folder === 'host' && folder === 'cli') wrong.push(`${file.path} -> ${path}`);
          continue;
        }
        const ok = top === 'node' && (folder === file.folder || allowed.includes(folder!));
        if (!ok) wrong.push(`${file.path} -> ${path}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('keeps pure folders pure', () => {
    const banned: [RegExp, string][] = [
      [/\bDate\b/, 'Date'],
      [/\bMath\.random\b/, 'Math.random'],
      [/\bperformance\b/, 'performance'],
      [/\bprocess\b/, 'process'],
      [/\bset(?:Timeout|Interval|Immediate)\b/, 'timers'],
      [/\b(?:async|await|Promise)\b/, 'promises'],
      [/\bconsole\b/, 'console'],
      [/\bIntl\b|\.toLocale/, 'locale'],
    ];
    const wrong: string[] = [];
    for (const file of sources) {
      if (!PURE.includes(file.folder) || EXEMPT_FROM_PURITY.has(file.path)) continue;
      for (const target of importsOf(file)) {
        const isPackage = !target.startsWith('.');
        if (isPackage && !/^@chainsafe\/(ssz|persistent-merkle-tree|as-sha256)$/.test(target)) {
          wrong.push(`${file.path} imports ${target}`);
        }
      }
      const code = codeOf(file);
      for (const [pattern, name] of banned) if (pattern.test(code)) wrong.push(`${file.path} uses ${name}`);
    }
    expect(wrong).toEqual([]);
  });

  it('has mutable SSZ views in one module only', () => {
    const users = sources.filter((file) => /ViewDU\b/.test(codeOf(file))).map((file) => file.path);
    expect(users).toEqual(['node/protocol/state-store.ts']);
  });

  it('keeps files short', () => {
    const long = files
      .map((file) => ({ path: file.path, lines: file.text.split('\n').length - 1 }))
      .filter(({ path, lines }) => lines > MAX_FILE_LINES && !path.includes('.test.'))
      .map(({ path, lines }) => `${path}: ${lines}`);
    expect(long).toEqual([]);
  });

  it('leaves nothing unfinished', () => {
    const mark = new RegExp(
      `\\b(${['TO', 'DO'].join('')}|${['FIX', 'ME'].join('')}|${['X', 'XX'].join('')})\\b`,
    );
    expect(files.filter((file) => mark.test(file.text)).map((file) => file.path)).toEqual([]);
    const skipped = /\b(?:it|describe|test)\.(?:only|todo)\(/;
    expect(files.filter((file) => skipped.test(file.text)).map((file) => file.path)).toEqual([]);
  });

  it('names files in kebab-case', () => {
    const odd = files
      .map((file) => file.path.split('/').at(-1)!)
      .filter((name) => !/^[a-z0-9-]+(\.[a-z0-9-]+)*\.(ts|tsx|mjs)$/.test(name));
    expect(odd).toEqual([]);
  });
});
