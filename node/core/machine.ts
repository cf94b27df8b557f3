/** What the parts of the core share while an event is handled. */
import type { HeaderNode } from '../consensus/header-chain.ts';
import { marketClockMs } from '../consensus/header-chain.ts';
import { type Violation, violation } from '../market/violation.ts';
import type { Block, Transaction } from '../protocol/types.ts';
import type { Chain } from './chain.ts';
import type { Effect, Now, PersistBatch } from './events.ts';
import type { CoreLimits } from './limits.ts';
import type { Admission, Mempool } from './mempool.ts';
import type { Producer } from './producer.ts';
import type { Snapshots } from './snapshots.ts';
import type { Sync } from './sync.ts';

export interface CoreStats {
  blocksMined: number;
  /** Own blocks that left the main chain. */
  blocksStale: number;
  reorganisations: number;
  deepestReorganisation: number;
}

export interface Machine {
  readonly limits: CoreLimits;
  readonly chain: Chain;
  readonly mempool: Mempool;
  readonly sync: Sync;
  readonly producer: Producer | null;
  readonly snapshots: Snapshots;
  readonly stats: CoreStats;
  now: Now;
  effects: Effect[];
  mining: boolean;
  /** Mining waits until peers have told what this node may have lost, or until nobody is there to tell. */
  listening: boolean;
  listenUntilMs: number;
  /** Grows when the pending transactions change. */
  poolVersion: number;
  /** Local transactions that wait to be published together. */
  outbox: Transaction[];
  outboxDueMs: number;
  /** Blocks from the future that wait for their time. */
  later: { block: Block; from: string; dueWallMs: number }[];
  nextBatch: number;
  /** Own blocks by the batch that makes them durable. */
  unpublished: Map<number, Block>;
  sealed: Set<string>;
  /** Blocks of the main chain whose body is damaged on disk, by id. */
  repairs: Map<string, HeaderNode>;
}

export function emit(machine: Machine, effect: Effect): void {
  machine.effects.push(effect);
}

export function penalise(machine: Machine, peer: string, points: number, broken: Violation): void {
  emit(machine, { type: 'penalise', peer, points, reason: `${broken.code}: ${broken.message}` });
}

/** Market clock of the next block. */
export function nextClockMs(machine: Machine): number {
  return marketClockMs(machine.chain.tip());
}

/** Offers a transaction to the mempool. */
export function admit(machine: Machine, transaction: Transaction): Admission {
  const { chain, mempool } = machine;
  const { state } = chain.execution(chain.tip());
  const admission = mempool.add(transaction, {
    state,
    clockMs: nextClockMs(machine),
    nowMs: machine.now.wallMs,
  });
  if (admission.outcome === 'added') machine.poolVersion++;
  return admission;
}

/** Moves to the best branch and tells the world what changed; the batch that makes it durable, or null. */
export function advance(machine: Machine, authored: PersistBatch['authored'] = null): number | null {
  const { chain, mempool, stats, sealed } = machine;
  const { connected, disconnected, invalid } = chain.advance((idHex) => mempool.isKnown(idHex));
  for (const { node, violation: broken } of invalid) {
    // Blocks are relayed before they are executed, so whoever sent this one need not have known.
    emit(machine, { type: 'notify', notice: { type: 'invalid', node, violation: broken } });
  }
  if (connected.length === 0 && disconnected.length === 0) return null;
  updatePool(machine, connected, disconnected);
  if (disconnected.length > 0) {
    stats.reorganisations++;
    stats.deepestReorganisation = Math.max(stats.deepestReorganisation, disconnected.length);
    stats.blocksStale += disconnected.filter((node) => sealed.has(node.idHex)).length;
  }
  const batch = persist(machine, connected, authored);
  emit(machine, {
    type: 'notify',
    notice: {
      type: 'tip',
      connected: connected.map((node) => ({
        node,
        block: chain.block(node.idHex)!,
        execution: chain.execution(node),
      })),
      disconnected,
      finalHeight: chain.final().height,
    },
  });
  chain.forget();
  const unsafe = chain.safeMode();
  if (unsafe !== null) emit(machine, { type: 'notify', notice: { type: 'safeMode', reason: unsafe } });
  return batch;
}

function persist(
  machine: Machine,
  connected: readonly HeaderNode[],
  authored: PersistBatch['authored'],
): number {
  const { chain, snapshots } = machine;
  const { write, drop, restart } = snapshots.plan(chain, connected);
  const tip = chain.tip();
  const batch = machine.nextBatch++;
  emit(machine, {
    type: 'persist',
    batch: {
      batch,
      blocks: connected.map((node) => ({
        node,
        block: chain.block(node.idHex)!,
        receipts: chain.execution(node).receipts,
      })),
      snapshots: write.map((node) => ({
        height: node.height,
        id: node.id,
        state: chain.execution(node).state.serialize(),
      })),
      dropSnapshots: drop.map((node) => ({ height: node.height, id: node.id })),
      commit: {
        tipId: tip.id,
        tipHeight: tip.height,
        finalHeight: chain.final().height,
        snapshotHeight: restart.height,
      },
      authored,
      forgetAuthored: machine.producer?.forget(chain.final().height) ?? [],
    },
  });
  return batch;
}

/** What left the chain waits again; what entered it waits no more; what is too late goes. */
function updatePool(
  machine: Machine,
  connected: readonly HeaderNode[],
  disconnected: readonly HeaderNode[],
): void {
  const { chain, mempool } = machine;
  for (const node of disconnected) {
    for (const transaction of chain.block(node.idHex)?.transactions ?? []) {
      mempool.release(transaction);
      admit(machine, transaction);
    }
  }
  for (const node of connected) {
    for (const transaction of chain.block(node.idHex)!.transactions) mempool.include(transaction);
  }
  for (const { transaction } of mempool.expire(nextClockMs(machine))) {
    const late = violation('TX_EXPIRED', 'its window closed before a block included it');
    emit(machine, { type: 'notify', notice: { type: 'dropped', transaction, violation: late } });
  }
  machine.poolVersion++;
}
