/** Faults on real connections over loopback. */
import { afterEach, describe, expect, it } from 'vitest';
import { type LinkRule, policyOf } from './link-rules.ts';
import { bytesOf, createTestCluster, type TestNode, until } from './test-nodes.ts';

const cluster = createTestCluster();
afterEach(() => cluster.stopAll());

const BASE = { name: 'test', drop: false, swallow: false, delayMs: 0, jitterMs: 0, kbitPerSecond: null };
const OPTIONS = { timeoutMs: 60_000, maxResponseBytes: 100_000 };

function impose(node: TestNode, rule: Partial<LinkRule> | null): void {
  node.network.setLinkPolicy(policyOf(rule === null ? [] : [{ ...BASE, peers: ['*'], ...rule }]));
}

/** Two nodes in one mesh; the first one dialled the second. */
async function pair(): Promise<[TestNode, TestNode]> {
  const b = await cluster.node({ linkFaults: true });
  const a = await cluster.node({ seeds: [b.address()], linkFaults: true });
  await meshed(a, b);
  return [a, b];
}

const meshed = (a: TestNode, b: TestNode) =>
  until('both are in one mesh', () =>
    [a, b].every((node) => ['tx', 'block'].every((topic) => node.network.meshPeers(topic).length === 1)),
  );

async function roundTripMs(from: TestNode, to: TestNode, length = 8): Promise<number> {
  const startMs = performance.now();
  await from.network.request(to.network.peerId, 'echo', bytesOf('ping', length), OPTIONS);
  return performance.now() - startMs;
}

describe('link faults on real connections', () => {
  it.each(['dialled', 'accepted'])('delay requests and gossip on a connection that was %s', async (side) => {
    const [dialler, listener] = await pair();
    const [slow, other] = side === 'dialled' ? [dialler, listener] : [listener, dialler];
    impose(slow, { delayMs: 300 });
    expect(await roundTripMs(slow, other)).toBeGreaterThanOrEqual(300);
    expect(await roundTripMs(other, slow)).toBeGreaterThanOrEqual(300);
    const startMs = performance.now();
    await slow.network.publish('tx', bytesOf('late'));
    await until('the message came', () => other.received.includes('late'));
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(300);
    impose(slow, null);
    await slow.network.publish('tx', bytesOf('again'));
    await until('the next message came', () => other.received.includes('again'));
    expect([slow.downs, other.downs]).toEqual([[], []]);
  });

  it('limit the bandwidth', async () => {
    const [a, b] = await pair();
    impose(a, { kbitPerSecond: 80 });
    // 20 000 bytes at 10 bytes per ms.
    const startMs = performance.now();
    await a.network.publish('block', bytesOf('wide', 20_000));
    await until('the block came', () => b.sizes.includes(20_000));
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(2000);
  });

  it('swallow the bytes of one direction, and the link comes back afterwards', async () => {
    const [a, b] = await pair();
    impose(a, { swallow: true });
    await a.network.publish('tx', bytesOf('lost'));
    await b.network.publish('tx', bytesOf('heard'));
    await until('B is heard', () => a.received.includes('heard'));
    expect(b.received).toEqual([]);
    await expect(
      b.network.request(a.network.peerId, 'echo', bytesOf('x'), { ...OPTIONS, timeoutMs: 500 }),
    ).rejects.toMatchObject({ code: 'P2P_REQUEST_TIMEOUT' });
    expect([a.upPeers(), b.upPeers()]).toEqual([[b.network.peerId], [a.network.peerId]]);
    impose(a, null);
    await until('the link was made anew', () => a.ups.length === 2 && b.ups.length === 2);
    await meshed(a, b);
    await a.network.publish('tx', bytesOf('after'));
    await until('A is heard again', () => b.received.includes('after'));
    expect(b.received).toEqual(['after']);
  });

  it('drop the link for as long as the rule stands', async () => {
    const [a, b] = await pair();
    impose(a, { drop: true });
    await until('both are alone', () => a.upPeers().length === 0 && b.upPeers().length === 0);
    impose(a, null);
    await meshed(a, b);
  });

  it('shape nothing on a node without them', async () => {
    const b = await cluster.node();
    const a = await cluster.node({ seeds: [b.address()] });
    await meshed(a, b);
    impose(a, { swallow: true });
    await a.network.publish('tx', bytesOf('free'));
    await until('the message came', () => b.received.includes('free'));
  });
});
