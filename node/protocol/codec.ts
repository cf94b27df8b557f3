/** Canonical bytes and ids of protocol objects. */
import { digest64 } from '@chainsafe/as-sha256';
import type { CompositeType } from '@chainsafe/ssz';
import { ListCompositeType } from '@chainsafe/ssz';
import { concatBytes, equalBytes, toHex } from '../util/bytes.ts';
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

/** Encodings by object: blocks, headers and receipts are never changed after they were decoded or made. */
const encodings = new WeakMap<object, Uint8Array>();

/** As `encode`, once per object: a block is published, stored and given to peers. The bytes are shared: not to be changed. */
export function encodeOnce<V extends object>(type: AnyType<V>, value: V): Uint8Array {
  const known = encodings.get(value);
  if (known !== undefined) return known;
  const bytes = type.serialize(value);
  encodings.set(value, bytes);
  return bytes;
}

/** What was decoded from bytes that are shared between nodes of one process. */
const decodings = new WeakMap<Uint8Array, Map<unknown, unknown>>();

/** Says that these bytes never change: `decode` gives each node of this process the same value. */
export function shareDecoded(bytes: Uint8Array): void {
  if (!decodings.has(bytes)) decodings.set(bytes, new Map());
}

/**
 * Decodes bytes and checks that they are the one canonical encoding of what they say.
 * Returns `null` for anything else; never throws on foreign input.
 */
export function decode<V>(type: AnyType<V>, bytes: Uint8Array): V | null {
  const shared = decodings.get(bytes);
  if (shared === undefined) return decodeAnew(type, bytes);
  if (!shared.has(type)) shared.set(type, decodeAnew(type, bytes));
  return shared.get(type) as V | null;
}

function decodeAnew<V>(type: AnyType<V>, bytes: Uint8Array): V | null {
  try {
    // The library keeps views into the given bytes, so it gets a copy that nobody else will change.
    // (`slice` would not do: that of a Buffer shares its memory.)
    const value = type.deserialize(new Uint8Array(bytes));
    return equalBytes(type.serialize(value), bytes) ? value : null;
  } catch {
    return null;
  }
}

/** Ids and roots by object: nothing is changed after it was decoded or made. */
const blockIds = new WeakMap<Header, Uint8Array>();
const bodyRoots = new WeakMap<TransactionBody, Uint8Array>();
const transactionIds = new WeakMap<Transaction, Uint8Array>();
const idTexts = new WeakMap<Transaction, string>();
const transactionsRoots = new WeakMap<readonly Transaction[], Uint8Array>();

/** Block id: the root of the header, which is also the proof of work. */
export function blockId(header: Header): Uint8Array {
  const known = blockIds.get(header);
  if (known !== undefined) return known;
  const id = Header.hashTreeRoot(header);
  blockIds.set(header, id);
  return id;
}

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

/** The id in hex, made once: it is the key of every table of transactions. */
export function transactionIdHex(transaction: Transaction): string {
  const known = idTexts.get(transaction);
  if (known !== undefined) return known;
  const idHex = toHex(transactionId(transaction));
  idTexts.set(transaction, idHex);
  return idHex;
}

/** Root of a block's transactions, from their ids: the root of a list is that of its elements' roots. */
export function transactionsRoot(transactions: readonly Transaction[]): Uint8Array {
  const known = transactionsRoots.get(transactions);
  if (known !== undefined) return known;
  const root = TransactionIds.hashTreeRoot(transactions.map(transactionId));
  transactionsRoots.set(transactions, root);
  return root;
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
