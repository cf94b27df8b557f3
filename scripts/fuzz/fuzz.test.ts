/** Every target over its stored inputs, its seeds and a fixed number of mutations: seconds, and the same every time. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readCorpus } from './corpus.ts';
import { createFuzzer } from './engine.ts';
import type { Finding } from './interface.ts';
import { TARGETS } from './targets.ts';

const CORPUS = join(dirname(fileURLToPath(import.meta.url)), 'corpus');
const SEED = 1n;

describe('fuzz targets', () => {
  it('are at least fifteen, each with stored inputs', () => {
    expect(TARGETS.length).toBeGreaterThanOrEqual(15);
    expect(new Set(TARGETS.map(({ name }) => name)).size).toBe(TARGETS.length);
    const bare = TARGETS.filter(({ name }) => readCorpus(CORPUS, name).length === 0).map(({ name }) => name);
    expect(bare).toEqual([]);
  });

  it('have a table in the guide, and stored inputs of less than 300 kB', () => {
    const guide = readFileSync(join(CORPUS, '../../../docs/guides/fuzzing.md'), 'utf8');
    expect(TARGETS.filter(({ name }) => !guide.includes(`\`${name}\``)).map(({ name }) => name)).toEqual([]);
    const folders = readdirSync(CORPUS);
    expect(folders.filter((name) => !TARGETS.some((target) => target.name === name))).toEqual([]);
    const stored = folders.flatMap((name) => readCorpus(CORPUS, name));
    const bytes = stored.reduce((sum, { path }) => sum + statSync(path).size, 0);
    expect(bytes).toBeLessThan(300_000);
  });

  it.each(TARGETS.map((target) => [target.name, target] as const))(
    '%s keeps its promises',
    async (_, target) => {
      const corpus = readCorpus(CORPUS, target.name);
      const fuzzer = await createFuzzer(target, { seed: SEED, corpus });
      try {
        const findings: Finding[] = [
          ...(await fuzzer.replay()),
          ...(await fuzzer.run(target.briefRuns)),
          ...fuzzer.checkProperty(Number(SEED)),
        ];
        expect(findings.map(({ kind, message, seed }) => ({ kind, message, seed }))).toEqual([]);
        const reached = [...fuzzer.outcomes().keys()];
        const missed = target.mustReach.filter(
          (wanted) => !reached.some((outcome) => outcome === wanted || outcome.startsWith(`${wanted}-`)),
        );
        expect(missed, `reached: ${reached.join(' ')}`).toEqual([]);
        expect(fuzzer.runs()).toBeGreaterThan(target.briefRuns);
      } finally {
        await fuzzer.close();
      }
    },
  );
});
