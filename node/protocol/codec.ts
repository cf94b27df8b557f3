/** Canonical bytes and ids of protocol objects. */
import { digest64 } from '@chainsafe/as-sha256';
import type { CompositeType } from '@chainsafe/ssz';
import { ListCompositeType } from '@chainsafe/ssz';
import { concatBytes, equalBytes } from '../util/bytes.ts';
import {
  Bytes32,
  Header,
  MAX_TRANSACTIONS,
  type Payloads,
  TRANSACTION_KINDS,
  Transaction,
  TransactionBody,
  type TransactionKind,
} from './types.ts';

/** What SSZ types of any shape share; the library's own alias is not generic over the value. */
// biome-ignore lint/suspicious/noExplicitAny: view types play no part in plain values
type AnyType<V> = CompositeType<V, any, any>;

const TransactionIds = new ListCompositeType(Bytes32, MAX_TRANSACTIONS);

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
    // (`slice` would not do: that of a Buffer shares its memory.)
    const value = type.deserialize(new Uint8Array(bytes));
    return equalBytes(type.serialize(value), bytes) ? value : null;
  } catch {
    return null;
  }
}

/** Block id: the root of the header, which is also the proof of work. */
export function blockId(header: Header): Uint8Array {
  return Header.hashTreeRoot(header);
}

/** Roots by object: a transaction is never changed after it was decoded or made. */
const bodyRoots = new WeakMap<TransactionBody, Uint8Array>();
const transactionIds = new WeakMap<Transaction, Uint8Array>();

/** Root of what the signatures of a transaction cover. */
export function bodyRoot(body: TransactionBody): Uint8Array {
  const known = bodyRoots.get(body);
  if (known !== undefined) return known;
  const root = TransactionBody.hashTreeRoot(body);
  bodyRoots.set(body, root);
  return root;
}

export function transactionId(transaction: Transaction): Uint8Array {
  const known = transactionIds.get(transaction);
  if (known !== undefined) return known;
  // The root of a container of two fields is the hash of their roots.
  const signaturesRoot = Transaction.fields.signatures.hashTreeRoot(transaction.signatures);
  const id = digest64(concatBytes(bodyRoot(transaction.body), signaturesRoot));
  transactionIds.set(transaction, id);
  return id;
}

/** Root of a block's transactions, from their ids: the root of a list is that of its elements' roots. */
export function transactionsRoot(transactions: readonly Transaction[]): Uint8Array {
  return TransactionIds.hashTreeRoot(transactions.map(transactionId));
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
