/** From one input to another, by a seeded generator: the same seed gives the same bytes. */
import { concatBytes } from '../../node/util/bytes.ts';
import type { Rng } from '../../node/util/rng.ts';

/** Numbers at which lengths, counts and times go wrong. */
const EDGES = [
  0,
  1,
  2,
  3,
  4,
  31,
  32,
  33,
  64,
  127,
  128,
  255,
  256,
  1024,
  4096,
  32_767,
  65_535,
  65_536,
  2 ** 24,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 53 - 1,
  2 ** 53,
];
const EDGE_TEXTS = ['-1', '1.5', '1e309', '-0', '0x10', '00', 'null', 'NaN', '9'.repeat(40)];
const MAX_STEPS = 6;

/** What a mutation draws from. */
export interface MutationSources {
  /** Other inputs, for splices. */
  pool: readonly Uint8Array[];
  words: readonly Uint8Array[];
  maxBytes: number;
}

type Step = (rng: Rng, bytes: Uint8Array, sources: MutationSources) => Uint8Array;

function pick<T>(rng: Rng, list: readonly T[]): T {
  return list[rng.below(list.length)]!;
}

function replaced(bytes: Uint8Array, from: number, until: number, by: Uint8Array): Uint8Array {
  return concatBytes(bytes.subarray(0, from), by, bytes.subarray(until));
}

function randomBytes(rng: Rng, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => rng.below(256));
}

/** A range of the input: mostly short, sometimes to the end. */
function range(rng: Rng, length: number): [from: number, until: number] {
  const from = rng.below(length + 1);
  const most = length - from;
  const size = rng.below(8) === 0 ? most : Math.min(most, 1 + rng.below(64));
  return [from, from + size];
}

function flipBit(rng: Rng, bytes: Uint8Array): Uint8Array {
  const out = bytes.slice();
  if (out.length > 0) out[rng.below(out.length)]! ^= 1 << rng.below(8);
  return out;
}

function setByte(rng: Rng, bytes: Uint8Array): Uint8Array {
  const out = bytes.slice();
  if (out.length > 0) out[rng.below(out.length)] = pick(rng, [0, 1, 0x20, 0x7f, 0x80, 0xff, rng.below(256)]);
  return out;
}

/** Writes an edge, the length of the input, or a neighbour of the number that stands there: 1, 2, 4 or 8 bytes. */
function setNumber(rng: Rng, bytes: Uint8Array): Uint8Array {
  const out = bytes.slice();
  const width = pick(rng, [1, 2, 4, 4, 8]);
  if (out.length < width) return out;
  const view = new DataView(out.buffer, out.byteOffset, out.length);
  const at = rng.below(out.length - width + 1);
  const little = rng.below(4) !== 0;
  const present = width === 4 ? view.getUint32(at, little) : out[at]!;
  const value = pick(rng, [
    pick(rng, EDGES),
    present + 1,
    present - 1,
    out.length,
    out.length - at,
    present * 2,
  ]);
  const whole = BigInt.asUintN(64, BigInt(Math.trunc(value)));
  if (width === 1) view.setUint8(at, Number(whole & 0xffn));
  else if (width === 2) view.setUint16(at, Number(whole & 0xffffn), little);
  else if (width === 4) view.setUint32(at, Number(whole & 0xffff_ffffn), little);
  else view.setBigUint64(at, whole, little);
  return out;
}

/** A decimal number in a text becomes another one. */
function setDigits(rng: Rng, bytes: Uint8Array): Uint8Array {
  const start = rng.below(bytes.length + 1);
  const isDigit = (at: number) => bytes[at]! >= 0x30 && bytes[at]! <= 0x39;
  let from = start;
  while (from < bytes.length && !isDigit(from)) from++;
  let until = from;
  while (until < bytes.length && isDigit(until)) until++;
  if (from === until) return flipBit(rng, bytes);
  const text = rng.below(3) === 0 ? pick(rng, EDGE_TEXTS) : String(pick(rng, EDGES));
  return replaced(bytes, from, until, new TextEncoder().encode(text));
}

const STEPS: readonly Step[] = [
  flipBit,
  flipBit,
  setByte,
  setByte,
  setNumber,
  setNumber,
  setDigits,
  (rng, bytes) => {
    const at = rng.below(bytes.length + 1);
    return replaced(bytes, at, at, randomBytes(rng, 1 + rng.below(16)));
  },
  (rng, bytes) => replaced(bytes, ...range(rng, bytes.length), new Uint8Array(0)),
  (rng, bytes) => {
    const [from, until] = range(rng, bytes.length);
    const at = rng.below(bytes.length + 1);
    return replaced(bytes, at, at, bytes.slice(from, until));
  },
  (rng, bytes) => bytes.slice(0, rng.below(bytes.length + 1)),
  (rng, bytes, { words }) => {
    if (words.length === 0) return setByte(rng, bytes);
    const word = pick(rng, words);
    const at = rng.below(bytes.length + 1);
    return replaced(bytes, at, rng.below(2) === 0 ? at : Math.min(bytes.length, at + word.length), word);
  },
  (rng, bytes, { words }) =>
    words.length === 0 ? setNumber(rng, bytes) : concatBytes(bytes, pick(rng, words)),
  (rng, bytes, { pool }) => {
    if (pool.length === 0) return flipBit(rng, bytes);
    const other = pick(rng, pool);
    return concatBytes(
      bytes.subarray(0, rng.below(bytes.length + 1)),
      other.subarray(rng.below(other.length + 1)),
    );
  },
  (rng, bytes, { pool }) => {
    if (pool.length === 0) return flipBit(rng, bytes);
    const other = pick(rng, pool);
    const [from, until] = range(rng, other.length);
    return replaced(bytes, ...range(rng, bytes.length), other.subarray(from, until));
  },
];

/** Changes an input in one to six ways. */
export function mutate(rng: Rng, input: Uint8Array, sources: MutationSources): Uint8Array {
  let bytes = input;
  for (let left = 1 + rng.below(MAX_STEPS); left > 0; left--) bytes = pick(rng, STEPS)(rng, bytes, sources);
  return new Uint8Array(bytes.subarray(0, sources.maxBytes));
}
