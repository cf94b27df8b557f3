import { afterEach, describe, expect, it } from 'vitest';
import { generateIdentity, identityFromBytes } from './identity.ts';
import type { LinkPolicy } from './interface.ts';
import { bytesOf, createTestCluster, MAX_TEST_BYTES, type TestNode, until } from './test-nodes.ts';

const cluster = createTestCluster();
afterEach(() => cluster.stopAll());

const inMesh = (node: TestNode, topic: string, count: number) => () =>
  node.network.meshPeers(topic).length >= count;

const refusals = (node: TestNode) =>
  node.logs.filter(({ message }) => message === 'link refused').map(({ fields }) => fields.peerId);

function denying(...peerIds: string[]): LinkPolicy {
  return { denies: (peerId) => peerIds.includes(peerId) };
}

/** Three nodes A-B-C without a link between A and C. */
async function line(
  options: Parameters<typeof cluster.node>[0] = {},
): Promise<[TestNode, TestNode, TestNode]> {
  const [keyA, keyC] = [await generateIdentity(), await generateIdentity()];
  const b = await cluster.node(options);
  const seeds = [b.address()];
  const a = await cluster.node({ privateKey: keyA.privateKey, seeds, linkPolicy: denying(keyC.peerId) });
  const c = await cluster.node({ privateKey: keyC.privateKey, seeds, linkPolicy: denying(keyA.peerId) });
  await until('B has both in its mesh', inMesh(b, 'tx', 2));
  await until('A and C have B in their mesh', () => inMesh(a, 'tx', 1)() && inMesh(c, 'tx', 1)());
  return [a, b, c];
}

describe('gossip', () => {
  it('meshes three nodes and carries 300 B and 200 KB to all', async () => {
    const a = await cluster.node();
    const b = await cluster.node({ seeds: [a.address()] });
    const c = await cluster.node({ seeds: [a.address()] });
    const all = [a, b, c];
    await until('all meshed', () =>
      all.every((node) => inMesh(node, 'tx', 2)() && inMesh(node, 'block', 2)()),
    );
    const sent = await a.network.publish('tx', bytesOf('small', 300));
    expect(sent).toEqual({ recipients: 2, duplicate: false });
    await b.network.publish('block', bytesOf('large', 200_000));
    await until('small arrived', () => [b, c].every((node) => node.sizes.includes(300)));
    await until('large arrived', () => [a, c].every((node) => node.sizes.includes(200_000)));
    expect(a.sizes).toEqual([200_000]);
    const info = b.network.peers().find((peer) => peer.peerId === a.network.peerId)!;
    expect(info).toMatchObject({ agent: 'wattmesh', meshTopics: ['tx', 'block'], score: 0 });
    expect(info.address).toContain('/ip4/127.0.0.1/tcp/');
  });

  it.each(['ignore', 'reject'] as const)('does not forward what was answered with %s', async (verdict) => {
    const [a, b, c] = await line({ verdict: (text) => (text.startsWith('bad') ? verdict : 'accept') });
    await a.network.publish('tx', bytesOf('bad'));
    await a.network.publish('tx', bytesOf('good'));
    await until('C has the good one', () => c.received.includes('good'));
    expect(b.received).toEqual(['bad', 'good']);
    expect(c.received).toEqual(['good']);
    const score = b.network.peers().find(({ peerId }) => peerId === a.network.peerId)!.score;
    if (verdict === 'reject') expect(score).toBeLessThan(-10);
    else expect(score).toBe(0);
  });

  it('bans the sender of rejected messages, in and out, and says why', async () => {
    const b = await cluster.node({ verdict: () => 'reject' });
    const a = await cluster.node({ seeds: [b.address()] });
    await until('meshed', () => inMesh(a, 'tx', 1)() && inMesh(b, 'tx', 1)());
    for (let i = 0; i < 6; i++) await a.network.publish('tx', bytesOf(`bad ${i}`));
    await until('banned', () => b.network.bans().length === 1);
    expect(b.network.bans()[0]).toMatchObject({ peerId: a.network.peerId, reason: 'rejected message' });
    expect(b.logs.find(({ message }) => message === 'peer banned')?.level).toBe('warn');
    await until('cut off', () => a.upPeers().length === 0 && b.upPeers().length === 0);
    await until('A tried again and was refused', () => refusals(b).includes(a.network.peerId));
    expect(b.ups).toEqual([a.network.peerId]);
  });

  it('says that nobody received a message, and lets it be published again', async () => {
    const a = await cluster.node();
    expect(await a.network.publish('tx', bytesOf('early'))).toEqual({ recipients: 0, duplicate: false });
    const b = await cluster.node({ seeds: [a.address()] });
    await until('meshed', inMesh(a, 'tx', 1));
    expect(await a.network.publish('tx', bytesOf('early'))).toEqual({ recipients: 1, duplicate: false });
    expect(await a.network.publish('tx', bytesOf('early'))).toEqual({ recipients: 0, duplicate: true });
    await until('arrived', () => b.received.includes('early'));
  });

  it('carries the same bytes on two topics', async () => {
    const b = await cluster.node();
    const a = await cluster.node({ seeds: [b.address()] });
    await until('meshed', () => inMesh(a, 'tx', 1)() && inMesh(a, 'block', 1)());
    await a.network.publish('tx', bytesOf('twice'));
    await a.network.publish('block', bytesOf('twice'));
    await until('arrived twice', () => b.received.filter((text) => text === 'twice').length === 2);
  });

  it('refuses topics it does not know and messages over the limit', async () => {
    const a = await cluster.node();
    await expect(a.network.publish('other', bytesOf('x'))).rejects.toMatchObject({
      code: 'P2P_UNKNOWN_TOPIC',
    });
    const limit = bytesOf('x', MAX_TEST_BYTES);
    expect((await a.network.publish('tx', limit)).recipients).toBe(0);
    const over = bytesOf('x', MAX_TEST_BYTES + 1);
    await expect(a.network.publish('tx', over)).rejects.toMatchObject({ code: 'P2P_MESSAGE_TOO_LARGE' });
  });

  it('rejects messages over its own limit that a peer with a higher limit sends', async () => {
    const b = await cluster.node({ maxMessageBytes: 1_000 });
    const a = await cluster.node({ seeds: [b.address()] });
    await until('meshed', () => inMesh(a, 'tx', 1)() && inMesh(b, 'tx', 1)());
    await a.network.publish('tx', bytesOf('over', 1_001));
    await until('scored', () => b.network.peers()[0]!.score < 0);
    await a.network.publish('tx', bytesOf('limit', 1_000));
    await until('the smaller one arrives', () => b.sizes.length > 0);
    expect(b.sizes).toEqual([1_000]);
  });

  it('publishes to a topic that it does not receive', async () => {
    const b = await cluster.node();
    const a = await cluster.node({ seeds: [b.address()], topics: ['block'], publishTopics: ['tx'] });
    await until('meshed', inMesh(b, 'block', 1));
    await expect.poll(async () => (await a.network.publish('tx', bytesOf('light'))).recipients).toBe(1);
    await until('arrived', () => b.received.includes('light'));
  });
});

describe('links', () => {
  it('keeps chains apart', async () => {
    const a = await cluster.node({ chain: 'one' });
    const b = await cluster.node({ chain: 'two', seeds: [a.address()] });
    const noticed = (node: TestNode) => node.logs.some(({ message }) => message === 'peer of another chain');
    await until('noticed', () => noticed(a) || noticed(b));
    await until('parted', () => a.network.peers().length === 0 && b.network.peers().length === 0);
    expect((await b.network.publish('tx', bytesOf('x'))).recipients).toBe(0);
    const asked = b.network.request(a.network.peerId, 'echo', bytesOf('x'), {
      timeoutMs: 9,
      maxResponseBytes: 9,
    });
    await expect(asked).rejects.toMatchObject({ code: 'P2P_NOT_CONNECTED' });
    expect([...a.ups, ...b.ups]).toEqual([]);
  });

  it('redials a restarted node that knows nobody', async () => {
    const a = await cluster.node();
    const b = await cluster.node({ seeds: [a.address()] });
    const c = await cluster.node({ seeds: [a.address()] });
    const others = [a, b];
    await until('all linked', () => [a, b, c].every((node) => node.upPeers().length === 2));
    const [listen, { privateKey }] = [c.address().split('/p2p/')[0]!, c];
    await c.network.stop();
    await until('missed', () => others.every((node) => node.downs.includes(c.network.peerId)));
    const again = await cluster.node({ privateKey, listen });
    expect(again.network.peerId).toBe(c.network.peerId);
    await until('redialled', () => again.upPeers().length === 2);
    await until('meshed', inMesh(again, 'tx', 2));
    expect((await again.network.publish('tx', bytesOf('back'))).recipients).toBe(2);
  });

  it('finds peers from its address book when every seed is dead, and keeps the book', async () => {
    const a = await cluster.node();
    const first = await cluster.node({ seeds: [a.address()] });
    await until('saved', () => first.saved.includes(a.address()));
    const { saved } = first;
    await first.network.stop();
    const dead = `/ip4/127.0.0.1/tcp/1/p2p/${(await generateIdentity()).peerId}`;
    const second = await cluster.node({
      seeds: [dead, 'no address'],
      addressBook: { load: () => ['broken', ...saved], save: () => {} },
    });
    await until('found', () => second.upPeers().includes(a.network.peerId));
    expect(second.logs.filter(({ message }) => message.endsWith('address not usable'))).toHaveLength(2);
  });

  it('accepts a seed without a peer id, even its own', async () => {
    const a = await cluster.node();
    const [listen] = a.address().split('/p2p/');
    const { privateKey } = a;
    await a.network.stop();
    const again = await cluster.node({ privateKey, listen: listen!, seeds: [listen!] });
    const b = await cluster.node({ seeds: [listen!] });
    await until('linked', () => b.upPeers().includes(again.network.peerId));
  });

  it('brings 12 nodes with one seed to at least 4 peers each', async () => {
    const seed = await cluster.node();
    const others = await Promise.all(
      Array.from({ length: 11 }, () => cluster.node({ seeds: [seed.address()] })),
    );
    const all = [seed, ...others];
    await until('all have 4 peers', () => all.every((node) => node.upPeers().length >= 4));
    await until('all meshed', () => all.every((node) => node.network.meshPeers('tx').length >= 4));
    await others[3]!.network.publish('tx', bytesOf('to all', 300));
    await until('all received', () =>
      all.every((node) => node === others[3] || node.received.includes('to all')),
    );
  });

  it('closes links that a new policy denies, and heals when it allows them', async () => {
    const a = await cluster.node();
    const b = await cluster.node({ seeds: [a.address()] });
    await until('linked', () => a.upPeers().length === 1 && b.upPeers().length === 1);
    a.network.setLinkPolicy(denying(b.network.peerId));
    await until('parted', () => a.upPeers().length === 0 && b.upPeers().length === 0);
    await until('B tried and was refused', () => refusals(a).includes(b.network.peerId));
    expect(a.ups).toHaveLength(1);
    a.network.setLinkPolicy(denying());
    await until('healed', () => a.upPeers().length === 1 && b.upPeers().length === 1);
    await until('meshed', inMesh(a, 'tx', 1));
  });

  it('exempts loopback from the limits on inbound connections per second', async () => {
    const a = await cluster.node();
    const dials = await Promise.allSettled(Array.from({ length: 40 }, () => cluster.raw(a)));
    expect(dials.filter(({ status }) => status === 'rejected')).toEqual([]);
    await until('all up', () => a.upPeers().length === 40);
  });

  it('refuses inbound connections over the limit', async () => {
    const a = await cluster.node({ maxConnections: 1, targetPeers: 1 });
    const b = await cluster.node({ seeds: [a.address()] });
    await until('linked', () => a.upPeers().includes(b.network.peerId));
    const c = await cluster.node({ seeds: [a.address()] });
    await until('refused', () => c.logs.some(({ message }) => message === 'dial failed'));
    expect(a.upPeers()).toEqual([b.network.peerId]);
    expect(c.upPeers()).toEqual([]);
  });
});

describe('start and stop', () => {
  it('names a busy port', async () => {
    const a = await cluster.node();
    const [listen] = a.address().split('/p2p/');
    await expect(cluster.node({ listen: listen! })).rejects.toMatchObject({ code: 'P2P_PORT_BUSY' });
  });

  it('refuses options that cannot work', async () => {
    await expect(cluster.node({ chain: 'a/b' })).rejects.toMatchObject({ code: 'P2P_BAD_OPTIONS' });
    const named = { protocols: [{ name: 'peers', maxRequestBytes: 1, maxResponseBytes: 1 }] };
    await expect(cluster.node(named)).rejects.toMatchObject({ code: 'P2P_BAD_OPTIONS' });
    await expect(cluster.node({ maxConnections: 7 })).rejects.toMatchObject({ code: 'P2P_BAD_OPTIONS' });
    await expect(cluster.node({ privateKey: new Uint8Array(9) })).rejects.toMatchObject({
      code: 'P2P_BAD_KEY',
    });
    expect(() => identityFromBytes(new Uint8Array(0))).toThrow('cannot be used');
  });

  it('leaves no socket behind', async () => {
    const count = () => {
      const kinds = process.getActiveResourcesInfo();
      return kinds.filter((kind) => kind.startsWith('TCP')).length;
    };
    await until('no sockets of earlier tests', () => count() === 0);
    const a = await cluster.node();
    const b = await cluster.node({ seeds: [a.address()] });
    await until('meshed', () => inMesh(a, 'tx', 1)() && inMesh(b, 'tx', 1)());
    expect(count()).toBeGreaterThan(0);
    await Promise.all([a.network.stop(), b.network.stop()]);
    await until('sockets gone', () => count() === 0);
    await expect(a.network.publish('tx', bytesOf('x'))).rejects.toMatchObject({ code: 'P2P_NOT_RUNNING' });
    expect(a.network.peers()).toEqual([]);
  });
});
