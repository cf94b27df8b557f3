import type { GossipsubMessage } from '@chainsafe/libp2p-gossipsub';
import { WattmeshError } from '../util/errors.ts';
import { watchGossipFrames } from './gossip-frames.ts';
import type { Network, NetworkHandlers } from './interface.ts';
import type { Links } from './links.ts';
import type { Names } from './names.ts';
import type { Node } from './node.ts';
import { POINTS } from './penalties.ts';
import type { Settings } from './settings.ts';

export interface Messages extends Pick<Network, 'publish' | 'report' | 'meshPeers'> {
  /** Subscribes; called once, after the node has started. */
  start(): void;
}

export interface MessageParts {
  settings: Settings;
  names: Names;
  node: Node;
  links: Links;
  /** Never throws. */
  onMessage: NetworkHandlers['onMessage'];
}

/** Gossip between the host and the router: names for topics, sizes, verdicts. */
export function createMessages(parts: MessageParts): Messages {
  const { settings, names, node, links } = parts;
  const { gossip } = node.services;
  watchGossipFrames(gossip, links);
  const report: Messages['report'] = (messageId, from, verdict) => {
    gossip.reportMessageValidationResult(messageId, from, verdict);
    if (verdict === 'reject') links.penalise(from, POINTS.rejectedMessage, 'rejected message');
  };
  return {
    report,
    start() {
      gossip.addEventListener('gossipsub:message', ({ detail }) => receive(parts, report, detail));
      for (const topic of settings.topics) gossip.subscribe(names.id(topic));
    },
    publish: (topic, bytes) => publish(parts, topic, bytes),
    meshPeers: (topic) => gossip.getMeshPeers(names.id(topic)),
  };
}

function receive(parts: MessageParts, report: Messages['report'], detail: GossipsubMessage): void {
  const { settings, names, links } = parts;
  const { msgId: messageId, msg } = detail;
  const from = detail.propagationSource.toString();
  const topic = names.name(msg.topic);
  if (topic === null || !links.admit(from)) report(messageId, from, 'ignore');
  else if (msg.data.length > settings.maxMessageBytes) report(messageId, from, 'reject');
  else parts.onMessage({ topic, messageId, from, bytes: msg.data });
}

async function publish(
  parts: MessageParts,
  topic: string,
  bytes: Uint8Array,
): Promise<{ recipients: number; duplicate: boolean }> {
  const { settings, names, node } = parts;
  if (node.status !== 'started') throw notRunning();
  if (!settings.topics.includes(topic) && !settings.publishTopics.includes(topic)) {
    throw new WattmeshError({
      code: 'P2P_UNKNOWN_TOPIC',
      message: `The topic ${topic} is not configured.`,
      remedy: 'Name it in the options of the network.',
      details: { topic },
    });
  }
  if (bytes.length > settings.maxMessageBytes) {
    throw new WattmeshError({
      code: 'P2P_MESSAGE_TOO_LARGE',
      message: `A message of ${bytes.length} bytes is over the limit of ${settings.maxMessageBytes}.`,
      remedy: 'Split the message.',
      details: { topic, bytes: bytes.length },
    });
  }
  try {
    const { recipients } = await node.services.gossip.publish(names.id(topic), bytes);
    return { recipients: recipients.length, duplicate: false };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : '';
    if (reason === 'PublishError.NoPeersSubscribedToTopic') return { recipients: 0, duplicate: false };
    if (reason === 'PublishError.Duplicate') return { recipients: 0, duplicate: true };
    throw cause;
  }
}

function notRunning(): WattmeshError {
  return new WattmeshError({
    code: 'P2P_NOT_RUNNING',
    message: 'The network is not running.',
    remedy: 'Start the node.',
  });
}
