/** The engine itself: what is planted is found, made small, and repeated. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decode, encode } from '../../node/protocol/codec.ts';
import { Block, type SignedHeader } from '../../node/protocol/types.ts';
import { Status } from '../../node/protocol/wire.ts';
import { createRng } from '../../node/util/rng.ts';
import { foundName, readCorpus, readInput, storeInput } from './corpus.ts';
import { createFuzzer } from './engine.ts';
import { type Finding, textOf } from './interface.ts';
import { mutate } from './mutate.ts';
import { flawIn, type Shape } from './plain-ssz.ts';
import { PLANTED } from './planted.ts';
import { createReader } from './reader.ts';
import { type AnyType, checkDecoder, type Decoder } from './targets/ssz.ts';
import { findTargets, TARGETS } from './targets.ts';

const SEEDS = 5;

/** Fuzzes a planted target until something is found; the finding, made small. */
async function huntOnce(
  fault: string,
  seed: number,
): Promise<{ finding: Finding | undefined; again: Finding | null }> {
  const target = PLANTED.find(({ name }) => name === `planted-${fault}`)!;
  const fuzzer = await createFuzzer(target, { seed: BigInt(seed), corpus: [], maxInputMs: 10 });
  expect(await fuzzer.replay()).toEqual([]);
  const [found] = await fuzzer.run(target.briefRuns);
  if (found === undefined) return { finding: undefined, again: null };
  const finding = await fuzzer.reduce(found);
  return { finding, again: await fuzzer.judge(finding.input!) };
}

describe('the engine', () => {
  it.each([
    ['throw', 'broken', /TypeError/],
    ['reject', 'broken', /RangeError: planted/],
    ['change', 'broken', /bytes were changed/],
  ] as const)(
    'finds a fault that can %s, at every seed, and makes it two bytes',
    async (fault, kind, message) => {
      for (let seed = 0; seed < SEEDS; seed++) {
        const { finding, again } = await huntOnce(fault, seed);
        expect(finding).toMatchObject({ kind, message: expect.stringMatching(message) });
        expect(textOf(finding!.input!)).toBe('!?');
        expect(again).toMatchObject({ kind });
      }
    },
  );

  it('finds an input that takes too long', async () => {
    const { finding } = await huntOnce('slow', 1);
    expect(finding).toMatchObject({ kind: 'slow' });
    expect(textOf(finding!.input!)).toContain('!?');
  });

  it('finds a value that breaks a property, and repeats it by its seed', async () => {
    const fuzzer = await createFuzzer(PLANTED.find(({ name }) => name === 'planted-throw')!, {
      seed: 1n,
      corpus: [],
    });
    const [finding] = fuzzer.checkProperty(7);
    expect(finding).toMatchObject({ kind: 'property', seed: 7, message: expect.stringContaining('[1000]') });
    expect(fuzzer.checkProperty(finding!.seed!)).toEqual([finding]);
    const sound = await createFuzzer(PLANTED.find(({ name }) => name === 'planted-slow')!, {
      seed: 1n,
      corpus: [],
    });
    expect(sound.checkProperty(7)).toEqual([]);
  });

  it('gives the same inputs for the same seed, and others for another', async () => {
    const inputsOf = async (seed: bigint) => {
      const seen: string[] = [];
      const watch = (input: Uint8Array) => void seen.push(String(input));
      const fuzzer = await createFuzzer(findTargets('storage-key')[0]!, { seed, corpus: [], watch });
      await fuzzer.replay();
      await fuzzer.run(200);
      return seen;
    };
    const [first, second, other] = [await inputsOf(1n), await inputsOf(1n), await inputsOf(2n)];
    expect(second).toEqual(first);
    expect(other).not.toEqual(first);
    expect(new Set(first).size).toBeGreaterThan(first.length / 2);
  });

  it('keeps planted faults out of the table', () => {
    expect(TARGETS.some(({ name }) => name.startsWith('planted'))).toBe(false);
    expect(findTargets('planted-hang')).toHaveLength(1);
    expect(findTargets('planted')).toEqual([]);
    expect(findTargets('')).toEqual(TARGETS);
  });
});

describe('mutations', () => {
  it('stay within the limit, leave the given bytes alone and mostly change something', () => {
    const given = new TextEncoder().encode('{"a":12,"b":[1,2]}');
    const before = given.slice();
    const pool = [given, new Uint8Array(300).fill(9)];
    let changed = 0;
    for (let seed = 0; seed < 500; seed++) {
      const rng = createRng(BigInt(seed));
      const bytes = mutate(rng, given, { pool, words: [Uint8Array.of(1, 2)], maxBytes: 40 });
      expect(bytes.length).toBeLessThanOrEqual(40);
      if (String(bytes) !== String(given)) changed++;
    }
    expect(given).toEqual(before);
    expect(changed).toBeGreaterThan(450);
    const nothing = { pool: [], words: [], maxBytes: 8 };
    for (let seed = 0; seed < 200; seed++) mutate(createRng(BigInt(seed)), new Uint8Array(0), nothing);
  });
});

describe('a reader', () => {
  it('takes the bytes in order, then the first of every choice', () => {
    const reader = createReader(Uint8Array.of(3, 1, 0, 0, 0, 5));
    expect([reader.byte(), reader.uint32(), reader.more(), reader.below(4), reader.more()]).toEqual([
      3,
      1,
      true,
      1,
      false,
    ]);
    expect([reader.pick(['a', 'b']), reader.bool(), reader.oneIn(3), reader.edge32([7])]).toEqual([
      'a',
      false,
      false,
      7,
    ]);
    expect(reader.bytes(2)).toEqual(new Uint8Array(2));
  });
});

describe('stored inputs', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'wattmesh-corpus-'));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it('come back byte for byte, as text where they are plain', () => {
    const inputs = ['{"a":1}\n', 'a\r\nb', '\uFEFFx', 'é', ''].map((text) => new TextEncoder().encode(text));
    inputs.push(Uint8Array.of(0, 255, 10), new Uint8Array(500).fill(0xee));
    const paths = inputs.map((bytes) => storeInput(root, 'some', { name: foundName(bytes), bytes }));
    expect(paths.map((path) => path.slice(-3))).toEqual(['txt', ...Array(6).fill('hex')]);
    expect(paths.map((path) => readInput(path))).toEqual(inputs);
    expect(readCorpus(root, 'some')).toHaveLength(inputs.length);
    expect(readCorpus(root, 'other')).toEqual([]);
  });
});

describe('the promises of a decoder', () => {
  const type = Status as unknown as AnyType;
  const good = encode(Status, Status.defaultValue());
  const long = Uint8Array.of(...good, 0);
  const sound: Decoder = {
    decode: (bytes) => decode(type, bytes),
    encode: (value) => encode(type, value as never),
  };

  it('hold for the one in use', () => {
    expect(checkDecoder(type, sound, good)).toMatch('decoded');
    expect(checkDecoder(type, sound, long)).toBe('length');
  });

  it('do not hold for one that takes more, takes less, throws or shares memory', () => {
    const lax: Decoder = { ...sound, decode: (bytes) => sound.decode(bytes.slice(0, good.length)) };
    expect(() => checkDecoder(type, lax, long)).toThrow('flaw');
    expect(() => checkDecoder(type, { ...sound, decode: () => null }, good)).toThrow('flaw');
    const throwing: Decoder = { ...sound, decode: () => Status.deserialize(long) };
    expect(() => checkDecoder(type, throwing, long)).toThrow();
    const sharing: Decoder = { ...sound, decode: (bytes) => Status.deserialize(bytes) };
    expect(() => checkDecoder(type, sharing, good)).toThrow('changes with the bytes');
    const other: Decoder = { ...sound, encode: () => long };
    expect(() => checkDecoder(type, other, good)).toThrow('other bytes');
  });

  it('rest on a second reading of the types', () => {
    const shape = Block as unknown as Shape;
    const block = Block.defaultValue();
    const bytes = encode(Block, block);
    expect(flawIn(shape, bytes)).toBe(null);
    for (let length = 0; length < bytes.length; length++)
      expect(flawIn(shape, bytes.slice(0, length))).not.toBe(null);
    const header: SignedHeader = block.signedHeader;
    const late = { ...header, header: { ...header.header, body: { ...header.header.body, timestampMs: 1 } } };
    const changed = encode(Block, { ...block, signedHeader: late });
    const at = changed.findIndex((byte, i) => byte !== bytes[i]);
    changed[at + 6] = 0x20;
    expect(flawIn(shape, changed)).toBe('range');
    changed[at + 6] = 0x1f;
    expect(flawIn(shape, changed)).toBe(null);
  });
});
