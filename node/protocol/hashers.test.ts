import { hasher as defaultHasher, type Hasher, setHasher } from '@chainsafe/persistent-merkle-tree';
import { hasher as asSha256 } from '@chainsafe/persistent-merkle-tree/hasher/as-sha256';
import { afterAll, describe, expect, it } from 'vitest';
import { toHex } from '../util/bytes.ts';
import { createBody } from './codec.ts';
import { Receipts, Trade } from './receipts.ts';
import { Account, State } from './state.ts';
import { createStateStore, deserializeState } from './state-store.ts';
import { Header, Member, Transactions } from './types.ts';

/** The roots of everything that has one, made from scratch: no node was hashed before. */
function roots(): Record<string, string> {
  const store = createStateStore({
    ...State.defaultValue(),
    members: Array.from({ length: 40 }, (_, i) => ({ ...Member.defaultValue(), connectionW: i })),
    accounts: Array.from({ length: 40 }, (_, i) => ({ ...Account.defaultValue(), p2pSteps: i })),
  });
  const before = store.root();
  const fork = store.fork();
  for (let i = 0; i < 40; i++) {
    fork.setAccount(i, { ...fork.account(i), creditNanoEur: 2n ** 40n + BigInt(i) });
    fork.pushOrder(3 + (i % 3), {
      account: i,
      sequence: 1,
      side: i % 2,
      energyWh: 100 + i,
      limitMicroEurPerKwh: -i,
    });
  }
  fork.setUsageWh(3000, 77);
  const body = createBody({
    kind: 'cancel',
    step: 1,
    account: 2,
    sequence: 3,
    payload: { orderSequence: 3 },
  });
  const transactions = Array.from({ length: 37 }, (_, i) => ({
    body: { ...body, account: i },
    signatures: [new Uint8Array(64).fill(i)],
  }));
  const trades = Array.from({ length: 53 }, (_, i) => ({ ...Trade.defaultValue(), sequence: i }));
  return {
    before: toHex(before),
    forked: toHex(fork.root()),
    again: toHex(deserializeState(fork.serialize())!.root()),
    header: toHex(Header.hashTreeRoot({ ...Header.defaultValue(), nonce: new Uint8Array(32).fill(5) })),
    transactions: toHex(Transactions.hashTreeRoot(transactions)),
    receipts: toHex(Receipts.hashTreeRoot({ ...Receipts.defaultValue(), trades })),
  };
}

describe('hashers', () => {
  const original: Hasher = defaultHasher;
  afterAll(() => setHasher(original));

  it('give the same roots, whichever is set', async () => {
    setHasher(original);
    const expected = roots();
    expect(expected.again).toBe(expected.forked);
    expect(new Set(Object.values(expected)).size).toBe(5);
    const others: Hasher[] = [asSha256];
    const native = await import('@chainsafe/persistent-merkle-tree/hasher/hashtree').catch(() => null);
    if (native !== null) others.push(native.hasher);
    for (const other of others) {
      expect(other.name).not.toBe(original.name);
      setHasher(other);
      expect(roots()).toEqual(expected);
    }
  });
});
