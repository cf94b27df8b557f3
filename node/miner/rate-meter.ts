/** The mean rate of a growing counter over a sliding window, from the times and totals given to it. */
export interface RateMeter {
  record(nowMs: number, total: number): void;
  /** Units per second since the oldest sample in the window; 0 before the first one. */
  perSecond(nowMs: number, total: number): number;
  reset(): void;
}

export function createRateMeter(windowMs: number): RateMeter {
  let samples: { atMs: number; total: number }[] = [];

  const prune = (nowMs: number): void => {
    let keep = 0;
    // The newest sample outside the window stays: it is where the window begins.
    while (keep + 1 < samples.length && samples[keep + 1]!.atMs <= nowMs - windowMs) keep++;
    if (keep > 0) samples = samples.slice(keep);
  };
  return {
    record(nowMs, total) {
      samples.push({ atMs: nowMs, total });
      prune(nowMs);
    },
    perSecond(nowMs, total) {
      prune(nowMs);
      const oldest = samples[0];
      if (oldest === undefined || nowMs <= oldest.atMs) return 0;
      return ((total - oldest.total) * 1000) / (nowMs - oldest.atMs);
    },
    reset() {
      samples = [];
    },
  };
}
