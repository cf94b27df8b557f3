/** Simulated links between nodes: delay, loss, partitions; gossip that forwards only what was accepted. */
import type { Topic } from '../protocol/wire.ts';
import type { Rng } from '../util/rng.ts';
import type { Scheduler } from '../util/scheduler.ts';

export interface LinkConditions {
  /** One-way delay, uniform in [min, max]. */
  delayMs: readonly [number, number];
  /** Probability that a message is lost. */
  loss: number;
}

export interface SimNetwork {
  /** Neighbours of a node that it can reach now. */
  neighbours(node: number): number[];
  /** Calls `deliver` at the other end unless the link is cut or the message is lost. */
  send(from: number, to: number, deliver: () => void): void;
  publish(from: number, topic: Topic, messageId: string, bytes: Uint8Array): void;
  /** Forward a message that `node` accepted. */
  forward(node: number, messageId: string): void;
  /** Splits the nodes; links across groups are cut. Nodes named in no group keep together. */
  partition(groups: readonly (readonly number[])[]): void;
  heal(): void;
  setConditions(conditions: LinkConditions): void;
  /** A restarted node knows no message any more. */
  forget(node: number): void;
  sent(): number;
}

interface Handlers {
  isUp(node: number): boolean;
  gossip(to: number, from: number, topic: Topic, messageId: string, bytes: Uint8Array): void;
  /** The set of reachable neighbours may have changed. */
  linksChanged(): void;
}

/** Messages remembered per node, as a gossip seen-cache does. */
const SEEN_MAX = 5000;

export function createSimNetwork(
  given: { nodes: number; degree: number; scheduler: Scheduler; rng: Rng; conditions: LinkConditions },
  handlers: Handlers,
): SimNetwork {
  const { nodes, scheduler, rng } = given;
  let { conditions } = given;
  const links = randomGraph(nodes, given.degree, rng);
  const seen: Set<string>[] = Array.from({ length: nodes }, () => new Set());
  const messages = new Map<string, { topic: Topic; bytes: Uint8Array }>();
  let groupOf = new Array<number>(nodes).fill(-1);
  let sent = 0;

  const isOpen = (a: number, b: number) => groupOf[a] === groupOf[b];
  const send = (from: number, to: number, deliver: () => void): void => {
    sent++;
    const [least, most] = conditions.delayMs;
    const delayMs = least + rng.next() * (most - least);
    const isLost = rng.next() < conditions.loss;
    if (isLost || !isOpen(from, to)) return;
    scheduler.after(delayMs, () => {
      if (isOpen(from, to) && handlers.isUp(to)) deliver();
    });
  };
  const remember = (node: number, messageId: string): void => {
    const known = seen[node]!;
    known.add(messageId);
    if (known.size > SEEN_MAX) known.delete(known.values().next().value!);
  };
  const spread = (node: number, messageId: string): void => {
    const { topic, bytes } = messages.get(messageId)!;
    for (const to of links[node]!) {
      send(node, to, () => {
        if (seen[to]!.has(messageId)) return;
        remember(to, messageId);
        handlers.gossip(to, node, topic, messageId, bytes);
      });
    }
  };

  return {
    neighbours: (node) => links[node]!.filter((other) => isOpen(node, other) && handlers.isUp(other)),
    send,
    publish(from, topic, messageId, bytes) {
      messages.set(messageId, { topic, bytes });
      if (messages.size > SEEN_MAX) messages.delete(messages.keys().next().value!);
      remember(from, messageId);
      spread(from, messageId);
    },
    forward(node, messageId) {
      if (messages.has(messageId)) spread(node, messageId);
    },
    partition(groups) {
      groupOf = new Array<number>(nodes).fill(-1);
      for (const [group, members] of groups.entries()) for (const node of members) groupOf[node] = group;
      handlers.linksChanged();
    },
    heal() {
      groupOf = new Array<number>(nodes).fill(-1);
      handlers.linksChanged();
    },
    setConditions(next) {
      conditions = next;
    },
    forget: (node) => seen[node]!.clear(),
    sent: () => sent,
  };
}

/** A ring for connectedness plus random chords up to the degree. */
function randomGraph(nodes: number, degree: number, rng: Rng): number[][] {
  const links = Array.from({ length: nodes }, () => new Set<number>());
  const join = (a: number, b: number) => {
    if (a === b) return;
    links[a]!.add(b);
    links[b]!.add(a);
  };
  for (let i = 0; i < nodes; i++) join(i, (i + 1) % nodes);
  for (let i = 0; i < nodes; i++) {
    for (let tries = 0; tries < 4 * degree && links[i]!.size < Math.min(degree, nodes - 1); tries++) {
      join(i, rng.below(nodes));
    }
  }
  return links.map((set) => [...set].sort((a, b) => a - b));
}
