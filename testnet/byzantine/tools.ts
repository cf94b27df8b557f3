/** What several attacks do. */
import { setTimeout as delay } from 'node:timers/promises';
import { encode } from '../../node/protocol/codec.ts';
import { Block, type SignedHeader, type Transaction } from '../../node/protocol/types.ts';
import type { Topic } from '../../node/protocol/wire.ts';
import type { Rng } from '../../node/util/rng.ts';
import type { Arena, Deed } from './attack.ts';
import { gossipFrame } from './frames.ts';
import type { HostilePeer } from './peer.ts';

export function randomBytes(rng: Rng, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => rng.below(256));
}

export const encodeBlock = (signedHeader: SignedHeader, transactions: Transaction[] = []): Uint8Array =>
  encode(Block, { signedHeader, transactions });

/** One message of a topic of the chain as a frame. */
export function messageFrame(arena: Arena, topic: Topic, data: Uint8Array): Uint8Array {
  return gossipFrame({ messages: [{ topic: arena.names.id(topic), data }] });
}

export interface Repeat {
  /** Sent at most. */
  most: number;
  pauseMs?: number;
}

/** Sends frame after frame until the link has ended or `most` are sent. */
export async function sendUntilOut(
  arena: Arena,
  culprit: HostilePeer,
  repeat: Repeat,
  frame: (i: number) => Uint8Array,
): Promise<Deed> {
  const sinceMs = performance.now();
  let sent = 0;
  for (; sent < repeat.most && culprit.isOpen(); sent++) {
    if (!(await culprit.send(frame(sent)))) break;
    if (repeat.pauseMs !== undefined) await delay(repeat.pauseMs, undefined, { signal: arena.signal });
  }
  return { sent, sinceMs, culprit };
}

/** The same with a new identity and messages of one topic. */
export async function gossipUntilOut(
  arena: Arena,
  topic: Topic,
  repeat: Repeat,
  make: (i: number) => Uint8Array,
): Promise<Deed> {
  const culprit = await arena.meet();
  return sendUntilOut(arena, culprit, { pauseMs: 20, ...repeat }, (i) => messageFrame(arena, topic, make(i)));
}

/** Opens a stream of a protocol, writes bytes and half-closes it unless it stays; false: it was refused. */
export async function writeStream(
  peer: HostilePeer,
  protocol: string,
  bytes: Uint8Array,
  stays = false,
): Promise<boolean> {
  try {
    const stream = await peer.open(protocol);
    stream.addEventListener('message', () => {});
    stream.send(bytes);
    if (!stays) await stream.close({ signal: AbortSignal.timeout(2000) });
    return true;
  } catch {
    return false;
  }
}
