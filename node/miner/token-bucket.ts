/** A regular slice of work: the worker wakes about this often. */
export const SLICE_MS = 25;

/** The most allowance that ever accumulates: late timers of a busy machine are made up for, a sleep is not. */
export const MAX_SLICE_MS = 250;

/** An allowance of hashes that grows with time: a pure function of the times and amounts given to it. */
export interface TokenBucket {
  /** Whole hashes allowed now; `Infinity` without a cap. */
  available(nowMs: number): number;
  /** Takes hashes that were really performed. */
  spend(hashes: number): void;
  /** Milliseconds until a regular slice is allowed (at least one hash); 0 when it is allowed already. */
  waitMs(nowMs: number): number;
  /** Changes the cap: what accumulated at the old one stays, within the bound of the new one. */
  setRate(hashesPerSecond: number | null, nowMs: number): void;
}

/**
 * Starts empty, so the hashes allowed between creation and t never exceed `rate x (t - start)`.
 * At most `MAX_SLICE_MS` of allowance (or one hash) accumulates; a clock that runs backwards adds nothing.
 */
export function createTokenBucket(hashesPerSecond: number | null, startMs: number): TokenBucket {
  let rate = hashesPerSecond;
  let tokens = 0;
  let lastMs = startMs;

  const refill = (nowMs: number): void => {
    if (nowMs <= lastMs) return;
    if (rate !== null) tokens = Math.min(capacity(rate), tokens + (rate * (nowMs - lastMs)) / 1000);
    lastMs = nowMs;
  };
  return {
    available(nowMs) {
      refill(nowMs);
      return rate === null ? Infinity : Math.floor(tokens);
    },
    spend(hashes) {
      if (rate !== null) tokens -= hashes;
    },
    waitMs(nowMs) {
      refill(nowMs);
      if (rate === null) return 0;
      const slice = Math.max(1, (rate * SLICE_MS) / 1000);
      return Math.max(0, ((slice - tokens) * 1000) / rate);
    },
    setRate(next, nowMs) {
      refill(nowMs);
      rate = next;
      tokens = next === null ? 0 : Math.min(tokens, capacity(next));
    },
  };
}

function capacity(hashesPerSecond: number): number {
  return Math.max(1, (hashesPerSecond * MAX_SLICE_MS) / 1000);
}
