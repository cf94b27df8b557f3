/** Transactions that wait for a block: verified once at the door, bounded, and dropped when their window is over. */
import { checkSignatures, transactionBytes } from '../consensus/apply-block.ts';
import type { ChainRules } from '../consensus/header.ts';
import { isSupportedKind } from '../market/transactions.ts';
import { type Violation, violation } from '../market/violation.ts';
import { orderWindow, readingWindow } from '../market/windows.ts';
import { compareTransactions, kindOf, slotKey, transactionIdHex } from '../protocol/codec.ts';
import type { StateStore } from '../protocol/state-store.ts';
import type { Transaction, TransactionBody } from '../protocol/types.ts';
import { type CoreLimits, DEFAULT_LIMITS } from './limits.ts';

export interface PendingTransaction {
  readonly transaction: Transaction;
  readonly idHex: string;
  readonly bytes: number;
  readonly receivedMs: number;
}

export type Admission =
  | { outcome: 'added'; entry: PendingTransaction }
  | { outcome: 'known' }
  /** Harmless, and signed by who must sign: late, early, full or a second transaction for a taken slot. */
  | { outcome: 'refused'; violation: Violation }
  /** Nobody honest sends this. */
  | { outcome: 'invalid'; violation: Violation };

export interface Mempool {
  add(transaction: Transaction, at: { state: StateStore; clockMs: number; nowMs: number }): Admission;
  get(idHex: string): PendingTransaction | undefined;
  /** Whether the signatures of this transaction were checked here. */
  isKnown(idHex: string): boolean;
  remove(idHex: string): void;
  /** A block of the main chain holds it: it waits no more, and its slot is taken until its window closes. */
  include(transaction: Transaction): void;
  /** Its block left the main chain. */
  release(transaction: Transaction): void;
  /** Drops what no block can include any more; says what went. */
  expire(clockMs: number): PendingTransaction[];
  list(): PendingTransaction[];
  stats(): { count: number; bytes: number };
}

/** The window of a transaction on the market clock. */
export function windowOf(rules: ChainRules, body: TransactionBody): { fromMs: number; untilMs: number } {
  return kindOf(body) === 'reading'
    ? readingWindow(rules.genesis, body.step)
    : orderWindow(rules.genesis, body.step);
}

export function createMempool(rules: ChainRules, limits: CoreLimits = DEFAULT_LIMITS): Mempool {
  const entries = new Map<string, PendingTransaction>();
  const slots = new Map<string, string>();
  const known = new Set<string>();
  /** End of the window by slot, of what the main chain holds. */
  const included = new Map<string, number>();
  let bytes = 0;

  const remove = (idHex: string): void => {
    const entry = entries.get(idHex);
    if (entry === undefined) return;
    entries.delete(idHex);
    slots.delete(slotKey(entry.transaction.body));
    bytes -= entry.bytes;
  };
  const remember = (idHex: string): void => {
    known.add(idHex);
    if (known.size > limits.knownTransactions) known.delete(known.values().next().value!);
  };

  return {
    add(transaction, { state, clockMs, nowMs }) {
      const idHex = transactionIdHex(transaction);
      if (entries.has(idHex)) return { outcome: 'known' };
      // What every node would refuse comes first: a peer that relays the rest of a batch must not answer for it.
      const forged = forgery(rules, transaction, known.has(idHex) ? null : state);
      if (forged) return { outcome: 'invalid', violation: forged };
      remember(idHex);
      const size = transactionBytes(transaction);
      const isFull = entries.size >= limits.mempoolCount || bytes + size > limits.mempoolBytes;
      const slot = slotKey(transaction.body);
      const refused =
        outsideWindow(rules, transaction.body, clockMs) ??
        (included.has(slot)
          ? violation('TX_DUPLICATE', 'the chain holds a transaction of this slot')
          : null) ??
        (slots.has(slot) ? violation('TX_DUPLICATE', 'another transaction waits for this slot') : null) ??
        (isFull ? violation('MEMPOOL_FULL', 'too many transactions wait') : null);
      if (refused) return { outcome: 'refused', violation: refused };
      const entry = { transaction, idHex, bytes: size, receivedMs: nowMs };
      entries.set(idHex, entry);
      slots.set(slot, idHex);
      bytes += size;
      return { outcome: 'added', entry };
    },
    get: (idHex) => entries.get(idHex),
    isKnown: (idHex) => known.has(idHex),
    remove,
    include(transaction) {
      remove(transactionIdHex(transaction));
      included.set(slotKey(transaction.body), windowOf(rules, transaction.body).untilMs);
    },
    release: (transaction) => void included.delete(slotKey(transaction.body)),
    expire(clockMs) {
      for (const [slot, untilMs] of included) if (untilMs <= clockMs) included.delete(slot);
      const gone = [...entries.values()].filter(
        (entry) => windowOf(rules, entry.transaction.body).untilMs <= clockMs,
      );
      for (const entry of gone) remove(entry.idHex);
      return gone;
    },
    list: () => [...entries.values()].sort((a, b) => compareTransactions(a.transaction, b.transaction)),
    stats: () => ({ count: entries.size, bytes }),
  };
}

/** What no node of this chain accepts at any time; signatures against the keys of a state, null: checked before. */
function forgery(rules: ChainRules, transaction: Transaction, state: StateStore | null): Violation | null {
  const { body } = transaction;
  const kind = kindOf(body);
  if (!isSupportedKind(kind)) return violation('TX_KIND_UNSUPPORTED', `${kind} has no rule in this version`);
  const { orderQuota } = rules.genesis.params;
  const quota = kind === 'order' || kind === 'cancel' ? orderQuota : 1;
  if (body.sequence >= quota) {
    return violation('TX_OVER_QUOTA', `sequence ${body.sequence}, the quota is ${quota} per step`);
  }
  return state === null ? null : checkSignatures(rules, state, transaction);
}

/** A window that opens soon is accepted: the sender's clock may be a block ahead of ours. */
function outsideWindow(rules: ChainRules, body: TransactionBody, clockMs: number): Violation | null {
  const { orderWindowMs } = rules.genesis.params;
  const window = windowOf(rules, body);
  if (clockMs >= window.untilMs) {
    return violation(
      'TX_WINDOW_CLOSED',
      `the window of step ${body.step} closed at ${window.untilMs}, the clock is ${clockMs}`,
    );
  }
  if (clockMs < window.fromMs - orderWindowMs) {
    return violation(
      'TX_WINDOW_NOT_OPEN',
      `the window of step ${body.step} opens at ${window.fromMs}, the clock is ${clockMs}`,
    );
  }
  return null;
}
