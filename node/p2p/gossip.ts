import '../util/polyfill.ts';
import { createHash } from 'node:crypto';
import type { GossipSub, GossipSubComponents } from '@chainsafe/libp2p-gossipsub';
import { gossipsub, StrictNoSign } from '@chainsafe/libp2p-gossipsub';
import { toHex } from '../util/bytes.ts';
import type { Names } from './names.ts';
import type { Penalties } from './penalties.ts';

const LOOPBACK_IPS = new Set(['127.0.0.1', '::1']);
const MAX_IDS_PER_RPC = 2_048;

/** The router with the methods its exported type lacks. */
export interface GossipRouter extends GossipSub {
  reportMessageValidationResult(messageId: string, from: string, verdict: string): void;
  getMeshPeers(topic: string): string[];
  getScore(peerId: string): number;
  readonly streamsOutbound: ReadonlyMap<string, { readonly rawStream: { readonly status: string } }>;
  /** Replaced, not changed, by stopping, which leaves the timer of the old one running. */
  readonly status: { readonly heartbeatTimeout?: NodeJS.Timeout };
}

/**
 * Gossipsub without signatures (payloads carry their own); message id = SHA-256 of topic and payload; forwarded only after an
 * explicit verdict; the score is minus the penalty points, so that a peer leaves the mesh at its first offence.
 */
export function gossipService(options: {
  names: Names;
  topics: readonly string[];
  maxMessageBytes: number;
  penalties: Penalties;
}): (components: GossipSubComponents) => GossipRouter {
  const { names, topics, maxMessageBytes, penalties } = options;
  const service = gossipsub({
    globalSignaturePolicy: StrictNoSign,
    // With the topic: the bytes of a block, sent as a transaction, must not make the block a duplicate.
    msgIdFn: ({ topic, data }) => createHash('sha256').update(topic).update('\0').update(data).digest(),
    msgIdToStrFn: toHex,
    asyncValidation: true,
    floodPublish: true,
    fallbackToFloodsub: false,
    doPX: false,
    allowedTopics: topics.map(names.id),
    // An answer to IWANT carries several messages in one frame.
    maxInboundDataLength: 4 * maxMessageBytes + 65_536,
    maxOutboundBufferSize: 16 * maxMessageBytes + 1_048_576,
    maxTopicBytesPerPeer: 65_536,
    decodeRpcLimits: {
      maxSubscriptions: 64,
      maxMessages: MAX_IDS_PER_RPC,
      maxIhaveMessageIDs: MAX_IDS_PER_RPC,
      maxIwantMessageIDs: MAX_IDS_PER_RPC,
      maxIdontwantMessageIDs: 512,
      maxControlMessages: 64,
      maxPeerInfos: 16,
    },
    // A busy machine answers late: one broken promise must not cost the link.
    gossipsubIWantFollowupMs: 10_000,
    scoreParams: {
      appSpecificScore: (peerId) => -penalties.points(peerId),
      appSpecificWeight: 1,
      IPColocationFactorWhitelist: LOOPBACK_IPS,
      IPColocationFactorThreshold: 32,
      behaviourPenaltyWeight: -1,
      behaviourPenaltyThreshold: 6,
    },
    // The ban at 100 points, not the gray list, ends a bad link: it has a reason and a log line.
    scoreThresholds: { gossipThreshold: -40, publishThreshold: -60, graylistThreshold: -200 },
  });
  return (components) => service(components) as GossipRouter;
}
