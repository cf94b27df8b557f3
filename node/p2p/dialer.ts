import { multiaddr } from '@multiformats/multiaddr';
import type { AddressBook, BookEntry } from './address-book.ts';
import { decodeAddresses } from './address-frame.ts';
import { withDeadline } from './frames.ts';
import type { Gate } from './gate.ts';
import type { Links } from './links.ts';
import type { Node } from './node.ts';
import { POINTS } from './penalties.ts';
import type { Settings } from './settings.ts';
import { PEERS_PROTOCOL } from './settings.ts';

const MAX_DIALS = 8;
const DIAL_TIMEOUT_MS = 20_000;
const ASK_TIMEOUT_MS = 15_000;
const ASK_WHEN_FEW_MS = 1_500;
const ASK_WHEN_ENOUGH_MS = 60_000;
const EXPLORE_MS = 30_000;

/** Keeps `targetPeers` connected for as long as it runs. */
export interface Dialer {
  start(): void;
  /** Looks again within a moment: a peer came or went, or links were healed. */
  wake(): void;
  stop(): Promise<void>;
}

export interface DialerParts {
  settings: Settings;
  node: Node;
  gate: Gate;
  links: Links;
  book: AddressBook;
  stopping: AbortSignal;
  /** Asks a peer for addresses. */
  ask(peerId: string, timeoutMs: number): Promise<Uint8Array>;
}

/**
 * A jittered loop: dials what is due while peers are missing, asks peers for addresses, and now and then one stranger
 * more, without which two halves that each have enough peers would never find each other after a partition.
 */
export function createDialer(parts: DialerParts): Dialer {
  const { settings, links, book, stopping } = parts;
  const running = new Set<Promise<void>>();
  const next = { askMs: 0, exploreMs: settings.now() + jitter(EXPLORE_MS) };
  let timer: NodeJS.Timeout | null = null;
  let timerAtMs = 0;
  let dialling = 0;

  const run = (task: Promise<void>): void => {
    const tracked = task
      .catch((error: unknown) => settings.log('error', 'redial loop', { error }))
      .finally(() => running.delete(tracked));
    running.add(tracked);
  };
  const tick = (): void => {
    links.inspect();
    const now = settings.now();
    const peers = parts.node.getPeers().length;
    const missing = settings.targetPeers - peers - dialling;
    const slots = Math.max(0, Math.min(missing, MAX_DIALS - dialling));
    for (const entry of candidates(parts).slice(0, slots)) {
      dialling++;
      run(dial(parts, entry).finally(() => dialling--));
    }
    if (now >= next.askMs && links.upPeers().length > 0) {
      next.askMs = now + jitter(peers < settings.targetPeers ? ASK_WHEN_FEW_MS : ASK_WHEN_ENOUGH_MS);
      run(askOne(parts));
    }
    if (now >= next.exploreMs) {
      next.exploreMs = now + jitter(EXPLORE_MS);
      if (missing <= 0) run(explore(parts, peers));
    }
    book.flush();
  };
  const schedule = (delayMs: number): void => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    if (stopping.aborted) return;
    timerAtMs = performance.now() + delayMs;
    timer = setTimeout(() => {
      tick();
      schedule(jitter(settings.redialMs));
    }, delayMs);
  };

  return {
    start: () => schedule(jitter(50)),
    wake() {
      if (links.upPeers().length < settings.targetPeers) next.askMs = settings.now();
      const delayMs = jitter(100);
      // Only ever earlier: a stream of events must not put the loop off for good.
      if (timer !== null && performance.now() + delayMs < timerAtMs) schedule(delayMs);
    },
    async stop() {
      if (timer !== null) clearTimeout(timer);
      timer = null;
      await Promise.all(running);
      book.flush();
    },
  };
}

function jitter(ms: number): number {
  return ms * (0.5 + Math.random());
}

function candidates(parts: DialerParts): BookEntry[] {
  const { node, gate, book } = parts;
  const taken = new Set(node.getPeers().map(String));
  for (const pending of node.getDialQueue())
    if (pending.peerId !== undefined) taken.add(pending.peerId.toString());
  const due = book.due();
  // A book full of addresses that hang must not keep an isolated node from its seeds.
  if (taken.size === 0) due.sort((a, b) => Number(b.seed) - Number(a.seed));
  return due.filter(({ peerId }) => {
    if (peerId === null) return true;
    if (taken.has(peerId) || gate.denies(peerId, 'outbound')) return false;
    taken.add(peerId);
    return true;
  });
}

async function dial(parts: DialerParts, entry: BookEntry): Promise<void> {
  const { node, book, settings, stopping } = parts;
  const address = entry.address.text;
  book.attempt(entry);
  try {
    const connection = await withDeadline(DIAL_TIMEOUT_MS, stopping, (signal) =>
      node.dial(multiaddr(address), { signal }),
    );
    book.reached(entry, connection.remotePeer.toString());
  } catch (error) {
    // A seed without a peer id may turn out to be this very node.
    if (error instanceof Error && error.message === 'Can not dial self') book.remove(entry);
    settings.log('debug', 'dial failed', { address, error });
  }
}

async function askOne(parts: DialerParts): Promise<void> {
  const { links, book, settings } = parts;
  const peers = links.upPeers();
  const peerId = peers[Math.floor(Math.random() * peers.length)];
  if (peerId === undefined) return;
  let answer: Uint8Array;
  try {
    answer = await parts.ask(peerId, ASK_TIMEOUT_MS);
  } catch (error) {
    settings.log('debug', 'no addresses from peer', { peerId, error });
    return;
  }
  const addresses = decodeAddresses(answer);
  if (addresses === null)
    links.penalise(peerId, POINTS.malformedAnswer, `malformed answer (${PEERS_PROTOCOL.name})`);
  else if (book.learn(addresses, links.isLoopback(peerId)) > 0)
    settings.log('debug', 'addresses learnt', { peerId });
}

/** Dials one more peer; at twice the target a link outside every mesh makes room for it first. */
async function explore(parts: DialerParts, peers: number): Promise<void> {
  const { settings, links } = parts;
  const entry = candidates(parts)[0];
  if (entry === undefined) return;
  if (peers >= Math.min(2 * settings.targetPeers, settings.maxConnections)) {
    const idle = links
      .infos()
      .filter((peer) => peer.direction === 'outbound' && peer.meshTopics.length === 0);
    const victim = idle[Math.floor(Math.random() * idle.length)];
    if (victim === undefined) return;
    links.cut(victim.peerId, 'making room for another peer');
  }
  await dial(parts, entry);
}
