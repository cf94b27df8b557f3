import { createHash } from 'node:crypto';
import { assert } from '../util/errors.ts';

const VERSION = 1;
const CHECKSUM_BYTES = 16;
const LENGTH_AT = 1;
const CHECKSUM_AT = 5;
const PAYLOAD_AT = CHECKSUM_AT + CHECKSUM_BYTES;
const MAX_PAYLOAD_BYTES = 0xffff_ffff;

/** Bytes that the frame adds to a payload. */
export const RECORD_OVERHEAD_BYTES = PAYLOAD_AT;

function checksum(key: Uint8Array, payload: Uint8Array): Uint8Array {
  return createHash('sha256').update(key).update(payload).digest().subarray(0, CHECKSUM_BYTES);
}

/**
 * Frames a value for the disk: `[version u8 = 1][length u32 LE][first 16 bytes of SHA-256(key || payload)][payload]`.
 *
 * The key is part of the checksum, so that a good value under the wrong key is noticed too. At most 2^32 - 1 bytes.
 */
export function encodeRecord(key: Uint8Array, payload: Uint8Array): Uint8Array {
  assert(payload.length <= MAX_PAYLOAD_BYTES, 'a record holds less than 4 GiB');
  const bytes = new Uint8Array(PAYLOAD_AT + payload.length);
  bytes[0] = VERSION;
  new DataView(bytes.buffer).setUint32(LENGTH_AT, payload.length, true);
  bytes.set(checksum(key, payload), CHECKSUM_AT);
  bytes.set(payload, PAYLOAD_AT);
  return bytes;
}

/** The payload (a view into `bytes`) of what `encodeRecord` made for this key; `null` for anything else. */
export function decodeRecord(key: Uint8Array, bytes: Uint8Array): Uint8Array | null {
  if (bytes.length < PAYLOAD_AT || bytes[0] !== VERSION) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint32(LENGTH_AT, true) !== bytes.length - PAYLOAD_AT) return null;
  const payload = new Uint8Array(bytes.buffer, bytes.byteOffset + PAYLOAD_AT, bytes.length - PAYLOAD_AT);
  const expected = checksum(key, payload);
  for (let i = 0; i < CHECKSUM_BYTES; i++) {
    if (bytes[CHECKSUM_AT + i] !== expected[i]) return null;
  }
  return payload;
}
