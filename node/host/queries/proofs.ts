/** `chain_getProof`: from a trade or a transaction up to the block hash. */
import type { HeaderNode } from '../../consensus/header-chain.ts';
import { encode } from '../../protocol/codec.ts';
import { type BranchProof, type ProofSubject, proveTrade, proveTransaction } from '../../protocol/proof.ts';
import { Trade } from '../../protocol/receipts.ts';
import { Transaction } from '../../protocol/types.ts';
import { notFound } from '../../rpc/errors.ts';
import type { Params, Result } from '../../rpc/schema/methods.ts';
import { toHex } from '../../util/bytes.ts';
import { headerOf } from './blocks.ts';
import { asOf, confirmations, isFinal, type Queries } from './queries.ts';
import { findTrade } from './trades.ts';
import { findIncluded } from './transactions.ts';

interface Proven {
  subject: ProofSubject;
  node: HeaderNode;
  encoded: Uint8Array;
  proof: BranchProof;
}

/** Throws TRADE_NOT_FOUND or TX_NOT_FOUND. */
export async function getProof(
  queries: Queries,
  { tradeId, transactionId }: Params<'chain_getProof'>,
): Promise<Result<'chain_getProof'>> {
  const { access } = queries;
  const { subject, node, encoded, proof } =
    tradeId === undefined ? await ofTransaction(queries, transactionId!) : await ofTrade(queries, tradeId);
  return {
    subject,
    leaf: toHex(proof.leaf),
    encoded: toHex(encoded),
    gindex: proof.gindex.toString(),
    branch: proof.branch.map((sibling) => toHex(sibling)),
    blockHash: node.idHex,
    blockHeight: node.height,
    header: headerOf(node),
    confirmations: confirmations(access, node),
    final: isFinal(access, node),
    asOf: asOf(access),
  };
}

async function ofTrade(queries: Queries, id: string): Promise<Proven> {
  const found = await findTrade(queries, id);
  if (found === null) {
    throw notFound(
      'TRADE',
      `no block of the main chain holds trade ${id}`,
      'market_listTrades gives the ids',
    );
  }
  const { node, index, entry } = found;
  const { receipts } = entry;
  return {
    subject: 'trade',
    node,
    encoded: encode(Trade, receipts.trades[index]!),
    proof: proveTrade(node.signed.header, receipts, index),
  };
}

async function ofTransaction(queries: Queries, id: string): Promise<Proven> {
  const found = await findIncluded(queries, id);
  if (found === null) {
    throw notFound('TX', `no block of the main chain holds transaction ${id}`, 'tx_get says where it stands');
  }
  const { node, index, transactions } = found;
  return {
    subject: 'transaction',
    node,
    encoded: encode(Transaction, transactions[index]!),
    proof: proveTransaction(node.signed.header, transactions, index),
  };
}
