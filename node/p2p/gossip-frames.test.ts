import type { Stream } from '@libp2p/interface';
import { afterEach, describe, expect, it } from 'vitest';
import { createTestCluster, type TestNode, until } from './test-nodes.ts';

const cluster = createTestCluster();
afterEach(() => cluster.stopAll());

/** A peer with a gossip stream of its own, on which it writes what it likes. */
async function gossiper(target: TestNode): Promise<{ peerId: string; isOpen(): boolean; stream: Stream }> {
  const { peer, connection } = await cluster.raw(target);
  await until('the peer is up', () => target.ups.includes(peer.peerId.toString()));
  const stream = await connection.newStream('/meshsub/1.1.0');
  return { peerId: peer.peerId.toString(), isOpen: () => connection.status === 'open', stream };
}

const reasons = (node: TestNode, peerId: string) =>
  node.logs
    .filter(({ message, fields }) => message === 'peer penalised' && fields.peerId === peerId)
    .map(({ fields }) => fields.reason);

/** A subscription to a topic of one letter, whole: 7 bytes behind their length. */
const WHOLE = [7, 0x0a, 5, 0x08, 1, 0x12, 1, 0x61];
/** The same without its last byte, which its inner lengths still count. */
const CUT_OFF = [6, 0x0a, 5, 0x08, 1, 0x12, 1];

describe('gossip frames', () => {
  it('are blamed on their sender when they do not decode, until it is banned', async () => {
    const node = await cluster.node();
    const { peerId, isOpen, stream } = await gossiper(node);
    for (let i = 0; i < 5; i++) stream.send(Uint8Array.from(CUT_OFF));
    await until('the ban', () => node.network.bans().some((ban) => ban.peerId === peerId));
    expect(reasons(node, peerId)).toEqual(Array(5).fill('undecodable gossip frame'));
    await until('the end of the link', () => !isOpen());
  });

  it('cost the link when one says that it is 4 GiB long', async () => {
    const node = await cluster.node();
    const { peerId, isOpen, stream } = await gossiper(node);
    stream.send(Uint8Array.from([0x80, 0x80, 0x80, 0x80, 0x10, 1, 2, 3]));
    await until('the end of the link', () => !isOpen());
    expect(reasons(node, peerId)).toEqual(['oversized gossip frame']);
    expect(node.network.bans()).toEqual([]);
  });

  it('cost nothing when they are whole, or hold more entries than are read', async () => {
    const node = await cluster.node();
    const { peerId, isOpen, stream } = await gossiper(node);
    // 65 subscriptions, one more than the limit: 455 bytes behind the varint c7 03.
    const many = Array.from({ length: 65 }, () => WHOLE.slice(1)).flat();
    stream.send(Uint8Array.from([...WHOLE, 0xc7, 0x03, ...many, ...CUT_OFF]));
    // The frame after them is blamed, so they were read before.
    await until('the blame for the last frame', () => reasons(node, peerId).length > 0);
    expect(reasons(node, peerId)).toEqual(['undecodable gossip frame']);
    expect(isOpen()).toBe(true);
  });
});
