/**
 * SSZ once more, written from the specification and without the library's code: what is the one canonical encoding of
 * some value of a type. Only the shape of the types (fields, limits, lengths) is read from the library's objects.
 */

/** What the library's type objects say of their shape. */
export interface Shape {
  fields?: Readonly<Record<string, Shape>>;
  elementType?: Shape;
  types?: readonly Shape[];
  lengthBytes?: number;
  byteLength?: number;
  limit?: number;
  limitBytes?: number;
  length?: number;
  typeName?: string;
  isList?: boolean;
}

/** The largest value of an unsigned integer type, where its class narrows it. */
const UINT53_MAX = 2n ** 53n - 1n;

export type Kind =
  | { kind: 'container'; fields: readonly [name: string, shape: Shape][] }
  | { kind: 'list'; element: Shape; limit: number }
  | { kind: 'vector'; element: Shape; length: number }
  | { kind: 'union'; options: readonly Shape[] }
  | { kind: 'bytes'; length: number }
  | { kind: 'byteList'; limit: number }
  | { kind: 'boolean' }
  | { kind: 'uint'; bytes: number; numeric: 'number' | 'bigint' | 'offset' };

/** Which of SSZ's types an object of the library is. */
function kindOfShape(shape: Shape): Kind {
  const name = shape.constructor.name;
  if (shape.fields !== undefined) return { kind: 'container', fields: Object.entries(shape.fields) };
  if (shape.types !== undefined) return { kind: 'union', options: shape.types };
  if (shape.elementType !== undefined) {
    const element = shape.elementType;
    return shape.limit !== undefined
      ? { kind: 'list', element, limit: shape.limit }
      : { kind: 'vector', element, length: shape.length! };
  }
  if (shape.lengthBytes !== undefined) return { kind: 'bytes', length: shape.lengthBytes };
  if (shape.limitBytes !== undefined) return { kind: 'byteList', limit: shape.limitBytes };
  const bytes = shape.byteLength!;
  if (/Boolean/.test(name) || shape.typeName === 'boolean') return { kind: 'boolean' };
  const isOffset = (shape as { defaultValue?: () => unknown }).defaultValue?.() === -(2 ** 31);
  const isBigint = typeof (shape as { defaultValue?: () => unknown }).defaultValue?.() === 'bigint';
  return { kind: 'uint', bytes, numeric: isOffset ? 'offset' : isBigint ? 'bigint' : 'number' };
}

const kinds = new WeakMap<Shape, Kind>();

export function kindOf(shape: Shape): Kind {
  const known = kinds.get(shape);
  if (known !== undefined) return known;
  const kind = kindOfShape(shape);
  kinds.set(shape, kind);
  return kind;
}

const sizes = new WeakMap<Shape, { size: number | null }>();

/** Bytes of every value of the type; null: they vary. */
export function fixedSize(shape: Shape): number | null {
  const known = sizes.get(shape);
  if (known !== undefined) return known.size;
  const size = computeSize(kindOf(shape));
  sizes.set(shape, { size });
  return size;
}

function computeSize(kind: Kind): number | null {
  switch (kind.kind) {
    case 'container': {
      let sum = 0;
      for (const [, shape] of kind.fields) {
        const size = fixedSize(shape);
        if (size === null) return null;
        sum += size;
      }
      return sum;
    }
    case 'vector': {
      const size = fixedSize(kind.element);
      return size === null ? null : size * kind.length;
    }
    case 'bytes':
      return kind.length;
    case 'boolean':
      return 1;
    case 'uint':
      return kind.bytes;
    default:
      return null;
  }
}

/** Whether encodings of the type begin with offsets or have some after their fixed part. */
export function hasOffsets(shape: Shape): boolean {
  const kind = kindOf(shape);
  if (kind.kind === 'container') return fixedSize(shape) === null;
  return (kind.kind === 'list' || kind.kind === 'vector') && fixedSize(kind.element) === null;
}

/** Why bytes are not canonical. */
export type Flaw = 'length' | 'limit' | 'offset' | 'selector' | 'boolean' | 'range';

/** What keeps the bytes from being the canonical encoding of a value of the type; null: they are. */
export function flawIn(shape: Shape, bytes: Uint8Array): Flaw | null {
  const kind = kindOf(shape);
  switch (kind.kind) {
    case 'bytes':
      return bytes.length === kind.length ? null : 'length';
    case 'byteList':
      return bytes.length <= kind.limit ? null : 'limit';
    case 'boolean':
      if (bytes.length !== 1) return 'length';
      return bytes[0]! <= 1 ? null : 'boolean';
    case 'uint':
      if (bytes.length !== kind.bytes) return 'length';
      return kind.numeric !== 'number' || littleEndian(bytes) <= UINT53_MAX ? null : 'range';
    case 'union': {
      const option = kind.options[bytes[0] ?? kind.options.length];
      return option === undefined ? 'selector' : flawIn(option, bytes.subarray(1));
    }
    case 'container': {
      const fields = kind.fields.map(([, field]) => field);
      return flawInParts(fields, bytes);
    }
    case 'vector':
      return flawInElements(kind.element, bytes, (count) => count === kind.length);
    case 'list':
      return flawInElements(kind.element, bytes, (count) => count <= kind.limit);
  }
}

function littleEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
  return value;
}

const offsetAt = (bytes: Uint8Array, at: number): number => Number(littleEndian(bytes.subarray(at, at + 4)));

function flawInElements(element: Shape, bytes: Uint8Array, isCount: (count: number) => boolean): Flaw | null {
  const size = fixedSize(element);
  if (size !== null) {
    if (bytes.length % size !== 0) return 'length';
    if (!isCount(bytes.length / size)) return 'limit';
    for (let at = 0; at < bytes.length; at += size) {
      const flaw = flawIn(element, bytes.subarray(at, at + size));
      if (flaw !== null) return flaw;
    }
    return null;
  }
  if (bytes.length === 0) return isCount(0) ? null : 'limit';
  if (bytes.length < 4) return 'length';
  // The first offset tells how many there are.
  const first = offsetAt(bytes, 0);
  if (first === 0 || first % 4 !== 0 || first > bytes.length) return 'offset';
  return isCount(first / 4) ? flawInParts(new Array<Shape>(first / 4).fill(element), bytes) : 'limit';
}

/** Fixed parts and offsets in order, then the variable parts back to back. */
function flawInParts(parts: readonly Shape[], bytes: Uint8Array): Flaw | null {
  const variable: { shape: Shape; from: number }[] = [];
  let at = 0;
  for (const shape of parts) {
    const size = fixedSize(shape);
    const end = at + (size ?? 4);
    if (end > bytes.length) return 'length';
    const flaw = size === null ? null : flawIn(shape, bytes.subarray(at, end));
    if (flaw !== null) return flaw;
    if (size === null) variable.push({ shape, from: offsetAt(bytes, at) });
    at = end;
  }
  if (variable.length === 0) return at === bytes.length ? null : 'length';
  if (variable[0]!.from !== at) return 'offset';
  for (const [i, { shape, from }] of variable.entries()) {
    const until = variable[i + 1]?.from ?? bytes.length;
    if (from > until || until > bytes.length) return 'offset';
    const flaw = flawIn(shape, bytes.subarray(from, until));
    if (flaw !== null) return flaw;
  }
  return null;
}
