import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blockId, createBody, transactionId } from './codec.ts';
import { proveTrade, proveTransaction, subjectAt, verifyBranch } from './proof.ts';
import { Receipts, Trade } from './receipts.ts';
import { Header, type Header as HeaderValue, Transactions } from './types.ts';

const trades = Array.from({ length: 5 }, (_, sequence) => ({
  ...Trade.defaultValue(),
  step: 7,
  sequence,
  seller: 1,
  buyer: 2,
  energyWh: 100 + sequence,
}));
const transactions = [0, 1, 2].map((sequence) => ({
  body: createBody({
    kind: 'order',
    step: 7,
    account: 1,
    sequence,
    payload: { side: 0, energyWh: 100, limitMicroEurPerKwh: 100_000 },
  }),
  signatures: [new Uint8Array(64).fill(sequence)],
}));
const receipts = { ...Receipts.defaultValue(), trades };

function headerOver(given: { receipts?: Receipts; height?: number } = {}): HeaderValue {
  const empty = Header.defaultValue();
  return {
    ...empty,
    body: {
      ...empty.body,
      height: given.height ?? 9,
      receiptsRoot: Receipts.hashTreeRoot(given.receipts ?? receipts),
      transactionsRoot: Transactions.hashTreeRoot(transactions),
    },
  };
}

describe('proofs', () => {
  const header = headerOver();
  const root = blockId(header);

  it('prove every trade, in 22 nodes of 32 bytes: 704', () => {
    for (const [index, trade] of trades.entries()) {
      const proof = proveTrade(header, receipts, index);
      expect(proof.leaf).toEqual(Trade.hashTreeRoot(trade));
      expect(proof.branch.reduce((bytes, node) => bytes + node.length, 0)).toBe(704);
      expect(subjectAt(proof.gindex)).toBe('trade');
      expect(verifyBranch({ ...proof, root })).toBe(true);
    }
  });

  it('prove every transaction, in 16 nodes of 32 bytes: 512', () => {
    for (const [index, transaction] of transactions.entries()) {
      const proof = proveTransaction(header, transactions, index);
      expect(proof.leaf).toEqual(transactionId(transaction));
      expect(proof.branch.reduce((bytes, node) => bytes + node.length, 0)).toBe(512);
      expect(subjectAt(proof.gindex)).toBe('transaction');
      expect(verifyBranch({ ...proof, root })).toBe(true);
    }
  });

  it('fail when any bit of any node, of the leaf or of the root is flipped', () => {
    const proof = proveTrade(header, receipts, 3);
    const nodes = proof.branch.length + 2;
    for (let node = 0; node < nodes; node++) {
      fc.assert(
        fc.property(fc.nat(255), (bit) => {
          const parts = [proof.leaf, root, ...proof.branch].map((bytes) => new Uint8Array(bytes));
          parts[node]![bit >> 3]! ^= 1 << (bit & 7);
          const [leaf, changedRoot, ...branch] = parts;
          return !verifyBranch({ leaf: leaf!, branch, gindex: proof.gindex, root: changedRoot! });
        }),
        { numRuns: 8 },
      );
    }
  });

  it('fail at another index, with a node too few or too many, and for nodes of another length', () => {
    const proof = { ...proveTrade(header, receipts, 3), root };
    const { branch, gindex } = proof;
    for (const other of [gindex + 1n, gindex - 1n, gindex * 2n, gindex / 2n, 1n, 0n, -gindex]) {
      expect(verifyBranch({ ...proof, gindex: other })).toBe(false);
    }
    expect(verifyBranch({ ...proof, branch: branch.slice(1) })).toBe(false);
    expect(verifyBranch({ ...proof, branch: [...branch, root] })).toBe(false);
    expect(verifyBranch({ ...proof, branch: [branch[0]!.slice(1), ...branch.slice(1)] })).toBe(false);
  });

  it('cover the length of the list, and the header', () => {
    const proof = proveTrade(header, receipts, 0);
    const shorter = headerOver({ receipts: { ...receipts, trades: trades.slice(0, 4) } });
    expect(verifyBranch({ ...proof, root: blockId(shorter) })).toBe(false);
    expect(verifyBranch({ ...proof, root: blockId(headerOver({ height: 10 })) })).toBe(false);
  });

  it('say what stands at an index, and nothing of what lies beside the lists', () => {
    const first = proveTrade(header, receipts, 0).gindex;
    expect(subjectAt(first - 1n)).toBeNull();
    expect(subjectAt(first + 8191n)).toBe('trade');
    expect(subjectAt(first + 8192n)).toBeNull();
    const transaction = proveTransaction(header, transactions, 0).gindex;
    expect(subjectAt(transaction - 1n)).toBeNull();
    expect(subjectAt(transaction + 1023n)).toBe('transaction');
    expect(subjectAt(transaction + 1024n)).toBeNull();
    expect(subjectAt(1n)).toBeNull();
  });
});
