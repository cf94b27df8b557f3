/** A source of randomness handed in from outside: pure code never reaches for its own. */
export interface Rng {
  /** A float in [0, 1) with 53 random bits. */
  next(): number;
  /** An integer in [0, bound), bound in 1..2^32. */
  below(bound: number): number;
}

/** splitmix64 (Steele, Lea, Flood 2014) over the seed fills the state of xoshiro128** (Blackman, Vigna 2018). */
export function createRng(seed: bigint): Rng {
  const state = new Uint32Array(4);
  let x = BigInt.asUintN(64, seed);
  for (let i = 0; i < 4; i += 2) {
    x = BigInt.asUintN(64, x + 0x9e3779b97f4a7c15n);
    let z = x;
    z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
    z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d049bb133111ebn);
    z ^= z >> 31n;
    state[i] = Number(z & 0xffffffffn);
    state[i + 1] = Number(z >> 32n);
  }
  const rotl = (v: number, k: number) => (v << k) | (v >>> (32 - k));
  const nextUint32 = (): number => {
    const [s0, s1, s2, s3] = state as unknown as [number, number, number, number];
    const result = Math.imul(rotl(Math.imul(s1, 5), 7), 9) >>> 0;
    state[2] = s2 ^ s0;
    state[3] = s3 ^ s1;
    state[1] = s1 ^ state[2]!;
    state[0] = s0 ^ state[3]!;
    state[2] = state[2]! ^ (s1 << 9);
    state[3] = rotl(state[3]!, 11);
    return result;
  };
  return {
    next: () => (nextUint32() * 2 ** 21 + (nextUint32() >>> 11)) / 2 ** 53,
    below: (bound) => Math.floor((nextUint32() / 2 ** 32) * bound),
  };
}

/** A seed for an independent stream, from a parent seed and a label (FNV-1a over the label, mixed by splitmix64). */
export function deriveSeed(seed: bigint, label: string): bigint {
  let h = 0xcbf29ce484222325n ^ BigInt.asUintN(64, seed);
  for (let i = 0; i < label.length; i++) {
    h = BigInt.asUintN(64, (h ^ BigInt(label.charCodeAt(i))) * 0x100000001b3n);
  }
  return h;
}
