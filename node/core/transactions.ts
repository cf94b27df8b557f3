/** Transactions from peers and from this node's own clients. */
import { decode, encode, transactionIdHex } from '../protocol/codec.ts';
import type { Transaction } from '../protocol/types.ts';
import { MAX_BATCH, TransactionBatch } from '../protocol/wire.ts';
import { admit, emit, type Machine, penalise } from './machine.ts';

/** Local transactions are gathered this long and published together: a gossip message is dear, bytes are not. */
export const PUBLISH_DELAY_MS = 50;

export function onTransactionGossip(
  machine: Machine,
  message: { messageId: string; from: string; bytes: Uint8Array },
): void {
  const { messageId, from } = message;
  const batch = decode(TransactionBatch, message.bytes);
  let verdict: 'accept' | 'ignore' | 'reject' = batch === null || batch.length === 0 ? 'reject' : 'ignore';
  for (const transaction of batch ?? []) {
    const admission = admit(machine, transaction);
    if (admission.outcome === 'invalid') {
      penalise(machine, from, 20, admission.violation);
      verdict = 'reject';
      break;
    }
    if (admission.outcome === 'added') verdict = 'accept';
  }
  emit(machine, { type: 'verdict', messageId, from, verdict });
}

export function onSubmit(machine: Machine, requestId: number, transaction: Transaction): void {
  const idHex = transactionIdHex(transaction);
  const admission = admit(machine, transaction);
  const refused = admission.outcome === 'refused' || admission.outcome === 'invalid';
  if (admission.outcome === 'added') {
    machine.outbox.push(transaction);
    machine.outboxDueMs = Math.min(machine.outboxDueMs, machine.now.monoMs + PUBLISH_DELAY_MS);
  }
  emit(machine, { type: 'submitted', requestId, idHex, violation: refused ? admission.violation : null });
}

export function flushOutbox(machine: Machine): void {
  if (machine.now.monoMs < machine.outboxDueMs) return;
  machine.outboxDueMs = Number.POSITIVE_INFINITY;
  while (machine.outbox.length > 0) {
    const bytes = encode(TransactionBatch, machine.outbox.splice(0, MAX_BATCH));
    emit(machine, { type: 'publish', topic: 'tx', bytes });
  }
}
