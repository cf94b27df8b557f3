import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { WebSocket } from 'ws';
import { SAMPLE_STEP } from './schema/market.ts';
import { SAMPLE_SUMMARY } from './schema/samples.ts';
import { callBody, exampleHandlers, startTestServer } from './test-server.ts';

// biome-ignore lint/suspicious/noExplicitAny: tests look into messages of any shape
type Message = any;

interface TestClient {
  socket: WebSocket;
  messages: Message[];
  call(method: string, params?: unknown): Promise<Message>;
  events(): Message[];
}

async function client(url: string, headers: Record<string, string> = {}): Promise<TestClient> {
  const socket = new WebSocket(url.replace('http', 'ws'), { headers });
  onTestFinished(() => socket.terminate());
  const messages: Message[] = [];
  socket.on('message', (data) => messages.push(JSON.parse(String(data))));
  await new Promise((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  let nextId = 1;
  return {
    socket,
    messages,
    async call(method, params) {
      const id = nextId++;
      socket.send(JSON.stringify(callBody(method, params, id)));
      await vi.waitFor(() => expect(messages.some((message) => message.id === id)).toBe(true), {
        timeout: 10_000,
      });
      return messages.find((message) => message.id === id);
    },
    events: () => messages.filter((message) => message.method === 'sub_event').map((event) => event.params),
  };
}

const block = (height: number) => ({
  ...SAMPLE_SUMMARY,
  height,
  hash: height.toString(16).padStart(64, '0'),
});
const until = (check: () => void) => vi.waitFor(check, { timeout: 20_000 });

/** A chain for `chain_getBlocks`, in pages of three. */
function chainHandlers(tip: () => number) {
  return exampleHandlers({
    chain_getBlocks({ from = 0 }) {
      const items = [];
      for (let height = from; height <= tip() && items.length < 3; height++) items.push(block(height));
      const next = from + items.length;
      return {
        items,
        nextFrom: next <= tip() ? next : null,
        asOf: { height: tip(), hash: block(tip()).hash },
      };
    },
  });
}

describe('WebSocket', () => {
  it('answers calls, batches and bad messages on one connection', async () => {
    const { url } = await startTestServer();
    const { socket, messages, call } = await client(url);
    expect((await call('chain_getInfo')).result.height).toBe(42);
    socket.send(JSON.stringify([callBody('chain_getInfo', {}, 'a'), callBody('rpc_methods', {}, 'b')]));
    socket.send('nonsense');
    await until(() => expect(messages).toHaveLength(3));
    expect(messages[1].map((answer: Message) => answer.id)).toEqual(['a', 'b']);
    expect(messages[2]).toMatchObject({ id: null, error: { code: -32700 } });
  });

  it('needs the token for writes', async () => {
    const { url, token } = await startTestServer();
    expect((await (await client(url)).call('mining_start')).error.code).toBe(-32002);
    const authorised = await client(url, { authorization: `Bearer ${token}` });
    expect((await authorised.call('mining_start')).result).toEqual({ enabled: true });
  });

  it.each([
    [{ host: 'evil.example' }, 403],
    [{ origin: 'http://evil.example' }, 403],
    [{ authorization: 'Bearer 00' }, 401],
  ])('refuses the upgrade with %j', async (headers, status) => {
    const { url } = await startTestServer();
    await expect(client(url, headers)).rejects.toThrow(String(status));
  });

  it('refuses binary messages and messages beyond 1 MiB', async () => {
    const { url } = await startTestServer();
    for (const message of [Buffer.from([1, 2]), 'x'.repeat(1024 * 1024 + 1)]) {
      const { socket } = await client(url);
      const closed = new Promise<number>((resolve) => socket.on('close', resolve));
      socket.send(message);
      expect(await closed).toBe(typeof message === 'string' ? 1009 : 1003);
    }
    const { socket, messages } = await client(url);
    socket.send(JSON.stringify(callBody('rpc_methods')).padEnd(1024 * 1024, ' '));
    await until(() => expect(messages).toHaveLength(1));
  });

  it('takes as many clients as allowed', async () => {
    const { url, server } = await startTestServer({ limits: { maxWebSocketClients: 2 } });
    const first = await client(url);
    await client(url);
    await until(() => expect(server.stats().clients).toBe(2));
    await expect(client(url)).rejects.toThrow('503');
    first.socket.close();
    await until(() => expect(server.stats().clients).toBe(1));
    await client(url);
  });

  it('answers a flood of messages completely and in order', async () => {
    const { url } = await startTestServer();
    const { socket, messages } = await client(url);
    for (let i = 0; i < 500; i++) socket.send(JSON.stringify(callBody('rpc_methods', {}, i)));
    await until(() => expect(messages).toHaveLength(500));
    expect(messages.map((message) => message.id)).toEqual(Array.from({ length: 500 }, (_, i) => i));
  });

  it('ends clients that show no sign of life', async () => {
    const { url, server } = await startTestServer({ limits: { heartbeatMs: 50 } });
    const silent = await client(url);
    await client(url);
    // A paused socket reads no ping and sends no pong.
    silent.socket.pause();
    await until(() => expect(server.stats().clients).toBe(1));
  });

  it('tells clients that the node stops', async () => {
    const { url, server } = await startTestServer();
    const { socket } = await client(url);
    const closed = new Promise<number>((resolve) => socket.on('close', resolve));
    await server.stop();
    expect(await closed).toBe(1001);
  });
});

describe('subscriptions', () => {
  it('are refused over HTTP', async () => {
    const { url } = await startTestServer();
    const { rpc } = await import('./test-server.ts');
    const { error } = await rpc(url, callBody('sub_subscribe', { topic: 'newBlock' }));
    expect(error).toMatchObject({ code: -32006, data: { reason: 'RPC_WEBSOCKET_ONLY' } });
  });

  it('send the events of their topic, numbered, until they end', async () => {
    const { url, server } = await startTestServer();
    const { call, events } = await client(url);
    const blocks = (await call('sub_subscribe', { topic: 'newBlock' })).result;
    const steps = (await call('sub_subscribe', ['newStep'])).result;
    server.emit('newBlock', block(1));
    server.emit('newStep', SAMPLE_STEP);
    server.emit('newBlock', block(2));
    await until(() => expect(events()).toHaveLength(3));
    expect(events()).toEqual([
      { subscription: blocks, seq: 0, dropped: 0, data: block(1) },
      { subscription: steps, seq: 0, dropped: 0, data: SAMPLE_STEP },
      { subscription: blocks, seq: 1, dropped: 0, data: block(2) },
    ]);
    expect((await call('sub_unsubscribe', { subscription: blocks })).result).toBe(true);
    expect((await call('sub_unsubscribe', { subscription: blocks })).result).toBe(false);
    server.emit('newBlock', block(3));
    server.emit('newStep', SAMPLE_STEP);
    await until(() => expect(events()).toHaveLength(4));
    expect(events()[3]).toMatchObject({ subscription: steps, seq: 1 });
  });

  it('do not end those of another client', async () => {
    const { url, server } = await startTestServer();
    const owner = await client(url);
    const other = await client(url);
    const subscription = (await owner.call('sub_subscribe', { topic: 'newBlock' })).result;
    expect((await other.call('sub_unsubscribe', { subscription })).result).toBe(false);
    server.emit('newBlock', block(1));
    await until(() => expect(owner.events()).toHaveLength(1));
    expect(other.events()).toEqual([]);
  });

  it('send the past first, then what came meanwhile, nothing twice', async () => {
    let tip = 7;
    const handlers = chainHandlers(() => tip);
    let pages = 0;
    const { url, server } = await startTestServer({
      handlers: {
        ...handlers,
        async chain_getBlocks(params, context) {
          pages += 1;
          if (pages === 2) {
            tip = 8;
            server.emit('newBlock', block(8));
          }
          return handlers.chain_getBlocks(params, context);
        },
      },
    });
    const { call, events } = await client(url);
    await call('sub_subscribe', { topic: 'newBlock', fromHeight: 2 });
    await until(() => expect(events()).toHaveLength(7));
    server.emit('newBlock', block(9));
    await until(() => expect(events()).toHaveLength(8));
    expect(events().map((event) => event.data.height)).toEqual([2, 3, 4, 5, 6, 7, 8, 9]);
    expect(events().map((event) => event.seq)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it('start live when the wanted height is not there yet', async () => {
    const { url, server } = await startTestServer({ handlers: chainHandlers(() => 3) });
    const { call, events } = await client(url);
    await call('sub_subscribe', { topic: 'newBlock', fromHeight: 4 });
    server.emit('newBlock', block(4));
    await until(() => expect(events()).toHaveLength(1));
  });

  it('are bounded per client', async () => {
    const { url } = await startTestServer({ limits: { maxSubscriptionsPerClient: 2 } });
    const { call } = await client(url);
    for (let i = 0; i < 2; i++)
      expect((await call('sub_subscribe', ['newBlock'])).result).toBeTypeOf('string');
    expect((await call('sub_subscribe', ['newBlock'])).error).toMatchObject({
      code: -32005,
      data: { reason: 'RPC_SUBSCRIPTION_LIMIT' },
    });
  });

  it('drop and count events for a client that does not read, and go on when it does', async () => {
    const { url, server } = await startTestServer({ limits: { maxBufferedBytes: 100_000 } });
    const slow = await client(url);
    const quick = await client(url);
    await slow.call('sub_subscribe', { topic: 'newBlock' });
    await quick.call('sub_subscribe', { topic: 'newBlock' });
    slow.socket.pause();
    let sent = 0;
    // The kernel's buffers come first, and their size is its own affair.
    while (server.stats().droppedEvents < 10 && sent < 200_000) {
      for (let i = 0; i < 100; i++) server.emit('newBlock', block(sent++));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(server.stats().droppedEvents).toBeGreaterThanOrEqual(10);
    slow.socket.resume();
    await until(() => {
      server.emit('newBlock', block(sent++));
      expect(slow.events().at(-1).dropped).toBeGreaterThan(0);
    });
    const received = slow.events();
    expect(received).toHaveLength(received.at(-1).seq + 1 - received.at(-1).dropped);
    for (const event of received) expect(event.data.height).toBe(event.seq);
  });

  it('end with their client', async () => {
    const { url, server } = await startTestServer();
    const { socket, call } = await client(url);
    await call('sub_subscribe', { topic: 'newBlock' });
    expect(server.stats().subscriptions).toBe(1);
    socket.terminate();
    await until(() => expect(server.stats()).toMatchObject({ clients: 0, subscriptions: 0 }));
    server.emit('newBlock', block(1));
  });
});
