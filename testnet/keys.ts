/** Deterministic keys of a testnet: whoever knows the seed holds every key, so they are for play only. */
import { createHash, createPrivateKey, createPublicKey } from 'node:crypto';

/** PKCS #8 of an ed25519 key up to its 32-byte seed (RFC 8410). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

/** SHA-256 over seed and label: the 32-byte ed25519 seed of one purpose. */
export function deriveKeySeed(seed: string, label: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(`wattmesh/testnet/1\0${seed}\0${label}`).digest());
}

/** The ed25519 public key of a 32-byte seed. */
export function publicKeyOf(keySeed: Uint8Array): Uint8Array {
  const key = createPrivateKey({
    key: Buffer.concat([PKCS8_PREFIX, keySeed]),
    format: 'der',
    type: 'pkcs8',
  });
  const der = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return new Uint8Array(der.subarray(der.length - 32));
}
