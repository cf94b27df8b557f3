import '../util/polyfill.ts';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import {
  generateKeyPair,
  privateKeyFromProtobuf,
  privateKeyFromRaw,
  privateKeyToProtobuf,
} from '@libp2p/crypto/keys';
import type { Ed25519PrivateKey } from '@libp2p/interface';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { WattmeshError } from '../util/errors.ts';

/** A libp2p ed25519 key, protobuf-marshalled (68 bytes), with the peer id that follows from it. */
export interface Identity {
  privateKey: Uint8Array;
  peerId: string;
}

function toIdentity(key: Ed25519PrivateKey): Identity {
  return { privateKey: privateKeyToProtobuf(key), peerId: peerIdFromPrivateKey(key).toString() };
}

/** A new random identity. */
export async function generateIdentity(): Promise<Identity> {
  return toIdentity(await generateKeyPair('Ed25519'));
}

/** DER frame of an ed25519 seed (RFC 8410). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

/** The identity of a 32-byte seed: the same seed gives the same peer id. Errors: `P2P_BAD_KEY`. */
export function identityFromSeed(seed: Uint8Array): Identity {
  if (seed.length !== 32) throw badKey(`a seed has 32 bytes, not ${seed.length}`);
  // Node's own curve: the library's builds tables first, which costs a start 25 ms.
  const key = createPrivateKey({
    key: Buffer.concat([PKCS8_PREFIX, seed]),
    format: 'der',
    type: 'pkcs8',
  });
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  const publicKey = spki.subarray(spki.length - 32);
  return toIdentity(privateKeyFromRaw(Buffer.concat([seed, publicKey])) as Ed25519PrivateKey);
}

/** Reads a stored private key. Errors: `P2P_BAD_KEY`. */
export function identityFromBytes(privateKey: Uint8Array): Identity {
  return toIdentity(decodePrivateKey(privateKey));
}

/** The libp2p key object of a stored private key. Errors: `P2P_BAD_KEY`. */
export function decodePrivateKey(privateKey: Uint8Array): Ed25519PrivateKey {
  let key: ReturnType<typeof privateKeyFromProtobuf>;
  try {
    key = privateKeyFromProtobuf(privateKey);
  } catch (cause) {
    throw badKey('the bytes are not a marshalled libp2p key', cause);
  }
  if (key.type !== 'Ed25519') throw badKey(`the key is of type ${key.type}, not Ed25519`);
  return key;
}

function badKey(why: string, cause?: unknown): WattmeshError {
  return new WattmeshError({
    code: 'P2P_BAD_KEY',
    message: `The network key cannot be used: ${why}.`,
    remedy: 'Restore the key file from a backup, or let the node create a new identity.',
    cause,
  });
}
