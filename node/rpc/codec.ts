/** How values larger than JavaScript's safe integers, and bytes, travel in JSON. */
import { toHex } from '../util/bytes.ts';

/** nanoEUR as a decimal string. */
export function moneyToJson(nanoEur: bigint): string {
  return nanoEur.toString();
}

/** Throws SyntaxError for anything but a decimal string. */
export function moneyFromJson(text: string): bigint {
  if (!/^-?[0-9]+$/.test(text)) throw new SyntaxError(`"${text}" is not a decimal integer`);
  return BigInt(text);
}

/** Work and other unsigned numbers: lower-case hex without leading zeros. */
export function numberToHex(value: bigint): string {
  return value.toString(16);
}

/** A target: 64 hex digits. */
export function targetToHex(target: bigint): string {
  return target.toString(16).padStart(64, '0');
}

export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };

/** Any plain value as JSON: bytes as hex, bigint as a decimal string. Throws TypeError for what has no form. */
export function jsonOf(value: unknown): JsonValue {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Uint8Array) return toHex(value);
  if (Array.isArray(value)) return value.map(jsonOf);
  if (typeof value === 'object') {
    return Object.fromEntries(
      Object.entries(value)
        .filter(([, entry]) => entry !== undefined)
        .map(([key, entry]) => [key, jsonOf(entry)]),
    );
  }
  throw new TypeError(`${typeof value} has no form in JSON`);
}
