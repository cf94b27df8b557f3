/**
 * The node's logic as a deterministic state machine: `step(event, now)` gives effects. Two hosts drive it: the daemon
 * and the simulation. No I/O, no clock, no randomness of its own.
 */
import type { ChainRules } from '../consensus/header.ts';
import { violation } from '../market/violation.ts';
import { decode } from '../protocol/codec.ts';
import type { Signer } from '../protocol/signing.ts';
import type { Block } from '../protocol/types.ts';
import { Status } from '../protocol/wire.ts';
import { toHex } from '../util/bytes.ts';
import type { Rng } from '../util/rng.ts';
import type { ChainStart } from './block-tree.ts';
import { onBlockGossip, onBlocksAnswer, onDamaged, onHeadersAnswer, retryLater } from './blocks.ts';
import { type Chain, createChain, type ExecuteBlock } from './chain.ts';
import type { CoreEvent, Effect, Now } from './events.ts';
import { type CoreLimits, DEFAULT_LIMITS } from './limits.ts';
import { type CoreStats, emit, type Machine, nextClockMs, penalise } from './machine.ts';
import { createMempool, type Mempool } from './mempool.ts';
import { onMined, onPersisted, produce, setMining } from './mining.ts';
import { createProducer, type OwnBlock } from './producer.ts';
import { answerRequest } from './server.ts';
import { createSnapshots } from './snapshots.ts';
import { createSync, type Sync } from './sync.ts';
import { flushOutbox, onSubmit, onTransactionGossip } from './transactions.ts';

export interface CoreOptions {
  rules: ChainRules;
  start: ChainStart;
  /** Blocks after the start that a restart found on disk, oldest first. */
  replay: readonly Block[];
  /** Heights of the snapshots on disk, on the main chain. */
  snapshotHeights: readonly number[];
  /** Heights of blocks on the main chain whose body must be fetched again. */
  damagedHeights?: readonly number[];
  miner: { member: number; signer: Signer; ownBlocks: readonly OwnBlock[] } | null;
  mining: boolean;
  /** Records were lost: this node may have signed what it no longer knows, so it listens before it mines. */
  isDamaged?: boolean;
  rng: Rng;
  limits?: Partial<CoreLimits>;
  /** Replaces the execution of blocks: a simulation shares results between nodes. */
  execute?: ExecuteBlock;
}

export interface Core {
  readonly chain: Chain;
  readonly mempool: Mempool;
  readonly sync: Pick<Sync, 'peerCount' | 'statusOf'>;
  step(event: CoreEvent, now: Now): Effect[];
  /** Market clock of the next block. */
  clockMs(): number;
  mining(): boolean;
  /** Blocks of the main chain whose body has yet to come again from a peer. */
  repairsLeft(): number;
  stats(): Readonly<CoreStats>;
  /** Entries of everything that could grow; each has a bound. */
  sizes(): Readonly<Record<string, number>>;
}

/** Throws when a replayed block breaks a rule: the caller verified them before. */
export function createCore(options: CoreOptions): Core {
  const machine = createMachine(options);
  return {
    chain: machine.chain,
    mempool: machine.mempool,
    sync: machine.sync,
    clockMs: () => nextClockMs(machine),
    mining: () => machine.mining,
    repairsLeft: () => machine.repairs.size,
    stats: () => machine.stats,
    sizes: () => sizesOf(machine),
    step(event, now) {
      machine.now = now;
      machine.effects = [];
      handle(machine, event);
      retryLater(machine);
      flushOutbox(machine);
      produce(machine);
      for (const request of machine.sync.requests(now.monoMs, [...machine.repairs.values()])) {
        emit(machine, { type: 'request', ...request });
      }
      emit(machine, { type: 'wake', atMonoMs: nextWakeMs(machine) });
      return machine.effects;
    },
  };
}

function createMachine(options: CoreOptions): Machine {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const chain = createChain(options.rules, options.start, { limits, execute: options.execute });
  replay(chain, options.replay);
  const mempool = createMempool(options.rules, limits);
  for (const { transactions } of options.replay) for (const held of transactions) mempool.include(held);
  const { miner } = options;
  const producer = miner === null ? null : createProducer(chain, miner, miner.ownBlocks, limits);
  return {
    limits,
    chain,
    mempool,
    sync: createSync(chain, options.rng, limits),
    producer,
    snapshots: createSnapshots(options.snapshotHeights.map((height) => chain.mainChainAt(height)!)),
    stats: { blocksMined: 0, blocksStale: 0, reorganisations: 0, deepestReorganisation: 0 },
    now: { wallMs: 0, monoMs: 0 },
    effects: [],
    mining: options.mining && producer !== null,
    listening: options.isDamaged ?? false,
    listenUntilMs: Number.POSITIVE_INFINITY,
    poolVersion: 0,
    outbox: [],
    outboxDueMs: Number.POSITIVE_INFINITY,
    later: [],
    nextBatch: 1,
    unpublished: new Map(),
    sealed: new Set(),
    repairs: new Map(
      (options.damagedHeights ?? []).map((height) => {
        const node = chain.mainChainAt(height)!;
        return [node.idHex, node];
      }),
    ),
  };
}

function replay(chain: Chain, blocks: readonly Block[]): void {
  for (const block of blocks) {
    const added = chain.addHeader(block.signedHeader, Number.MAX_SAFE_INTEGER);
    if (added.outcome !== 'added') throw new Error(`a stored block does not link: ${added.outcome}`);
    const refused = chain.addBody(added.node, block);
    if (refused) throw new Error(`a stored block is damaged: ${refused.message}`);
  }
  const { invalid } = chain.advance(() => false);
  if (invalid.length > 0) throw new Error(`a stored block breaks a rule: ${invalid[0]!.violation.message}`);
  chain.forget();
}

function handle(machine: Machine, event: CoreEvent): void {
  switch (event.type) {
    case 'wake':
      return;
    case 'peerUp':
      return machine.sync.peerUp(event.peer);
    case 'peerDown':
      return machine.sync.peerDown(event.peer);
    case 'gossip':
      return event.topic === 'block' ? onBlockGossip(machine, event) : onTransactionGossip(machine, event);
    case 'request':
      return onRequest(machine, event);
    case 'answer':
      return onAnswer(machine, event.requestId, event.bytes);
    case 'mined':
      return onMined(machine, event);
    case 'persisted':
      return onPersisted(machine, event.batch);
    case 'submit':
      return onSubmit(machine, event.requestId, event.transaction);
    case 'damaged':
      return onDamaged(machine, event.height);
    case 'setMining':
      return setMining(machine, event.on);
  }
}

function onRequest(machine: Machine, event: Extract<CoreEvent, { type: 'request' }>): void {
  const { chain, sync, now } = machine;
  const { from, protocol, bytes } = event;
  const status = protocol === 'status' ? decode(Status, bytes) : null;
  if (status !== null) sync.told(from, status, now.monoMs);
  const answer = answerRequest(chain, event);
  if (answer.type === 'respond' && answer.bytes === null) {
    penalise(machine, from, 20, violation('PEER_MALFORMED', `its ${protocol} request does not decode`));
  }
  emit(machine, answer);
}

function sizesOf(machine: Machine): Record<string, number> {
  const { chain, mempool, later, outbox, unpublished, sealed, repairs, sync } = machine;
  const pool = mempool.stats();
  return {
    ...chain.sizes(),
    mempool: pool.count,
    mempoolBytes: pool.bytes,
    later: later.length,
    outbox: outbox.length,
    unpublished: unpublished.size,
    sealed: sealed.size,
    repairs: repairs.size,
    pendingRequests: sync.pendingRequests(),
  };
}

function onAnswer(machine: Machine, requestId: number, bytes: Uint8Array | null): void {
  const answer = machine.sync.onAnswer(requestId, bytes);
  switch (answer.kind) {
    case 'malformed':
      return penalise(
        machine,
        answer.peer,
        50,
        violation('PEER_MALFORMED', `its ${answer.protocol} answer does not decode`),
      );
    case 'status': {
      if (toHex(answer.status.genesisId) === machine.chain.genesis.idHex) return;
      machine.sync.unhelpful(answer.peer);
      return penalise(
        machine,
        answer.peer,
        100,
        violation('PEER_WRONG_CHAIN', 'the peer is on another chain'),
      );
    }
    case 'headers':
      return onHeadersAnswer(machine, answer);
    case 'blocks':
      return onBlocksAnswer(machine, answer);
    default:
      return;
  }
}

function nextWakeMs(machine: Machine): number {
  const { now, later } = machine;
  let next = Math.min(machine.outboxDueMs, machine.sync.nextWakeMs());
  for (const { dueWallMs } of later) next = Math.min(next, now.monoMs + dueWallMs - now.wallMs);
  if (machine.mining) next = Math.min(next, now.monoMs + machine.limits.rebuildMs);
  return Math.max(next, now.monoMs);
}
