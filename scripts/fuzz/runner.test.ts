/** The runner as a program: what ends its thread is a finding like any other, and the next target goes on. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCorpus } from './corpus.ts';
import { textOf } from './interface.ts';

const SCRIPT = join(dirname(dirname(fileURLToPath(import.meta.url))), 'fuzz.mjs');
let corpus: string;
beforeAll(() => {
  corpus = mkdtempSync(join(tmpdir(), 'wattmesh-fuzz-'));
});
afterAll(() => rmSync(corpus, { recursive: true, force: true }));

function fuzz(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [SCRIPT, '--corpus', corpus, ...args], (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });
}

describe('the runner', () => {
  it.each([
    ['hang', 'hang', ['--hang-seconds', '15']],
    ['memory', 'memory', ['--heap-mb', '32']],
    ['crash', 'crash', []],
    ['throw', 'broken', []],
  ])('finds a fault that can %s, stores it and says how to repeat it', async (fault, kind, more) => {
    const target = `planted-${fault}`;
    const { code, out, err } = await fuzz(
      '--target',
      target,
      '--minutes',
      '0.2',
      '--seed',
      '1',
      '--json',
      ...more,
    );
    const { findings } = JSON.parse(out) as { findings: { target: string; kind: string; command: string }[] };
    expect(findings, err).toContainEqual(
      expect.objectContaining({
        target,
        kind,
        command: expect.stringContaining(`--target ${target} --input `),
      }),
    );
    expect(code).toBe(7);
    const stored = readCorpus(corpus, target);
    expect(stored.map(({ bytes }) => textOf(bytes))).toContainEqual(expect.stringContaining('!?'));
  });

  it('repeats a stored input and a property by the commands it printed', async () => {
    const path = readCorpus(corpus, 'planted-throw')[0]!.path;
    const byInput = await fuzz('--target', 'planted-throw', '--input', path);
    expect(byInput).toMatchObject({ code: 7, out: expect.stringContaining('TypeError') });
    const byProperty = await fuzz('--target', 'planted-throw', '--property', '7');
    expect(byProperty).toMatchObject({ code: 7, out: expect.stringContaining('[1000]') });
  });

  it('ends without findings where nothing is wrong', async () => {
    const { code, out, err } = await fuzz(
      '--target',
      'storage-key',
      '--minutes',
      '0.02',
      '--seed',
      '3',
      '--json',
    );
    const { runs, findings } = JSON.parse(out) as { runs: number; findings: unknown[] };
    expect({ code, findings }, err).toEqual({ code: 0, findings: [] });
    expect(runs).toBeGreaterThan(9);
  });
});
