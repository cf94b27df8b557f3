/** Whose signatures a transaction needs. */
import { kindOf, payloadOf } from '../protocol/codec.ts';
import type { StateStore } from '../protocol/state-store.ts';
import type { Genesis, TransactionBody } from '../protocol/types.ts';

/** Keys in the order of the signatures; null when the account does not exist or the kind has no rule yet. */
export function signersOf(genesis: Genesis, state: StateStore, body: TransactionBody): Uint8Array[] | null {
  const { account } = body;
  const member = (index: number) => (index < state.memberCount() ? state.member(index) : null);
  switch (kindOf(body)) {
    case 'observation': {
      const key = genesis.oracles[account];
      return key === undefined ? null : [key];
    }
    case 'reading': {
      const owner = member(account);
      return owner === null ? null : [owner.meterKey];
    }
    case 'contract': {
      const seller = member(account);
      const buyer = member(payloadOf(body, 'contract').buyer);
      return seller === null || buyer === null ? null : [seller.key, buyer.key];
    }
    case 'order':
    case 'sealedOrder':
    case 'reveal':
    case 'cancel': {
      const owner = member(account);
      return owner === null ? null : [owner.key];
    }
    default:
      return null;
  }
}
