/** Money of the reference model: every payment is one debit and one credit. */
import { SYSTEM_ACCOUNT_BASE } from '../../../protocol/accounts.ts';
import { assert } from '../../../util/errors.ts';
import { type Purse, type ReferenceState, withAccount } from './state.ts';

/** A member's purse, or that of a system account. */
export function purseOf(state: ReferenceState, account: number): Purse {
  const found =
    account >= SYSTEM_ACCOUNT_BASE
      ? state.systemBalances[account - SYSTEM_ACCOUNT_BASE]
      : state.accounts[account];
  assert(found !== undefined, `account ${account} does not exist`);
  return found;
}

export function balanceNanoEur(state: ReferenceState, account: number): bigint {
  const purse = purseOf(state, account);
  return purse.creditNanoEur - purse.debitNanoEur;
}

function withPurse(state: ReferenceState, account: number, purse: Purse): ReferenceState {
  if (account < SYSTEM_ACCOUNT_BASE) return withAccount(state, account, purse);
  const place = account - SYSTEM_ACCOUNT_BASE;
  return { ...state, systemBalances: state.systemBalances.map((old, i) => (i === place ? purse : old)) };
}

/** Pays an amount of either sign; a negative one flows back. */
export function pay(state: ReferenceState, from: number, to: number, amountNanoEur: bigint): ReferenceState {
  if (amountNanoEur < 0n) return pay(state, to, from, -amountNanoEur);
  if (amountNanoEur === 0n) return state;
  const payer = purseOf(state, from);
  const debited = withPurse(state, from, {
    creditNanoEur: payer.creditNanoEur,
    debitNanoEur: payer.debitNanoEur + amountNanoEur,
  });
  const payee = purseOf(debited, to);
  return withPurse(debited, to, {
    creditNanoEur: payee.creditNanoEur + amountNanoEur,
    debitNanoEur: payee.debitNanoEur,
  });
}
