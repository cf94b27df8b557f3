/** Transactions of this node's clients on their way to the core. */
import { createBlockContext } from '../../market/context.ts';
import { applyTransaction } from '../../market/transactions.ts';
import type { Violation } from '../../market/violation.ts';
import type { Transaction, TransactionBody } from '../../protocol/types.ts';
import { rejected } from '../../rpc/errors.ts';
import type { NodeAccess } from '../access.ts';
import { genesisOf, tipState } from './queries.ts';

/**
 * What the next block would say of a transaction, so that a client hears it at once. A window that is not open now is
 * left to the mempool: it may open before that block.
 */
function foresee(access: NodeAccess, body: TransactionBody): Violation | null {
  const { rules } = access.core.chain;
  const context = createBlockContext({
    genesis: genesisOf(access),
    genesisRoot: rules.genesisRoot,
    state: tipState(access).fork(),
    clockMs: access.core.clockMs(),
    author: 0,
  });
  const refused = applyTransaction(context, body);
  return refused?.code === 'TX_WINDOW_CLOSED' ? null : refused;
}

/** Gives the id of a transaction that now waits. Throws the violation's code otherwise. */
export async function submitChecked(access: NodeAccess, transaction: Transaction): Promise<string> {
  const foreseen = foresee(access, transaction.body);
  if (foreseen !== null) throw rejected(foreseen);
  const { idHex, violation } = await access.submit(transaction);
  if (violation !== null) throw rejected(violation);
  return idHex;
}
