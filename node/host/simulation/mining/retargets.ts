/** The retarget in use and the published ones it is compared with, on the same block tree and under the same floor. */
import { targetAfter } from '../../../consensus/header.ts';
import type { HeaderNode } from '../../../consensus/header-chain.ts';
import { FLOOR_TARGET, minSpacingMs } from '../../../consensus/target.ts';

export interface Retarget {
  readonly name: string;
  /** Target of the block on this parent. */
  after(parent: HeaderNode, spacingMs: number): bigint;
}

const RADIX_BITS = 16n;
const RADIX = 1n << RADIX_BITS;

function bounded(target: bigint): bigint {
  if (target > FLOOR_TARGET) return FLOOR_TARGET;
  return target > 1n ? target : 1n;
}

/** The rule of this chain: integer WTEMA, window 30. */
export const WTEMA: Retarget = { name: 'WTEMA 30 (in use)', after: targetAfter };

/**
 * ASERT: the target follows an absolute schedule from the first block. Fixed-point cubic 2^x of the Bitcoin Cash
 * specification 2020-11-15 (aserti3-2d), relative error below 0.013 %.
 */
export function asert(halfLifeMs: number): Retarget {
  const anchors = new WeakMap<HeaderNode, HeaderNode>();
  const anchorOf = (parent: HeaderNode): HeaderNode => {
    const known = anchors.get(parent);
    if (known !== undefined) return known;
    const anchor = parent.parent === null ? parent : anchorOf(parent.parent);
    anchors.set(parent, anchor);
    return anchor;
  };
  return {
    name: `ASERT, half-life ${halfLifeMs / 1000} s`,
    after(parent, spacingMs) {
      const anchor = anchorOf(parent);
      const lateMs = parent.timestampMs - anchor.timestampMs - spacingMs * (parent.height - anchor.height);
      const exponent = (BigInt(lateMs) * RADIX) / BigInt(halfLifeMs);
      const shifts = exponent >> RADIX_BITS;
      const f = exponent - (shifts << RADIX_BITS);
      const factor =
        RADIX + ((195766423245049n * f + 971821376n * f * f + 5127n * f * f * f + (1n << 47n)) >> 48n);
      const scaled = anchor.target * factor;
      return bounded(shifts < 0n ? scaled >> (RADIX_BITS - shifts) : (scaled << shifts) >> RADIX_BITS);
    },
  };
}

interface Past {
  readonly targets: bigint[];
  readonly elapsedMs: number[];
}

/** Targets and spacings of the last blocks, youngest first; fewer near the first block. */
function pastOf(parent: HeaderNode, blocks: number): Past {
  const past: Past = { targets: [], elapsedMs: [] };
  let node: HeaderNode = parent;
  while (past.targets.length < blocks && node.parent !== null) {
    past.targets.push(node.target);
    past.elapsedMs.push(node.timestampMs - node.parent.timestampMs);
    node = node.parent;
  }
  return past;
}

const meanOf = (values: readonly bigint[]) =>
  values.reduce((sum, value) => sum + value, 0n) / BigInt(values.length);

/** Weighted average of spacings, the youngest with the most weight (zawy12's LWMA-1): spacings count at most 6 T. */
export function lwma(window: number): Retarget {
  return {
    name: `LWMA ${window}`,
    after(parent, spacingMs) {
      const { targets, elapsedMs } = pastOf(parent, window);
      const n = targets.length;
      if (n < 3) return parent.target;
      const weighted = elapsedMs.reduce(
        (sum, ms, age) => sum + Math.min(Math.max(ms, 1), 6 * spacingMs) * (n - age),
        0,
      );
      const weights = BigInt((n * (n + 1)) / 2) * BigInt(spacingMs);
      return bounded((meanOf(targets) * BigInt(weighted)) / weights);
    },
  };
}

/** Plain average of target and spacing over a window, total spacing within a factor of two (Bitcoin Cash, 2017). */
export function sma(window: number): Retarget {
  return {
    name: `SMA ${window}`,
    after(parent, spacingMs) {
      const { targets, elapsedMs } = pastOf(parent, window);
      const n = targets.length;
      if (n < 3) return parent.target;
      const nominal = n * spacingMs;
      const total = elapsedMs.reduce((sum, ms) => sum + ms, 0);
      const clamped = Math.min(Math.max(total, Math.ceil(nominal / 2)), 2 * nominal);
      return bounded((meanOf(targets) * BigInt(clamped)) / BigInt(nominal));
    },
  };
}

/** One step per epoch, by at most a factor of four (Bitcoin, with a short epoch). */
export function epoch(blocks: number): Retarget {
  return {
    name: `epoch ${blocks}, factor 4`,
    after(parent, spacingMs) {
      if (parent.height === 0 || parent.height % blocks !== 0) return parent.target;
      const { elapsedMs } = pastOf(parent, blocks);
      const total = elapsedMs.reduce((sum, ms) => sum + Math.max(ms, minSpacingMs(spacingMs)), 0);
      const nominal = elapsedMs.length * spacingMs;
      const clamped = Math.min(Math.max(total, Math.ceil(nominal / 4)), 4 * nominal);
      return bounded((parent.target * BigInt(clamped)) / BigInt(nominal));
    },
  };
}

export const RETARGETS: readonly Retarget[] = [
  WTEMA,
  asert(300_000),
  asert(150_000),
  lwma(60),
  sma(60),
  epoch(60),
];
