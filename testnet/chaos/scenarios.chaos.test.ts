/** Every scenario in full, each on a testnet of its own: `npm run test:chaos`, about half an hour. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { birthOf } from '../processes.ts';
import { SCENARIOS } from '../scenarios/scenarios.ts';
import { build, launchWattmesh, until, wattmesh } from '../test-daemon.ts';
import type { ChaosReport } from './report.ts';

const LIMIT_MS = 1_800_000;
/** More than the default where the bar asks for it. */
const OPTIONS: Record<string, readonly string[]> = { 'kill-minority': ['--kills', '100'] };

let home: string;
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'wattmesh-chaos-'));
  process.env.XDG_STATE_HOME = join(home, 'state');
  await build();
}, LIMIT_MS);
afterAll(() => rmSync(home, { recursive: true, force: true }));

describe('chaos', () => {
  it.each(SCENARIOS.map(({ name }) => name))(
    '%s keeps every promise',
    async (name) => {
      const dir = join(home, name);
      const options = ['--dir', dir, '--seed', '42', '--json', ...(OPTIONS[name] ?? [])];
      const { code, out, err } = await wattmesh('testnet', 'chaos', name, ...options);
      expect({ code, err: code === 0 ? '' : err }).toEqual({ code: 0, err: '' });
      const report = JSON.parse(out) as ChaosReport;
      expect(report).toMatchObject({ scenario: name, ok: true, violations: [] });
      expect(Object.keys(report.figures.faults).length).toBeGreaterThan(0);
      process.stdout.write(`${JSON.stringify({ ...report, logLines: [] })}\n`);
    },
    LIMIT_MS,
  );

  it(
    'leaves no process behind when its launcher is killed, paused nodes included',
    async () => {
      const dir = join(home, 'launcher');
      const { child, exit } = launchWattmesh('testnet', 'chaos', 'pause-miner', '--dir', dir);
      let seen = '';
      child.stdout!.on('data', (part) => {
        seen += part;
      });
      await until('a miner is paused', () => seen.includes('  pause '));
      const pids = readdirSync(join(dir, 'nodes')).flatMap((name) => {
        const path = join(dir, 'nodes', name, 'process.json');
        return existsSync(path) ? [(JSON.parse(readFileSync(path, 'utf8')) as { pid: number }).pid] : [];
      });
      expect(pids.filter((pid) => birthOf(pid) !== null)).toHaveLength(12);
      child.kill('SIGKILL');
      await exit;
      await until('all nodes are gone', () => pids.every((pid) => birthOf(pid) === null));
    },
    LIMIT_MS,
  );
});
