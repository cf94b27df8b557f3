/** The clock of one simulated computer: it may run ahead or behind, and drift. */
export interface SimClock {
  /** Wall clock of this computer, ms since 1970, at a virtual time. */
  wallMs(nowMs: number): number;
  /** Virtual time that passes until this computer's wall clock has gone on by `wallMs`. */
  virtualMs(wallMs: number): number;
  /** Sets how far ahead (or, negative, behind) the clock is, drift aside. */
  set(offsetMs: number): void;
}

export function createSimClock(startMs: number, given: { offsetMs: number; driftPpm: number }): SimClock {
  const rate = 1 + given.driftPpm / 1e6;
  let offsetMs = given.offsetMs;
  return {
    wallMs: (nowMs) => Math.floor(startMs + nowMs * rate + offsetMs),
    virtualMs: (wallMs) => wallMs / rate,
    set(nextMs) {
      offsetMs = nextMs;
    },
  };
}
