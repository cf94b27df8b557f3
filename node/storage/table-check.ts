import type { KeyRange } from './layout.ts';

// The file format is that of LevelDB (doc/table_format.md): blocks of `data, type u8, masked CRC-32C u32 LE`, then a
// footer of 48 bytes: handles of the metaindex and index blocks, padding, magic number.
const FOOTER_BYTES = 48;
const TRAILER_BYTES = 5;
const TYPE_PLAIN = 0;
const INTERNAL_SUFFIX_BYTES = 8;
const MAGIC = Uint8Array.of(0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb);
const EVERYTHING: KeyRange = { from: new Uint8Array(0), to: Uint8Array.of(0xff) };

const CRC_TABLES = makeCrcTables();

type Handle = { offset: number; size: number };
type BlockEntry = { key: Uint8Array; handle: Handle };

/** A place of a table that LevelDB must not read as it is. */
export type TableDamage = {
  /** Offset of the byte that, set to 0xff, makes LevelDB refuse the place instead of trusting it. */
  sealAt: number;
  /** Keys that may be gone, both ends included; `null` when only a search aid is damaged. */
  lost: KeyRange | null;
};

/**
 * Checks every checksum of a LevelDB table file. LevelDB as Node exposes it does not: it returns what it finds,
 * misses keys through a damaged filter, or ends the process on an assertion.
 */
export function checkTable(file: Uint8Array): TableDamage[] {
  const whole: TableDamage[] = [{ sealAt: file.length - 1, lost: EVERYTHING }];
  const footerAt = file.length - FOOTER_BYTES;
  if (footerAt < 0) return file.length === 0 ? [] : whole;
  if (MAGIC.some((byte, i) => file[file.length - MAGIC.length + i] !== byte)) return whole;
  const metaindex = readHandle(file, footerAt);
  const index = metaindex === null ? null : readHandle(file, metaindex.next);
  if (metaindex === null || index === null) return whole;
  // The footer has no checksum of its own, but the two blocks lie side by side before it.
  if (endOf(index.handle) !== footerAt || endOf(metaindex.handle) !== index.handle.offset) return whole;
  const entries = readBlock(file, index.handle);
  if (entries === null) return whole;

  const damages: TableDamage[] = [];
  let from = EVERYTHING.from;
  for (const { key, handle } of entries) {
    const to = key.slice(0, Math.max(0, key.length - INTERNAL_SUFFIX_BYTES));
    if (!isSound(file, handle)) damages.push({ sealAt: handle.offset + handle.size, lost: { from, to } });
    from = to;
  }
  const metas = readBlock(file, metaindex.handle);
  const aids = metas === null ? [metaindex.handle] : metas.map((meta) => meta.handle);
  for (const aid of aids) {
    if (metas === null || !isSound(file, aid)) damages.push({ sealAt: aid.offset + aid.size, lost: null });
  }
  return damages;
}

function endOf(handle: Handle): number {
  return handle.offset + handle.size + TRAILER_BYTES;
}

function isSound(file: Uint8Array, { offset, size }: Handle): boolean {
  const typeAt = offset + size;
  if (typeAt + TRAILER_BYTES > file.length) return false;
  const stored = new DataView(file.buffer, file.byteOffset, file.length).getUint32(typeAt + 1, true);
  const crc = crc32c(file, offset, typeAt + 1);
  return stored === (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** Entries of an index-like block; `null` unless it is sound and plain. */
function readBlock(file: Uint8Array, handle: Handle): BlockEntry[] | null {
  if (handle.size < 4 || !isSound(file, handle) || file[handle.offset + handle.size] !== TYPE_PLAIN)
    return null;
  const blockEnd = handle.offset + handle.size;
  const restarts = new DataView(file.buffer, file.byteOffset, file.length).getUint32(blockEnd - 4, true);
  const entriesEnd = blockEnd - 4 - 4 * restarts;
  const entries: BlockEntry[] = [];
  let at = handle.offset;
  let key = new Uint8Array(0);
  while (at < entriesEnd) {
    const shared = readVarint(file, at);
    const fresh = shared && readVarint(file, shared.next);
    const size = fresh && readVarint(file, fresh.next);
    if (!size) return null;
    const valueAt = size.next + fresh.value;
    const next = new Uint8Array(shared.value + fresh.value);
    next.set(key.subarray(0, shared.value));
    next.set(file.subarray(size.next, valueAt), shared.value);
    key = next;
    const value = readHandle(file, valueAt);
    if (value === null) return null;
    entries.push({ key, handle: value.handle });
    at = valueAt + size.value;
  }
  return entries;
}

function readHandle(file: Uint8Array, at: number): { handle: Handle; next: number } | null {
  const offset = readVarint(file, at);
  const size = offset && readVarint(file, offset.next);
  return size && { handle: { offset: offset.value, size: size.value }, next: size.next };
}

function readVarint(file: Uint8Array, at: number): { value: number; next: number } | null {
  let value = 0;
  for (let i = 0; i < 7; i++) {
    const byte = file[at + i];
    if (byte === undefined) return null;
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return { value, next: at + i + 1 };
  }
  return null;
}

/** Eight tables for the CRC-32C polynomial, so that eight bytes are taken at a time (Kounavis, Berry 2005). */
function makeCrcTables(): Int32Array {
  const tables = new Int32Array(8 * 256);
  for (let i = 0; i < 256; i++) {
    let crc = i;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    tables[i] = crc;
  }
  for (let i = 256; i < tables.length; i++) {
    const previous = tables[i - 256]!;
    tables[i] = (previous >>> 8) ^ tables[previous & 255]!;
  }
  return tables;
}

/** CRC-32C (Castagnoli) of `bytes[from, to)` as an int32. */
export function crc32c(bytes: Uint8Array, from: number, to: number): number {
  const t = CRC_TABLES;
  let crc = -1;
  let at = from;
  for (; at + 8 <= to; at += 8) {
    const low = crc ^ (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24));
    crc =
      t[1792 + (low & 255)]! ^
      t[1536 + ((low >>> 8) & 255)]! ^
      t[1280 + ((low >>> 16) & 255)]! ^
      t[1024 + (low >>> 24)]! ^
      t[768 + bytes[at + 4]!]! ^
      t[512 + bytes[at + 5]!]! ^
      t[256 + bytes[at + 6]!]! ^
      t[bytes[at + 7]!]!;
  }
  for (; at < to; at++) crc = (crc >>> 8) ^ t[(crc ^ bytes[at]!) & 255]!;
  return ~crc;
}
