import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { describe, expect, expectTypeOf, it, onTestFinished, vi } from 'vitest';
import { createRpcClient, type RpcClientOptions } from './client.ts';
import { notFound } from './errors.ts';
import { SAMPLE_SUMMARY } from './schema/samples.ts';
import { exampleHandlers, startTestServer } from './test-server.ts';

function client(options: RpcClientOptions) {
  const made = createRpcClient(options);
  onTestFinished(() => made.close());
  return made;
}

describe('createRpcClient', () => {
  it('calls with typed parameters and results', async () => {
    const { url, token } = await startTestServer();
    const rpc = client({ url, token });
    const info = await rpc.call('chain_getInfo');
    expectTypeOf(info.height).toBeNumber();
    expectTypeOf(info.safeMode).toEqualTypeOf<string | null>();
    expect(info.height).toBe(42);
    expect((await rpc.call('chain_getBlock', { height: 42 })).parent).toMatch(/^[0-9a-f]{64}$/);
    // @ts-expect-error: parameters are required
    await expect(rpc.call('tx_get')).rejects.toMatchObject({ code: 'RPC_INVALID_PARAMS' });
    // @ts-expect-error: there is no such parameter
    await expect(rpc.call('chain_getInfo', { x: 1 })).rejects.toMatchObject({ code: 'RPC_INVALID_PARAMS' });
    const order = { side: 'buy', energyWh: 1, limitMicroEurPerKwh: 1, step: 1 } as const;
    expect((await rpc.call('market_submitOrder', order)).account).toBe('p-0003');
  });

  it('hands on the errors of the node', async () => {
    const handlers = exampleHandlers({
      tx_get() {
        throw notFound('TX', 'no such transaction', 'check the id');
      },
    });
    const { url } = await startTestServer({ handlers });
    const rpc = client({ url });
    await expect(rpc.call('tx_get', { id: '00'.repeat(32) })).rejects.toMatchObject({
      code: 'TX_NOT_FOUND',
      message: 'no such transaction',
      remedy: 'check the id',
      details: { rpcCode: -32001 },
    });
    await expect(rpc.call('mining_start')).rejects.toMatchObject({ code: 'RPC_UNAUTHORISED' });
    await expect(rpc.callAny('no_such')).rejects.toMatchObject({ code: 'RPC_METHOD_NOT_FOUND' });
    const wrong = client({ url, token: 'wrong' });
    await expect(wrong.call('chain_getInfo')).rejects.toMatchObject({ code: 'RPC_UNAUTHORISED' });
  });

  it('sends a batch and keeps the order and each outcome', async () => {
    const { url, server } = await startTestServer();
    const rpc = client({ url });
    const [info, refused, methods] = await rpc.batch([
      { method: 'chain_getInfo' },
      { method: 'mining_start' },
      { method: 'rpc_methods' },
    ]);
    expect(info.ok && info.result.height).toBe(42);
    expect(!refused.ok && refused.error.code).toBe('RPC_UNAUTHORISED');
    expect(methods.ok && methods.result.methods).toContain('node_info');
    expect(server.stats().requests).toBe(1);
    expect(await rpc.batch([])).toEqual([]);
    const tooMany = Array.from({ length: 101 }, () => ({ method: 'rpc_methods' }) as const);
    await expect(rpc.batch(tooMany)).rejects.toMatchObject({ code: 'RPC_BATCH_LIMIT' });
  });

  it('says when there is no node', async () => {
    const { url, server } = await startTestServer();
    await server.stop();
    const rpc = client({ url });
    for (const attempt of [rpc.call('chain_getInfo'), rpc.subscribe('newBlock', () => undefined)]) {
      await expect(attempt).rejects.toMatchObject({
        code: 'NODE_UNREACHABLE',
        remedy: expect.stringContaining('start the node'),
      });
    }
  });

  it('says when something else answers, or nothing does', async () => {
    const other = createServer((_request, response) => response.end('<html>'));
    const silent = createTcpServer();
    const sockets: Socket[] = [];
    silent.on('connection', (socket) => sockets.push(socket));
    for (const server of [other, silent]) {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      onTestFinished(() => void server.close());
    }
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
    });
    const urlOf = (server: typeof silent) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await expect(client({ url: urlOf(other) }).call('chain_getInfo')).rejects.toMatchObject({
      code: 'RPC_BAD_RESPONSE',
    });
    const waiting = client({ url: urlOf(silent), timeoutMs: 100 });
    await expect(waiting.call('chain_getInfo')).rejects.toMatchObject({ code: 'RPC_TIMEOUT' });
    await expect(waiting.subscribe('newBlock', () => undefined)).rejects.toMatchObject({
      code: 'RPC_TIMEOUT',
    });
  });

  it('keeps its connection, and opens a new one after a restart of the node', async () => {
    const { url, port, server } = await startTestServer();
    const rpc = client({ url });
    await rpc.call('chain_getInfo');
    await server.stop();
    await startTestServer({ port });
    expect((await rpc.call('chain_getInfo')).height).toBe(42);
  });

  it('sends again what a closing connection did not take', async () => {
    let requests = 0;
    const result = '{"jsonrpc":"2.0","id":1,"result":true}';
    const server = createServer((request, response) => {
      requests += 1;
      if (requests === 2) request.socket.resetAndDestroy();
      else response.end(requests === 1 ? result : result.replace('"id":1', '"id":2'));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const rpc = client({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
    expect(await rpc.callAny('m')).toBe(true);
    expect(await rpc.callAny('m')).toBe(true);
    expect(requests).toBe(3);
  });

  it('subscribes, unsubscribes and learns of the end', async () => {
    const { url, server } = await startTestServer();
    const rpc = client({ url });
    const first = vi.fn();
    const second = vi.fn();
    const one = await rpc.subscribe('newBlock', (event) => {
      expectTypeOf(event.data.height).toBeNumber();
      first(event.data.height);
    });
    const two = await rpc.subscribe('newBlock', (event) => second(event.seq));
    server.emit('newBlock', SAMPLE_SUMMARY);
    await vi.waitFor(() => expect(second).toHaveBeenCalledWith(0), { timeout: 10_000 });
    expect(first).toHaveBeenCalledWith(42);
    expect(server.stats()).toMatchObject({ clients: 1, subscriptions: 2 });
    await one.unsubscribe();
    server.emit('newBlock', SAMPLE_SUMMARY);
    await vi.waitFor(() => expect(second).toHaveBeenCalledWith(1), { timeout: 10_000 });
    expect(first).toHaveBeenCalledTimes(1);
    await server.stop();
    await two.closed;
    await expect(rpc.subscribe('newBlock', () => undefined)).rejects.toMatchObject({
      code: 'NODE_UNREACHABLE',
    });
  });
});
