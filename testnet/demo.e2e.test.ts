import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadWholesalePrices } from '../node/feeds/prices.ts';
import { birthOf } from './processes.ts';
import type { TestnetStatus } from './status.ts';
import type { Summary } from './summary.ts';
import type { UpNode } from './up.ts';

const COMMAND = fileURLToPath(new URL('../scripts/wattmesh.mjs', import.meta.url));
/** Real wholesale prices, where they were put beside the checkout. */
const PRICES = fileURLToPath(new URL('../../shared/data/pun-hourly-2021-2025.csv.gz', import.meta.url));
const LIMIT_MS = 600_000;

let home: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'wattmesh-demo-'));
});
afterAll(async () => {
  for (const name of ['run', 'up', 'killed']) {
    if (existsSync(join(home, name, 'manifest.json')))
      await wattmesh('testnet', 'down', '--dir', join(home, name));
  }
  rmSync(home, { recursive: true, force: true });
});

interface Outcome {
  code: number | null;
  out: string;
  err: string;
}

function launch(argv: readonly string[]): { child: ChildProcess; outcome: Promise<Outcome> } {
  const env = {
    ...process.env,
    XDG_STATE_HOME: join(home, 'state'),
    XDG_DATA_HOME: join(home, 'data'),
    NO_COLOR: '1',
  };
  const child = spawn(process.execPath, [COMMAND, ...argv], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const outcome = new Promise<Outcome>((resolve, reject) => {
    let [out, err] = ['', ''];
    child.stdout!.on('data', (part) => {
      out += part;
    });
    child.stderr!.on('data', (part) => {
      err += part;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, out, err }));
  });
  return { child, outcome };
}

function wattmesh(...argv: string[]): Promise<Outcome> {
  return launch(argv).outcome;
}

/** The answer of a command that must work, as JSON. */
async function ask<T>(...argv: string[]): Promise<T> {
  const { code, out, err } = await wattmesh(...argv, '--json');
  expect({ argv, code, err: code === 0 ? '' : err }).toEqual({ argv, code: 0, err: '' });
  return JSON.parse(out) as T;
}

async function until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  const endMs = performance.now() + 120_000;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(`never: ${what}`);
    await delay(200);
  }
}

const pidsOf = (dir: string): number[] =>
  Array.from({ length: 12 }, (_, i) => `n${String(i + 1).padStart(2, '0')}`).flatMap((name) => {
    const path = join(dir, 'nodes', name, 'process.json');
    return existsSync(path) ? [(JSON.parse(readFileSync(path, 'utf8')) as { pid: number }).pid] : [];
  });

const statusOf = (dir: string): Promise<TestnetStatus> => ask('testnet', 'status', '--dir', dir);

/** Every node answers, within one block of the highest. */
async function isTogether(dir: string): Promise<boolean> {
  const { nodes } = await statusOf(dir);
  const heights = nodes.map((node) => node.view?.height ?? 0);
  return nodes.every((node) => node.state === 'up') && Math.max(...heights) - Math.min(...heights) <= 1;
}

describe('the demo, with real processes', () => {
  it(
    'trades three steps, verifies on every node, writes its books and leaves nothing behind',
    async () => {
      const dir = join(home, 'run');
      const real = existsSync(PRICES);
      const prices = real ? ['--prices', PRICES, '--date', '2024-08-15'] : [];
      const { code, out, err } = await wattmesh(
        'testnet',
        'run',
        '--steps',
        '3',
        '--dir',
        dir,
        '--json',
        ...prices,
      );
      expect({ code, err: code === 0 ? '' : err }).toEqual({ code: 0, err: '' });
      const summary = JSON.parse(out) as Summary;
      expect(summary).toEqual(JSON.parse(readFileSync(join(dir, 'summary.json'), 'utf8')));
      expect(summary.checks.every((check) => check.ok)).toBe(true);
      expect(summary.nodes).toHaveLength(12);
      expect(summary.nodes.every((node) => node.verified)).toBe(true);
      expect(new Set(summary.nodes.map((node) => `${node.height} ${node.hash} ${node.stateRoot}`)).size).toBe(
        1,
      );
      expect(new Set(summary.nodes.map((node) => node.peerId)).size).toBe(12);
      expect(summary.tiers.AUCTION.trades + summary.tiers.P2P.trades).toBeGreaterThan(0);
      expect(Object.keys(summary.blocksPerMiner).length).toBeGreaterThanOrEqual(7);
      expect(summary.priceByStep.map(({ step }) => step)).toEqual([0, 1, 2]);
      if (real) {
        // 09:00 of that day in Turin, summer time.
        const series = loadWholesalePrices(PRICES);
        const expected = [7, 8, 9].map((hour) => series.at(Date.UTC(2024, 7, 15, hour)));
        expect(summary.priceByStep.map((step) => step.wholesaleMicroEurPerKwh)).toEqual(expected);
      }
      const lines = (name: string) => readFileSync(join(dir, name), 'utf8').trimEnd().split('\n').length;
      expect([lines('prosumer_stats.csv'), lines('blockchain_stats.csv')]).toEqual([1 + 36, 1 + 3]);
      expect(err).toContain('Expected wall time');
      expect(err).toContain('nothing left running');
      const pids = pidsOf(dir);
      expect(pids).toHaveLength(12);
      expect(pids.map(birthOf)).toEqual(pids.map(() => null));
    },
    LIMIT_MS,
  );

  it(
    'survives SIGKILL of two nodes and answers every command meanwhile',
    async () => {
      const dir = join(home, 'up');
      const { nodes } = await ask<{ nodes: UpNode[] }>('testnet', 'up', '--preset', 'demo', '--dir', dir);
      expect(nodes).toHaveLength(12);
      for (const node of nodes) {
        expect(Object.keys(node)).toEqual(['name', 'pid', 'rpc', 'p2p', 'roles', 'dataDir']);
        expect(node.rpc).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
        expect((await ask<unknown[]>('peers', '--rpc', node.rpc)).length).toBeGreaterThanOrEqual(3);
        expect((await ask<{ height: number }>('chain', 'info', '--rpc', node.rpc)).height).toBeGreaterThan(0);
      }
      expect(nodes.filter((node) => node.roles.includes('miner'))).toHaveLength(10);

      for (const name of ['n02', 'n07']) {
        expect((await wattmesh('testnet', 'kill', name, '--dir', dir)).code).toBe(0);
      }
      const down = await statusOf(dir);
      const dead = down.nodes.filter((node) => node.state === 'down');
      expect(dead.map(({ name }) => name)).toEqual(['n02', 'n07']);
      const before = await ask<{ height: number; finalHash: string; finalHeight: number }>(
        'chain',
        'info',
        '--dir',
        dir,
      );
      await until('the others go on', async () => {
        return (await ask<{ height: number }>('chain', 'info', '--dir', dir)).height > before.height;
      });
      for (const name of ['n02', 'n07']) {
        expect((await wattmesh('testnet', 'start', name, '--dir', dir)).code).toBe(0);
      }
      await until('all nodes are within one block', () => isTogether(dir));
      const again = await ask<{ peerId: string }>('rpc', 'node_info', '--node', 'n02', '--dir', dir);
      expect(nodes[1]!.p2p.endsWith(again.peerId)).toBe(true);
      const kept = await ask<{ hash: string }>(
        'chain',
        'block',
        String(before.finalHeight),
        '--node',
        'n02',
        '--dir',
        dir,
      );
      expect(kept.hash).toBe(before.finalHash);
      expect((await ask<{ ok: boolean }>('chain', 'verify', '--node', 'n07', '--dir', dir)).ok).toBe(true);

      await until('a trade', async () => {
        return (await ask<{ items: unknown[] }>('market', 'trades', '--dir', dir)).items.length > 0;
      });
      const { items } = await ask<{ items: { id: string }[] }>(
        'market',
        'trades',
        '--limit',
        '1',
        '--dir',
        dir,
      );
      expect((await ask<{ verified: boolean }>('chain', 'proof', items[0]!.id, '--dir', dir)).verified).toBe(
        true,
      );
      for (const command of ['status', 'market step', 'market book', 'community kpis', 'mine info']) {
        await ask(...command.split(' '), '--node', 'n02', '--dir', dir);
      }
      expect((await wattmesh('testnet', 'logs', 'n02', '--dir', dir)).out).toContain(' n02 ');
      expect((await wattmesh('chain', 'block', '99999999', '--dir', dir)).code).toBe(4);

      const pids = pidsOf(dir);
      const end = await wattmesh('testnet', 'down', '--dir', dir);
      expect(end).toMatchObject({ code: 0, out: expect.stringContaining('nothing left running') });
      expect(pids.map(birthOf)).toEqual(pids.map(() => null));
      expect((await wattmesh('status', '--dir', dir)).code).toBe(3);
    },
    LIMIT_MS,
  );

  it(
    'takes its nodes along when the process that runs it is killed, and gives a dead one back on request',
    async () => {
      const dir = join(home, 'killed');
      const { child, outcome } = launch(['testnet', 'run', '--dir', dir]);
      const ready = new Promise<void>((resolve) => {
        child.stderr!.on('data', (part) => {
          if (String(part).includes('nodes ready')) resolve();
        });
      });
      await Promise.race([ready, outcome]);
      expect((await wattmesh('testnet', 'kill', 'n05', '--dir', dir)).code).toBe(0);
      expect((await wattmesh('testnet', 'start', 'n05', '--dir', dir)).code).toBe(0);
      const pids = pidsOf(dir);
      expect(pids.filter((pid) => birthOf(pid) !== null)).toHaveLength(12);
      child.kill('SIGKILL');
      await outcome;
      await until('all nodes are gone', () => pids.every((pid) => birthOf(pid) === null));
    },
    LIMIT_MS,
  );
});
