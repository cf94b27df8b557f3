/** Work in a simulation: real hashing where the target is easy, or a nonce that says so. */
import { digest64 } from '@chainsafe/as-sha256';
import { isBelowTarget } from '../../consensus/target.ts';
import { type Header, HeaderBody } from '../../protocol/types.ts';
import { concatBytes } from '../../util/bytes.ts';
import type { Rng } from '../../util/rng.ts';

/** How a miner proves its work, and how everybody checks it. */
export interface WorkPort {
  /** A nonce for a header whose time has come. */
  find(body: HeaderBody, rng: Rng): Uint8Array;
  /** Undefined: the rule of the protocol. */
  readonly hasWork?: (header: Header, id: Uint8Array) => boolean;
}

/** Hashes until the target is met: about 4 096 hashes at the floor. */
export const realWork: WorkPort = {
  find(body, rng) {
    const root = HeaderBody.hashTreeRoot(body);
    const nonce = randomNonce(rng);
    const view = new DataView(nonce.buffer);
    for (let i = 0; ; i++) {
      view.setUint32(28, i);
      const id = digest64(concatBytes(root, nonce));
      if (id[0] === 0 && isBelowTarget(id, body.target)) return nonce;
    }
  },
};

const WORKED = 0x57;

/** The time that the work takes is drawn by the host; the nonce's last byte says that it was done. */
export const claimedWork: WorkPort = {
  find(_, rng) {
    const nonce = randomNonce(rng);
    nonce[31] = WORKED;
    return nonce;
  },
  hasWork: (header) => header.nonce[31] === WORKED,
};

function randomNonce(rng: Rng): Uint8Array {
  const nonce = new Uint8Array(32);
  for (let i = 0; i < 8; i++) nonce[i] = rng.below(256);
  return nonce;
}
