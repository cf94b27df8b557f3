/** ed25519 of the daemon: libsodium where it is installed, Node's own otherwise, with identical results. */
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { createRequire } from 'node:module';
import type { Signer, Verifier } from '../protocol/signing.ts';

const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
/** Parsed public keys kept: parsing costs as much as a third of a verification. */
const KEY_CACHE_MAX = 4096;

/** A signer from a 32-byte seed (RFC 8032). */
export function signerFromSeed(seed: Uint8Array): Signer {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' });
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return {
    publicKey: new Uint8Array(spki.subarray(spki.length - 32)),
    sign: (message) => new Uint8Array(sign(null, message, key)),
  };
}

function createNodeVerifier(): Verifier {
  const keys = new Map<string, KeyObject>();
  const parse = (publicKey: Uint8Array): KeyObject => {
    const id = Buffer.from(publicKey).toString('latin1');
    let key = keys.get(id);
    if (key === undefined) {
      key = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, publicKey]), format: 'der', type: 'spki' });
      keys.set(id, key);
      if (keys.size > KEY_CACHE_MAX) keys.delete(keys.keys().next().value!);
    }
    return key;
  };
  return { verify: (publicKey, message, signature) => verify(null, message, parse(publicKey), signature) };
}

interface Sodium {
  crypto_sign_verify_detached(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean;
}

/** The fastest verifier that is installed; `only` asks for one by name. */
export function loadVerifier(only?: 'sodium' | 'node'): { name: 'sodium' | 'node'; verifier: Verifier } {
  if (only !== 'node') {
    try {
      const sodium = createRequire(import.meta.url)('sodium-native') as Sodium;
      return {
        name: 'sodium',
        verifier: {
          verify: (publicKey, message, signature) =>
            sodium.crypto_sign_verify_detached(signature, message, publicKey),
        },
      };
    } catch (cause) {
      if (only === 'sodium') throw cause;
    }
  }
  return { name: 'node', verifier: createNodeVerifier() };
}
