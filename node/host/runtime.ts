/** Drives the core in the daemon: events in from the adapters, effects out to them. */

import type { CoreEvent, Effect, Notice } from '../core/events.ts';
import type { Core } from '../core/node.ts';
import type { Logger } from '../log/logger.ts';
import type { Violation } from '../market/violation.ts';
import type { Miner } from '../miner/miner.ts';
import type { Network } from '../p2p/interface.ts';
import { encode, encodeOnce } from '../protocol/codec.ts';
import { Block, HeaderBody, type Transaction } from '../protocol/types.ts';
import { BlocksAnswer, MAX_ANSWER_BYTES, type Protocol } from '../protocol/wire.ts';
import type { WattmeshError } from '../util/errors.ts';
import type { ChainStore } from './chain-store.ts';

/** Largest answer that is read from a peer, its framing included. */
export const MAX_RESPONSE_BYTES = MAX_ANSWER_BYTES + 65_536;

export interface RuntimeParts {
  core: Core;
  store: ChainStore;
  network: Network;
  miner: Miner | null;
  log: Logger;
  /** UTC ms, where development skews the clock; absent: the system's. */
  wallMs?: () => number;
  onNotice(notice: Notice): void;
  onRepaired(height: number): void;
  /** A write failed: what the core believes durable is not. */
  onFatal(error: unknown): void;
}

export interface Runtime {
  dispatch(event: CoreEvent): void;
  submit(transaction: Transaction): Promise<{ idHex: string; violation: Violation | null }>;
  /** A peer's request; the answer, or null to reset the stream. */
  answer(request: { from: string; protocol: Protocol; bytes: Uint8Array }): Promise<Uint8Array | null>;
  /** Stops timers and waits for writes under way. */
  stop(): Promise<void>;
}

/** The runtime's own memory: who waits for what. */
interface Desk {
  readonly parts: RuntimeParts;
  readonly submissions: Map<number, (result: { idHex: string; violation: Violation | null }) => void>;
  readonly requests: Map<number, (bytes: Uint8Array | null) => void>;
  nextId: number;
  wake: NodeJS.Timeout | null;
  writes: Promise<void>;
  isStopped: boolean;
  /** The core's latest job, for a miner that had to pause. */
  job: Extract<Effect, { type: 'mine' }> | null;
}

export function createRuntime(parts: RuntimeParts): Runtime {
  const desk: Desk = {
    parts,
    submissions: new Map(),
    requests: new Map(),
    nextId: 1,
    wake: null,
    writes: Promise.resolve(),
    isStopped: false,
    job: null,
  };
  parts.store.onWaiting((cause) => onWaiting(desk, cause));
  return {
    dispatch: (event) => dispatch(desk, event),
    submit(transaction) {
      const requestId = desk.nextId++;
      return new Promise((resolve) => {
        desk.submissions.set(requestId, ({ idHex, violation }) => resolve({ idHex, violation }));
        dispatch(desk, { type: 'submit', requestId, transaction });
      });
    },
    answer({ from, protocol, bytes }) {
      const requestId = desk.nextId++;
      return new Promise((resolve) => {
        desk.requests.set(requestId, resolve);
        dispatch(desk, { type: 'request', requestId, from, protocol, bytes });
      });
    },
    async stop() {
      desk.isStopped = true;
      if (desk.wake !== null) clearTimeout(desk.wake);
      for (const resolve of desk.requests.values()) resolve(null);
      parts.store.giveUp();
      await desk.writes;
    },
  };
}

function dispatch(desk: Desk, event: CoreEvent): void {
  if (desk.isStopped || isHeldBack(desk, event)) return;
  if (event.type === 'mined' && event.jobId === desk.job?.jobId) desk.job = null;
  const now = { wallMs: desk.parts.wallMs?.() ?? Date.now(), monoMs: performance.now() };
  for (const effect of desk.parts.core.step(event, now)) perform(desk, effect);
}

function perform(desk: Desk, effect: Effect): void {
  const { network, miner } = desk.parts;
  switch (effect.type) {
    case 'wake':
      return setWake(desk, effect.atMonoMs);
    case 'request':
      return void request(desk, effect);
    case 'respond':
      return respond(desk, effect.requestId, effect.bytes);
    case 'respondBlocks':
      return void respondBlocks(desk, effect);
    case 'publish':
      return void publish(desk, effect);
    case 'verdict':
      return network.report(effect.messageId, effect.from, effect.verdict);
    case 'penalise':
      return network.penalise(effect.peer, effect.points, effect.reason);
    case 'persist':
    case 'repaired':
      return write(desk, effect);
    case 'mine':
      return mine(desk, effect);
    case 'stopMining':
      desk.job = null;
      return miner?.cancel();
    case 'submitted':
      desk.submissions.get(effect.requestId)?.(effect);
      desk.submissions.delete(effect.requestId);
      return;
    case 'notify':
      return desk.parts.onNotice(effect.notice);
  }
}

function setWake(desk: Desk, atMonoMs: number): void {
  if (desk.wake !== null) clearTimeout(desk.wake);
  if (!Number.isFinite(atMonoMs)) return;
  const delayMs = Math.max(0, Math.ceil(atMonoMs - performance.now()));
  desk.wake = setTimeout(() => dispatch(desk, { type: 'wake' }), delayMs);
}

/** On a full disk the node takes no more blocks than it has to hold, its own included, until there is space. */
function onWaiting(desk: Desk, cause: WattmeshError | null): void {
  const { log, miner } = desk.parts;
  if (cause === null) {
    log.info({}, 'there is space again: every block is on disk, mining goes on');
    if (desk.job !== null) mine(desk, desk.job);
    return;
  }
  const { code, remedy } = cause;
  log.error({ code, remedy, err: cause }, 'no space on the disk: mining stops, and blocks wait');
  miner?.cancel();
}

/** Events that would make more to write while nothing can be written: sync brings those blocks again. */
function isHeldBack({ parts }: Desk, event: CoreEvent): boolean {
  if (parts.store.waiting() === null) return false;
  if (event.type === 'mined') return true;
  if (event.type !== 'gossip' || event.topic !== 'block') return false;
  parts.network.report(event.messageId, event.from, 'ignore');
  return true;
}

/** Writes one after the other; one that fails, except for lack of space, ends the node: the core believes it durable. */
function write(desk: Desk, effect: Extract<Effect, { type: 'persist' | 'repaired' }>): void {
  const { store, onRepaired, onFatal, log } = desk.parts;
  // Begun at once, for the store keeps their order: who reads a block now waits for it.
  const perform = async (): Promise<void> => {
    if (effect.type === 'persist') {
      await store.persist(effect.batch);
      dispatch(desk, { type: 'persisted', batch: effect.batch.batch });
    } else {
      const { height, id } = effect.node;
      await store.rewrite({ height, id, block: effect.block });
      onRepaired(height);
    }
  };
  const done = perform().catch((error: unknown) => {
    if (!desk.isStopped || store.waiting() === null) return onFatal(error);
    log.warn({ err: error }, 'blocks that waited for space come again from peers');
  });
  desk.writes = desk.writes.then(() => done);
}

function mine(desk: Desk, effect: Extract<Effect, { type: 'mine' }>): void {
  const { store, miner } = desk.parts;
  const { jobId, body, earliestMs } = effect;
  desk.job = effect;
  if (store.waiting() !== null) return;
  miner?.mine({
    id: jobId,
    target: body.target,
    earliestMs,
    rootAt: (timestampMs) => HeaderBody.hashTreeRoot({ ...body, timestampMs }),
  });
}

async function request(desk: Desk, effect: Extract<Effect, { type: 'request' }>): Promise<void> {
  const { network, log, store } = desk.parts;
  const isHeld = () => effect.protocol === 'blocks' && store.waiting() !== null;
  let bytes: Uint8Array | null = null;
  try {
    // The step that asks must have ended before it is answered.
    if (isHeld()) await Promise.resolve();
    else {
      bytes = await network.request(effect.peer, effect.protocol, effect.bytes, {
        timeoutMs: effect.timeoutMs,
        maxResponseBytes: MAX_RESPONSE_BYTES,
      });
    }
  } catch (error) {
    log.debug({ peer: effect.peer, protocol: effect.protocol, err: error }, 'a request got no answer');
  }
  dispatch(desk, { type: 'answer', requestId: effect.requestId, bytes: isHeld() ? null : bytes });
}

function respond(desk: Desk, requestId: number, bytes: Uint8Array | null): void {
  desk.requests.get(requestId)?.(bytes);
  desk.requests.delete(requestId);
}

async function respondBlocks(
  desk: Desk,
  { requestId, blocks }: Extract<Effect, { type: 'respondBlocks' }>,
): Promise<void> {
  try {
    respond(desk, requestId, await readBlocks(desk.parts.store, blocks));
  } catch (error) {
    desk.parts.log.warn({ err: error }, 'blocks for a peer cannot be read');
    respond(desk, requestId, null);
  }
}

async function publish(desk: Desk, effect: Extract<Effect, { type: 'publish' }>): Promise<void> {
  const { network, log } = desk.parts;
  try {
    const { recipients } = await network.publish(effect.topic, effect.bytes);
    // Peers that come later find blocks by sync; transactions wait in the mempool for a template.
    if (recipients === 0) log.debug({ topic: effect.topic }, 'published to nobody');
  } catch (error) {
    log.warn({ topic: effect.topic, err: error }, 'a message cannot be published');
  }
}

/** A prefix of the blocks asked for that fits one answer. */
async function readBlocks(
  store: ChainStore,
  wanted: Extract<Effect, { type: 'respondBlocks' }>['blocks'],
): Promise<Uint8Array> {
  const blocks: Block[] = [];
  let bytes = 0;
  for (const entry of wanted) {
    const block = 'block' in entry ? entry.block : await store.block(entry.height, entry.id);
    if (block === null) break;
    bytes += encodeOnce(Block, block).length + 4;
    if (blocks.length > 0 && bytes > MAX_ANSWER_BYTES) break;
    blocks.push(block);
  }
  return encode(BlocksAnswer, blocks);
}
