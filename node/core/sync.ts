/** Headers-first synchronisation: who has more work, which headers and bodies to ask whom for. */
import type { HeaderNode } from '../consensus/header-chain.ts';
import { decode, encode } from '../protocol/codec.ts';
import type { Block, SignedHeader } from '../protocol/types.ts';
import {
  BlocksAnswer,
  BlocksRequest,
  HeadersAnswer,
  HeadersRequest,
  MAX_BLOCKS,
  MAX_HEADERS,
  MAX_LOCATOR,
  type Protocol,
  Status,
} from '../protocol/wire.ts';
import { toHex } from '../util/bytes.ts';
import type { Rng } from '../util/rng.ts';
import type { Chain } from './chain.ts';
import { type CoreLimits, DEFAULT_LIMITS } from './limits.ts';

export const REQUEST_TIMEOUT_MS = 5000;

interface PeerState {
  readonly peer: string;
  status: Status | null;
  statusAskedMs: number;
  /** One request of each protocol at a time. */
  pending: Set<Protocol>;
}

interface Pending {
  peer: string;
  protocol: Protocol;
  /** Ids asked for, when bodies; the locator, when headers. */
  ids: string[];
}

export interface OutgoingRequest {
  requestId: number;
  peer: string;
  protocol: Protocol;
  bytes: Uint8Array;
  timeoutMs: number;
}

export type Answer =
  | { kind: 'status'; peer: string; status: Status }
  | { kind: 'headers'; peer: string; headers: SignedHeader[]; asked: string[] }
  | { kind: 'blocks'; peer: string; blocks: Block[]; asked: string[] }
  | { kind: 'failed'; peer: string; protocol: Protocol }
  | { kind: 'malformed'; peer: string; protocol: Protocol }
  | { kind: 'unknown' };

export interface Sync {
  peerUp(peer: string): void;
  peerDown(peer: string): void;
  peerCount(): number;
  pendingRequests(): number;
  /** Most work that a peer told of; null: none has told. */
  bestWork(): bigint | null;
  statusOf(peer: string): Status | null;
  /** What to ask now, damaged blocks included; call after every event that may change the answer. */
  requests(monoMs: number, damaged: readonly HeaderNode[]): OutgoingRequest[];
  /** A peer that asks for the status tells its own. */
  told(peer: string, status: Status, monoMs: number): void;
  /** The peer's answer brought nothing: leave it alone until it tells its status again. */
  unhelpful(peer: string): void;
  /** The peer told of a block whose parent is unknown here: ask it for headers. */
  askHeaders(peer: string): void;
  onAnswer(requestId: number, bytes: Uint8Array | null): Answer;
  /** When `requests` should be called again without an event. */
  nextWakeMs(): number;
}

/** Ids of a branch, newest first: ten in a row, then with doubling gaps, genesis last. */
export function locatorOf(chain: Chain, tip: HeaderNode): Uint8Array[] {
  const ids: Uint8Array[] = [];
  let gap = 1;
  let node: HeaderNode | null = tip;
  while (node !== null && ids.length < MAX_LOCATOR - 1) {
    ids.push(node.id);
    if (ids.length >= 10) gap *= 2;
    const height: number = node.height - gap;
    if (height <= 0) break;
    for (let i = 0; i < gap && node !== null; i++) node = node.parent;
  }
  if (node === null || node.height > 0) ids.push(chain.genesis.id);
  return ids;
}

interface Book {
  readonly chain: Chain;
  readonly limits: CoreLimits;
  readonly rng: Rng;
  readonly peers: Map<string, PeerState>;
  readonly pending: Map<number, Pending>;
  readonly wantHeaders: Set<string>;
  nextRequestId: number;
}

function ask(
  book: Book,
  peer: PeerState,
  protocol: Protocol,
  message: { bytes: Uint8Array; ids: string[] },
): OutgoingRequest {
  const requestId = book.nextRequestId++;
  peer.pending.add(protocol);
  book.pending.set(requestId, { peer: peer.peer, protocol, ids: message.ids });
  return { requestId, peer: peer.peer, protocol, bytes: message.bytes, timeoutMs: REQUEST_TIMEOUT_MS };
}

function statusRequests(book: Book, monoMs: number): OutgoingRequest[] {
  const { statusMs } = book.limits;
  if (monoMs < nextStatusMs(book)) return [];
  const requests: OutgoingRequest[] = [];
  for (const peer of book.peers.values()) {
    // When one is due, those that soon will be are asked along with it.
    if (peer.pending.has('status') || monoMs < peer.statusAskedMs + statusMs / 2) continue;
    peer.statusAskedMs = monoMs;
    requests.push(ask(book, peer, 'status', { bytes: ownStatus(book.chain), ids: [] }));
  }
  return requests;
}

function nextStatusMs(book: Book): number {
  let next = Number.POSITIVE_INFINITY;
  for (const peer of book.peers.values()) {
    if (!peer.pending.has('status')) next = Math.min(next, peer.statusAskedMs + book.limits.statusMs);
  }
  return next;
}

function headerRequests(book: Book): OutgoingRequest[] {
  const { chain } = book;
  const best = chain.bestHeader();
  const wanted = [...book.peers.values()].filter((peer) => {
    const isAhead =
      peer.status !== null &&
      (peer.status.work > best.work || peer.status.justifiedHeight > chain.justifiedHeight(best)) &&
      !chain.node(toHex(peer.status.tipId));
    return (isAhead || book.wantHeaders.has(peer.peer)) && !peer.pending.has('headers');
  });
  return wanted.map((peer) => {
    book.wantHeaders.delete(peer.peer);
    const locator = locatorOf(chain, best);
    const bytes = encode(HeadersRequest, { locator, limit: MAX_HEADERS });
    return ask(book, peer, 'headers', { bytes, ids: locator.map(toHex) });
  });
}

function bodyRequests(book: Book, damaged: readonly HeaderNode[]): OutgoingRequest[] {
  const { limits } = book;
  const wanted = book.chain.missingBodies(MAX_BLOCKS * limits.bodyRequests * 2);
  if (wanted.length === 0 && damaged.length === 0) return [];
  const bodies = [...book.pending.values()].filter((request) => request.protocol === 'blocks');
  const inFlight = new Set(bodies.flatMap((request) => request.ids));
  const missing = [...wanted, ...damaged].filter((node) => !inFlight.has(node.idHex));
  const idle = [...book.peers.values()].filter((peer) => !peer.pending.has('blocks') && peer.status !== null);
  const out: OutgoingRequest[] = [];
  let open = bodies.length;
  for (; missing.length > 0 && idle.length > 0 && open < limits.bodyRequests; open++) {
    const batch = missing.splice(0, MAX_BLOCKS);
    const able = idle.filter(({ status }) => status!.work >= batch[0]!.work);
    if (able.length === 0) break;
    const peer = able[book.rng.below(able.length)];
    idle.splice(idle.indexOf(peer!), 1);
    const ids = batch.map((node) => node.id);
    out.push(
      ask(book, peer!, 'blocks', {
        bytes: encode(BlocksRequest, ids),
        ids: batch.map((node) => node.idHex),
      }),
    );
  }
  return out;
}

export function createSync(chain: Chain, rng: Rng, limits: CoreLimits = DEFAULT_LIMITS): Sync {
  const book: Book = {
    chain,
    limits,
    rng,
    peers: new Map(),
    pending: new Map(),
    wantHeaders: new Set(),
    nextRequestId: 1,
  };
  const { peers, pending, wantHeaders } = book;
  const unhelpful = (name: string): void => {
    const peer = peers.get(name);
    if (peer !== undefined) peer.status = null;
  };

  return {
    peerUp(peer) {
      peers.set(peer, { peer, status: null, statusAskedMs: Number.NEGATIVE_INFINITY, pending: new Set() });
    },
    peerDown(peer) {
      peers.delete(peer);
      wantHeaders.delete(peer);
      for (const [requestId, request] of pending) if (request.peer === peer) pending.delete(requestId);
    },
    peerCount: () => peers.size,
    pendingRequests: () => pending.size,
    bestWork() {
      let best: bigint | null = null;
      for (const { status } of peers.values()) {
        if (status !== null && (best === null || status.work > best)) best = status.work;
      }
      return best;
    },
    statusOf: (peer) => peers.get(peer)?.status ?? null,
    unhelpful,
    askHeaders(peer) {
      if (peers.has(peer)) wantHeaders.add(peer);
    },
    requests: (monoMs, damaged) => [
      ...statusRequests(book, monoMs),
      ...headerRequests(book),
      ...bodyRequests(book, damaged),
    ],
    onAnswer(requestId, bytes) {
      const request = pending.get(requestId);
      if (request === undefined) return { kind: 'unknown' };
      pending.delete(requestId);
      const peer = peers.get(request.peer);
      peer?.pending.delete(request.protocol);
      const answer = parse(request, bytes);
      if (answer.kind === 'failed' || answer.kind === 'malformed') unhelpful(request.peer);
      if (answer.kind === 'status' && peer !== undefined) peer.status = answer.status;
      return answer;
    },
    told(peer, status, monoMs) {
      const known = peers.get(peer);
      if (known === undefined || toHex(status.genesisId) !== chain.genesis.idHex) return;
      known.status = status;
      // Who asks tells its own status: it need not be asked as well.
      if (!known.pending.has('status')) known.statusAskedMs = monoMs;
    },
    nextWakeMs: () => nextStatusMs(book),
  };
}

/** Encoded status of a chain, made once per tip and final block. */
const statuses = new WeakMap<HeaderNode, { finalHeight: number; bytes: Uint8Array }>();

export function ownStatus(chain: Chain): Uint8Array {
  const tip = chain.tip();
  const finalHeight = chain.final().height;
  const known = statuses.get(tip);
  if (known?.finalHeight === finalHeight) return known.bytes;
  const bytes = encode(Status, {
    genesisId: chain.genesis.id,
    tipId: tip.id,
    tipHeight: tip.height,
    finalHeight,
    justifiedHeight: chain.justifiedHeight(tip),
    work: tip.work,
  });
  statuses.set(tip, { finalHeight, bytes });
  return bytes;
}

function parse(request: Pending, bytes: Uint8Array | null): Answer {
  const { peer, protocol } = request;
  if (bytes === null) return { kind: 'failed', peer, protocol };
  if (protocol === 'status') {
    const status = decode(Status, bytes);
    return status === null ? { kind: 'malformed', peer, protocol } : { kind: 'status', peer, status };
  }
  if (protocol === 'headers') {
    const headers = decode(HeadersAnswer, bytes);
    return headers === null
      ? { kind: 'malformed', peer, protocol }
      : { kind: 'headers', peer, headers, asked: request.ids };
  }
  const blocks = decode(BlocksAnswer, bytes);
  return blocks === null
    ? { kind: 'malformed', peer, protocol }
    : { kind: 'blocks', peer, blocks, asked: request.ids };
}
