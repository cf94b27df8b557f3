/** Proof of work: the target, its retarget, and the work a block stands for. */

/** Easiest target: a block hash always starts with at least three zeros in hex (4 096 hashes on average). */
export const FLOOR_TARGET = 2n ** 244n - 1n;
/** Blocks over which the exponential average forgets. */
export const RETARGET_WINDOW = 30;
/** While young, the average follows faster. */
const WARM_UP_WINDOW = 4;
/** A spacing counts at most this many nominal spacings, so that a pause does not collapse the difficulty. */
const SPACING_CLAMP = 12;

export function isBelowTarget(id: Uint8Array, target: bigint): boolean {
  let value = 0n;
  for (const byte of id) value = (value << 8n) | BigInt(byte);
  return value <= target;
}

/** Expected number of hashes behind a block: floor(2^256 / (target + 1)). */
export function workOf(target: bigint): bigint {
  return 2n ** 256n / (target + 1n);
}

/** Least distance between a block's timestamp and its parent's, in ms. */
export function minSpacingMs(spacingMs: number): number {
  return Math.ceil(spacingMs / 10);
}

/**
 * Target of the block after `parent`: integer WTEMA with warm-up (zawy12's formula; window 30, clip 12 spacings),
 * `parentTarget x ((n - 1) T + st) / (n T)` rounded down, between 1 and the floor. `st` is the parent's own spacing,
 * so a block's target is known before its timestamp.
 */
export function nextTarget(
  parent: { height: number; timestampMs: number; target: bigint },
  grandparentTimestampMs: number | null,
  spacingMs: number,
): bigint {
  if (grandparentTimestampMs === null) return parent.target;
  const n = BigInt(Math.min(RETARGET_WINDOW, Math.max(WARM_UP_WINDOW, parent.height >> 1)));
  const spacing = BigInt(spacingMs);
  const elapsed = parent.timestampMs - grandparentTimestampMs;
  const clamped = Math.min(Math.max(elapsed, minSpacingMs(spacingMs)), SPACING_CLAMP * spacingMs);
  const next = (parent.target * ((n - 1n) * spacing + BigInt(clamped))) / (n * spacing);
  if (next > FLOOR_TARGET) return FLOOR_TARGET;
  return next > 1n ? next : 1n;
}
