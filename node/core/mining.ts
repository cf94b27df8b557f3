/** From pending transactions to a published block of one's own. */
import { encodeOnce, transactionIdHex } from '../protocol/codec.ts';
import { Block } from '../protocol/types.ts';
import { MAX_REORG_DEPTH } from './block-tree.ts';
import { advance, emit, type Machine } from './machine.ts';

/** Its window may open soon, or a step be settled; what is too late is dropped by the clock. */
const MAY_PASS_LATER: ReadonlySet<string> = new Set(['TX_WINDOW_CLOSED', 'TX_STEP_TOO_FAR']);

/** Gives the miner a new job when the tip or the pending transactions changed. */
export function produce(machine: Machine): void {
  const { producer, mempool, now } = machine;
  if (!machine.mining || producer === null || isListening(machine)) return;
  const before = producer.job();
  const refreshed = producer.refresh({
    candidates: () => mempool.list().map((entry) => entry.transaction),
    version: machine.poolVersion,
    nowMs: now.wallMs,
    monoMs: now.monoMs,
  });
  if (refreshed === null) {
    if (before !== null && producer.job() === null) emit(machine, { type: 'stopMining' });
    return;
  }
  const { jobId, body, earliestMs } = refreshed.job;
  for (const { transaction, violation } of refreshed.refused) {
    if (MAY_PASS_LATER.has(violation.code)) continue;
    mempool.remove(transactionIdHex(transaction));
    emit(machine, { type: 'notify', notice: { type: 'dropped', transaction, violation } });
  }
  emit(machine, { type: 'mine', jobId, body, earliestMs });
}

/** A node that lost records listens this long at most: with no peer to ask, somebody must go on. */
const LISTEN_MS = 60_000;

/** Until a peer has told its status and nothing that it knows is missing here. */
function isListening(machine: Machine): boolean {
  const { chain, sync, now } = machine;
  if (!machine.listening) return false;
  if (machine.listenUntilMs === Number.POSITIVE_INFINITY) machine.listenUntilMs = now.monoMs + LISTEN_MS;
  const told = sync.bestWork();
  const hasAll = told !== null && told <= chain.tip().work && chain.bestHeader() === chain.tip();
  machine.listening = !hasAll && now.monoMs < machine.listenUntilMs;
  return machine.listening;
}

export function setMining(machine: Machine, on: boolean): void {
  machine.mining = on && machine.producer !== null;
  if (machine.mining) return;
  machine.producer?.cancel();
  emit(machine, { type: 'stopMining' });
}

export function onMined(
  machine: Machine,
  found: { jobId: number; timestampMs: number; nonce: Uint8Array },
): void {
  const { chain, stats } = machine;
  const sealed = machine.producer?.seal(found);
  if (!sealed) return;
  const { block, job } = sealed;
  const added = chain.addHeader(block.signedHeader, machine.now.wallMs);
  if (added.outcome !== 'added') return;
  chain.addBody(added.node, block);
  chain.addExecution(added.node, job.execution);
  rememberSealed(machine, added.node.idHex);
  stats.blocksMined++;
  const { id, height } = added.node;
  const batch = advance(machine, { parent: job.parent.id, id, height });
  // Published only once it is on disk: a crash must not make this node sign a second block on the same parent.
  if (batch !== null) machine.unpublished.set(batch, block);
}

/** The oldest own block is forgotten first: no reorganisation reaches that far back. */
function rememberSealed({ sealed }: Machine, idHex: string): void {
  sealed.add(idHex);
  if (sealed.size > MAX_REORG_DEPTH) sealed.delete(sealed.values().next().value!);
}

export function onPersisted(machine: Machine, batch: number): void {
  const block = machine.unpublished.get(batch);
  if (block === undefined) return;
  machine.unpublished.delete(batch);
  emit(machine, { type: 'publish', topic: 'block', bytes: encodeOnce(Block, block) });
}
