/** Merkle proofs of a trade or a transaction up to the block hash, so that a signed header alone verifies them. */
import { digest64 } from '@chainsafe/as-sha256';
import { concatGindices, type Node, Tree } from '@chainsafe/persistent-merkle-tree';
import { concatBytes, equalBytes } from '../util/bytes.ts';
import { Receipts, type Receipts as ReceiptsValue } from './receipts.ts';
import {
  Header,
  type Header as HeaderValue,
  MAX_STEP_ENTRIES,
  MAX_TRANSACTIONS,
  type Transaction,
  Transactions,
} from './types.ts';

export type ProofSubject = 'trade' | 'transaction';

/** A leaf, its generalised index under the root, and the sibling of every node on the way, from the leaf up. */
export interface BranchProof {
  leaf: Uint8Array;
  gindex: bigint;
  branch: Uint8Array[];
}

const RECEIPTS_ROOT = Header.getPathInfo(['body', 'receiptsRoot']).gindex;
const TRANSACTIONS_ROOT = Header.getPathInfo(['body', 'transactionsRoot']).gindex;

/** Generalised index of a trade under the block hash; `index` is its place in the block's receipts. */
function tradeGindex(index: number): bigint {
  return concatGindices([RECEIPTS_ROOT, Receipts.getPathInfo(['trades', index]).gindex]);
}

/** Generalised index of a transaction under the block hash; `index` is its place in the block. */
function transactionGindex(index: number): bigint {
  return concatGindices([TRANSACTIONS_ROOT, Transactions.getPathInfo([index]).gindex]);
}

/** What stands at a generalised index; null: neither a trade nor a transaction, so a proof there says nothing. */
export function subjectAt(gindex: bigint): ProofSubject | null {
  if (gindex >= tradeGindex(0) && gindex <= tradeGindex(MAX_STEP_ENTRIES - 1)) return 'trade';
  const isTransaction = gindex >= transactionGindex(0) && gindex <= transactionGindex(MAX_TRANSACTIONS - 1);
  return isTransaction ? 'transaction' : null;
}

/** Proof of the trade at `index` of the receipts of the block with this header. */
export function proveTrade(header: HeaderValue, receipts: ReceiptsValue, index: number): BranchProof {
  const inner = Receipts.getPathInfo(['trades', index]).gindex;
  return joined(header, RECEIPTS_ROOT, { node: Receipts.value_toTree(receipts), inner });
}

/** Proof of the transaction at `index` of the block with this header. */
export function proveTransaction(
  header: HeaderValue,
  transactions: readonly Transaction[],
  index: number,
): BranchProof {
  const inner = Transactions.getPathInfo([index]).gindex;
  return joined(header, TRANSACTIONS_ROOT, { node: Transactions.value_toTree([...transactions]), inner });
}

function joined(header: HeaderValue, outer: bigint, below: { node: Node; inner: bigint }): BranchProof {
  const lower = new Tree(below.node);
  const upper = new Tree(Header.value_toTree(header));
  return {
    leaf: lower.getRoot(below.inner),
    gindex: concatGindices([outer, below.inner]),
    branch: [...lower.getSingleProof(below.inner), ...upper.getSingleProof(outer)],
  };
}

/**
 * Whether the branch leads from the leaf to the root. Never throws. Whoever relies on it also recomputes the leaf from
 * the subject's bytes, and checks with `subjectAt` that the index is one of a trade or a transaction.
 */
export function verifyBranch(proof: BranchProof & { root: Uint8Array }): boolean {
  const { leaf, branch, gindex, root } = proof;
  if (gindex < 1n || gindex.toString(2).length !== branch.length + 1) return false;
  if ([leaf, root, ...branch].some((node) => node.length !== 32)) return false;
  let node = leaf;
  let at = gindex;
  for (const sibling of branch) {
    node = digest64((at & 1n) === 1n ? concatBytes(sibling, node) : concatBytes(node, sibling));
    at >>= 1n;
  }
  return equalBytes(node, root);
}
