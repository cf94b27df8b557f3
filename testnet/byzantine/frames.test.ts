import { RPC } from '@chainsafe/libp2p-gossipsub/message';
import { describe, expect, it } from 'vitest';
import { gossipFrame, multistreamLine, requestFrame, rpcBytes, varint } from './frames.ts';

const bytes = (...values: number[]) => Uint8Array.from(values);

describe('frames', () => {
  it('writes varints on both sides of each length', () => {
    expect(varint(0)).toEqual(bytes(0));
    expect(varint(127)).toEqual(bytes(0x7f));
    expect(varint(128)).toEqual(bytes(0x80, 1));
    expect(varint(2 ** 32)).toEqual(bytes(0x80, 0x80, 0x80, 0x80, 0x10));
    expect(varint(2n ** 64n - 1n)).toEqual(bytes(...Array(9).fill(0xff), 1));
  });

  it('writes lengths that are true, and lengths that lie', () => {
    expect(requestFrame(bytes(7, 8))).toEqual(bytes(0, 0, 0, 2, 7, 8));
    expect(requestFrame(bytes(7), 0xffff_ffff)).toEqual(bytes(255, 255, 255, 255, 7));
    expect(new TextDecoder().decode(multistreamLine('/noise'))).toBe('\x07/noise\n');
  });

  it('writes what the router’s own decoder reads', () => {
    const id = bytes(...Array(32).fill(5));
    const decoded = RPC.decode(
      rpcBytes({
        subscriptions: [{ subscribe: true, topic: 'a' }],
        messages: [{ topic: 't', data: bytes(1, 2), from: bytes(3), signature: bytes(4) }],
        ihave: [{ topic: 't', ids: [id] }],
        iwant: [[id, id]],
        graft: ['t'],
        prune: [{ topic: 't', backoffSeconds: 2n ** 53n - 1n }],
        idontwant: [[id]],
      }),
    );
    expect(decoded.subscriptions).toEqual([{ subscribe: true, topic: 'a' }]);
    expect(decoded.messages[0]).toMatchObject({ topic: 't', data: bytes(1, 2), from: bytes(3) });
    expect(decoded.messages[0]?.signature).toEqual(bytes(4));
    expect(decoded.control).toMatchObject({
      ihave: [{ topicID: 't', messageIDs: [id] }],
      iwant: [{ messageIDs: [id, id] }],
      graft: [{ topicID: 't' }],
      prune: [{ topicID: 't', backoff: 2 ** 53 - 1 }],
      idontwant: [{ messageIDs: [id] }],
    });
  });

  it('puts the length before a gossip frame, and leaves out control messages that are none', () => {
    const rpc = { messages: [{ topic: 't', data: bytes(9) }] };
    expect(gossipFrame(rpc)[0]).toBe(rpcBytes(rpc).length);
    expect(RPC.decode(rpcBytes(rpc)).control).toBeUndefined();
  });
});
