/** A queue of things to do at virtual times: earliest first, first scheduled first among equals. */
export interface Scheduler {
  nowMs(): number;
  /** Runs `action` after a delay; the number cancels it. */
  after(delayMs: number, action: () => void): number;
  cancel(id: number): void;
  /** Runs the next action; false when there is none before or at `limitMs`. */
  runNext(limitMs: number): boolean;
  /** Moves the clock to `limitMs` after everything due until then has run. */
  runUntil(limitMs: number): void;
  size(): number;
}

interface Entry {
  atMs: number;
  id: number;
  action: () => void;
}

export function createScheduler(startMs = 0): Scheduler {
  const heap: Entry[] = [];
  const cancelled = new Set<number>();
  let nowMs = startMs;
  let nextId = 1;

  const isBefore = (a: Entry, b: Entry) => a.atMs < b.atMs || (a.atMs === b.atMs && a.id < b.id);
  const swap = (i: number, j: number) => {
    const held = heap[i]!;
    heap[i] = heap[j]!;
    heap[j] = held;
  };
  const push = (entry: Entry): void => {
    heap.push(entry);
    let i = heap.length - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!isBefore(heap[i]!, heap[parent]!)) break;
      swap(i, parent);
      i = parent;
    }
  };
  const pop = (): Entry => {
    const top = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return top;
    heap[0] = last;
    let i = 0;
    for (;;) {
      const left = 2 * i + 1;
      let least = i;
      if (left < heap.length && isBefore(heap[left]!, heap[least]!)) least = left;
      if (left + 1 < heap.length && isBefore(heap[left + 1]!, heap[least]!)) least = left + 1;
      if (least === i) return top;
      swap(i, least);
      i = least;
    }
  };
  const runNext = (limitMs: number): boolean => {
    while (heap.length > 0 && heap[0]!.atMs <= limitMs) {
      const entry = pop();
      if (cancelled.delete(entry.id)) continue;
      nowMs = entry.atMs;
      entry.action();
      return true;
    }
    return false;
  };

  return {
    nowMs: () => nowMs,
    after(delayMs, action) {
      const id = nextId++;
      push({ atMs: nowMs + Math.max(0, delayMs), id, action });
      return id;
    },
    cancel: (id) => void cancelled.add(id),
    runNext,
    runUntil(limitMs) {
      while (runNext(limitMs)) {
        // Everything due until the limit, in order.
      }
      nowMs = Math.max(nowMs, limitMs);
    },
    size: () => heap.length,
  };
}
