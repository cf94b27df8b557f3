/** The transaction validator: the door of the mempool, then the rules of the market on a live state. */
import { buildBody, type Execution, executeBody, isViolation } from '../../../node/consensus/apply-block.ts';
import type { ChainRules } from '../../../node/consensus/header.ts';
import { marketClockMs } from '../../../node/consensus/header-chain.ts';
import { DEFAULT_LIMITS } from '../../../node/core/limits.ts';
import { createMempool, type Mempool } from '../../../node/core/mempool.ts';
import { totalBalanceNanoEur } from '../../../node/market/ledger.ts';
import { decode, encode, slotKey, transactionId } from '../../../node/protocol/codec.ts';
import type { StateStore } from '../../../node/protocol/state-store.ts';
import { Transaction } from '../../../node/protocol/types.ts';
import { equalBytes, toHex } from '../../../node/util/bytes.ts';
import { edgesAfter, transactionFrom } from '../bodies.ts';
import { type OpenTarget, promise, type Target } from '../interface.ts';
import { createReader, type Reader, randomInputs } from '../reader.ts';
import { theWorld } from '../world.ts';

const MAX_TRANSACTIONS = 16;
const ROOTS = ['transactionsRoot', 'receiptsRoot', 'stateRoot', 'minersRoot'] as const;

/** What holds of every state, whatever led to it. */
export function checkState(state: StateStore): void {
  promise(totalBalanceNanoEur(state) === 0n, 'the balances do not sum to zero');
  for (let member = 0; member < state.memberCount(); member++) {
    promise(state.reservedNanoEur(member) >= 0n, `member ${member} has reserved less than nothing`);
  }
}

/** Offers transactions of the input to an empty mempool; the codes that it gave. */
function offer(
  reader: Reader,
  mempool: Mempool,
  at: { rules: ChainRules; state: StateStore; clockMs: number },
): string[] {
  const codes: string[] = [];
  const sent: Transaction[] = [];
  while (reader.more() && codes.length < MAX_TRANSACTIONS) {
    const again = sent.length > 0 && reader.oneIn(8);
    const transaction = again ? reader.pick(sent) : transactionFrom(reader, at.rules, at.clockMs);
    sent.push(transaction);
    const { count } = mempool.stats();
    const admission = mempool.add(transaction, { ...at, nowMs: at.clockMs });
    const idHex = toHex(transactionId(transaction));
    const grown = mempool.stats().count - count;
    promise(
      grown === (admission.outcome === 'added' ? 1 : 0),
      `${admission.outcome}, and ${grown} more wait`,
    );
    if (admission.outcome === 'added') {
      promise(mempool.get(idHex)?.transaction === transaction, 'what was added does not wait');
      codes.push('added');
    } else codes.push(admission.outcome === 'known' ? 'known' : admission.violation.code);
  }
  const slots = mempool.list().map(({ transaction }) => slotKey(transaction.body));
  promise(new Set(slots).size === slots.length, 'two transactions wait for one slot');
  promise(mempool.stats().bytes <= DEFAULT_LIMITS.mempoolBytes, 'the mempool holds too many bytes');
  return codes;
}

/** What a producer builds, every other node accepts with the same roots: decoded afresh, signatures checked. */
function checkBuilt(
  rules: ChainRules,
  input: { parentState: StateStore; clockMs: number; author: number },
  candidates: readonly Transaction[],
): { execution: Execution; refused: string[]; included: number } {
  const before = input.parentState.root();
  const { transactions, execution, refused } = buildBody(rules, input, candidates);
  const received = transactions.map((transaction) => decode(Transaction, encode(Transaction, transaction))!);
  const result = executeBody(rules, input, { transactions: received, isKnown: () => false });
  promise(!isViolation(result), `its own body is refused: ${isViolation(result) ? result.code : ''}`);
  for (const name of ROOTS)
    promise(equalBytes(result[name], execution[name]), `another ${name} on the second run`);
  promise(equalBytes(input.parentState.root(), before), 'execution changed the parent state');
  checkState(execution.state);
  return {
    execution,
    refused: refused.map(({ violation }) => violation.code),
    included: transactions.length,
  };
}

async function openTransactions(): Promise<OpenTarget> {
  const world = await theWorld();
  // Three places of the chain: before the first gate, in the middle, at the end.
  const places = [3, 20, 40].map((height) => world.trunk[height - 1]!);
  const trusting: ChainRules = { ...world.rules, verifier: { verify: () => true } };
  return {
    seeds: randomInputs(1, 24, 240),
    run(input) {
      const reader = createReader(input);
      const { node, execution: start } = reader.pick(places);
      // Half of the inputs have every signature for granted and so get past the door.
      const rules = reader.bool() ? trusting : world.rules;
      const clockMs = marketClockMs(node);
      const mempool = createMempool(rules);
      const codes = offer(reader, mempool, { rules, state: start.state, clockMs });
      const candidates = mempool.list().map(({ transaction }) => transaction);
      const first = checkBuilt(rules, { parentState: start.state, clockMs, author: 0 }, candidates);
      codes.push(...first.refused, `included-${Math.min(4, first.included)}`);
      let { state } = first.execution;
      for (const edgeMs of edgesAfter(rules, clockMs)) {
        // What waits may pass or fail by then; the market goes on.
        const later = buildBody(rules, { parentState: state, clockMs: edgeMs, author: 1 }, candidates);
        codes.push(...later.refused.map(({ violation }) => violation.code));
        state = later.execution.state;
        checkState(state);
        for (const { kind } of later.execution.receipts.trades) codes.push(`trade-${kind}`);
      }
      return [...new Set(codes)].join(' ').toLowerCase();
    },
  };
}

export const transactionTargets: readonly Target[] = [
  {
    name: 'transaction-validator',
    about:
      'mempool and market rules on a live state: what is built is accepted, money and energy are conserved',
    maxBytes: 512,
    briefRuns: 150,
    mustReach: [
      'added',
      'known',
      'tx_signature',
      'tx_window_closed',
      'tx_duplicate',
      'tx_over_quota',
      'order_energy',
      'reading_implausible',
      'trade-1',
      'trade-2',
    ],
    open: openTransactions,
  },
];
