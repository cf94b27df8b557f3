/** Transactions as the interface shows them, and where they are found. */
import type { HeaderNode } from '../../consensus/header-chain.ts';
import { accountName } from '../../protocol/accounts.ts';
import { encode, kindOf, transactionId } from '../../protocol/codec.ts';
import {
  Transaction,
  type TransactionBody,
  type Transaction as TransactionValue,
} from '../../protocol/types.ts';
import { jsonOf } from '../../rpc/codec.ts';
import type { Result } from '../../rpc/schema/methods.ts';
import { toHex } from '../../util/bytes.ts';
import { readBlock } from './blocks.ts';
import { confirmations, isFinal, type Queries } from './queries.ts';
import { mainChainFrom } from './receipt-walk.ts';

type TransactionRow = Result<'tx_getPending'>['items'][number];
type Status = Result<'tx_get'>['status'];

/** Kinds that the regulator signs: they carry no account of their own. */
const REGULATOR_KINDS: readonly string[] = ['register', 'admit', 'suspend', 'expel', 'policy', 'rotateKey'];

/** Who speaks: a member, an oracle, or the regulator. */
export function speakerOf(body: TransactionBody): string {
  const kind = kindOf(body);
  if (kind === 'observation') return `oracle-${body.account}`;
  return REGULATOR_KINDS.includes(kind) ? 'regulator' : accountName(body.account);
}

export function transactionOf(transaction: TransactionValue): TransactionRow {
  const { body, signatures } = transaction;
  return {
    id: toHex(transactionId(transaction)),
    kind: kindOf(body),
    step: body.step,
    account: speakerOf(body),
    sequence: body.sequence,
    payload: jsonOf(body.payload.value) as TransactionRow['payload'],
    signatures: signatures.map((signature) => toHex(signature)),
    sizeBytes: encode(Transaction, transaction).length,
  };
}

/** A transaction of the main chain with its place. */
export interface Included {
  node: HeaderNode;
  index: number;
  transactions: TransactionValue[];
}

/** Finds a transaction of the main chain: where it was last seen, else newest block first. Null: it is in none. */
export async function findIncluded(queries: Queries, idHex: string): Promise<Included | null> {
  const { access, hints } = queries;
  const { chain } = access.core;
  const last = access.transactionStatus(idHex);
  const hint = chain.node((last.status === 'included' ? last.blockHash : hints.get(idHex)) ?? '');
  if (hint !== undefined && chain.mainChainAt(hint.height) === hint) {
    const found = await findIn(queries, hint, idHex);
    if (found !== null) return found;
  }
  for (const node of mainChainFrom(chain, 1).reverse()) {
    const found = await findIn(queries, node, idHex);
    if (found === null) continue;
    hints.set(idHex, node.idHex);
    return found;
  }
  return null;
}

async function findIn(queries: Queries, node: HeaderNode, idHex: string): Promise<Included | null> {
  const { transactions } = await readBlock(queries.access, node);
  const index = transactions.findIndex((transaction) => toHex(transactionId(transaction)) === idHex);
  return index < 0 ? null : { node, index, transactions };
}

/** How far an included transaction may be relied on. */
export function statusIn({ access }: Queries, node: HeaderNode): Status {
  if (isFinal(access, node)) return 'final';
  const { confirmationDepth } = access.core.chain.rules.genesis.params;
  return confirmations(access, node) >= confirmationDepth ? 'confirmed' : 'included';
}
