/** Merkle proofs, as a light client gets them from somebody it does not trust. */
import { proofRoot } from '../../../node/cli/proof.ts';
import { emptyReceipts } from '../../../node/market/context.ts';
import {
  type BranchProof,
  type ProofSubject,
  proveTrade,
  proveTransaction,
  subjectAt,
  verifyBranch,
} from '../../../node/protocol/proof.ts';
import {
  bigintFromBytes,
  bytesFromBigint,
  concatBytes,
  equalBytes,
  toHex,
} from '../../../node/util/bytes.ts';
import { type OpenTarget, promise, type Target } from '../interface.ts';
import { theWorld } from '../world.ts';

const GINDEX_BYTES = 8;

interface Claim extends BranchProof {
  root: Uint8Array;
}

/** root, leaf, generalised index in 8 bytes, then the branch in pieces of 32; the last may be short. */
function encodeClaim({ root, leaf, gindex, branch }: Claim): Uint8Array {
  return concatBytes(root, leaf, bytesFromBigint(gindex, GINDEX_BYTES), ...branch);
}

function decodeClaim(input: Uint8Array): Claim {
  const branch: Uint8Array[] = [];
  for (let at = 64 + GINDEX_BYTES; at < input.length; at += 32) branch.push(input.slice(at, at + 32));
  return {
    root: input.slice(0, 32),
    leaf: input.slice(32, 64),
    gindex: bigintFromBytes(input.slice(64, 64 + GINDEX_BYTES)),
    branch,
  };
}

/** Claims that a careless check takes: another depth, another place, another side. */
function nearMisses(claim: Claim): Claim[] {
  const { gindex, branch } = claim;
  const top = 1n << BigInt(gindex.toString(2).length - 1);
  return [
    { ...claim, gindex: gindex - top },
    { ...claim, gindex: gindex + top },
    { ...claim, gindex: gindex ^ 1n },
    { ...claim, branch: branch.slice(0, -1) },
    { ...claim, branch: branch.slice(1) },
    { ...claim, branch: [...branch, claim.root] },
  ];
}

async function openProof(): Promise<OpenTarget> {
  const { trunk } = await theWorld();
  const claims: Claim[] = [];
  for (const { node, block, execution } of trunk) {
    const { header } = block.signedHeader;
    const { trades } = execution.receipts;
    const at = trades.length - 1;
    if (at >= 0) claims.push({ ...proveTrade(header, execution.receipts, at), root: node.id });
    const last = block.transactions.length - 1;
    if (last >= 0) claims.push({ ...proveTransaction(header, block.transactions, last), root: node.id });
  }
  const minedById = new Map(trunk.map((mined) => [mined.node.idHex, mined]));
  const firstTrade = proveTrade(trunk[0]!.node.signed.header, emptyReceipts(), 0).gindex;
  const firstTransaction = proveTransaction(trunk[0]!.node.signed.header, [], 0).gindex;

  /** The proof that the block itself gives of what stands there. */
  const trueProof = ({ root, gindex }: Claim, subject: ProofSubject): BranchProof | null => {
    const mined = minedById.get(toHex(root));
    if (mined === undefined) return null;
    const { header } = mined.block.signedHeader;
    return subject === 'trade'
      ? proveTrade(header, mined.execution.receipts, Number(gindex - firstTrade))
      : proveTransaction(header, mined.block.transactions, Number(gindex - firstTransaction));
  };
  return {
    seeds: [...claims.slice(0, 20), ...nearMisses(claims[0]!), ...nearMisses(claims[1]!)].map(encodeClaim),
    run(input) {
      const claim = decodeClaim(input);
      const verified = verifyBranch(claim);
      if ([claim.leaf, claim.root, ...claim.branch].every((node) => node.length === 32)) {
        const branch = claim.branch.map(toHex);
        const root = proofRoot({ leaf: toHex(claim.leaf), gindex: claim.gindex.toString(), branch });
        promise((root === toHex(claim.root)) === verified, 'the command line and the protocol disagree');
      }
      const subject = subjectAt(claim.gindex);
      if (!verified || subject === null)
        return `${verified ? 'verified' : 'refused'}-${subject ?? 'nothing'}`;
      const expected = trueProof(claim, subject);
      promise(expected !== null, 'a proof under the id of no block');
      promise(equalBytes(encodeClaim({ ...expected, root: claim.root }), input), 'a changed proof verifies');
      return `verified-${subject}`;
    },
  };
}

export const proofTargets: readonly Target[] = [
  {
    name: 'proof',
    about: 'verifyBranch: never throws, agrees with the command line, verifies no changed proof',
    maxBytes: 2048,
    briefRuns: 1500,
    mustReach: [
      'refused-trade',
      'refused-transaction',
      'refused-nothing',
      'verified-trade',
      'verified-transaction',
    ],
    open: openProof,
  },
];
