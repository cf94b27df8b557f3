/** Due phases of market steps in the reference model: docs/protocol.md, section 9.3. */
import { clearStep } from './clearing.ts';
import { settleStep } from './settlement.ts';
import { bookOf, type Progress } from './state.ts';
import { startMs } from './transactions.ts';

const MOST_PHASES = 4;
/** Entries of the lists of trades and of settlement lines. */
const LIST_ENTRIES = 8192;

function readingsEndMs(progress: Progress, step: number): number {
  const { stepMs, readingWindowMs } = progress.genesis.params;
  return startMs(progress.genesis, step) + stepMs + readingWindowMs;
}

/** End of the run of steps from `first`, below `limit`, that are over and had neither order, reading nor position. */
function outageEnd(progress: Progress, first: number, limit: number): number {
  let end = first;
  for (;;) {
    const { orders, readings, positions } = bookOf(progress.state, end);
    const busy = orders.length > 0 || readings.length > 0 || positions.length > 0;
    if (end >= limit || busy || readingsEndMs(progress, end) > progress.clockMs) return end;
    end++;
  }
}

/** Section 9.3, "Room". */
function hasRoom({ receipts }: Progress, atWorst: { trades: number; settlements: number }): boolean {
  const trades = receipts.trades.length + atWorst.trades;
  const settlements = receipts.settlements.length + atWorst.settlements;
  return Math.max(trades, settlements) <= LIST_ENTRIES;
}

/** Null: no room. */
function clearPhase(progress: Progress): Progress | null {
  const first = progress.state.nextToClear;
  const end = outageEnd(progress, first, Number.POSITIVE_INFINITY);
  const trades = bookOf(progress.state, first).orders.length;
  if (end === first && !hasRoom(progress, { trades, settlements: 0 })) return null;
  const done = end > first ? progress : clearStep(progress, first);
  return { ...done, state: { ...done.state, nextToClear: Math.max(end, first + 1) } };
}

/** Null: no room. */
function settlePhase(progress: Progress): Progress | null {
  const first = progress.state.nextToSettle;
  const end = outageEnd(progress, first, progress.state.nextToClear);
  const members = progress.state.members.length;
  if (end === first) {
    if (!hasRoom(progress, { trades: members, settlements: members })) return null;
    const done = settleStep(progress, first);
    return { ...done, state: { ...done.state, nextToSettle: first + 1 } };
  }
  const { receipts, state } = progress;
  return {
    ...progress,
    state: { ...state, nextToSettle: end },
    receipts: { ...receipts, emptyRanges: [...receipts.emptyRanges, { first, end }] },
  };
}

/** Performs what is due at the block's market clock. */
export function duePhases(progress: Progress): Progress {
  let done = progress;
  for (let i = 0; i < MOST_PHASES; i++) {
    const { nextToClear, nextToSettle } = done.state;
    const clearMs = startMs(done.genesis, nextToClear);
    const settleMs = readingsEndMs(done, nextToSettle);
    const clearDue = clearMs <= done.clockMs;
    const settleDue = nextToSettle < nextToClear && settleMs <= done.clockMs;
    if (!clearDue && !settleDue) return done;
    const settleFirst = settleDue && (!clearDue || settleMs <= clearMs);
    const next = settleFirst ? settlePhase(done) : clearPhase(done);
    if (next === null) return done;
    done = next;
  }
  return done;
}
