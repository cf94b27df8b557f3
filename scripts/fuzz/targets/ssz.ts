/** Decoders of everything that travels or lies on disk as SSZ. */
import { isDeepStrictEqual } from 'node:util';
import type { Type } from '@chainsafe/ssz';
import { decode as decodeValue, encode as encodeValue } from '../../../node/protocol/codec.ts';
import { Receipts } from '../../../node/protocol/receipts.ts';
import { State } from '../../../node/protocol/state.ts';
import { deserializeState } from '../../../node/protocol/state-store.ts';
import { Block, Genesis, SignedHeader, Transaction } from '../../../node/protocol/types.ts';
import {
  BlocksAnswer,
  BlocksRequest,
  HeadersAnswer,
  HeadersRequest,
  MAX_ANSWER_BYTES,
  Status,
  TransactionBatch,
} from '../../../node/protocol/wire.ts';
import { equalBytes } from '../../../node/util/bytes.ts';
import { arbitraryOf, propertyOf } from '../arbitraries.ts';
import { type OpenTarget, promise, type Target } from '../interface.ts';
import { type Flaw, flawIn, hasOffsets, type Shape } from '../plain-ssz.ts';
import { samplesOf } from '../samples.ts';
import { theWorld } from '../world.ts';

/** Largest input of a mutated message: beyond it nothing new happens. */
const MAX_BYTES = 16_384;

export type AnyType = typeof Block;

/** A decoder under test: `null` for whatever is not canonical. */
export interface Decoder {
  decode(bytes: Uint8Array): unknown;
  encode(value: unknown): Uint8Array;
}

const decoderOf = (type: AnyType): Decoder => ({
  decode: (bytes) => decodeValue(type, bytes),
  encode: (value) => encodeValue(type, value as never),
});

/** The promises of a decoder on any bytes; also used to show that a broken decoder is noticed. */
export function checkDecoder(type: AnyType, decoder: Decoder, input: Uint8Array): Flaw | `decoded-${string}` {
  const value = decoder.decode(input);
  const flaw = flawIn(type as unknown as Shape, input);
  promise((value !== null) === (flaw === null), `decoded: ${value !== null}, flaw: ${flaw}`);
  if (flaw !== null) return flaw;
  promise(equalBytes(decoder.encode(value), input), 'encoding again gives other bytes');
  // A Buffer, as networks and disks give it: its `slice` shares memory.
  const copy = Buffer.from(input);
  const later = decoder.decode(copy);
  copy.fill(0xa5);
  promise(isDeepStrictEqual(later, value), 'the value changes with the bytes that it was decoded from');
  promise(type.hashTreeRoot(value as never).length === 32, 'a root has 32 bytes');
  return decodedOutcome(input);
}

/** By size, so that an input of each size is kept. */
function decodedOutcome(input: Uint8Array): `decoded-${string}` {
  return `decoded-${input.length.toString(2).length}`;
}

async function openType(name: string, type: AnyType): Promise<OpenTarget> {
  const decoder = decoderOf(type);
  return {
    seeds: samplesOf(await theWorld())[name]!,
    run: (input) => checkDecoder(type, decoder, input),
    property: propertyOf(arbitraryOf(type as unknown as Shape), (value) => {
      const bytes = decoder.encode(value);
      promise(flawIn(type as unknown as Shape, bytes) === null, 'the encoding is not canonical');
      promise(isDeepStrictEqual(decoder.decode(bytes), value), 'decoding gives another value');
    }),
  };
}

/** The mutable state reads the same bytes as the plain type, and has the same root. */
async function openState(): Promise<OpenTarget> {
  const plain = await openType('state', State as unknown as AnyType);
  return {
    ...plain,
    run(input) {
      const store = deserializeState(input);
      const value = decodeValue(State, input);
      promise((store === null) === (value === null), 'the store and the plain decoder disagree');
      if (store === null || value === null) return checkDecoder(State as unknown as AnyType, STATE, input);
      promise(equalBytes(store.root(), State.hashTreeRoot(value)), 'the store has another root');
      promise(equalBytes(store.fork().serialize(), input), 'a fork serialises to other bytes');
      return decodedOutcome(input);
    },
  };
}
const STATE = decoderOf(State as unknown as AnyType);

const TYPES: readonly [name: string, type: Type<never>, maxBytes: number, briefRuns: number][] = [
  ['block', Block, MAX_BYTES, 600],
  ['signed-header', SignedHeader, 512, 1000],
  ['transaction', Transaction, 4096, 1000],
  ['transaction-batch', TransactionBatch, MAX_BYTES, 600],
  ['status', Status, 512, 1000],
  ['headers-request', HeadersRequest, 4096, 1000],
  ['headers-answer', HeadersAnswer, MAX_BYTES, 400],
  ['blocks-request', BlocksRequest, 4096, 1000],
  ['blocks-answer', BlocksAnswer, MAX_BYTES, 400],
  ['receipts', Receipts, MAX_BYTES, 400],
  ['genesis', Genesis, MAX_BYTES, 300],
] as unknown as readonly [string, Type<never>, number, number][];

export const sszTargets: readonly Target[] = [
  ...TYPES.map(
    ([name, type, maxBytes, briefRuns]): Target => ({
      name: `ssz-${name}`,
      about: `decode(${type.typeName}) accepts exactly the canonical bytes, as a second reading of SSZ has it`,
      maxBytes: Math.min(maxBytes, MAX_ANSWER_BYTES),
      briefRuns,
      mustReach: ['decoded', 'length', ...(hasOffsets(type as unknown as Shape) ? ['offset'] : [])],
      open: () => openType(name, type as unknown as AnyType),
    }),
  ),
  {
    name: 'ssz-state',
    about: 'a snapshot: the state store and the plain type accept the same bytes and give the same root',
    maxBytes: MAX_BYTES,
    briefRuns: 60,
    mustReach: ['decoded', 'length', 'offset'],
    open: openState,
  },
];
