/** Verdicts on signatures, found by the object that holds the signature. */
import type { Verifier } from '../../protocol/signing.ts';
import { equalBytes } from '../../util/bytes.ts';

interface Known {
  publicKey: Uint8Array;
  message: Uint8Array;
  verdict: boolean;
}

/**
 * The same verdicts at less cost where nodes share what was decoded: all of them hold one signature in one array. The
 * verdict counts for the same key and message only; arrays that were once given must not change.
 */
export function recognisingVerifier(verifier: Verifier): Verifier {
  const bySignature = new WeakMap<Uint8Array, Known>();
  return {
    verify(publicKey, message, signature) {
      const known = bySignature.get(signature);
      const isSame =
        known !== undefined && equalBytes(known.publicKey, publicKey) && equalBytes(known.message, message);
      if (isSame) return known.verdict;
      const verdict = verifier.verify(publicKey, message, signature);
      bySignature.set(signature, { publicKey, message, verdict });
      return verdict;
    },
  };
}
