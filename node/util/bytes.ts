const DIGITS = new Uint8Array([...'0123456789abcdef'].map((digit) => digit.charCodeAt(0)));
/** Arguments of one call are bounded by the stack. */
const HEX_CHUNK = 1024;

/** Lower-case hex. Ids are keys everywhere, so this is made to be fast: one string from all codes at once. */
export function toHex(bytes: Uint8Array): string {
  let out = '';
  for (let from = 0; from < bytes.length; from += HEX_CHUNK) {
    const length = Math.min(HEX_CHUNK, bytes.length - from);
    const codes = new Array<number>(2 * length);
    for (let i = 0; i < length; i++) {
      const byte = bytes[from + i]!;
      codes[2 * i] = DIGITS[byte >> 4]!;
      codes[2 * i + 1] = DIGITS[byte & 15]!;
    }
    out += String.fromCharCode.apply(null, codes);
  }
  return out;
}

/** Bytes of an even-length lower- or upper-case hex string; `null` if it is anything else. */
export function fromHex(hex: string): Uint8Array | null {
  if (hex.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(hex)) return null;
  const out = new Uint8Array(hex.length / 2);
  for (let i = 0; i < out.length; i++) out[i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  return out;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && compareBytes(a, b) === 0;
}

/** Lexicographic order of unsigned bytes; a prefix sorts first. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    if (a[i] !== b[i]) return a[i]! - b[i]!;
  }
  return a.length - b.length;
}

/** Reads bytes as a big-endian unsigned integer of any size. */
export function bigintFromBytes(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${toHex(bytes)}`);
}

export function bytesFromBigint(value: bigint, length: number): Uint8Array {
  const out = new Uint8Array(length);
  let rest = value;
  for (let i = length - 1; i >= 0; i--) {
    out[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  if (rest !== 0n || value < 0n) throw new RangeError(`${value} does not fit ${length} unsigned bytes`);
  return out;
}

export function concatBytes(...parts: Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
