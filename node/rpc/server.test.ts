import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import { WattmeshError } from '../util/errors.ts';
import { notFound, rejected } from './errors.ts';
import { createRpcServer } from './server.ts';
import { callBody, exampleHandlers, http, plainOptions, raw, rpc, startTestServer } from './test-server.ts';

const info = callBody('chain_getInfo');

describe('calls', () => {
  it('answers a call over HTTP', async () => {
    const { url } = await startTestServer();
    const answer = await http(url, { body: JSON.stringify(info) });
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toMatch(/^application\/json/);
    expect(JSON.parse(answer.text)).toMatchObject({ jsonrpc: '2.0', id: 1, result: { height: 42 } });
  });

  it('hands the same parameters to the handler, named or positional', async () => {
    const seen = vi.fn((_params: unknown) =>
      exampleHandlers().chain_getBlock({} as never, { access: 'read' }),
    );
    const { url } = await startTestServer({ handlers: exampleHandlers({ chain_getBlock: seen }) });
    const hash = 'ab'.repeat(32);
    for (const params of [
      { hash: `0x${hash}`, transactions: 'full' },
      [null, hash, 'full'],
      [hash, 'full'],
    ]) {
      await rpc(url, callBody('chain_getBlock', params));
    }
    for (const params of [{ height: 7 }, [7], [7, null, 'ids']])
      await rpc(url, callBody('chain_getBlock', params));
    const calls = seen.mock.calls.map(([params]) => params);
    expect(calls.slice(0, 3)).toEqual(Array.from({ length: 3 }, () => ({ hash, transactions: 'full' })));
    expect(calls.slice(3)).toEqual(Array.from({ length: 3 }, () => ({ height: 7, transactions: 'ids' })));
  });

  it('names what is wrong with parameters', async () => {
    const { url } = await startTestServer();
    const { error } = await rpc(url, callBody('chain_getBlock', { height: -1 }));
    expect(error).toMatchObject({ code: -32602, data: { reason: 'RPC_INVALID_PARAMS' } });
    expect(error.data.issues[0].path).toBe('height');
    const tooMany = await rpc(url, callBody('chain_getInfo', [1]));
    expect(tooMany.error.code).toBe(-32602);
  });

  it('maps errors of handlers to codes and keeps foreign ones to itself', async () => {
    const failing = (error: unknown) => () => {
      throw error;
    };
    const { url, logs } = await startTestServer({
      handlers: exampleHandlers({
        tx_get: failing(notFound('TX', 'no such transaction', 'check the id')),
        chain_getBlocks: failing(rejected({ code: 'ORDER_CREDIT', message: 'too dear' })),
        prosumer_get: failing(rejected({ code: 'TX_DUPLICATE', message: 'taken' })),
        chain_verify: failing(
          new WattmeshError({
            code: 'STORE_DAMAGED',
            message: 'damaged',
            remedy: 'repair',
            details: { total: 2n ** 60n, key: new Uint8Array([1]) },
          }),
        ),
        node_info: failing(new Error('a secret path')),
        net_peers: () => Promise.reject(new TypeError('a secret path')),
      }),
    });
    const errorOf = async (method: string, params?: unknown) =>
      (await rpc(url, callBody(method, params))).error;
    expect(await errorOf('tx_get', { id: '00'.repeat(32) })).toEqual({
      code: -32001,
      message: 'no such transaction',
      data: { reason: 'TX_NOT_FOUND', hint: 'check the id' },
    });
    expect((await errorOf('chain_getBlocks')).code).toBe(-32003);
    expect((await errorOf('prosumer_get', { id: 'p-0001' })).code).toBe(-32009);
    expect(await errorOf('chain_verify')).toMatchObject({
      code: -32000,
      data: { reason: 'STORE_DAMAGED', total: (2n ** 60n).toString(), key: '01' },
    });
    for (const method of ['node_info', 'net_peers']) {
      const error = await errorOf(method);
      expect(error.code).toBe(-32603);
      expect(JSON.stringify(error)).not.toMatch(/secret|at .*\.ts/);
    }
    expect(logs.filter((line) => line.level === 'error')).toHaveLength(2);
  });

  it('refuses results that break the schema or have no form in JSON', async () => {
    const handlers = exampleHandlers({ node_shutdown: () => ({ accepted: 1n }) as never });
    for (const checkResults of [true, false]) {
      const { url, token } = await startTestServer({ handlers, checkResults });
      const headers = { authorization: `Bearer ${token}` };
      const { error } = await rpc(url, callBody('node_shutdown'), headers);
      expect(error.code).toBe(-32603);
    }
  });

  it('stops a batch whose answers grow too large', async () => {
    const { url } = await startTestServer({ limits: { maxResponseBytes: 3000 } });
    const answers = await rpc(
      url,
      Array.from({ length: 10 }, (_, i) => callBody('chain_getInfo', {}, i)),
    );
    expect(answers).toHaveLength(10);
    expect(answers[0].result.height).toBe(42);
    expect(answers[9].error).toMatchObject({ code: -32005, data: { reason: 'RPC_RESPONSE_TOO_LARGE' } });
  });

  it('answers with an error where one answer is too large', async () => {
    const { url } = await startTestServer({ limits: { maxResponseBytes: 200 } });
    expect((await rpc(url, info)).error.data.reason).toBe('RPC_RESPONSE_TOO_LARGE');
  });

  it('lists its methods', async () => {
    const { url } = await startTestServer();
    const { result } = await rpc(url, callBody('rpc_methods'));
    expect(result.methods).toEqual(expect.arrayContaining(['chain_getInfo', 'rpc.discover']));
  });
});

describe('limits', () => {
  it('takes a body of 1 MiB and not one byte more', async () => {
    const { url } = await startTestServer();
    const body = JSON.stringify(info);
    const ok = body.padEnd(1024 * 1024, ' ');
    expect((await http(url, { body: ok })).status).toBe(200);
    const answer = await http(url, { body: `${ok} ` });
    expect(answer.status).toBe(413);
    expect(JSON.parse(answer.text).error).toMatchObject({
      code: -32005,
      data: { reason: 'RPC_BODY_TOO_LARGE' },
    });
  });

  it('ends a request whose headers do not come', async () => {
    const { port } = await startTestServer({ limits: { headersTimeoutMs: 200, requestTimeoutMs: 400 } });
    expect(await raw(port, 'POST / HTTP/1.1\r\nHost: localhost\r\n')).toMatch(/^HTTP\/1.1 408 /);
  });

  it('ends a request whose body does not come', async () => {
    const { port } = await startTestServer({ limits: { headersTimeoutMs: 200, requestTimeoutMs: 400 } });
    const head =
      'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\n{';
    expect(await raw(port, head)).toMatch(/^HTTP\/1.1 408 /);
  });

  it('takes as many connections as allowed and drops the next', async () => {
    const { url, port } = await startTestServer({ limits: { maxConnections: 2 } });
    const first = await open(port);
    const body = JSON.stringify(info);
    expect((await http(url, { body })).status).toBe(200);
    const second = await open(port);
    await expect(http(url, { body })).rejects.toThrow(/ECONNRESET|socket hang up/);
    first.destroy();
    second.destroy();
    await vi.waitFor(async () => expect((await http(url, { body })).status).toBe(200), { timeout: 10_000 });
  });

  it('works on as many requests as allowed and refuses the next', async () => {
    let release: (() => void) | undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const handlers = exampleHandlers();
    const started = vi.fn();
    const { url } = await startTestServer({
      limits: { maxInFlight: 2 },
      handlers: exampleHandlers({
        async node_health(params, context) {
          started();
          await gate;
          return handlers.node_health(params, context);
        },
      }),
    });
    const slow = [callBody('node_health'), callBody('node_health')].map((call) => rpc(url, call));
    await vi.waitFor(() => expect(started).toHaveBeenCalledTimes(2), { timeout: 10_000 });
    expect((await rpc(url, info)).error).toMatchObject({ code: -32005, data: { reason: 'RPC_BUSY' } });
    release!();
    for (const answer of await Promise.all(slow)) expect(answer.result.live).toBe(true);
    expect((await rpc(url, info)).result.height).toBe(42);
  });
});

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket));
    socket.on('error', reject);
  });
}

describe('health and metrics', () => {
  it('answers probes', async () => {
    const health = { live: true, ready: false, checks: [{ name: 'peers', ok: false, detail: 'none yet' }] };
    const { url } = await startTestServer({ health: () => health });
    expect(await http(`${url}/healthz`)).toMatchObject({ status: 200, text: '{"live":true}' });
    const ready = await http(`${url}/readyz`);
    expect(ready.status).toBe(503);
    expect(JSON.parse(ready.text)).toMatchObject({ ready: false, reasons: ['peers: none yet'] });
    health.ready = true;
    expect((await http(`${url}/readyz`)).status).toBe(200);
    health.live = false;
    expect((await http(`${url}/healthz`)).status).toBe(503);
  });

  it('shows metrics as text', async () => {
    const { url } = await startTestServer();
    const answer = await http(`${url}/metrics`);
    expect(answer).toMatchObject({ status: 200, text: 'up 1\n' });
    expect(answer.headers['content-type']).toContain('version=0.0.4');
  });

  it('hides why metrics failed', async () => {
    const { url, logs } = await startTestServer({
      metrics: () => Promise.reject(new Error('a secret path')),
    });
    const answer = await http(`${url}/metrics`);
    expect(answer.status).toBe(500);
    expect(answer.text).not.toContain('secret');
    expect(logs.some((line) => line.level === 'error')).toBe(true);
  });

  it('says what it is to a browser, and 404 elsewhere', async () => {
    const { url } = await startTestServer();
    expect((await http(url)).status).toBe(426);
    expect((await http(`${url}/nothing`)).status).toBe(404);
  });
});

describe('start and stop', () => {
  it('names a busy port and leaves the other node and its token alone', async () => {
    const { port, tokenPath, token, url } = await startTestServer();
    const second = createRpcServer({ ...plainOptions, port, tokenPath });
    await expect(second.start()).rejects.toMatchObject({
      code: 'RPC_PORT_BUSY',
      remedy: expect.stringContaining('another port'),
      details: { port },
    });
    await second.stop();
    expect((await readFile(tokenPath, 'utf8')).trim()).toBe(token);
    expect((await rpc(url, info)).result.height).toBe(42);
  });

  it.each(['0.0.0.0', '::', '192.0.2.1', 'example.org'])('refuses to listen on %s', async (host) => {
    const server = createRpcServer({ ...plainOptions, host });
    await expect(server.start()).rejects.toMatchObject({ code: 'RPC_NOT_LOOPBACK' });
    await server.stop();
  });

  it('listens elsewhere when told so; then any address is a fine Host, but no name', async () => {
    const { url } = await startTestServer({ host: '0.0.0.0', insecureNonLoopback: true });
    const statusOf = async (host: string) =>
      (await http(url, { body: JSON.stringify(info), headers: { host } })).status;
    expect(await statusOf('192.0.2.7:8545')).toBe(200);
    expect(await statusOf('evil.example')).toBe(403);
  });

  it('says why it cannot listen', async () => {
    const server = createRpcServer({ ...plainOptions, host: '192.0.2.1', insecureNonLoopback: true });
    await expect(server.start()).rejects.toMatchObject({ code: 'RPC_LISTEN_FAILED' });
    await server.stop();
  });

  it('lets a request in work finish when it stops', async () => {
    let stopped: Promise<void> | undefined;
    const { server, url, token } = await startTestServer({
      handlers: exampleHandlers({
        async node_shutdown() {
          stopped = server.stop();
          await vi.waitFor(() => expect(http(url)).rejects.toThrow('ECONNREFUSED'), { timeout: 900 });
          return { accepted: true };
        },
      }),
    });
    const headers = { authorization: `Bearer ${token}` };
    expect((await rpc(url, callBody('node_shutdown'), headers)).result).toEqual({ accepted: true });
    await stopped;
    await expect(http(url)).rejects.toThrow('ECONNREFUSED');
  });
});
