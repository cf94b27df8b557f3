/** Domain-separated ed25519: a signature made for one chain, one purpose, never serves another. */
import { concatBytes, equalBytes, fromHex } from '../util/bytes.ts';
import { blockId, bodyRoot, kindOf } from './codec.ts';
import type { Header, TransactionBody } from './types.ts';

/** ed25519 of the host: synchronous, RFC 8032. */
export interface Verifier {
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
}

/** Signs with a key that the caller never sees. */
export interface Signer {
  readonly publicKey: Uint8Array;
  sign(message: Uint8Array): Uint8Array;
}

export type SigningDomain = 'header' | 'transaction' | 'reading' | 'intent';

function tagOf(domain: SigningDomain): Uint8Array {
  const tag = new Uint8Array(32);
  tag.set([...`wattmesh/${domain}/1`].map((c) => c.charCodeAt(0)));
  return tag;
}

const DOMAIN_TAGS: Readonly<Record<SigningDomain, Uint8Array>> = {
  header: tagOf('header'),
  transaction: tagOf('transaction'),
  reading: tagOf('reading'),
  intent: tagOf('intent'),
};

/** `wattmesh/<domain>/1` padded to 32 bytes, then the genesis root, then the root of what is signed. */
export function signingMessage(domain: SigningDomain, genesisRoot: Uint8Array, root: Uint8Array): Uint8Array {
  return concatBytes(DOMAIN_TAGS[domain], genesisRoot, root);
}

export function headerMessage(genesisRoot: Uint8Array, header: Header): Uint8Array {
  return signingMessage('header', genesisRoot, blockId(header));
}

/** Readings are signed by the meter's key under their own domain, everything else by account keys. */
export function transactionMessage(genesisRoot: Uint8Array, body: TransactionBody): Uint8Array {
  const domain = kindOf(body) === 'reading' ? 'reading' : 'transaction';
  return signingMessage(domain, genesisRoot, bodyRoot(body));
}

/**
 * Encodings of the eight points of small order (y only; the sign bit is ignored), canonical and not: with such an R or
 * key the libraries disagree, so they are refused before any library is asked (Chalkias, Garillot, Nikolaenko 2020).
 */
const SMALL_ORDER = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
].map((hex) => fromHex(hex)!);

const SMALL_ORDER_BY_FIRST_BYTE: readonly (Uint8Array[] | undefined)[] = Array.from(
  { length: 256 },
  (_, byte) => {
    const points = SMALL_ORDER.filter((point) => point[0] === byte);
    return points.length === 0 ? undefined : points;
  },
);

function hasSmallOrder(point: Uint8Array): boolean {
  // Nearly every point differs in the first byte already: this runs once per signature.
  const candidates = SMALL_ORDER_BY_FIRST_BYTE[point[0]!];
  if (candidates === undefined) return false;
  // A copy; `slice` of a Buffer would be a view, and clear the sign bit of the caller's signature.
  const y = new Uint8Array(point.subarray(0, 32));
  y[31] = y[31]! & 0x7f;
  return candidates.some((small) => equalBytes(small, y));
}

/** y < 2^255 - 19 and not of small order: what a key must be to be admitted. */
export function isAcceptableKey(publicKey: Uint8Array): boolean {
  if (publicKey.length !== 32 || hasSmallOrder(publicKey)) return false;
  const top = publicKey[31]! & 0x7f;
  const full = top === 0x7f && publicKey.slice(1, 31).every((byte) => byte === 0xff);
  return !(full && publicKey[0]! >= 0xed);
}

/** The one signature check of the protocol: refuses small-order points, then asks the host's library. */
export function verifySignature(
  verifier: Verifier,
  signed: { publicKey: Uint8Array; message: Uint8Array; signature: Uint8Array },
): boolean {
  if (signed.signature.length !== 64 || hasSmallOrder(signed.signature)) return false;
  return verifier.verify(signed.publicKey, signed.message, signed.signature);
}
