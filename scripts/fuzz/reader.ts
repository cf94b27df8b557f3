import { createRng } from '../../node/util/rng.ts';

/** Takes decisions out of the bytes of an input: for targets that build structured values. */
export interface Reader {
  /** Whether bytes are left; after the last one every decision is the first of its choices. */
  more(): boolean;
  byte(): number;
  uint32(): number;
  /** An integer in [0, bound), bound up to 2^32. */
  below(bound: number): number;
  bool(): boolean;
  /** True once in `n`. */
  oneIn(n: number): boolean;
  pick<T>(choices: readonly T[]): T;
  bytes(length: number): Uint8Array;
  /** Mostly one of the given numbers, sometimes its neighbour, seldom any: 0 to 2^32 - 1. */
  edge32(near: readonly number[]): number;
}

const EDGES = [0, 1, 2, 255, 65_535, 65_536, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 2, 2 ** 32 - 1];

export function createReader(input: Uint8Array): Reader {
  let at = 0;
  const byte = (): number => input[at++] ?? 0;
  const uint32 = (): number => (byte() | (byte() << 8) | (byte() << 16) | (byte() << 24)) >>> 0;
  const below = (bound: number): number => (bound <= 256 ? byte() : uint32()) % bound;
  const pick = <T>(choices: readonly T[]): T => choices[below(choices.length)]!;
  return {
    more: () => at < input.length,
    byte,
    uint32,
    below,
    bool: () => (byte() & 1) === 1,
    oneIn: (n) => below(n) === n - 1,
    pick,
    bytes: (length) => Uint8Array.from({ length }, byte),
    edge32(near) {
      const how = below(16);
      const base = near.length > 0 ? pick(near) : 0;
      if (how < 12) return base;
      if (how < 14) return (base + (how === 12 ? 1 : 2 ** 32 - 1)) % 2 ** 32;
      return how === 14 ? pick(EDGES) : uint32();
    },
  };
}

/** Inputs for targets that read decisions: as random as a seed of 32 bits is. */
export function randomInputs(seed: number, count: number, length: number): Uint8Array[] {
  const rng = createRng(BigInt(seed));
  return Array.from({ length: count }, () => Uint8Array.from({ length }, () => rng.below(256)));
}
