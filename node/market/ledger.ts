/** Double entry over the state's accounts: every transfer is one debit and one credit of the same amount. */
import { AGGREGATOR, FUND, isSystemAccount, TREASURY } from '../protocol/accounts.ts';
import type { Account, Balance } from '../protocol/state.ts';
import type { StateStore } from '../protocol/state-store.ts';
import { assert } from '../util/errors.ts';
import { getOrInsert } from '../util/maps.ts';

export interface Ledger {
  /** Moves a non-negative amount. */
  transfer(from: number, to: number, amountNanoEur: bigint): void;
  /** Moves an amount of either sign: a negative one flows back. */
  pay(from: number, to: number, amountNanoEur: bigint): void;
  balanceNanoEur(account: number): bigint;
  /** A member's account for reading. */
  account(member: number): Readonly<Account>;
  change(member: number, change: Partial<Account>): void;
  /** Writes what changed and checks that money was neither made nor lost. Throws on a broken invariant. */
  flush(): void;
}

export function createLedger(state: StateStore): Ledger {
  const members = new Map<number, Account>();
  const system = new Map<number, Balance>();
  /** Members whose account was written, not only read. */
  const changed = new Set<number>();
  let creditedNanoEur = 0n;
  let debitedNanoEur = 0n;

  const entry = (account: number): Account | Balance => {
    if (!isSystemAccount(account)) return member(account);
    return getOrInsert(system, account, () => ({ ...state.systemBalance(account) }));
  };
  const member = (index: number): Account => getOrInsert(members, index, () => ({ ...state.account(index) }));

  const transfer = (from: number, to: number, amountNanoEur: bigint): void => {
    assert(amountNanoEur >= 0n, `transfer of ${amountNanoEur} nanoEUR`);
    if (amountNanoEur === 0n) return;
    entry(from).debitNanoEur += amountNanoEur;
    entry(to).creditNanoEur += amountNanoEur;
    for (const account of [from, to]) if (!isSystemAccount(account)) changed.add(account);
    debitedNanoEur += amountNanoEur;
    creditedNanoEur += amountNanoEur;
  };

  return {
    transfer,
    pay(from, to, amountNanoEur) {
      if (amountNanoEur >= 0n) transfer(from, to, amountNanoEur);
      else transfer(to, from, -amountNanoEur);
    },
    balanceNanoEur(account) {
      const { creditNanoEur, debitNanoEur } = entry(account);
      return creditNanoEur - debitNanoEur;
    },
    account: member,
    change(index, change) {
      Object.assign(member(index), change);
      changed.add(index);
    },
    flush() {
      for (const index of changed) state.setAccount(index, member(index));
      for (const [account, balance] of system) state.setSystemBalance(account, balance);
      const fund = state.systemBalance(FUND);
      assert(fund.creditNanoEur >= fund.debitNanoEur, 'the community fund is below zero');
      assert(creditedNanoEur === debitedNanoEur, 'a transfer had one side');
    },
  };
}

/** Sum of all balances of a state, in nanoEUR: zero, always. */
export function totalBalanceNanoEur(state: StateStore): bigint {
  let total = 0n;
  for (const account of state.accounts()) total += account.creditNanoEur - account.debitNanoEur;
  for (let account = AGGREGATOR; account <= TREASURY; account++) {
    const balance = state.systemBalance(account);
    total += balance.creditNanoEur - balance.debitNanoEur;
  }
  return total;
}
