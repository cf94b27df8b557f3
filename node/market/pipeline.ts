/**
 * The due phases of market steps: at most four per block, as many as fit its receipts, oldest first; an outage closes
 * as one range.
 */
import { STEP_RING } from '../protocol/types.ts';
import { clearStep } from './clear.ts';
import type { BlockContext } from './context.ts';
import { hasRoom } from './limits.ts';
import { settleStep } from './settle.ts';
import { deliveryStartMs, readingWindow } from './windows.ts';

export const MAX_PHASES_PER_BLOCK = 4;

/** Performs what is due at the block's market clock. */
export function runDuePhases(context: BlockContext): void {
  for (let phase = 0; phase < MAX_PHASES_PER_BLOCK; phase++) {
    if (!runOldestPhase(context)) return;
  }
}

/** Performs the oldest due phase; false when none is due, or the block has no room left for it. */
function runOldestPhase(context: BlockContext): boolean {
  const { genesis, state, clockMs } = context;
  const { nextToClear, nextToSettle } = state.market();
  const clearDueMs = deliveryStartMs(genesis, nextToClear);
  const settleDueMs = nextToSettle < nextToClear ? readingWindow(genesis, nextToSettle).untilMs : Infinity;
  if (Math.min(clearDueMs, settleDueMs) > clockMs) return false;
  return settleDueMs <= clearDueMs
    ? settlePhase(context, nextToSettle, nextToClear)
    : clearPhase(context, nextToClear);
}

function clearPhase(context: BlockContext, step: number): boolean {
  const end = emptyRunEnd(context, step, Number.MAX_SAFE_INTEGER);
  if (end > step) {
    context.state.setMarket({ nextToClear: end });
    return true;
  }
  // Every trade uses up an order.
  const atWorst = { trades: context.state.orders(step).length, settlements: 0 };
  if (!hasRoom(context.receipts, atWorst)) return false;
  clearStep(context, step);
  context.state.setMarket({ nextToClear: step + 1 });
  return true;
}

function settlePhase(context: BlockContext, step: number, cleared: number): boolean {
  const end = emptyRunEnd(context, step, cleared);
  if (end > step) {
    context.receipts.emptyRanges.push({ first: step, end });
    context.state.setMarket({ nextToSettle: end });
    return true;
  }
  const members = context.state.memberCount();
  if (!hasRoom(context.receipts, { trades: members, settlements: members })) return false;
  settleStep(context, step);
  context.state.setMarket({ nextToSettle: step + 1 });
  return true;
}

/**
 * End of the run of steps from `step`, below `limit`, that are past their reading window and hold no order, contract
 * or reading: an outage. Nobody is substituted for it; the next cumulative register settles it.
 */
function emptyRunEnd(context: BlockContext, step: number, limit: number): number {
  const { genesis, state, clockMs } = context;
  const { stepMs, readingWindowMs } = genesis.params;
  // The last step whose reading window has closed, plus one.
  const closed = Math.floor((clockMs - deliveryStartMs(genesis, 0) - readingWindowMs) / stepMs);
  let end = Math.min(closed, limit);
  for (let busy = step; busy < Math.min(end, step + STEP_RING); busy++) {
    if (state.orders(busy).length > 0 || state.readings(busy).length > 0 || state.positions(busy).length > 0)
      end = busy;
  }
  return Math.max(end, step);
}
