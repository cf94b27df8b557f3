/** Two chaos scenarios, shortened, on one testnet of real processes. The others: `npm run test:chaos`. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ChaosReport } from './chaos/report.ts';
import { build, wattmesh } from './test-daemon.ts';

const LIMIT_MS = 300_000;

let home: string;
let dir: string;
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'wattmesh-chaos-'));
  process.env.XDG_STATE_HOME = join(home, 'state');
  dir = join(home, 'net');
  await build();
  const { code, err } = await wattmesh('testnet', 'up', '--dir', dir);
  expect({ code, err }).toMatchObject({ code: 0 });
}, LIMIT_MS);
afterAll(async () => {
  if (existsSync(join(dir, 'manifest.json'))) await wattmesh('testnet', 'down', '--dir', dir);
  rmSync(home, { recursive: true, force: true });
}, LIMIT_MS);

async function chaos(...argv: string[]): Promise<ChaosReport> {
  const { code, out, err } = await wattmesh('testnet', 'chaos', ...argv, '--dir', dir, '--quick', '--json');
  expect({ code, err: code === 0 ? '' : err }).toEqual({ code: 0, err: '' });
  return JSON.parse(out) as ChaosReport;
}

describe('chaos with real processes', () => {
  it(
    'loses nothing confirmed when a minority is killed',
    async () => {
      const { figures, violations } = await chaos('kill-minority', '--kills', '3', '--seed', '1');
      expect(violations).toEqual([]);
      expect(figures).toMatchObject({
        faults: { kill: 3 },
        killsSurvived: 3,
        finalLost: 0,
        confirmedLost: 0,
      });
      expect(figures.confirmed).toBeGreaterThan(0);
    },
    LIMIT_MS,
  );

  it(
    'heals a split in halves, and every owner hears what became of its transactions',
    async () => {
      const { figures, violations } = await chaos('split-5-5', '--seed', '2');
      expect(violations).toEqual([]);
      expect(figures).toMatchObject({ faults: { partition: 1 }, finalLost: 0, unaccounted: 0 });
      expect(figures.oneTipMs).not.toBeNull();
      // Both sides went on: the blocks of one of them are stale now.
      expect(figures.staleRate).toBeGreaterThan(0);
    },
    LIMIT_MS,
  );
});
