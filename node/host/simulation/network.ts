/** Simulated links between nodes: delay, loss, duplication, reordering, cuts in one or both directions, bandwidth. */
import { shareDecoded } from '../../protocol/codec.ts';
import type { Topic } from '../../protocol/wire.ts';
import type { Rng } from '../../util/rng.ts';
import type { Scheduler } from '../../util/scheduler.ts';

export interface LinkConditions {
  /** One-way delay, uniform in [min, max]. */
  delayMs: readonly [number, number];
  /** Probabilities that a message is lost, comes twice, or is held back so that later ones overtake it. */
  loss: number;
  duplication: number;
  reordering: number;
  /** Null: unlimited. */
  bytesPerMs: number | null;
}

export const GOOD_LINKS: LinkConditions = {
  delayMs: [5, 60],
  loss: 0,
  duplication: 0,
  reordering: 0,
  bytesPerMs: null,
};

/** What happened on the links so far, by kind. */
export interface LinkCounts {
  sent: number;
  lost: number;
  duplicated: number;
  reordered: number;
  /** Sent into a direction that is cut. */
  cut: number;
  /** Had to wait for bandwidth. */
  slowed: number;
}

export interface SimNetwork {
  /** Neighbours of a node whose link is open, as the node has noticed it. */
  neighbours(node: number): readonly number[];
  /** Calls `deliver` at the other end unless the link is cut or the message is lost. */
  send(from: number, to: number, bytes: number, deliver: () => void): void;
  publish(from: number, topic: Topic, messageId: string, bytes: Uint8Array): void;
  /** Publishes to some neighbours only. */
  publishTo(from: number, targets: readonly number[], message: GossipMessage): void;
  /** Forward a message that `node` accepted. */
  forward(node: number, messageId: string): void;
  /** Cuts the direction from one set of nodes to another. */
  cut(from: readonly number[], to: readonly number[]): void;
  /** Opens every direction. */
  heal(): void;
  setConditions(conditions: LinkConditions): void;
  /** Conditions of every link of one node; null: those of all. */
  setNodeConditions(node: number, conditions: LinkConditions | null): void;
  /** Who is linked to whom from now on: nodes dial others when their peers are gone. */
  setLinks(links: readonly (readonly number[])[]): void;
  /** A restarted node knows no message any more. */
  forget(node: number): void;
  linkBothWays(a: number, b: number): boolean;
  counts(): Readonly<LinkCounts>;
}

export interface GossipMessage {
  topic: Topic;
  messageId: string;
  bytes: Uint8Array;
}

interface Handlers {
  isUp(node: number): boolean;
  gossip(to: number, from: number, message: GossipMessage): void;
  /** The set of reachable neighbours may have changed. */
  linksChanged(): void;
}

/** Messages remembered per node, as a gossip seen-cache does. */
const SEEN_MAX = 4000;
/** How much later a held-back message comes, in greatest delays. */
const HELD_BACK = 8;

interface Net {
  links: readonly (readonly number[])[];
  readonly scheduler: Scheduler;
  readonly rng: Rng;
  readonly handlers: Handlers;
  readonly isCut: Uint8Array;
  /** When the link is free again, by direction; only where bandwidth or order matters. */
  readonly freeAt: Float64Array;
  readonly arrived: Float64Array;
  readonly own: (LinkConditions | null)[];
  readonly seen: Set<string>[];
  readonly messages: Map<string, GossipMessage>;
  readonly counts: LinkCounts;
  conditions: LinkConditions;
}

export function createSimNetwork(
  given: {
    links: readonly (readonly number[])[];
    scheduler: Scheduler;
    rng: Rng;
    conditions: LinkConditions;
  },
  handlers: Handlers,
): SimNetwork {
  const size = given.links.length;
  const net: Net = {
    ...given,
    handlers,
    isCut: new Uint8Array(size * size),
    freeAt: new Float64Array(size * size),
    arrived: new Float64Array(size * size),
    own: new Array<null>(size).fill(null),
    seen: Array.from({ length: size }, () => new Set()),
    messages: new Map(),
    counts: { sent: 0, lost: 0, duplicated: 0, reordered: 0, cut: 0, slowed: 0 },
  };
  const isOpen = (a: number, b: number) => net.isCut[a * size + b] === 0 || net.isCut[b * size + a] === 0;

  return {
    // A link that is cut in one direction only is not noticed: requests over it time out.
    neighbours: (node) => net.links[node]!.filter((other) => isOpen(node, other) && handlers.isUp(other)),
    send: (from, to, bytes, deliver) => send(net, { from, to, bytes }, deliver),
    publish(from, topic, messageId, bytes) {
      remember(net, { topic, messageId, bytes }, from);
      spread(net, from, messageId, net.links[from]!);
    },
    publishTo(from, targets, message) {
      remember(net, message, from);
      spread(net, from, message.messageId, targets);
    },
    forward(node, messageId) {
      if (net.messages.has(messageId)) spread(net, node, messageId, net.links[node]!);
    },
    cut(from, to) {
      for (const a of from) for (const b of to) if (a !== b) net.isCut[a * size + b] = 1;
      handlers.linksChanged();
    },
    heal() {
      net.isCut.fill(0);
      handlers.linksChanged();
    },
    setConditions(next) {
      net.conditions = next;
    },
    setNodeConditions(node, conditions) {
      net.own[node] = conditions;
    },
    setLinks(links) {
      net.links = links;
      handlers.linksChanged();
    },
    forget: (node) => net.seen[node]!.clear(),
    linkBothWays: (a, b) => net.isCut[a * size + b] === 0 && net.isCut[b * size + a] === 0,
    counts: () => net.counts,
  };
}

function send(net: Net, message: { from: number; to: number; bytes: number }, deliver: () => void): void {
  const { scheduler, rng, handlers, counts } = net;
  const { from, to } = message;
  const direction = from * net.links.length + to;
  const conditions = net.own[from] ?? net.own[to] ?? net.conditions;
  counts.sent++;
  if (net.isCut[direction] === 1) {
    counts.cut++;
    return;
  }
  if (conditions.loss > 0 && rng.next() < conditions.loss) {
    counts.lost++;
    return;
  }
  const copies = conditions.duplication > 0 && rng.next() < conditions.duplication ? 2 : 1;
  if (copies === 2) counts.duplicated++;
  for (let copy = 0; copy < copies; copy++) {
    scheduler.after(delayOf(net, direction, conditions, message.bytes), () => {
      if (net.isCut[direction] === 0 && handlers.isUp(to)) deliver();
    });
  }
}

/** Messages of a direction keep their order unless one is held back. */
function delayOf(net: Net, direction: number, conditions: LinkConditions, bytes: number): number {
  const { rng, counts, scheduler } = net;
  const nowMs = scheduler.nowMs();
  const [least, most] = conditions.delayMs;
  let delayMs = least + rng.next() * (most - least);
  if (conditions.bytesPerMs !== null) {
    const free = Math.max(nowMs, net.freeAt[direction]!);
    if (free > nowMs) counts.slowed++;
    net.freeAt[direction] = free + bytes / conditions.bytesPerMs;
    delayMs += net.freeAt[direction]! - nowMs;
  }
  if (conditions.reordering > 0 && rng.next() < conditions.reordering) {
    counts.reordered++;
    return delayMs + rng.next() * HELD_BACK * most;
  }
  const at = Math.max(nowMs + delayMs, net.arrived[direction]!);
  net.arrived[direction] = at;
  return at - nowMs;
}

function remember(net: Net, message: GossipMessage, node: number): void {
  shareDecoded(message.bytes);
  const { messages } = net;
  messages.set(message.messageId, message);
  if (messages.size > SEEN_MAX) messages.delete(messages.keys().next().value!);
  see(net, node, message.messageId);
}

function see(net: Net, node: number, messageId: string): void {
  const known = net.seen[node]!;
  known.add(messageId);
  if (known.size > SEEN_MAX) known.delete(known.values().next().value!);
}

function spread(net: Net, node: number, messageId: string, targets: readonly number[]): void {
  const message = net.messages.get(messageId)!;
  for (const to of targets) {
    if (net.seen[to]!.has(messageId) && net.conditions.duplication === 0) continue;
    send(net, { from: node, to, bytes: message.bytes.length }, () => {
      if (net.seen[to]!.has(messageId)) return;
      see(net, to, messageId);
      net.handlers.gossip(to, node, message);
    });
  }
}

export type Topology = 'random' | 'ring' | 'star' | 'full' | 'clusters';

/** Links of a connected graph of the wanted shape. */
export function drawLinks(nodes: number, topology: Topology, degree: number, rng: Rng): number[][] {
  const links = Array.from({ length: nodes }, () => new Set<number>());
  const join = (a: number, b: number) => {
    if (a === b) return;
    links[a]!.add(b);
    links[b]!.add(a);
  };
  const half = Math.floor(nodes / 2);
  for (let i = 0; i < nodes; i++) {
    if (topology === 'star') join(i, i % 2);
    else if (topology === 'full') for (let k = 0; k < i; k++) join(i, k);
    else join(i, (i + 1) % nodes);
    if (topology !== 'random' && topology !== 'clusters') continue;
    for (let tries = 0; tries < 4 * degree && links[i]!.size < Math.min(degree, nodes - 1); tries++) {
      const other = rng.below(nodes);
      // Two clusters hang together by the ring alone.
      if (topology === 'random' || i < half === other < half) join(i, other);
    }
  }
  return links.map((set) => [...set].sort((a, b) => a - b));
}
