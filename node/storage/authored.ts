import { assert } from '../util/errors.ts';

const ID_BYTES = 32;
const MAX_U32 = 0xffff_ffff;

/** 36 bytes: block id, height u32 little-endian: what this node signed on the parent that is the record's key. */
export function encodeAuthored(own: { id: Uint8Array; height: number }): Uint8Array {
  assert(own.id.length === ID_BYTES, 'a block id has 32 bytes');
  assert(Number.isInteger(own.height) && own.height >= 0 && own.height <= MAX_U32, 'a height is a u32');
  const bytes = new Uint8Array(ID_BYTES + 4);
  bytes.set(own.id);
  new DataView(bytes.buffer).setUint32(ID_BYTES, own.height, true);
  return bytes;
}

/** `null` unless `encodeAuthored` could have made these bytes. */
export function decodeAuthored(bytes: Uint8Array): { id: Uint8Array; height: number } | null {
  if (bytes.length !== ID_BYTES + 4) return null;
  const height = new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(ID_BYTES, true);
  return { id: Uint8Array.prototype.slice.call(bytes, 0, ID_BYTES), height };
}
