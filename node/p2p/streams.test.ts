import type { Connection } from '@libp2p/interface';
import { afterEach, describe, expect, it } from 'vitest';
import { concatBytes } from '../util/bytes.ts';
import { encodeLength } from './frames.ts';
import { bytesOf, createTestCluster, type TestNode, type TestOptions, until } from './test-nodes.ts';

const cluster = createTestCluster();
afterEach(() => cluster.stopAll());

const LIMITS = { timeoutMs: 60_000, maxResponseBytes: 100_000 };

async function pair(server: TestOptions, client: TestOptions = {}): Promise<[TestNode, TestNode]> {
  const b = await cluster.node(server);
  const a = await cluster.node({ ...client, seeds: [b.address()] });
  await until('linked', () => a.upPeers().length === 1 && b.upPeers().length === 1);
  return [a, b];
}

const ask = (a: TestNode, b: TestNode, bytes: Uint8Array, options = LIMITS) =>
  a.network.request(b.network.peerId, 'echo', bytes, options);

const scoreOf = (node: TestNode, peerId: string) =>
  node.network.peers().find((peer) => peer.peerId === peerId)?.score ?? 0;

/** Writes raw bytes to the echo protocol and closes the writing side. */
async function writeRaw(connection: Connection, bytes: Uint8Array): Promise<void> {
  const stream = await connection.newStream('/wattmesh/test/echo/1');
  stream.send(bytes);
  await stream.close();
}

describe('request', () => {
  it('brings back the answer, empty and at both limits', async () => {
    const [a, b] = await pair({
      onRequest: async ({ bytes }) => (bytes.length === 1_000 ? bytesOf('big', 100_000) : bytes),
    });
    expect(await ask(a, b, bytesOf(''))).toEqual(new Uint8Array(0));
    expect(await ask(a, b, bytesOf('hello'))).toEqual(bytesOf('hello'));
    expect(await ask(a, b, bytesOf('x', 1_000))).toEqual(bytesOf('big', 100_000));
    const many = Array.from({ length: 12 }, (_, i) => bytesOf(`request ${i}`));
    expect(await Promise.all(many.map((bytes) => ask(a, b, bytes)))).toEqual(many);
    expect(b.network.peers()[0]!.score).toBe(0);
  });

  it('is refused when it is over the limit, by the sender and by the receiver', async () => {
    const wide = { protocols: [{ name: 'echo', maxRequestBytes: 5_000, maxResponseBytes: 5_000 }] };
    const [a, b] = await pair({}, wide);
    await expect(ask(a, b, bytesOf('x', 5_001))).rejects.toMatchObject({ code: 'P2P_REQUEST_TOO_LARGE' });
    await expect(ask(a, b, bytesOf('x', 1_001))).rejects.toMatchObject({ code: 'P2P_REQUEST_REFUSED' });
    await until('scored', () => scoreOf(b, a.network.peerId) < -10);
    expect(await ask(a, b, bytesOf('x', 1_000))).toHaveLength(1_000);
  });

  it('fails when the answer is over the limit, and the peer is scored', async () => {
    const [a, b] = await pair({ onRequest: async ({ bytes }) => new Uint8Array(bytes.length) });
    const options = { ...LIMITS, maxResponseBytes: 100 };
    expect(await ask(a, b, bytesOf('x', 100), options)).toHaveLength(100);
    await expect(ask(a, b, bytesOf('x', 101), options)).rejects.toMatchObject({
      code: 'P2P_RESPONSE_TOO_LARGE',
    });
    expect(scoreOf(a, b.network.peerId)).toBeLessThan(-10);
  });

  it('does not send an answer over its own limit', async () => {
    const [a, b] = await pair({ onRequest: async () => new Uint8Array(100_001) });
    await expect(ask(a, b, bytesOf('x'))).rejects.toMatchObject({ code: 'P2P_REQUEST_REFUSED' });
    expect(b.logs.some(({ level, message }) => level === 'error' && message === 'request not answered')).toBe(
      true,
    );
  });

  it('ends with its time limit when the peer never answers, and the link goes on', async () => {
    const [a, b] = await pair({
      onRequest: ({ bytes }) => (bytes.length === 0 ? new Promise(() => {}) : Promise.resolve(bytes)),
    });
    const silent = ask(a, b, bytesOf(''), { ...LIMITS, timeoutMs: 50 });
    await expect(silent).rejects.toMatchObject({ code: 'P2P_REQUEST_TIMEOUT' });
    expect(await ask(a, b, bytesOf('still here'))).toEqual(bytesOf('still here'));
  });

  it('is given up by a host that takes too long', async () => {
    const [a, b] = await pair({ onRequest: () => new Promise(() => {}), handlerTimeoutMs: 50 });
    await expect(ask(a, b, bytesOf('x'))).rejects.toMatchObject({ code: 'P2P_REQUEST_REFUSED' });
  });

  it('is refused by null and by a handler that fails', async () => {
    const [a, b] = await pair({
      onRequest: async ({ bytes }) => {
        if (bytes.length === 0) return null;
        throw new Error('broken');
      },
    });
    await expect(ask(a, b, bytesOf(''))).rejects.toMatchObject({ code: 'P2P_REQUEST_REFUSED' });
    await expect(ask(a, b, bytesOf('x'))).rejects.toMatchObject({ code: 'P2P_REQUEST_REFUSED' });
    expect(b.logs.filter(({ message }) => message === 'request not answered')).toHaveLength(1);
  });

  it('names protocols and peers that are not there', async () => {
    const [a, b] = await pair({ protocols: [] });
    await expect(ask(a, b, bytesOf('x'))).rejects.toMatchObject({ code: 'P2P_PROTOCOL_UNSUPPORTED' });
    const other = a.network.request(b.network.peerId, 'other', bytesOf('x'), LIMITS);
    await expect(other).rejects.toMatchObject({ code: 'P2P_UNKNOWN_PROTOCOL' });
    await b.network.stop();
    await until('missed', () => a.upPeers().length === 0);
    await expect(ask(a, b, bytesOf('x'))).rejects.toMatchObject({ code: 'P2P_NOT_CONNECTED' });
  });

  it('ends when the network stops', async () => {
    const [a, b] = await pair({ onRequest: () => new Promise(() => {}) });
    const open = expect(ask(a, b, bytesOf('x'))).rejects.toMatchObject({ code: 'P2P_NOT_RUNNING' });
    await a.network.stop();
    await open;
  });
});

describe('raw streams', () => {
  it('scores a truncated frame and a length over the limit, and goes on serving', async () => {
    const [a, b] = await pair({});
    const { peer, connection } = await cluster.raw(b);
    await writeRaw(connection, concatBytes(encodeLength(100), bytesOf('only this')));
    await until('truncation scored', () => scoreOf(b, peer.peerId.toString()) <= -9);
    expect(scoreOf(b, peer.peerId.toString())).toBeGreaterThan(-11);
    await writeRaw(connection, concatBytes(encodeLength(2 ** 32 - 1), bytesOf('x', 70_000)));
    await until('length scored', () => scoreOf(b, peer.peerId.toString()) <= -28);
    expect(await ask(a, b, bytesOf('fine'))).toEqual(bytesOf('fine'));
    expect(scoreOf(b, a.network.peerId)).toBe(0);
  });

  it('bans a peer that goes on', async () => {
    const [a, b] = await pair({});
    const { peer, connection } = await cluster.raw(b);
    const peerId = peer.peerId.toString();
    for (let i = 0; i < 6 && connection.status === 'open'; i++) {
      const before = scoreOf(b, peerId);
      await writeRaw(connection, new Uint8Array(6).fill(255)).catch(() => undefined);
      await until('noticed', () => scoreOf(b, peerId) !== before || b.network.bans().length > 0);
    }
    expect(b.network.bans()).toMatchObject([{ peerId, reason: 'oversized request (echo)' }]);
    await until('cut off', () => connection.status !== 'open');
    expect(b.upPeers()).toEqual([a.network.peerId]);
  });

  it('reports a truncated answer as an error', async () => {
    const b = await cluster.node();
    const { peer } = await cluster.raw(b);
    await peer.handle('/wattmesh/test/echo/1', async (stream) => {
      stream.send(concatBytes(encodeLength(100), bytesOf('half')));
      await stream.close();
    });
    await until('up', () => b.upPeers().includes(peer.peerId.toString()));
    const asked = b.network.request(peer.peerId.toString(), 'echo', bytesOf('x'), LIMITS);
    await expect(asked).rejects.toMatchObject({ code: 'P2P_RESPONSE_TRUNCATED' });
  });

  it('scores a malformed list of addresses', async () => {
    const b = await cluster.node();
    const { peer } = await cluster.raw(b);
    const peerId = peer.peerId.toString();
    await peer.unhandle('/wattmesh/test/peers/1');
    await peer.handle('/wattmesh/test/peers/1', async (stream) => {
      stream.send(concatBytes(encodeLength(3), bytesOf('abc')));
      await stream.close();
    });
    await until('scored', () => scoreOf(b, peerId) <= -19 || b.network.bans().length > 0);
  });
});
