/** The node's core under arbitrary events: from peers anything, from the host only what a host can say. */

import { targetAfter } from '../../../node/consensus/header.ts';
import { signHeader } from '../../../node/consensus/testing.ts';
import type { CoreEvent } from '../../../node/core/events.ts';
import { decode, encode, transactionsRoot } from '../../../node/protocol/codec.ts';
import { Block, type SignedHeader, type Transaction } from '../../../node/protocol/types.ts';
import {
  BlocksAnswer,
  BlocksRequest,
  HeadersAnswer,
  HeadersRequest,
  PROTOCOLS,
  type Protocol,
  TransactionBatch,
} from '../../../node/protocol/wire.ts';
import { toHex } from '../../../node/util/bytes.ts';
import { createRng } from '../../../node/util/rng.ts';
import { transactionFrom } from '../bodies.ts';
import { createSubject, type Subject, step } from '../core-subject.ts';
import { type OpenTarget, promise, type Target } from '../interface.ts';
import { mutate } from '../mutate.ts';
import { createReader, type Reader, randomInputs } from '../reader.ts';
import { samplesOf, statusOf } from '../samples.ts';
import { theWorld, type World } from '../world.ts';
import { checkState } from './transactions.ts';

const MAX_EVENTS = 24;
const PEERS = ['alice', 'bob', 'mallory'] as const;

/** Bytes for a place where some type is expected: right, nearly right, of another type, or anything. */
function bytesFor(
  reader: Reader,
  samples: Readonly<Record<string, readonly Uint8Array[]>>,
  name: string,
): Uint8Array {
  const how = reader.below(8);
  if (how === 7) return reader.bytes(reader.below(200));
  const kind = how === 6 ? reader.pick(Object.keys(samples)) : name;
  const sample = reader.pick(samples[kind]!);
  if (how < 3) return sample;
  const sources = { pool: samples[name]!, words: [], maxBytes: 20_000 };
  return mutate(createRng(BigInt(reader.uint32())), sample, sources);
}

const ANSWERS = { status: 'status', headers: 'headers-answer', blocks: 'blocks-answer' } as const;
const REQUESTS = { status: 'status', headers: 'headers-request', blocks: 'blocks-request' } as const;

/** What an honest peer with the whole trunk says. */
function honestAnswer(world: World, protocol: Protocol, bytes: Uint8Array): Uint8Array | null {
  const heightOf = (id: Uint8Array) => world.trunk.findIndex(({ node }) => node.idHex === toHex(id)) + 1;
  if (protocol === 'status') return statusOf(world, world.trunk.length);
  if (protocol === 'headers') {
    const { locator, limit } = decode(HeadersRequest, bytes)!;
    const from = Math.max(0, ...locator.map(heightOf));
    const headers: SignedHeader[] = world.trunk
      .slice(from, from + limit)
      .map(({ block }) => block.signedHeader);
    return encode(HeadersAnswer, headers);
  }
  const heights = decode(BlocksRequest, bytes)!.map(heightOf);
  const known = heights.includes(0) ? heights.slice(0, heights.indexOf(0)) : heights;
  return encode(
    BlocksAnswer,
    known.map((height) => world.trunk[height - 1]!.block),
  );
}

interface Parts {
  reader: Reader;
  world: World;
  samples: Readonly<Record<string, readonly Uint8Array[]>>;
  subject: Subject;
}

function transactionsFrom({ reader, world, subject }: Parts): Transaction[] {
  const count = reader.below(4);
  return Array.from({ length: count }, () => transactionFrom(reader, world.rules, subject.core.clockMs()));
}

/** A block with true work and signature on the tip or below it, from now or from the future; its state is invented. */
function forgedBlock({ reader, world, subject }: Parts): Block {
  const { rules } = world;
  const { spacingMs } = rules.genesis.params;
  const tip = subject.core.chain.tip();
  const parent = reader.oneIn(3) ? (tip.parent ?? tip) : tip;
  const author = reader.below(10);
  const body = {
    ...parent.signed.header.body,
    height: parent.height + 1,
    parent: parent.id,
    timestampMs:
      parent.timestampMs + reader.pick([2000, 200, 12_000, 30_000, 30_000, 60_000]) + reader.below(64),
    target: targetAfter(parent, spacingMs),
    author,
    transactionsRoot: transactionsRoot([]),
  };
  const header = { body, nonce: world.search(body) };
  return { signedHeader: signHeader(rules, header, author), transactions: [] };
}

function gossipFrom(parts: Parts, messageId: string): CoreEvent {
  const { reader, world, samples, subject } = parts;
  const from = reader.pick(PEERS);
  const topic = reader.bool() ? ('tx' as const) : ('block' as const);
  if (topic === 'tx') {
    const bytes = reader.bool()
      ? encode(TransactionBatch, transactionsFrom(parts))
      : bytesFor(reader, samples, 'transaction-batch');
    return { type: 'gossip', topic, messageId, from, bytes };
  }
  if (reader.oneIn(3)) {
    const forged = forgedBlock(parts);
    return { type: 'gossip', topic, messageId, from, bytes: encode(Block, forged) };
  }
  const next = Math.min(world.trunk.length, subject.core.chain.tip().height + 1 + reader.below(2));
  const bytes = reader.bool()
    ? encode(Block, world.trunk[next - 1]!.block)
    : bytesFor(reader, samples, 'block');
  return { type: 'gossip', topic, messageId, from, bytes };
}

function answerFrom({ reader, world, samples, subject }: Parts): CoreEvent {
  const at = reader.below(Math.max(1, subject.requests.length));
  const request = subject.requests[at];
  if (request === undefined || reader.oneIn(12)) {
    return { type: 'answer', requestId: reader.uint32(), bytes: bytesFor(reader, samples, 'blocks-answer') };
  }
  subject.requests.splice(at, 1);
  const { requestId, protocol } = request;
  if (reader.oneIn(6)) return { type: 'answer', requestId, bytes: null };
  const honest = reader.below(3) < 2;
  const bytes = honest
    ? honestAnswer(world, protocol, request.bytes)
    : bytesFor(reader, samples, ANSWERS[protocol]);
  return { type: 'answer', requestId, bytes };
}

function minedFrom({ reader, world, subject }: Parts): CoreEvent {
  const { job } = subject;
  if (job === null || reader.oneIn(6)) {
    return {
      type: 'mined',
      jobId: reader.below(4),
      timestampMs: subject.clock.wallMs,
      nonce: reader.bytes(32),
    };
  }
  const timestampMs = Math.max(job.earliestMs, subject.clock.wallMs);
  return { type: 'mined', jobId: job.jobId, timestampMs, nonce: world.search({ ...job.body, timestampMs }) };
}

function linkFrom({ reader, subject }: Parts): CoreEvent {
  const peer = reader.pick(PEERS);
  if (!subject.connected.delete(peer)) {
    subject.connected.add(peer);
    return { type: 'peerUp', peer };
  }
  subject.requests = subject.requests.filter((request) => request.peer !== peer);
  return { type: 'peerDown', peer };
}

function eventFrom(parts: Parts, count: number): CoreEvent {
  const { reader, world, samples, subject } = parts;
  switch (reader.below(12)) {
    case 1:
    case 2:
    case 3:
      return gossipFrom(parts, `m${count}`);
    case 4: {
      const protocol = reader.pick(PROTOCOLS);
      const bytes = bytesFor(reader, samples, REQUESTS[protocol]);
      return { type: 'request', requestId: count, from: reader.pick(PEERS), protocol, bytes };
    }
    case 5:
    case 6:
      return answerFrom(parts);
    case 7:
      return minedFrom(parts);
    case 8: {
      const batch = subject.batches.shift();
      return batch === undefined ? { type: 'wake' } : { type: 'persisted', batch };
    }
    case 9: {
      const transaction = transactionFrom(reader, world.rules, subject.core.clockMs());
      return { type: 'submit', requestId: count, transaction };
    }
    case 10:
      return reader.bool()
        ? { type: 'setMining', on: reader.bool() }
        : { type: 'damaged', height: reader.below(64) };
    case 11:
      return linkFrom(parts);
    default:
      return { type: 'wake' };
  }
}

function pass(subject: Subject, ms: number): void {
  subject.clock.wallMs += ms;
  subject.clock.monoMs += ms;
}

const RECOVERY_ROUNDS = 40;

/**
 * Whatever happened before, with one honest peer the node reaches at least the honest tip; `known`: it is a peer that the
 * node has asked before, and the others stay and are silent.
 */
function checkRecovery(subject: Subject, world: World, known: boolean): void {
  const tip = world.trunk.at(-1)!.node;
  for (const { requestId } of subject.requests.splice(0)) {
    step(subject, { type: 'answer', requestId, bytes: null });
  }
  const [old] = subject.connected;
  const honest = known && old !== undefined ? old : 'honest';
  if (honest === 'honest') {
    for (const peer of subject.connected) step(subject, { type: 'peerDown', peer });
    subject.connected = new Set([honest]);
    step(subject, { type: 'peerUp', peer: honest });
  }
  // Blocks of the future that wait must come due too: their time is what a dishonest miner can lie about.
  subject.clock.wallMs = Math.max(subject.clock.wallMs, tip.timestampMs);
  const isThere = () => subject.core.chain.tip().work >= tip.work;
  for (let round = 0; round < RECOVERY_ROUNDS && !isThere(); round++) {
    for (const { requestId, peer, protocol, bytes } of subject.requests.splice(0)) {
      const answer = peer === honest ? honestAnswer(world, protocol, bytes) : null;
      step(subject, { type: 'answer', requestId, bytes: answer });
    }
    pass(subject, 1000);
    step(subject, { type: 'wake' });
  }
  promise(isThere(), `stays at height ${subject.core.chain.tip().height} beside an honest peer`);
  const { tip: own, execution } = subject.core.chain;
  checkState(execution(own()).state);
}

async function openCore(): Promise<OpenTarget> {
  const world = await theWorld();
  const samples = samplesOf(world);
  return {
    seeds: randomInputs(3, 32, 400),
    run(input) {
      const reader = createReader(input);
      const subject = createSubject(world);
      for (const peer of PEERS) {
        subject.connected.add(peer);
        step(subject, { type: 'peerUp', peer });
      }
      for (let count = 0; count < MAX_EVENTS && reader.more(); count++) {
        pass(subject, reader.pick([0, 0, 10, 200, 2000, 5000]));
        step(subject, eventFrom({ reader, world, samples, subject }, count));
      }
      checkRecovery(subject, world, input.length % 2 === 0);
      return [...subject.outcomes].join(' ') || 'nothing';
    },
  };
}

export const coreTargets: readonly Target[] = [
  {
    name: 'core-step',
    about:
      'core.step on any gossip, requests and answers: right effects, bounded memory, then recovery with one honest peer',
    maxBytes: 2048,
    briefRuns: 80,
    mustReach: [
      'accept',
      'ignore',
      'reject',
      'grew',
      'peer_malformed',
      'request-refused',
      'request-answered',
      'published',
    ],
    open: openCore,
  },
];
