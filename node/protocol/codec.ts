/** Canonical bytes and ids of protocol objects. */
import type { CompositeType } from '@chainsafe/ssz';
import { equalBytes, toHex } from '../util/bytes.ts';
import {
  Header,
  type Payloads,
  TRANSACTION_KINDS,
  Transaction,
  type TransactionBody,
  type TransactionKind,
} from './types.ts';

/** What SSZ types of any shape share; the library's own alias is not generic over the value. */
// biome-ignore lint/suspicious/noExplicitAny: view types play no part in plain values
type AnyType<V> = CompositeType<V, any, any>;

export function encode<V>(type: AnyType<V>, value: V): Uint8Array {
  return type.serialize(value);
}

/**
 * Decodes bytes and checks that they are the one canonical encoding of what they say.
 * Returns `null` for anything else; never throws on foreign input.
 */
export function decode<V>(type: AnyType<V>, bytes: Uint8Array): V | null {
  try {
    // The library keeps views into the given bytes, so it gets a copy that nobody else will change.
    const value = type.deserialize(bytes.slice());
    return equalBytes(type.serialize(value), bytes) ? value : null;
  } catch {
    return null;
  }
}

/** Block id: the root of the header, which is also the proof of work. */
export function blockId(header: Header): Uint8Array {
  return Header.hashTreeRoot(header);
}

export function transactionId(transaction: Transaction): Uint8Array {
  return Transaction.hashTreeRoot(transaction);
}

/** Ids as map keys and for people: lower-case hex. */
export function idHex(id: Uint8Array): string {
  return toHex(id);
}

export function kindOf(body: TransactionBody): TransactionKind {
  return TRANSACTION_KINDS[body.payload.selector]!;
}

/** The payload of a body whose kind is known. */
export function payloadOf<K extends TransactionKind>(body: TransactionBody, kind: K): Payloads[K] {
  if (kindOf(body) !== kind) throw new Error(`payload is ${kindOf(body)}, not ${kind}`);
  return body.payload.value as Payloads[K];
}

/** A transaction body of a given kind. */
export function createBody<K extends TransactionKind>(fields: {
  kind: K;
  step: number;
  account: number;
  sequence: number;
  payload: Payloads[K];
}): TransactionBody {
  const { kind, step, account, sequence, payload } = fields;
  return { step, account, sequence, payload: { selector: TRANSACTION_KINDS.indexOf(kind), value: payload } };
}

/** The key under which a transaction is unique for ever: kind, step, account, sequence. */
export function slotKey(body: TransactionBody): string {
  return `${body.payload.selector}/${body.step}/${body.account}/${body.sequence}`;
}

/** Canonical order inside a block: ascending (kind, step, account, sequence). */
export function compareTransactions(a: { body: TransactionBody }, b: { body: TransactionBody }): number {
  return (
    a.body.payload.selector - b.body.payload.selector ||
    a.body.step - b.body.step ||
    a.body.account - b.body.account ||
    a.body.sequence - b.body.sequence
  );
}
