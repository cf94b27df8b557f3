/** Signatures that cost a simulation little: real ed25519 with remembered verdicts, or a keyed hash in its place. */
import { digest } from '@chainsafe/as-sha256';
import type { Signer, Verifier } from '../../protocol/signing.ts';
import { concatBytes, equalBytes, toHex } from '../../util/bytes.ts';

const SECRET = new TextEncoder().encode('simulated signature');

/**
 * A signer whose signature is a hash that anybody in the simulation can make: only for runs in which nobody forges by
 * this means. Signatures are 64 bytes and pass the checks for points of small order.
 */
export function simulatedSigner(seed: Uint8Array): Signer {
  const publicKey = digest(concatBytes(SECRET, seed));
  publicKey[0] = 0x77;
  return { publicKey, sign: (message) => simulatedSignature(publicKey, message) };
}

function simulatedSignature(publicKey: Uint8Array, message: Uint8Array): Uint8Array {
  const half = digest(concatBytes(SECRET, publicKey, message));
  half[0] = 0x77;
  const signature = new Uint8Array(64);
  signature.set(half);
  signature.set(half.subarray(0, 31), 32);
  return signature;
}

export const simulatedVerifier: Verifier = {
  verify: (publicKey, message, signature) => equalBytes(signature, simulatedSignature(publicKey, message)),
};

/** Verdicts remembered at once. */
const REMEMBERED = 50_000;

/** The same verdicts, each made once: verification is a pure function, whichever node asks. */
export function rememberingVerifier(verifier: Verifier): Verifier {
  const verdicts = new Map<string, boolean>();
  return {
    verify(publicKey, message, signature) {
      const key = toHex(signature) + toHex(publicKey) + toHex(message);
      const known = verdicts.get(key);
      if (known !== undefined) return known;
      const verdict = verifier.verify(publicKey, message, signature);
      verdicts.set(key, verdict);
      if (verdicts.size > REMEMBERED) verdicts.delete(verdicts.keys().next().value!);
      return verdict;
    },
  };
}
