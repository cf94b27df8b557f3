import { toHex } from '../util/bytes.ts';
import { assert } from '../util/errors.ts';

const ID_BYTES = 32;
const HEIGHT_BYTES = 4;
const MAX_HEIGHT = 0xffff_ffff;
const NAME = /^[a-z0-9-]{1,64}$/;

/** What follows the prefix byte of a key. */
type Shape = 'nothing' | 'name' | 'id' | 'height-id';

/**
 * The whole layout on disk: every key is one prefix byte of this table and what `shape` says; heights are u32
 * big-endian, so that keys sort by height. A prefix is never reused. Every value is framed by `encodeRecord`.
 */
export const FAMILIES = {
  /** `meta/<name>`: small facts about the store, such as the layout version and the genesis id. */
  meta: { prefix: 0x01, shape: 'name' },
  /** `tip`: the commit record, written in the same batch as what it speaks of. */
  tip: { prefix: 0x02, shape: 'nothing' },
  /** `addresses`: the peer address book. */
  addresses: { prefix: 0x03, shape: 'nothing' },
  /** `block/<height><block id>`: the encoded block, of any branch. */
  block: { prefix: 0x10, shape: 'height-id' },
  /** `header/<height><block id>`: a signed header whose body is not here yet. */
  header: { prefix: 0x11, shape: 'height-id' },
  /** `receipts/<block id>`: the receipts that executing the block gave. */
  receipts: { prefix: 0x12, shape: 'id' },
  /** `snapshot/<height><block id>`: the serialised state after a final block. */
  snapshot: { prefix: 0x13, shape: 'height-id' },
  /** `authored/<parent id>`: id and height of the one block that this node signed on that parent. */
  authored: { prefix: 0x14, shape: 'id' },
} as const satisfies Record<string, { prefix: number; shape: Shape }>;

export type Family = keyof typeof FAMILIES;

type FamilyOf<S extends Shape> = {
  [F in Family]: (typeof FAMILIES)[F]['shape'] extends S ? F : never;
}[Family];
type HeightFamily = FamilyOf<'height-id'>;
type IdFamily = FamilyOf<'id'>;

/** A key taken apart. */
export type ParsedKey =
  | { family: HeightFamily; height: number; id: Uint8Array }
  | { family: IdFamily; id: Uint8Array }
  | { family: FamilyOf<'name'>; name: string }
  | { family: FamilyOf<'nothing'> };

/** Bounds of a walk, `from` included, `to` not. */
export type KeyRange = { from: Uint8Array; to: Uint8Array };

function heightKey(family: HeightFamily, height: number, id: Uint8Array): Uint8Array {
  assert(id.length === ID_BYTES, 'an id has 32 bytes');
  const key = new Uint8Array(1 + HEIGHT_BYTES + ID_BYTES);
  key.set(heightPrefix(family, height));
  key.set(id, 1 + HEIGHT_BYTES);
  return key;
}

function heightPrefix(family: HeightFamily, height: number): Uint8Array {
  assert(Number.isInteger(height) && height >= 0 && height <= MAX_HEIGHT, 'a height is a u32');
  const key = new Uint8Array(1 + HEIGHT_BYTES);
  key[0] = FAMILIES[family].prefix;
  new DataView(key.buffer).setUint32(1, height, false);
  return key;
}

function idKey(family: IdFamily, id: Uint8Array): Uint8Array {
  assert(id.length === ID_BYTES, 'an id has 32 bytes');
  const key = new Uint8Array(1 + ID_BYTES);
  key[0] = FAMILIES[family].prefix;
  key.set(id, 1);
  return key;
}

/** Key of an encoded block; height a u32, id of 32 bytes. */
export function blockKey(height: number, id: Uint8Array): Uint8Array {
  return heightKey('block', height, id);
}

/** Key of a signed header without body; height a u32, id of 32 bytes. */
export function headerKey(height: number, id: Uint8Array): Uint8Array {
  return heightKey('header', height, id);
}

/** Key of the state after a block; height a u32, id of 32 bytes. */
export function snapshotKey(height: number, id: Uint8Array): Uint8Array {
  return heightKey('snapshot', height, id);
}

/** Key of the receipts of a block; id of 32 bytes. */
export function receiptsKey(blockId: Uint8Array): Uint8Array {
  return idKey('receipts', blockId);
}

/** Key of the guard against signing two blocks on one parent; id of 32 bytes. */
export function authoredKey(parentId: Uint8Array): Uint8Array {
  return idKey('authored', parentId);
}

/** Key of the commit record. */
export function tipKey(): Uint8Array {
  return Uint8Array.of(FAMILIES.tip.prefix);
}

/** Key of the peer address book. */
export function addressesKey(): Uint8Array {
  return Uint8Array.of(FAMILIES.addresses.prefix);
}

/** Key of a named fact; the name has 1 to 64 characters of a-z, 0-9 and hyphen. */
export function metaKey(name: string): Uint8Array {
  assert(NAME.test(name), `'${name}' is no name of a meta record`);
  const key = new Uint8Array(1 + name.length);
  key[0] = FAMILIES.meta.prefix;
  for (let i = 0; i < name.length; i++) key[1 + i] = name.charCodeAt(i);
  return key;
}

/** All keys of one family. */
export function familyRange(family: Family): KeyRange {
  const { prefix } = FAMILIES[family];
  return { from: Uint8Array.of(prefix), to: Uint8Array.of(prefix + 1) };
}

/** Keys of one family with `fromHeight <= height < toHeight`; `toHeight` up to 2^32, both u32 otherwise. */
export function heightRange(family: HeightFamily, fromHeight: number, toHeight: number): KeyRange {
  const to = toHeight > MAX_HEIGHT ? familyRange(family).to : heightPrefix(family, toHeight);
  return { from: heightPrefix(family, fromHeight), to };
}

/** Takes a key apart (ids are copies); `null` for bytes that no builder of this file makes. */
export function parseKey(key: Uint8Array): ParsedKey | null {
  for (const family of Object.keys(FAMILIES) as Family[]) {
    const { prefix, shape } = FAMILIES[family];
    if (key[0] !== prefix) continue;
    if (shape === 'nothing') return key.length === 1 ? ({ family } as ParsedKey) : null;
    if (shape === 'name') {
      const name = String.fromCharCode(...key.slice(1, 66));
      return key.length <= 65 && NAME.test(name) ? ({ family, name } as ParsedKey) : null;
    }
    const idAt = shape === 'id' ? 1 : 1 + HEIGHT_BYTES;
    if (key.length !== idAt + ID_BYTES) return null;
    const id = Uint8Array.prototype.slice.call(key, idAt);
    if (shape === 'id') return { family, id } as ParsedKey;
    const height = new DataView(key.buffer, key.byteOffset, key.length).getUint32(1, false);
    return { family, height, id } as ParsedKey;
  }
  return null;
}

/** A key in words for messages: `block 12 00ab…`, `receipts 00ab…`, `meta genesis`, `tip`, or `key <hex>`. */
export function describeKey(key: Uint8Array): string {
  const parsed = parseKey(key);
  if (parsed === null) return `key ${toHex(key)}`;
  if ('height' in parsed) return `${parsed.family} ${parsed.height} ${toHex(parsed.id)}`;
  if ('id' in parsed) return `${parsed.family} ${toHex(parsed.id)}`;
  return 'name' in parsed ? `${parsed.family} ${parsed.name}` : parsed.family;
}
