import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pc from 'picocolors';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { killNode, startDownNode, stopTestnet } from './control.ts';
import { writeFakeNode } from './fake-node.ts';
import { nodeFolder, writeDataFolders } from './folders.ts';
import type { StartOptions } from './launcher.ts';
import { createManifest } from './manifest.ts';
import { holdPorts, isPortFree, reservePorts } from './ports.ts';
import { birthOf, isRunning, signalProcess, spawnProcess, stopProcesses, waitForExit } from './processes.ts';
import { readNodeProcess, runningNodes, type Testnet, writeNodeProcess } from './state.ts';
import { statusLines, testnetStatus } from './status.ts';
import { bringUp, openTestnet, type UpOptions } from './up.ts';

let home: string;
let options: StartOptions;
let testnet: Testnet | null;
const before = process.env.XDG_STATE_HOME;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'wattmesh-launcher-'));
  process.env.XDG_STATE_HOME = home;
  testnet = null;
  options = {
    nodeScript: writeFakeNode(home),
    bound: false,
    signal: new AbortController().signal,
    startLimitMs: 60_000,
    readyLimitMs: 60_000,
    onProgress: () => {},
  };
});

afterEach(async () => {
  if (testnet !== null) await stopTestnet(testnet, 0);
  if (before === undefined) delete process.env.XDG_STATE_HOME;
  else process.env.XDG_STATE_HOME = before;
  rmSync(home, { recursive: true, force: true });
});

const UP: UpOptions = {
  preset: 'demo',
  dir: undefined,
  seed: undefined,
  portBase: undefined,
  prices: undefined,
  date: undefined,
  steps: undefined,
  fresh: false,
};

async function open(more: Partial<UpOptions> = {}) {
  const opened = await openTestnet({ ...UP, dir: join(home, 'net'), ...more });
  testnet = opened.testnet;
  return opened;
}

async function occupy(port: number): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return server;
}

describe('the launcher', () => {
  it('brings a testnet up, kills and starts a node with its identity, and leaves nothing after down', async () => {
    const opened = await open();
    const nodes = await bringUp(opened, options);
    expect(nodes.map(({ name }) => name)).toEqual(opened.testnet.manifest.nodes.map(({ name }) => name));
    expect(nodes[0]).toEqual({
      name: 'n01',
      pid: expect.any(Number),
      rpc: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      p2p: expect.stringMatching(/^\/ip4\/127\.0\.0\.1\/tcp\/\d+\/p2p\/peer-n01$/),
      roles: ['miner', 'prosumer'],
      dataDir: nodeFolder(opened.testnet.dir, 'n01'),
    });
    expect(new Set(nodes.map(({ pid }) => pid)).size).toBe(12);

    await killNode(opened.testnet, 'n03');
    expect((await testnetStatus(opened.testnet)).nodes[2]).toMatchObject({ state: 'down', pid: null });
    await expect(killNode(opened.testnet, 'n03')).rejects.toMatchObject({ code: 'NODE_NOT_RUNNING' });
    const url = await startDownNode(opened.testnet, 'n03', options);
    expect(url).toBe(nodes[2]!.rpc);
    await expect(startDownNode(opened.testnet, 'n03', options)).rejects.toMatchObject({
      code: 'NODE_RUNNING',
    });
    await expect(killNode(opened.testnet, 'n99')).rejects.toMatchObject({ code: 'NODE_UNKNOWN' });
    const status = await testnetStatus(opened.testnet);
    expect(status.nodes.every((node) => node.state === 'up')).toBe(true);
    expect(statusLines(status, pc.createColors(false)).join('\n')).toContain('12/12 up');

    const result = await stopTestnet(opened.testnet, 20_000);
    expect(result).toEqual({ stopped: 12, killed: 0, left: [], busyPorts: [] });
    expect(nodes.map(({ pid }) => birthOf(pid))).toEqual(Array(12).fill(null));
  });

  it('takes up a testnet that is down, and refuses another preset or a fresh one in its folder', async () => {
    const first = await bringUp(await open(), options);
    await stopTestnet(testnet!, 20_000);
    const again = await bringUp(await open({ preset: undefined }), options);
    expect(again.map(({ p2p, rpc }) => [p2p, rpc])).toEqual(first.map(({ p2p, rpc }) => [p2p, rpc]));
    await expect(open({ preset: 'turin-100' })).rejects.toMatchObject({ code: 'TESTNET_EXISTS' });
    await expect(open({ fresh: true })).rejects.toMatchObject({ code: 'TESTNET_EXISTS' });
  });

  it('shows the last log lines of a node that crashes while starting, and stops the others', async () => {
    const opened = await open();
    const root = nodeFolder(opened.testnet.dir, 'n05');
    writeFileSync(join(root, 'crash'), 'it hurts');
    const error = await bringUp(opened, options).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: 'NODE_CRASHED', remedy: expect.stringContaining(root) });
    const { message, details } = error as { message: string; details: { logLines: string[] } };
    expect(message).toContain('n05');
    expect(message).toContain('exit code 9');
    expect(details.logLines).toHaveLength(20);
    expect(details.logLines.at(-1)).toContain('it hurts');
    expect(details.logLines.at(-2)).toContain('line 30');
    expect(runningNodes(opened.testnet.dir, opened.testnet.manifest).size).toBe(0);
  });

  it('needs SIGKILL for a node that ignores SIGTERM', async () => {
    const opened = await open();
    await bringUp(opened, options);
    writeFileSync(join(nodeFolder(opened.testnet.dir, 'n02'), 'stubborn'), '');
    const result = await stopTestnet(opened.testnet, 1000);
    expect(result).toMatchObject({ stopped: 11, killed: 1, left: [] });
  });

  it('says which port is busy, for a new testnet and for one that is there', async () => {
    const range = await reservePorts(24);
    await range.releaseAll();
    const taken = await occupy(range.base + 7);
    try {
      const error = expect.objectContaining({
        code: 'PORT_BUSY',
        message: expect.stringContaining(String(range.base + 7)),
      });
      await expect(open({ portBase: range.base })).rejects.toThrowError(error);
      const dir = join(home, 'other');
      await writeDataFolders(
        dir,
        createManifest({ preset: 'demo', seed: '1', timeMs: 0, portBase: range.base }),
      );
      await expect(openTestnet({ ...UP, dir })).rejects.toThrowError(error);
      expect(await isPortFree(range.base)).toBe(true);
    } finally {
      taken.close();
    }
  });

  it('does nothing when told to stop a testnet that does not run', async () => {
    const { testnet: idle, ports } = await open();
    await ports.releaseAll();
    expect(await stopTestnet(idle, 1000)).toEqual({ stopped: 0, killed: 0, left: [], busyPorts: [] });
  });
});

describe('ports', () => {
  it('are held until they are released', async () => {
    const range = await reservePorts(3);
    const ports = [0, 1, 2].map((i) => range.base + i);
    expect(await Promise.all(ports.map(isPortFree))).toEqual([false, false, false]);
    await expect(holdPorts(ports)).rejects.toMatchObject({ code: 'PORT_BUSY' });
    await range.release([ports[1]!]);
    expect(await Promise.all(ports.map(isPortFree))).toEqual([false, true, false]);
    await range.releaseAll();
    expect(await Promise.all(ports.map(isPortFree))).toEqual([true, true, true]);
  });

  it('lie between 1 and 65535', async () => {
    for (const base of [0, 65_533, 1.5]) {
      await expect(reservePorts(4, base)).rejects.toMatchObject({ code: 'PORT_RANGE' });
    }
  });
});

describe('processes', () => {
  it('are never taken for another one with the same pid', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
    try {
      const pid = child.pid!;
      const record = { pid, birth: birthOf(pid)! };
      expect(isRunning(record)).toBe(true);
      const recycled = { pid, birth: `${record.birth}0` };
      expect(isRunning(recycled)).toBe(false);
      expect(signalProcess(recycled, 'SIGKILL')).toBe(false);
      expect(await stopProcesses([recycled], 0)).toEqual({ stopped: 0, killed: 0, left: [] });
      expect(isRunning(record)).toBe(true);
      expect(signalProcess(record, 'SIGKILL')).toBe(true);
      expect(await waitForExit([record], 20_000)).toEqual([]);
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('of a testnet whose pid was recycled count as down and are not killed', async () => {
    const { testnet: idle, ports } = await open();
    await ports.releaseAll();
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
    try {
      const record = { pid: child.pid!, birth: 'another life', startedMs: 0 };
      writeNodeProcess(idle.dir, 'n01', record);
      expect(readNodeProcess(idle.dir, 'n01')).toEqual(record);
      await expect(killNode(idle, 'n01')).rejects.toMatchObject({ code: 'NODE_NOT_RUNNING' });
      expect(await stopTestnet(idle, 0)).toMatchObject({ stopped: 0, killed: 0 });
      expect(birthOf(child.pid!)).not.toBeNull();
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('that are bound see the end of their stdin when we let go of it', async () => {
    const script = join(home, 'bound.mjs');
    writeFileSync(
      script,
      `process.stdin.on('end', () => process.exit(0)).resume(); setInterval(() => {}, 1000);`,
    );
    const output = join(home, 'output.log');
    const { record, child } = await spawnProcess({ script, args: [], outputPath: output, bound: true });
    expect(isRunning(record)).toBe(true);
    child.stdin!.destroy();
    expect(await waitForExit([record], 20_000)).toEqual([]);
    expect(readFileSync(output, 'utf8')).toBe('');
  });
});
