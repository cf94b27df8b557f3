/** Handlers of `tx_*`. */
import { accountFromName, accountName } from '../../protocol/accounts.ts';
import { decode, transactionId } from '../../protocol/codec.ts';
import { Transaction } from '../../protocol/types.ts';
import { notFound, rejected } from '../../rpc/errors.ts';
import type { RpcHandlers } from '../../rpc/schema/methods.ts';
import { fromHex, toHex } from '../../util/bytes.ts';
import { WattmeshError } from '../../util/errors.ts';
import { asOf, confirmations, type Queries } from './queries.ts';
import { submitChecked } from './submit.ts';
import { findIncluded, speakerOf, statusIn, transactionOf } from './transactions.ts';

type TxHandlers = Pick<RpcHandlers, 'tx_submit' | 'tx_get' | 'tx_getPending'>;

function decodeTransaction(hex: string): Transaction {
  const bytes = fromHex(hex);
  const transaction = bytes === null ? null : decode(Transaction, bytes);
  if (transaction !== null) return transaction;
  throw rejected(
    { code: 'TX_MALFORMED', message: 'these bytes are not the canonical SSZ encoding of a transaction' },
    'encode it as docs/protocol.md says, without trailing bytes',
  );
}

type Row = Awaited<ReturnType<RpcHandlers['tx_get']>>;

async function get(queries: Queries, id: string): Promise<Row> {
  const { access } = queries;
  const pending = access.core.mempool.get(id);
  if (pending !== undefined) {
    const row = transactionOf(pending.transaction);
    const nowhere = { blockHash: null, blockHeight: null, confirmations: 0 };
    return { ...row, status: 'pending', ...nowhere, asOf: asOf(access) };
  }
  const included = await findIncluded(queries, id);
  if (included !== null) {
    const { node, index, transactions } = included;
    return {
      ...transactionOf(transactions[index]!),
      status: statusIn(queries, node),
      blockHash: node.idHex,
      blockHeight: node.height,
      confirmations: confirmations(access, node),
      asOf: asOf(access),
    };
  }
  const last = access.transactionStatus(id);
  if (last.status !== 'dropped') {
    throw notFound(
      'TX',
      `no transaction ${id} waits or is in the chain`,
      'submit it again, or ask another node',
    );
  }
  throw new WattmeshError({
    code: 'TX_DROPPED',
    message: `the transaction was dropped: ${last.violation.message}`,
    remedy: 'correct it and submit it again for a step that is open',
    details: { violation: { ...last.violation } },
  });
}

export function txHandlers(queries: Queries): TxHandlers {
  const { access } = queries;
  return {
    async tx_submit({ transaction: hex }) {
      const transaction = decodeTransaction(hex);
      const id = toHex(transactionId(transaction));
      if (access.core.mempool.get(id) !== undefined) return { id, status: 'pending' };
      // The same bytes again are no error: a client that lost the answer may repeat its call.
      const last = access.transactionStatus(id);
      const node = last.status === 'included' ? access.core.chain.node(last.blockHash) : undefined;
      if (node !== undefined && confirmations(access, node) > 0)
        return { id, status: statusIn(queries, node) };
      return { id: await submitChecked(access, transaction), status: 'pending' };
    },
    tx_get: ({ id }) => get(queries, id),
    tx_getPending({ limit, account }) {
      const number = account === undefined ? null : accountFromName(account);
      const speaker = number === null ? account : accountName(number);
      const entries = access.core.mempool
        .list()
        .filter(({ transaction }) => speaker === undefined || speakerOf(transaction.body) === speaker);
      return {
        items: entries.slice(0, limit).map(({ transaction }) => transactionOf(transaction)),
        count: entries.length,
        bytes: entries.reduce((sum, entry) => sum + entry.bytes, 0),
        oldestMs: entries.length === 0 ? null : Math.min(...entries.map((entry) => entry.receivedMs)),
        asOf: asOf(access),
      };
    },
  };
}
