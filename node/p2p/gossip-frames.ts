/** Gossipsub drops a frame that it cannot read without a word about its sender; here the sender answers for it. */
import type { PeerId } from '@libp2p/interface';
import type { GossipRouter } from './gossip.ts';
import type { Links } from './links.ts';
import { POINTS } from './penalties.ts';

interface Frame {
  subarray(): Uint8Array;
}

/** What the router does with the bytes of a peer, which its exported type hides. */
interface FrameReader {
  /** Throws for bytes that are no frame, and for frames with more entries than our limits allow. */
  decodeRpc(bytes: Uint8Array): unknown;
  pipePeerReadStream(peerId: PeerId, frames: AsyncIterable<Frame>): Promise<void>;
  handlePeerReadStreamError(error: Error, peerId: PeerId): void;
}

/** Our limits are lower than what the same library sends on a busy node: no fault of the sender. */
const LIMIT_ERRORS = new Set(['MaxLengthError', 'MaxSizeError']);
/** The stream cannot be read any further: the length of a frame is over the limit, or no length. */
const LENGTH_ERRORS = new Set([
  'InvalidDataLengthError',
  'InvalidDataLengthLengthError',
  'InvalidMessageLengthError',
]);

/** Penalises undecodable frames, and cuts off who announces one over the limit; called once, before the node starts. */
export function watchGossipFrames(router: GossipRouter, links: Pick<Links, 'penalise' | 'cut'>): void {
  const reader = router as unknown as FrameReader;
  const pipe = reader.pipePeerReadStream.bind(reader);
  const fail = reader.handlePeerReadStreamError.bind(reader);

  async function* readable(peerId: PeerId, frames: AsyncIterable<Frame>): AsyncGenerator<Frame> {
    for await (const frame of frames) {
      try {
        reader.decodeRpc(frame.subarray());
      } catch (error) {
        if (!LIMIT_ERRORS.has((error as Error).name)) {
          links.penalise(peerId.toString(), POINTS.malformedFrame, 'undecodable gossip frame');
        }
        continue;
      }
      yield frame;
    }
  }
  reader.pipePeerReadStream = (peerId, frames) => pipe(peerId, readable(peerId, frames));
  reader.handlePeerReadStreamError = (error, peerId) => {
    fail(error, peerId);
    if (!LENGTH_ERRORS.has(error.name)) return;
    links.penalise(peerId.toString(), POINTS.oversizedFrame, 'oversized gossip frame');
    links.cut(peerId.toString(), 'oversized gossip frame');
  };
}
