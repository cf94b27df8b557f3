import { execFile } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SimulationSummary } from '../node/cli/simulate-actions.ts';
import { BLOCKCHAIN_COLUMNS, PROSUMER_COLUMNS } from './csv.ts';

const COMMAND = fileURLToPath(new URL('../scripts/wattmesh.mjs', import.meta.url));
const LIMIT_MS = 300_000;
const FILES = ['blockchain_stats.csv', 'prosumer_stats.csv', 'summary.json'];

let home: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'wattmesh-simulate-'));
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

interface Outcome {
  code: number;
  out: string;
  err: string;
}

function wattmesh(...argv: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const env = { ...process.env, NO_COLOR: '1' };
    execFile(process.execPath, [COMMAND, ...argv], { env, maxBuffer: 64 * 1024 * 1024 }, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    );
  });
}

const demo = (dir: string, ...more: string[]): Promise<Outcome> =>
  wattmesh('simulate', 'run', '--preset', 'demo', '--steps', '1', '--seed', '7', '--out', dir, ...more);

describe('wattmesh simulate run', () => {
  it(
    'writes the same books twice, and says as JSON what stands in them',
    async () => {
      const [a, b] = [join(home, 'a'), join(home, 'deep', 'b')];
      const first = await demo(a);
      expect({ code: first.code, err: first.code === 0 ? '' : first.err }).toEqual({ code: 0, err: '' });
      const second = await demo(b, '--json');
      expect(second.code).toBe(0);
      expect(readdirSync(a).sort()).toEqual(FILES);
      for (const name of FILES) {
        expect(readFileSync(join(b, name), 'utf8'), name).toBe(readFileSync(join(a, name), 'utf8'));
      }
      const summary = JSON.parse(second.out) as SimulationSummary;
      expect(summary).toEqual(JSON.parse(readFileSync(join(a, 'summary.json'), 'utf8')));
      expect(summary).toMatchObject({ ok: true, preset: 'demo', seed: '7', steps: 1 });
      expect(first.out).toContain(`Trace ${summary.simulation.traceHash}`);
      expect(first.out).toContain('residual 0 Wh, 0 nanoEUR');
      const header = (name: string) => readFileSync(join(a, name), 'utf8').split('\n')[0];
      expect(header('prosumer_stats.csv')).toBe(PROSUMER_COLUMNS.join(','));
      expect(header('blockchain_stats.csv')).toBe(BLOCKCHAIN_COLUMNS.join(','));
    },
    LIMIT_MS,
  );

  it.each([
    ['no folder', ['--preset', 'demo'], 'missing: out'],
    ['a seed of letters', ['--out', 'x', '--seed', 'abc'], '"abc" is no seed'],
    ['no step', ['--out', 'x', '--steps', '0'], '--steps 0'],
    ['half a step', ['--out', 'x', '--steps', '1.5'], '--steps 1.5'],
    ['an unknown preset', ['--out', 'x', '--preset', 'nowhere'], 'PRESET_UNKNOWN'],
  ])('exits with 2 for %s', async (_, argv, message) => {
    const out = join(home, 'never');
    const { code, err } = await wattmesh(
      'simulate',
      'run',
      ...argv.map((word) => (word === 'x' ? out : word)),
    );
    expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining(message) });
    expect(existsSync(out)).toBe(false);
  });

  it(
    'names what cannot be written',
    async () => {
      const file = join(home, 'file');
      writeFileSync(file, '');
      const refused = await demo(join(file, 'below'));
      expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('OUT_FOLDER') });
      const taken = join(home, 'taken');
      mkdirSync(join(taken, 'summary.json'), { recursive: true });
      expect(await demo(taken)).toMatchObject({ code: 1, err: expect.stringContaining('OUT_FOLDER') });
    },
    LIMIT_MS,
  );
});
