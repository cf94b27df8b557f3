/** The table of planted bugs does not rot, and the checkers find some of them here and now. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { transform } from 'esbuild';
import { describe, expect, it } from 'vitest';
import type { MutantResult } from './interface.ts';
import { exitCode } from './main.ts';
import { MUTANTS } from './mutants.ts';
import { mutate, occurrences } from './plant.ts';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

interface Run {
  code: number;
  mutants: MutantResult[];
  baseline: { seeds: number; violations: unknown[] };
}

async function run(...args: string[]): Promise<Run> {
  const command = [join(ROOT, 'scripts/mutants.mjs'), '--json', ...args];
  const { code, stdout } = await promisify(execFile)(process.execPath, command).then(
    (done) => ({ ...done, code: 0 }),
    (failed: { code: number; stdout: string }) => failed,
  );
  return { code, ...JSON.parse(stdout) };
}

describe('planted bugs', () => {
  it('are enough, of every class, each with a name of its own', () => {
    expect(MUTANTS.length).toBeGreaterThanOrEqual(30);
    expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length);
    for (const kind of ['consensus', 'market', 'storage', 'sync']) {
      expect(MUTANTS.filter((mutant) => mutant.class === kind).length, kind).toBeGreaterThanOrEqual(5);
    }
  });

  it('replace text that occurs exactly once in their file', () => {
    const wrong = MUTANTS.filter((mutant) => occurrences(ROOT, mutant) !== 1);
    expect(wrong.map(({ name, file }) => `${name}: ${file}`)).toEqual([]);
  });

  it('give other code than the original, without errors of syntax', async () => {
    for (const mutant of MUTANTS) {
      const options = { loader: 'ts', minify: true } as const;
      const original = await transform(readFileSync(join(ROOT, mutant.file), 'utf8'), options);
      const planted = await transform(mutate(ROOT, mutant), options);
      expect(planted.code, mutant.name).not.toBe(original.code);
    }
  });

  it('refuse a text that is not there, or there twice', () => {
    const [first] = MUTANTS;
    expect(() => mutate(ROOT, { ...first!, find: 'no such text anywhere' })).toThrow('occurs 0 times');
    expect(() => mutate(ROOT, { ...first!, find: 'return' })).toThrow(/occurs \d+ times/);
  });

  it('fail the run when one survives, or when the unchanged code shows a violation', () => {
    const caught = { caughtBySeed: 3 };
    const wrong = { seed: 1, cpuSeconds: 0, violations: [], traceHash: '' };
    expect(exitCode([caught], [])).toBe(0);
    expect(exitCode([caught, { caughtBySeed: null }], [])).toBe(1);
    expect(exitCode([caught], [wrong])).toBe(1);
  });

  it('are caught, one of each class; the unchanged code is not', async () => {
    const names = FAST.flatMap(({ name }) => ['--only', name]);
    const { code, mutants, baseline } = await run(...names, '--seeds', '3');
    expect(mutants.map(({ name, checker }) => ({ name, checker }))).toEqual(FAST);
    expect(baseline.violations).toEqual([]);
    expect(baseline.seeds).toBe(Math.max(...mutants.map(({ seeds }) => seeds)));
    expect(code).toBe(0);
  });
});

/** In the order of the table. */
const FAST = [
  { name: 'target-remembers-one-more', checker: 'header' },
  { name: 'counter-off-by-one', checker: 'state-root' },
  { name: 'published-before-persisted', checker: 'durability' },
  { name: 'wrong-bodies-asked', checker: 'honest-penalty' },
];
