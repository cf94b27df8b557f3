/** What one block's execution reads and writes. */

import type { Receipts, Trade } from '../protocol/receipts.ts';
import type { OrderEntry } from '../protocol/state.ts';
import type { StateStore } from '../protocol/state-store.ts';
import type { Genesis } from '../protocol/types.ts';
import { getOrInsert } from '../util/maps.ts';
import { createLedger, type Ledger } from './ledger.ts';

/** Per account, what it has on a step's book. */
interface BookUse {
  orders: Map<number, number>;
  buyWh: number;
  sellWh: number;
}

export interface BlockContext {
  readonly genesis: Genesis;
  readonly genesisRoot: Uint8Array;
  readonly state: StateStore;
  readonly ledger: Ledger;
  /** Market clock of the block: the median of its predecessors' timestamps. */
  readonly clockMs: number;
  /** Member that authors the block. */
  readonly author: number;
  readonly receipts: Receipts;
  /** What an account has on a step's book; indexes the book once per block. */
  bookUse(step: number, account: number): BookUse;
  addOrder(step: number, order: OrderEntry): void;
  cancelOrder(step: number, account: number, sequence: number): void;
  hasReading(step: number, account: number): boolean;
  noteReading(step: number, account: number): void;
}

export function emptyReceipts(): Receipts {
  return { trades: [], clearings: [], settlements: [], predictions: [], actions: [], emptyRanges: [] };
}

export function createBlockContext(given: {
  genesis: Genesis;
  genesisRoot: Uint8Array;
  state: StateStore;
  clockMs: number;
  author: number;
}): BlockContext {
  const books = new Map<number, Map<number, BookUse>>();
  const readings = new Map<number, Set<number>>();
  const { state } = given;

  const useOf = (index: Map<number, BookUse>, account: number): BookUse =>
    getOrInsert(index, account, () => ({ orders: new Map(), buyWh: 0, sellWh: 0 }));
  const note = (index: Map<number, BookUse>, position: number, order: OrderEntry): void => {
    const use = useOf(index, order.account);
    use.orders.set(order.sequence, position);
    if (order.side === 0) use.buyWh += order.energyWh;
    else use.sellWh += order.energyWh;
  };
  const bookIndex = (step: number): Map<number, BookUse> =>
    getOrInsert(books, step, () => {
      const index = new Map<number, BookUse>();
      for (const [position, order] of state.orders(step).entries()) note(index, position, order);
      return index;
    });
  const readingIndex = (step: number): Set<number> =>
    getOrInsert(readings, step, () => new Set(state.readings(step).map((reading) => reading.account)));
  const counts = new Map<number, number>();

  return {
    ...given,
    ledger: createLedger(state),
    receipts: emptyReceipts(),
    bookUse: (step, account) => useOf(bookIndex(step), account),
    addOrder(step, order) {
      const index = bookIndex(step);
      const position = counts.get(step) ?? state.orders(step).length;
      counts.set(step, position + 1);
      state.pushOrder(step, order);
      note(index, position, order);
    },
    cancelOrder(step, account, sequence) {
      const use = useOf(bookIndex(step), account);
      const position = use.orders.get(sequence)!;
      const order = state.orders(step)[position]!;
      if (order.side === 0) use.buyWh -= order.energyWh;
      else use.sellWh -= order.energyWh;
      state.setOrder(step, position, { ...order, energyWh: 0 });
    },
    hasReading: (step, account) => readingIndex(step).has(account),
    noteReading: (step, account) => void readingIndex(step).add(account),
  };
}

/** The next trade of a step: numbers it and stamps the market time. */
export function addTrade(context: BlockContext, trade: Omit<Trade, 'sequence' | 'marketTimeMs'>): void {
  const sequence = context.state.stepScalars(trade.step).trades;
  context.state.setStepScalars(trade.step, { trades: sequence + 1 });
  context.receipts.trades.push({ ...trade, sequence, marketTimeMs: context.clockMs });
}
