import { createHash } from 'node:crypto';

/** A Merkle branch as `chain_getProof` gives it, in hex. */
export interface Branch {
  leaf: string;
  /** Generalised index of the leaf: its bits below the first say left (0) or right (1), from the root down. */
  gindex: string;
  branch: readonly string[];
}

/** The root that a branch leads to, hex; null when branch and index differ in length. SHA-256 over left and right. */
export function proofRoot({ leaf, gindex, branch }: Branch): string | null {
  let index = BigInt(gindex);
  let node = Buffer.from(leaf, 'hex');
  for (const sibling of branch) {
    if (index <= 1n) return null;
    const other = Buffer.from(sibling, 'hex');
    const pair = index % 2n === 0n ? [node, other] : [other, node];
    node = createHash('sha256').update(Buffer.concat(pair)).digest();
    index /= 2n;
  }
  return index === 1n ? node.toString('hex') : null;
}
