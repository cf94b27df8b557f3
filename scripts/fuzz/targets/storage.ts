/** What lies on disk around the SSZ values: record frames, the commit record, keys. */
import fc from 'fast-check';
import { decodeCommit, encodeCommit } from '../../../node/storage/commit.ts';
import {
  addressesKey,
  authoredKey,
  blockKey,
  describeKey,
  headerKey,
  metaKey,
  type ParsedKey,
  parseKey,
  receiptsKey,
  snapshotKey,
  tipKey,
} from '../../../node/storage/layout.ts';
import { decodeRecord, encodeRecord, RECORD_OVERHEAD_BYTES } from '../../../node/storage/record.ts';
import { concatBytes, equalBytes } from '../../../node/util/bytes.ts';
import { propertyOf } from '../arbitraries.ts';
import { bytesOfTexts, type OpenTarget, promise, type Target } from '../interface.ts';

const ID = new Uint8Array(32).fill(0xab);

/** An input of the record target: length of the key, the key, the record. */
const recordInput = (key: Uint8Array, record: Uint8Array): Uint8Array =>
  concatBytes(Uint8Array.of(key.length), key, record);

function openRecord(): OpenTarget {
  const sizes = [0, 1, 100];
  return {
    seeds: sizes.map((size) => recordInput(tipKey(), encodeRecord(tipKey(), new Uint8Array(size).fill(7)))),
    run(input) {
      const keyEnd = 1 + (input[0] ?? 0);
      const key = input.subarray(1, keyEnd);
      const record = input.subarray(keyEnd);
      const payload = decodeRecord(key, record);
      if (payload === null) {
        // Framed anew, the same bytes are a payload like any other.
        const framed = encodeRecord(key, record);
        promise(equalBytes(decodeRecord(key, framed) ?? ID, record), 'a fresh frame does not open');
        const at = record.length % framed.length;
        framed[at]! ^= 1 + (key.length % 255);
        promise(decodeRecord(key, framed) === null, `a changed byte ${at} of a frame went unnoticed`);
        return record.length < RECORD_OVERHEAD_BYTES ? 'short' : 'refused';
      }
      promise(equalBytes(encodeRecord(key, payload), record), 'framing again gives other bytes');
      return 'opened';
    },
    property: propertyOf(fc.tuple(fc.uint8Array({ maxLength: 70 }), fc.uint8Array()), ([key, payload]) => {
      const opened = decodeRecord(key, encodeRecord(key, payload));
      promise(opened !== null && equalBytes(opened, payload), 'a frame does not open');
      promise(
        decodeRecord(concatBytes(key, ID), encodeRecord(key, payload)) === null,
        'another key opens it',
      );
    }),
  };
}

function openCommit(): OpenTarget {
  const height = fc.nat({ max: 2 ** 32 - 1 });
  const commit = fc
    .record(
      {
        sequence: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        tipId: fc.uint8Array({ minLength: 32, maxLength: 32 }),
        heights: fc.tuple(height, height, height),
      },
      { noNullPrototype: true },
    )
    .map(({ sequence, tipId, heights }) => {
      const [tipHeight, finalHeight, snapshotHeight] = heights;
      const most = Math.max(...heights);
      return { sequence, tipId, tipHeight: Math.max(tipHeight, most), finalHeight, snapshotHeight };
    });
  const sample = { sequence: 5n, tipId: ID, tipHeight: 9, finalHeight: 3, snapshotHeight: 9 };
  return {
    seeds: [encodeCommit(sample), encodeCommit({ ...sample, tipHeight: 2 ** 32 - 1 })],
    run(input) {
      const record = decodeCommit(input);
      if (record === null) return 'refused';
      promise(equalBytes(encodeCommit(record), input), 'encoding again gives other bytes');
      promise(record.finalHeight <= record.tipHeight, 'a final block above the tip');
      return 'decoded';
    },
    property: propertyOf(commit, (value) => {
      const again = decodeCommit(encodeCommit(value));
      promise(again !== null && equalBytes(encodeCommit(again), encodeCommit(value)), 'it reads otherwise');
      promise(again.sequence === value.sequence && again.tipHeight === value.tipHeight, 'it reads otherwise');
    }),
  };
}

/** The key that was taken apart, built again. */
function rebuilt(parsed: ParsedKey): Uint8Array {
  switch (parsed.family) {
    case 'block':
      return blockKey(parsed.height, parsed.id);
    case 'header':
      return headerKey(parsed.height, parsed.id);
    case 'snapshot':
      return snapshotKey(parsed.height, parsed.id);
    case 'receipts':
      return receiptsKey(parsed.id);
    case 'authored':
      return authoredKey(parsed.id);
    case 'tip':
      return tipKey();
    case 'addresses':
      return addressesKey();
    case 'meta':
      return metaKey(parsed.name);
  }
}

const KEYS = [
  blockKey(7, ID),
  headerKey(2 ** 32 - 1, ID),
  snapshotKey(0, ID),
  receiptsKey(ID),
  authoredKey(ID),
  tipKey(),
  addressesKey(),
  metaKey('layout-version'),
  metaKey('a'.repeat(64)),
];

function openKey(): OpenTarget {
  return {
    seeds: KEYS,
    words: bytesOfTexts(['a', '-', '9', 'A', '\u00e9']),
    run(input) {
      promise(/^[\x20-\x7e]+$/.test(describeKey(input)), 'the description is no plain text');
      const parsed = parseKey(input);
      if (parsed === null) return 'refused';
      promise(equalBytes(rebuilt(parsed), input), `the ${parsed.family} key is built otherwise`);
      return parsed.family;
    },
    property: propertyOf(fc.constantFrom(...KEYS), (key) =>
      promise(parseKey(key) !== null, 'a key is refused'),
    ),
  };
}

export const storageTargets: readonly Target[] = [
  {
    name: 'storage-record',
    about: 'decodeRecord: opens exactly what encodeRecord framed for that key; any changed byte is noticed',
    maxBytes: 4096,
    briefRuns: 1500,
    mustReach: ['opened', 'refused', 'short'],
    open: openRecord,
  },
  {
    name: 'storage-commit',
    about: 'decodeCommit: canonical, heights in order',
    maxBytes: 256,
    briefRuns: 2000,
    mustReach: ['decoded', 'refused'],
    open: openCommit,
  },
  {
    name: 'storage-key',
    about: 'parseKey and describeKey: takes apart exactly what the builders make',
    maxBytes: 128,
    briefRuns: 3000,
    mustReach: ['refused', 'block', 'header', 'snapshot', 'receipts', 'authored', 'tip', 'addresses', 'meta'],
    open: openKey,
  },
];
