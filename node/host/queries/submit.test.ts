import { beforeAll, describe, expect, it } from 'vitest';
import { openSteps } from '../../market/windows.ts';
import { createBody, encode } from '../../protocol/codec.ts';
import { transactionMessage } from '../../protocol/signing.ts';
import { Transaction, type TransactionBody } from '../../protocol/types.ts';
import { toHex } from '../../util/bytes.ts';
import { createFixture, type Fixture } from './test-access.ts';

let fixture: Fixture;
let step: number;
beforeAll(async () => {
  fixture = await createFixture(5);
  // The last step that takes orders: its window outlasts this file. Nobody may change sides within a step.
  do {
    await fixture.run(12_000);
    step = openSteps(fixture.community.document.genesis, fixture.core.clockMs()).end - 1;
  } while (!hasOrder(0, 0) || !hasOrder(4, 1));
});

function hasOrder(account: number, side: number): boolean {
  const { state } = fixture.core.chain.execution(fixture.core.chain.tip());
  return state.orders(step).some((order) => order.account === account && order.side === side);
}

const ORDER = { side: 'buy' as const, energyWh: 10, limitMicroEurPerKwh: 100_000 };

function orderOf(change: Partial<TransactionBody>, energyWh = 10): TransactionBody {
  const payload = { side: 1, energyWh, limitMicroEurPerKwh: 90_000 };
  return { ...createBody({ kind: 'order', step, account: 4, sequence: 0, payload }), ...change };
}

function sign(body: TransactionBody, member = 4): string {
  const message = transactionMessage(fixture.core.chain.rules.genesisRoot, body);
  const signature = fixture.community.members[member]!.account.sign(message);
  return toHex(encode(Transaction, { body, signatures: [signature] }));
}

const reasonOf = async (transaction: string) =>
  (await fixture.fail('tx_submit', { transaction })).data.reason;

describe('market_submitOrder', () => {
  it('takes the free sequences up to the quota, and then refuses', async () => {
    const { orderQuota } = fixture.community.document.genesis.params;
    const { state } = fixture.core.chain.execution(fixture.core.chain.tip());
    const taken = state.orders(step).filter((order) => order.account === 0).length;
    const pending = await fixture.call('tx_getPending', { account: 'p-0000' });
    const free = orderQuota - taken - pending.items.filter((row) => row.step === step).length;
    expect(free).toBeGreaterThan(0);
    for (let i = 0; i < free; i++) {
      const made = await fixture.call('market_submitOrder', { ...ORDER, step });
      expect(made).toMatchObject({
        account: 'p-0000',
        step,
        status: 'pending',
        sequence: orderQuota - free + i,
      });
      const shown = await fixture.call('tx_get', { id: made.id });
      expect(shown).toMatchObject({ kind: 'order', account: 'p-0000', status: 'pending', blockHash: null });
      expect(shown.payload).toEqual({ side: 0, energyWh: 10, limitMicroEurPerKwh: 100_000 });
    }
    expect(await fixture.fail('market_submitOrder', { ...ORDER, step })).toMatchObject({
      code: -32003,
      data: { reason: 'TX_OVER_QUOTA' },
    });
  });

  it('refuses a closed step, a step too far ahead, and more than the connection carries', async () => {
    const closed = await fixture.fail('market_submitOrder', { ...ORDER, step: 0 });
    expect(closed).toMatchObject({ code: -32003, data: { reason: 'TX_WINDOW_CLOSED' } });
    const far = await fixture.fail('market_submitOrder', { ...ORDER, step: step + 50 });
    expect(far.data.reason).toBe('TX_WINDOW_NOT_OPEN');
    expect(await reasonOf(sign(orderOf({ sequence: 1 }, 6001)))).toBe('ORDER_ENERGY');
  });

  it('needs a member key', async () => {
    const { signer } = fixture.access;
    Object.assign(fixture.access, { signer: null });
    const refused = await fixture.fail('market_submitOrder', { ...ORDER, step });
    Object.assign(fixture.access, { signer });
    expect(refused).toMatchObject({ code: -32006, data: { reason: 'MEMBER_DISABLED' } });
  });
});

describe('tx_submit', () => {
  it('refuses bytes that are no canonical transaction', async () => {
    const sound = sign(orderOf({ sequence: 1 }));
    for (const transaction of ['00', `${sound}00`, sound.slice(0, -2)]) {
      expect(await fixture.fail('tx_submit', { transaction })).toMatchObject({
        code: -32003,
        data: { reason: 'TX_MALFORMED' },
      });
    }
    expect((await fixture.fail('tx_submit', { transaction: 'xyz' })).code).toBe(-32602);
  });

  it('refuses what breaks a rule, with the code of the rule', async () => {
    expect(await reasonOf(sign(orderOf({ sequence: 1 }), 3))).toBe('TX_SIGNATURE');
    expect(await reasonOf(sign(orderOf({ sequence: 4 })))).toBe('TX_OVER_QUOTA');
    expect(await reasonOf(sign(orderOf({ account: 77 })))).toBe('TX_UNKNOWN_ACCOUNT');
  });

  it('takes a transaction, says so again, and follows it into a block; its slot is taken for ever', async () => {
    const transaction = sign(orderOf({ sequence: 2 }));
    const { id } = await fixture.call('tx_submit', { transaction });
    expect(await fixture.call('tx_submit', { transaction })).toEqual({ id, status: 'pending' });
    expect(await reasonOf(sign(orderOf({ sequence: 2 }, 11)))).toBe('TX_DUPLICATE');
    const pending = await fixture.call('tx_getPending', { account: '4' });
    expect(pending.items.map((row) => row.id)).toContain(id);
    expect(pending.oldestMs).not.toBeNull();
    const one = await fixture.call('tx_getPending', { limit: 1 });
    expect(one.items.length).toBe(1);
    expect(one.count).toBe(fixture.core.mempool.stats().count);

    const { chain } = fixture.core;
    const { height } = chain.tip();
    while (chain.tip().height < height + 2) await fixture.run(500);
    const found = await fixture.call('tx_get', { id });
    expect(found.status).toBe('included');
    expect(found.confirmations).toBe(fixture.core.chain.tip().height - found.blockHeight! + 1);
    expect(await fixture.call('tx_submit', { transaction })).toEqual({ id, status: 'included' });
    expect(await reasonOf(sign(orderOf({ sequence: 2 }, 12)))).toBe('TX_DUPLICATE');
  });

  it('names the transactions that were dropped', async () => {
    const violation = { code: 'TX_EXPIRED', message: 'its window closed before a block included it' };
    const remembered = fixture.access.transactionStatus;
    Object.assign(fixture.access, { transactionStatus: () => ({ status: 'dropped', violation }) });
    const dropped = await fixture.fail('tx_get', { id: 'e'.repeat(64) });
    Object.assign(fixture.access, { transactionStatus: remembered });
    expect(dropped).toMatchObject({ code: -32003, data: { reason: 'TX_DROPPED', violation } });
  });
});
