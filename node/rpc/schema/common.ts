/** Building blocks of every schema: bounded integers, ids, money, lists. */
import * as z from 'zod';

/** Rows of a list at most, and by default. */
export const MAX_LIMIT = 500;
export const DEFAULT_LIMIT = 100;
/** Bytes of an encoded transaction that `tx_submit` takes. */
export const MAX_TRANSACTION_BYTES = 65_536;

/** 0..2^53 - 1, or up to `max`. */
export function uint(max: number = Number.MAX_SAFE_INTEGER) {
  return z.int().min(0).max(max);
}

export function uint32() {
  return uint(0xffff_ffff);
}

/** Basis points: 10 000 is 1.00; factors reach 65 535. */
export function bps() {
  return uint(0xffff);
}

/** A signed 32-bit quantity: prices in microEUR/kWh, temperatures in centi-degrees. */
export function int32() {
  return z.int().min(-0x8000_0000).max(0x7fff_ffff);
}

/** Milliseconds since 1970, or a duration in ms where the name says so. */
export function ms() {
  return uint();
}

/** nanoEUR as a decimal string: totals pass 2^53. */
export function nanoEur() {
  return z.string().regex(/^-?(?:0|[1-9][0-9]{0,30})$/);
}

/** 32 bytes as 64 lower-case hex digits. */
export function hash() {
  return z.string().regex(/^[0-9a-f]{64}$/);
}

/** A hash in parameters: `0x` and upper case are taken too, handlers get lower case without prefix. */
export function hashParam() {
  return z
    .string()
    .regex(/^(?:0[xX])?[0-9a-fA-F]{64}$/, 'expected 64 hex digits')
    .overwrite(bareHex);
}

export function bareHex(text: string): string {
  return text.replace(/^0x/i, '').toLowerCase();
}

/** Bytes as lower-case hex. */
export function hexBytes() {
  return z.string().regex(/^(?:[0-9a-f]{2})*$/);
}

/** An unsigned number of up to 256 bits as hex without leading zeros. */
export function hexNumber() {
  return z.string().regex(/^(?:0|[1-9a-f][0-9a-f]{0,63})$/);
}

/** `p-0003`, `aggregator`, `network-operator`, `fund`, `treasury`, or `oracle-0` for observations. */
export function accountName() {
  return z.string().regex(/^[a-z][a-z0-9-]{0,39}$/);
}

/** An account in parameters: its name, or the bare number of a member. */
export function accountParam() {
  return z
    .string()
    .regex(/^(?:[a-z][a-z0-9-]{0,39}|[0-9]{1,5})$/, 'expected a name such as p-0003 or aggregator');
}

export function limitParam() {
  return z.int().min(1).max(MAX_LIMIT).default(DEFAULT_LIMIT);
}

export function cursorParam() {
  return z.string().min(1).max(200).optional();
}

export function orderParam() {
  return z.enum(['asc', 'desc']).default('desc');
}

/** The tip that a result was read at. */
export function asOf() {
  return z.strictObject({ height: uint32(), hash: hash() });
}

/** Text for people. */
export function text(max = 1000) {
  return z.string().max(max);
}
