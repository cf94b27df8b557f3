/** Execution of a block: the one function by which every full node re-makes and verifies the whole market. */

import { checkEnergyConservation } from '../market/conservation.ts';
import { type BlockContext, createBlockContext } from '../market/context.ts';
import { totalBalanceNanoEur } from '../market/ledger.ts';
import { runDuePhases } from '../market/pipeline.ts';
import { applyTransaction, isSupportedKind } from '../market/transactions.ts';
import { type Violation, violation } from '../market/violation.ts';
import {
  compareTransactions,
  kindOf,
  slotKey,
  transactionIdHex,
  transactionsRoot,
} from '../protocol/codec.ts';
import { Receipts, type Receipts as ReceiptsValue } from '../protocol/receipts.ts';
import { transactionMessage, type Verifier, verifySignature } from '../protocol/signing.ts';
import type { StateStore } from '../protocol/state-store.ts';
import { type Block, type Genesis, type Transaction, Transactions } from '../protocol/types.ts';
import { equalBytes, toHex } from '../util/bytes.ts';
import { assert } from '../util/errors.ts';
import type { ChainRules } from './header.ts';
import { signersOf } from './signers.ts';

/** What executing a body on a parent state gives. */
export interface Execution {
  readonly state: StateStore;
  readonly receipts: ReceiptsValue;
  readonly transactionsRoot: Uint8Array;
  readonly receiptsRoot: Uint8Array;
  readonly stateRoot: Uint8Array;
  readonly minersRoot: Uint8Array;
}

/** What a body is executed on, and for whom. */
export interface ExecutionInput {
  parentState: StateStore;
  clockMs: number;
  author: number;
}

/** Whether the signatures of a transaction were checked before, at the door of the mempool. */
export type KnownSignatures = (idHex: string) => boolean;

function begin(rules: ChainRules, input: ExecutionInput): BlockContext {
  const context = createBlockContext({
    genesis: rules.genesis,
    genesisRoot: rules.genesisRoot,
    state: input.parentState.fork(),
    clockMs: input.clockMs,
    author: input.author,
  });
  runDuePhases(context);
  return context;
}

function finish(context: BlockContext, transactions: readonly Transaction[]): Execution {
  const { state, receipts, ledger } = context;
  ledger.flush();
  checkEnergyConservation(receipts);
  assert(totalBalanceNanoEur(state) === 0n, 'the sum of all balances is not zero');
  return {
    state,
    receipts,
    transactionsRoot: transactionsRoot(transactions),
    receiptsRoot: Receipts.hashTreeRoot(receipts),
    stateRoot: state.root(),
    minersRoot: state.minersRoot(),
  };
}

/** Signatures of a transaction against the keys of the state it is applied to. */
export function checkSignatures(
  rules: { genesis: Genesis; genesisRoot: Uint8Array; verifier: Verifier },
  state: StateStore,
  transaction: Transaction,
): Violation | null {
  const kind = kindOf(transaction.body);
  if (!isSupportedKind(kind)) return violation('TX_KIND_UNSUPPORTED', `${kind} has no rule in this version`);
  const keys = signersOf(rules.genesis, state, transaction.body);
  if (keys === null) return violation('TX_UNKNOWN_ACCOUNT', 'nobody may sign this');
  if (transaction.signatures.length !== keys.length) {
    return violation(
      'TX_SIGNATURE',
      `${transaction.signatures.length} signatures, ${keys.length} are needed`,
    );
  }
  const message = transactionMessage(rules.genesisRoot, transaction.body);
  for (const [i, publicKey] of keys.entries()) {
    if (!verifySignature(rules.verifier, { publicKey, message, signature: transaction.signatures[i]! })) {
      return violation('TX_SIGNATURE', `signature ${i} is not of the key that must sign`);
    }
  }
  return null;
}

/** The rules of a body that need no execution: limits, canonical order, signatures of the keys before the block. */
function checkBody(
  rules: ChainRules,
  parentState: StateStore,
  body: { transactions: readonly Transaction[]; isKnown: KnownSignatures },
): Violation | null {
  const { maxBlockTransactions, maxBlockBytes } = rules.genesis.params;
  const { transactions, isKnown } = body;
  if (transactions.length > maxBlockTransactions) {
    return violation(
      'BLOCK_TOO_MANY',
      `${transactions.length} transactions, ${maxBlockTransactions} are allowed`,
    );
  }
  const bytes = transactions.reduce((sum, tx) => sum + transactionBytes(tx), BLOCK_OVERHEAD_BYTES);
  if (bytes > maxBlockBytes) return violation('BLOCK_BYTES', `${bytes} bytes, ${maxBlockBytes} are allowed`);
  for (let i = 1; i < transactions.length; i++) {
    if (compareTransactions(transactions[i - 1]!, transactions[i]!) >= 0) {
      return violation('BLOCK_ORDER', `transaction ${i} is not above its predecessor in canonical order`);
    }
  }
  for (const [i, transaction] of transactions.entries()) {
    if (isKnown(transactionIdHex(transaction))) continue;
    const refused = checkSignatures(rules, parentState, transaction);
    if (refused) return violation(refused.code, `transaction ${i}: ${refused.message}`);
  }
  return null;
}

/** Executes given transactions; the first that breaks a rule makes the body invalid. */
export function executeBody(
  rules: ChainRules,
  input: ExecutionInput,
  body: { transactions: readonly Transaction[]; isKnown: KnownSignatures },
): Execution | Violation {
  const malformed = checkBody(rules, input.parentState, body);
  if (malformed) return malformed;
  const context = begin(rules, input);
  for (const [i, transaction] of body.transactions.entries()) {
    const refused = applyTransaction(context, transaction.body);
    if (refused) return violation(refused.code, `transaction ${i}: ${refused.message}`);
  }
  return finish(context, body.transactions);
}

/**
 * Picks from candidates, in canonical order, what fits the limits and breaks no rule, and executes it. Candidates must
 * have had their signatures checked. `refused` names what no longer fits, for the mempool to drop.
 */
export function buildBody(
  rules: ChainRules,
  input: ExecutionInput,
  candidates: readonly Transaction[],
): {
  transactions: Transaction[];
  execution: Execution;
  refused: { transaction: Transaction; violation: Violation }[];
} {
  const { maxBlockTransactions, maxBlockBytes } = rules.genesis.params;
  const context = begin(rules, input);
  const transactions: Transaction[] = [];
  const refused: { transaction: Transaction; violation: Violation }[] = [];
  const slots = new Set<string>();
  let bytes = BLOCK_OVERHEAD_BYTES;
  for (const transaction of [...candidates].sort(compareTransactions)) {
    const size = transactionBytes(transaction);
    const slot = slotKey(transaction.body);
    if (slots.has(slot) || transactions.length === maxBlockTransactions || bytes + size > maxBlockBytes)
      continue;
    const broken = applyTransaction(context, transaction.body);
    if (broken) {
      refused.push({ transaction, violation: broken });
    } else {
      slots.add(slot);
      transactions.push(transaction);
      bytes += size;
    }
  }
  return { transactions, execution: finish(context, transactions), refused };
}

/** Header, signature and offsets of an encoded block, rounded up. */
const BLOCK_OVERHEAD_BYTES = 512;

/** Encoded size of a transaction inside a block, its offset included. */
export function transactionBytes(transaction: Transaction): number {
  return Transactions.elementType.value_serializedSize(transaction) + 4;
}

/** The body's roots against the header's. Null: the block is valid. */
export function checkExecution(block: Block, execution: Execution): Violation | null {
  const { body } = block.signedHeader.header;
  for (const name of ['transactionsRoot', 'receiptsRoot', 'stateRoot', 'minersRoot'] as const) {
    if (!equalBytes(body[name], execution[name])) {
      return violation(
        `BLOCK_${ROOT_CODES[name]}`,
        `${name} ${toHex(body[name])}, execution gives ${toHex(execution[name])}`,
      );
    }
  }
  return null;
}

const ROOT_CODES = {
  transactionsRoot: 'TRANSACTIONS_ROOT',
  receiptsRoot: 'RECEIPTS_ROOT',
  stateRoot: 'STATE_ROOT',
  minersRoot: 'MINERS_ROOT',
} as const;

export function isViolation(result: Execution | Violation): result is Violation {
  return 'code' in result;
}
