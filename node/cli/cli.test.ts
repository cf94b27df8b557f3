import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { rememberTestnet } from '../../testnet/state.ts';
import { dataFolder } from '../config/data-folder.ts';
import { NodeConfig, NodeKeys } from '../config/node-config.ts';
import { checkGenesis } from '../consensus/genesis.ts';
import { genesisFromJson } from '../protocol/genesis-file.ts';
import { main } from './main.ts';

let home: string;
const servers: Server[] = [];
const environment = { ...process.env };

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'wattmesh-cli-'));
  process.env.XDG_STATE_HOME = join(home, 'state');
  process.env.XDG_DATA_HOME = join(home, 'data');
  delete process.env.WATTMESH_RPC;
});

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
  process.env = { ...environment };
  process.exitCode = undefined;
  vi.restoreAllMocks();
  rmSync(home, { recursive: true, force: true });
});

/** Runs the command line in this process. */
async function run(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const write = (collect: (text: string) => void) =>
    ((text: string) => {
      collect(String(text));
      return true;
    }) as typeof process.stdout.write;
  const spies = [
    vi.spyOn(process.stdout, 'write').mockImplementation(
      write((text) => {
        out += text;
      }),
    ),
    vi.spyOn(process.stderr, 'write').mockImplementation(
      write((text) => {
        err += text;
      }),
    ),
    vi.spyOn(console, 'log').mockImplementation((text) => {
      out += `${text}\n`;
    }),
  ];
  process.exitCode = undefined;
  await main(argv);
  const code = Number(process.exitCode ?? 0);
  process.exitCode = undefined;
  for (const spy of spies) spy.mockRestore();
  return { code, out, err };
}

interface Seen {
  method: string;
  params: unknown;
  authorization: string | undefined;
}

type RpcAnswer = (method: string, params: unknown) => { result: unknown } | { error: unknown };

/** A node that answers as a test wants. */
async function serve(answer: RpcAnswer): Promise<{ url: string; seen: Seen[] }> {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (part) => {
      body += part;
    });
    request.on('end', () => {
      const { id, method, params } = JSON.parse(body);
      seen.push({ method, params, authorization: request.headers.authorization });
      response.end(JSON.stringify({ jsonrpc: '2.0', id, ...answer(method, params) }));
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

function refusal(reason: string, code: number): RpcAnswer {
  return () => ({ error: { code, message: 'no', data: { reason, hint: 'do it otherwise' } } });
}

describe('the command line', () => {
  it('shows its version, and help with examples', async () => {
    expect((await run('--version')).out).toBe('0.1.0\n');
    const commands = ['', 'init', 'start', 'status', 'peers', 'chain block', 'chain verify', 'chain proof'];
    commands.push('market order', 'market trades', 'community kpis', 'mine start', 'export csv', 'rpc');
    commands.push(
      ...['run', 'up', 'status', 'logs', 'kill', 'start', 'down'].map((verb) => `testnet ${verb}`),
    );
    for (const command of commands) {
      const { code, out } = await run(...command.split(' ').filter(Boolean), '--help');
      expect([command, code]).toEqual([command, 0]);
      expect([command, out.includes('Examples:')]).toEqual([command, true]);
    }
  });

  it.each([
    [[], 'name a command'],
    [['testnt'], 'Did you mean: wattmesh testnet'],
    [['chain', 'blok'], 'Did you mean: wattmesh chain block'],
    [['chain'], 'name one of: info, block, verify, proof'],
    [['chain', 'block'], 'an argument is missing'],
    [['status', '--jsno'], 'unknown argument: jsno'],
    [['market', 'step', 'x'], 'step is not a number'],
    [['market', 'order', 'buy'], 'missing: kwh, price'],
    [['market', 'order', 'buy', '--kwh', '0', '--max', '0.2'], 'is no energy'],
    [['market', 'order', 'take', '--kwh', '1', '--max', '0.2'], 'Choices: "buy", "sell"'],
    [['chain', 'proof'], 'name a trade'],
    [['rpc', 'chain_getInfo', 'height'], '"height" is not key=value'],
    [['rpc', 'chain_getInfo', '{"a":'], 'are not JSON'],
    [['status', '--rpc', 'localhost'], 'not the address of a node'],
    [['testnet', 'up', '--preset', 'demp'], 'choose one of: demo, turin-100'],
    [['testnet', 'up', '--seed', 'abc'], '"abc" is no seed'],
    [['testnet', 'up', '--date', '2024-08-15'], '--date needs --prices'],
    [['testnet', 'run', '--steps', '0'], 'not a number of steps'],
    [['testnet', 'logs', '--level', 'loud'], 'Choices: "trace"'],
    [['init', '--preset', 'nix'], 'there is no preset "nix"'],
    [['init', '--rpc-port', '70000'], '70000 is no port'],
  ])('refuses %j with exit code 2', async (argv, text) => {
    const { code, out, err } = await run(...argv);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(text);
    expect(err).toMatch(/^(\S*)error: .+ \([A-Z_]+\)/);
    expect(err.trimEnd().split('\n')).toHaveLength(2);
    expect(err).not.toMatch(/\bat .*\.ts:/);
  });

  it('needs a node that answers: exit code 3', async () => {
    expect(await run('status')).toMatchObject({ code: 3, out: '' });
    const { code, err } = await run('chain', 'info', '--rpc', 'http://127.0.0.1:9');
    expect(code).toBe(3);
    expect(err).toContain('http://127.0.0.1:9');
    expect(err).toContain('NODE_UNREACHABLE');
    expect(await run('status', '--data-dir', home)).toMatchObject({ code: 3 });
  });

  it.each([
    ['BLOCK_NOT_FOUND', -32001, 4],
    ['RPC_UNAUTHORISED', -32002, 5],
    ['ORDER_OVER_CREDIT', -32003, 5],
    ['RPC_INVALID_PARAMS', -32602, 2],
    ['RPC_METHOD_NOT_FOUND', -32601, 2],
    ['RPC_INTERNAL', -32603, 1],
  ])('tells %s of a node by its exit code', async (reason, rpcCode, exitCode) => {
    const { url } = await serve(refusal(reason, rpcCode));
    const { code, out, err } = await run('chain', 'block', '3', '--rpc', url, '--json');
    expect({ code, out }).toEqual({ code: exitCode, out: '' });
    expect(err).toContain(`no (${reason})\ndo it otherwise`);
  });

  it('gives up after the time it was given: exit code 6', async () => {
    const server = createServer(() => {});
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    expect(await run('rpc', 'x', '--rpc', url, '--timeout', '0.2')).toMatchObject({ code: 6, out: '' });
  });

  it('prints JSON alone on stdout and calls with the parameters that were given', async () => {
    const { url, seen } = await serve((method) => ({ result: { method } }));
    const { code, out, err } = await run(
      'rpc',
      'tx_get',
      'id=00ff',
      'n=3',
      'big=12345678901234567890',
      'deep={"a":[1]}',
      '--rpc',
      url,
    );
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(JSON.parse(out)).toEqual({ method: 'tx_get' });
    expect(seen[0]!.params).toEqual({ id: '00ff', n: 3, big: '12345678901234567890', deep: { a: [1] } });
    await run('rpc', 'chain_getBlock', '[3]', '--rpc', url);
    expect(seen[1]!.params).toEqual([3]);
    process.env.WATTMESH_RPC = url;
    expect(await run('rpc', 'rpc_methods')).toMatchObject({ code: 0 });
  });

  it('finds the node of a data folder and sends its token', async () => {
    const { url, seen } = await serve(() => ({ result: { enabled: false } }));
    const running = { url, p2p: [], pid: 1, startedMs: 0, peerId: 'x' };
    writeFileSync(dataFolder(home).running, JSON.stringify(running));
    writeFileSync(dataFolder(home).token, 'secret\n');
    const { code, out } = await run('mine', 'stop', '--data-dir', home, '--json');
    expect({ code, result: JSON.parse(out) }).toEqual({ code: 0, result: { enabled: false } });
    expect(seen).toEqual([{ method: 'mining_stop', params: undefined, authorization: 'Bearer secret' }]);
  });

  it('ends with 7 when a chain does not verify, and names the block', async () => {
    const failure = {
      height: 4,
      hash: null,
      rule: 'RECORD_DAMAGED',
      message: 'the record does not match its hash',
    };
    const { url } = await serve(() => ({
      result: {
        ok: false,
        from: 0,
        to: 9,
        checked: 5,
        durationMs: 1,
        hash: null,
        stateRoot: null,
        damage: [],
        firstFailure: failure,
      },
    }));
    const { code, out, err } = await run('chain', 'verify', '--rpc', url);
    expect(code).toBe(7);
    expect(out).toContain('DAMAGED');
    expect(err).toContain('block 4 is damaged');
  });
});

describe('testnet verbs without a testnet', () => {
  it('say what there is to do', async () => {
    expect(await run('testnet', 'down')).toMatchObject({
      code: 0,
      out: expect.stringContaining('nothing left running'),
    });
    for (const verb of [['status'], ['logs'], ['kill', 'n01'], ['start', 'n01']]) {
      expect(await run('testnet', ...verb)).toMatchObject({ code: 4, out: '' });
    }
    const gone = await run('testnet', 'status', '--dir', join(home, 'nowhere'));
    expect(gone.code).toBe(4);
    expect(gone.err).toContain('TESTNET_MISSING');
    rememberTestnet(join(home, 'deleted'));
    expect(await run('testnet', 'status')).toMatchObject({ code: 4 });
  });

  it('check real prices before anything is written', async () => {
    const csv = join(home, 'prices.csv');
    const hours = Array.from({ length: 24 }, (_, h) => new Date(Date.UTC(2024, 7, 14, 22 + h)).toISOString());
    const rows = hours.map((utc) => `${utc.slice(0, 16)}Z,100,90`);
    writeFileSync(csv, `utc,pun_eur_mwh,nord_eur_mwh\n${rows.join('\n')}\n`);
    const dir = join(home, 'net');
    const cases: [string[], string, number][] = [
      [['--prices', join(home, 'none.csv'), '--date', '2024-08-15'], 'PRICE_FILE_MISSING', 1],
      [['--prices', csv], 'PRICE_DATE_NEEDED', 2],
      [['--prices', csv, '--date', 'Thursday'], 'DATE_INVALID', 2],
      [['--prices', csv, '--date', '2024-08-16'], 'PRICE_DATE_MISSING', 1],
      // From 09:00 on, 24 steps reach into the next day, which the file does not hold.
      [['--prices', csv, '--date', '2024-08-15'], 'PRICE_DATE_MISSING', 1],
    ];
    for (const [argv, reason, exitCode] of cases) {
      const { code, err } = await run('testnet', 'up', '--dir', dir, ...argv);
      expect([reason, code]).toEqual([reason, exitCode]);
      expect(err).toContain(reason);
    }
    expect(existsSync(dir)).toBe(false);
  });
});

describe('init', () => {
  it('makes the folder of a node that may mine alone, once', async () => {
    const root = join(home, 'node');
    expect(await run('init', '--data-dir', root)).toMatchObject({ code: 0 });
    const folder = dataFolder(root);
    const { genesis } = genesisFromJson(readFileSync(folder.genesis, 'utf8'));
    expect(checkGenesis(genesis, { development: true })).toBeNull();
    expect(checkGenesis(genesis, { development: false })).not.toBeNull();
    const config = NodeConfig.parse(JSON.parse(readFileSync(folder.config, 'utf8')));
    expect(config).toMatchObject({ dev: true, member: 0, oracle: 0, mining: { enabled: true } });
    NodeKeys.parse(JSON.parse(readFileSync(folder.keys, 'utf8')));
    expect(await run('init', '--data-dir', root)).toMatchObject({
      code: 5,
      err: expect.stringContaining('DATA_FOLDER_IN_USE'),
    });
  });
});
