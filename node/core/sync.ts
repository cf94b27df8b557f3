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

export const REQUEST_TIMEOUT_MS = 5000;
/** A peer is asked for its status again after this long. */
const STATUS_INTERVAL_MS = 3000;
/** Requests for bodies in flight, over all peers. */
const MAX_BODY_REQUESTS = 4;

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
  /** Ids asked for, when bodies. */
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
  | { kind: 'headers'; peer: string; headers: SignedHeader[] }
  | { kind: 'blocks'; peer: string; blocks: Block[]; asked: string[] }
  | { kind: 'failed'; peer: string; protocol: Protocol }
  | { kind: 'malformed'; peer: string; protocol: Protocol }
  | { kind: 'unknown' };

export interface Sync {
  peerUp(peer: string): void;
  peerDown(peer: string): void;
  peerCount(): number;
  statusOf(peer: string): Status | null;
  /** What to ask now, damaged blocks included; call after every event that may change the answer. */
  requests(monoMs: number, damaged: readonly HeaderNode[]): OutgoingRequest[];
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
  const due = [...book.peers.values()].filter(
    (peer) => !peer.pending.has('status') && monoMs - peer.statusAskedMs >= STATUS_INTERVAL_MS,
  );
  return due.map((peer) => {
    peer.statusAskedMs = monoMs;
    return ask(book, peer, 'status', { bytes: encode(Status, ownStatus(book.chain)), ids: [] });
  });
}

function headerRequests(book: Book): OutgoingRequest[] {
  const { chain } = book;
  const best = chain.bestHeader();
  const wanted = [...book.peers.values()].filter((peer) => {
    const isAhead =
      peer.status !== null && peer.status.work > best.work && !chain.node(toHex(peer.status.tipId));
    return (isAhead || book.wantHeaders.has(peer.peer)) && !peer.pending.has('headers');
  });
  return wanted.map((peer) => {
    book.wantHeaders.delete(peer.peer);
    const request = { locator: locatorOf(chain, best), limit: MAX_HEADERS };
    return ask(book, peer, 'headers', { bytes: encode(HeadersRequest, request), ids: [] });
  });
}

function bodyRequests(book: Book, damaged: readonly HeaderNode[]): OutgoingRequest[] {
  const inFlight = new Set([...book.pending.values()].flatMap((request) => request.ids));
  const missing = [...book.chain.missingBodies(MAX_BLOCKS * MAX_BODY_REQUESTS * 2), ...damaged].filter(
    (node) => !inFlight.has(node.idHex),
  );
  const idle = [...book.peers.values()].filter((peer) => !peer.pending.has('blocks') && peer.status !== null);
  const out: OutgoingRequest[] = [];
  let open = [...book.pending.values()].filter((request) => request.protocol === 'blocks').length;
  for (; missing.length > 0 && idle.length > 0 && open < MAX_BODY_REQUESTS; open++) {
    const batch = missing.splice(0, MAX_BLOCKS);
    const [peer] = idle.splice(book.rng.below(idle.length), 1);
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

export function createSync(chain: Chain, rng: Rng): Sync {
  const book: Book = {
    chain,
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
    nextWakeMs() {
      let next = Infinity;
      for (const peer of peers.values()) {
        if (!peer.pending.has('status')) next = Math.min(next, peer.statusAskedMs + STATUS_INTERVAL_MS);
      }
      return next;
    },
  };
}

export function ownStatus(chain: Chain): Status {
  const tip = chain.tip();
  return {
    genesisId: chain.genesis.id,
    tipId: tip.id,
    tipHeight: tip.height,
    finalHeight: chain.final().height,
    work: tip.work,
  };
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
    return headers === null ? { kind: 'malformed', peer, protocol } : { kind: 'headers', peer, headers };
  }
  const blocks = decode(BlocksAnswer, bytes);
  return blocks === null
    ? { kind: 'malformed', peer, protocol }
    : { kind: 'blocks', peer, blocks, asked: request.ids };
}
