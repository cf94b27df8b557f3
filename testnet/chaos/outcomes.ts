/** What the nodes say of transactions that are not in the chain. */
import { WattmeshError } from '../../node/util/errors.ts';
import type { ManifestNode } from '../manifest.ts';
import type { NodeAddress } from '../observe.ts';
import { callOf } from '../rpc.ts';
import type { TransactionOutside } from './ledger.ts';

/** `expired`: it was dropped and the node says why; `silent`: nobody asked knows it. */
export type Outcome = 'pending' | 'included' | 'expired' | 'silent';

const ANSWER_LIMIT_MS = 10_000;

/** The node on which a transaction's owner would ask; null: nobody of this testnet. */
export function ownerOf(account: string, nodes: readonly ManifestNode[]): string | null {
  const member = /^p-(\d+)$/.exec(account)?.[1];
  const oracle = /^oracle-(\d+)$/.exec(account)?.[1];
  const owner = nodes.find(
    (node) =>
      (member !== undefined && node.member === Number(member)) ||
      (oracle !== undefined && node.oracle === Number(oracle)),
  );
  return owner?.name ?? null;
}

/** What one node says. A node that does not answer says nothing. */
export async function outcomeAt({ url }: NodeAddress, id: string): Promise<Outcome> {
  try {
    const { status } = await callOf({ url, timeoutMs: ANSWER_LIMIT_MS })('tx_get', { id });
    return status === 'pending' ? 'pending' : 'included';
  } catch (error) {
    return error instanceof WattmeshError && error.code === 'TX_DROPPED' ? 'expired' : 'silent';
  }
}

/** Asks the owner's node first, and where `anybody` is set all others as well until one knows. */
export async function outcomeOf(
  transaction: TransactionOutside,
  parts: { addresses: readonly NodeAddress[]; nodes: readonly ManifestNode[]; anybody: boolean },
): Promise<Outcome> {
  const owner = ownerOf(transaction.account, parts.nodes);
  const ordered = [
    ...parts.addresses.filter(({ name }) => name === owner),
    ...(parts.anybody || owner === null ? parts.addresses.filter(({ name }) => name !== owner) : []),
  ];
  for (const address of ordered) {
    const outcome = await outcomeAt(address, transaction.id);
    if (outcome !== 'silent') return outcome;
  }
  return 'silent';
}
