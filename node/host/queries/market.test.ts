import { beforeAll, describe, expect, it } from 'vitest';
import type { Trade } from '../../protocol/receipts.ts';
import { TRADE_KINDS } from '../../protocol/receipts.ts';
import type { ParamsInput, Result } from '../../rpc/schema/methods.ts';
import { createFixture, type Fixture } from './test-access.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await createFixture(2);
  await fixture.run(150_000);
});

type Row = Result<'market_listTrades'>['items'][number];

/** Trades of the main chain as execution gave them, oldest first. */
function executedTrades(): { trade: Trade; hash: string }[] {
  const { chain } = fixture.core;
  const all: { trade: Trade; hash: string }[] = [];
  for (let height = 1; height <= chain.tip().height; height++) {
    const { idHex } = chain.mainChainAt(height)!;
    for (const trade of fixture.executed.get(idHex)!.receipts.trades) all.push({ trade, hash: idHex });
  }
  return all;
}

const rowKey = (row: Row) => `${row.step}/${row.sequence}/${row.blockHash}`;
const tradeKey = ({ trade, hash }: { trade: Trade; hash: string }) =>
  `${trade.step}/${trade.sequence}/${hash}`;

async function everyPage(params: ParamsInput<'market_listTrades'>): Promise<Row[]> {
  const rows: Row[] = [];
  let cursor: string | null | undefined;
  while (cursor !== null) {
    const page = await fixture.call('market_listTrades', {
      ...params,
      ...(cursor === undefined ? {} : { cursor }),
    });
    expect(page.items.length).toBeLessThanOrEqual(params.limit ?? 100);
    rows.push(...page.items);
    cursor = page.nextCursor;
  }
  return rows;
}

describe('market_listTrades', () => {
  it.each([1, 3, 500])('gives every trade exactly once in both orders, %i at a time', async (limit) => {
    const expected = executedTrades().map(tradeKey);
    expect(expected.length).toBeGreaterThan(20);
    expect((await everyPage({ order: 'asc', limit })).map(rowKey)).toEqual(expected);
    expect((await everyPage({ order: 'desc', limit })).map(rowKey)).toEqual([...expected].reverse());
  });

  it('gives ids that are unique, and blocks that are final up to the final height', async () => {
    const rows = await everyPage({});
    expect(new Set(rows.map((row) => row.id)).size).toBe(rows.length);
    for (const row of rows) expect(row.final).toBe(row.blockHeight <= fixture.core.chain.final().height);
  });

  it.each(['asc', 'desc'] as const)('filters by step, kind and member (%s)', async (order) => {
    const all = executedTrades();
    const same = (rows: Row[], wanted: typeof all) =>
      expect(rows.map(rowKey)).toEqual((order === 'asc' ? wanted : [...wanted].reverse()).map(tradeKey));
    const lastStep = Math.max(...all.map(({ trade }) => trade.step));
    for (let step = 0; step <= lastStep + 1; step++) {
      same(
        await everyPage({ step, order, limit: 2 }),
        all.filter(({ trade }) => trade.step === step),
      );
    }
    for (const [number, kind] of TRADE_KINDS.entries()) {
      same(
        await everyPage({ kind, order, limit: 4 }),
        all.filter(({ trade }) => trade.kind === number),
      );
    }
    for (const member of ['p-0003', '3', 'p-3']) {
      const of = all.filter(({ trade }) => trade.seller === 3 || trade.buyer === 3);
      same(await everyPage({ member, order, limit: 5 }), of);
    }
    const both = all.filter(({ trade }) => trade.step === 2 && trade.kind === 1 && trade.buyer === 1);
    const bought = await everyPage({ step: 2, kind: 'AUCTION', member: 'p-0001', order, limit: 1 });
    same(
      bought.filter((row) => row.buyer === 'p-0001'),
      both,
    );
  });

  it('refuses cursors of nothing, of lost blocks, and members that do not exist', async () => {
    const { chain } = fixture.core;
    const lost = `${chain.tip().height}.0.${'a'.repeat(64)}`;
    expect(await fixture.fail('market_listTrades', { cursor: lost })).toMatchObject({
      code: -32009,
      data: { reason: 'CURSOR_CONFLICT' },
    });
    for (const cursor of ['x', '1.2', `-1.0.${'a'.repeat(64)}`, `${'9'.repeat(11)}.0.${'a'.repeat(64)}`]) {
      expect((await fixture.fail('market_listTrades', { cursor })).data.reason).toBe('RPC_INVALID_PARAMS');
    }
    const stranger = await fixture.fail('market_listTrades', { member: 'p-0005' });
    expect(stranger.data.reason).toBe('PROSUMER_NOT_FOUND');
  });

  it('goes on from a cursor when new blocks have come', async () => {
    const own = await createFixture(3);
    await own.run(120_000);
    const before = await own.call('market_listTrades', { limit: 500 });
    const first = await own.call('market_listTrades', { limit: 3 });
    const forward = await own.call('market_listTrades', { limit: 3, order: 'asc' });
    const height = own.core.chain.tip().height;
    await own.run(40_000);
    expect(own.core.chain.tip().height).toBeGreaterThan(height);
    const rest = await own.call('market_listTrades', { limit: 500, cursor: first.nextCursor! });
    expect([...first.items, ...rest.items].map((row) => row.id)).toEqual(before.items.map((row) => row.id));
    const later = await own.call('market_listTrades', {
      limit: 500,
      order: 'asc',
      cursor: forward.nextCursor!,
    });
    const all = [...forward.items, ...later.items].map((row) => row.id);
    expect(all.slice(0, before.items.length)).toEqual(before.items.map((row) => row.id).reverse());
    expect(all.length).toBeGreaterThan(before.items.length);
  });
});

describe('market_getStep', () => {
  it('adds up what the receipts of every step say', async () => {
    const all = executedTrades();
    const state = fixture.core.chain.execution(fixture.core.chain.tip()).state;
    const { nextToClear, nextToSettle } = state.market();
    expect(nextToSettle).toBeGreaterThan(4);
    for (let step = 0; step <= nextToClear + 3; step++) {
      const shown = await fixture.call('market_getStep', { step });
      const own = all.filter(({ trade }) => trade.step === step).map(({ trade }) => trade);
      const wh = (kind: number) =>
        own.filter((trade) => trade.kind === kind).reduce((sum, trade) => sum + trade.energyWh, 0);
      expect(shown.energy).toEqual({ p2pWh: wh(0), auctionWh: wh(1), gridBuyWh: wh(2), gridSellWh: wh(3) });
      expect(shown.trades).toBe(own.length);
      expect(shown.cleared).toBe(step < nextToClear);
      expect(shown.settled).toBe(step < nextToSettle);
      expect(shown.settled).toBe(shown.phase === 'settled');
      expect(shown.wholesaleMicroEurPerKwh === null).toBe(!shown.cleared);
      expect(shown.readingsUntilMs - shown.deliveryFromMs).toBe(24_000);
    }
  });

  it('shows the delivering step by default, in its phase', async () => {
    const shown = await fixture.call('market_getStep');
    const info = await fixture.call('chain_getInfo');
    expect(shown).toMatchObject({ step: info.step, phase: 'delivery' });
    expect(shown.deliveryFromMs).toBeLessThanOrEqual(info.marketClockMs);
    expect(shown.deliveryUntilMs).toBeGreaterThan(info.marketClockMs);
    const phases = [];
    for (let step = info.step; step < info.step + 5; step++) {
      phases.push((await fixture.call('market_getStep', { step })).phase);
    }
    expect(phases).toEqual(['delivery', 'orders', 'orders', 'waiting', 'waiting']);
  });

  it('shows step 0 before anything delivers, and refuses a step beyond all calendars', async () => {
    const young = await createFixture(4);
    expect(await young.call('market_getStep')).toMatchObject({
      step: 0,
      phase: 'orders',
      cleared: false,
      trades: 0,
    });
    expect((await young.call('chain_getInfo')).step).toBe(-1);
    const kpis = await young.call('community_getKpis');
    expect(kpis).toMatchObject({ fromStep: 0, toStep: 0, settledSteps: 0, localShareBps: null });
    expect((await young.fail('market_getStep', { step: 0xffff_ffff })).data.reason).toBe(
      'RPC_INVALID_PARAMS',
    );
  });
});

describe('market_getOrderBook', () => {
  it('groups the orders of the next step to clear by price, best first', async () => {
    const book = await fixture.call('market_getOrderBook');
    const { state } = fixture.core.chain.execution(fixture.core.chain.tip());
    expect(book.step).toBe(state.market().nextToClear);
    const orders = state.orders(book.step);
    expect(orders.length).toBeGreaterThan(0);
    for (const [side, levels] of [book.bids, book.asks].entries()) {
      const own = orders.filter((order) => order.side === side);
      expect(levels.reduce((sum, level) => sum + level.energyWh, 0)).toBe(
        own.reduce((n, o) => n + o.energyWh, 0),
      );
      expect(levels.reduce((sum, level) => sum + level.orders, 0)).toBe(own.length);
      const prices = levels.map((level) => level.priceMicroEurPerKwh);
      expect(prices).toEqual([...prices].sort((a, b) => (side === 0 ? b - a : a - b)));
    }
    const short = await fixture.call('market_getOrderBook', { step: book.step, depth: 1 });
    expect(short.bids).toEqual(book.bids.slice(0, 1));
    expect((await fixture.call('market_getOrderBook', { step: 0 })).bids).toEqual([]);
  });
});

describe('community_getKpis', () => {
  it('agrees with trades, settlements, balances and blocks', async () => {
    const kpis = await fixture.call('community_getKpis');
    const trades = executedTrades().map(({ trade }) => trade);
    const { chain } = fixture.core;
    const sum = (kind: number) => trades.filter((t) => t.kind === kind).reduce((n, t) => n + t.energyWh, 0);
    expect(kpis.energy).toEqual({ p2pWh: sum(0), auctionWh: sum(1), gridBuyWh: sum(2), gridSellWh: sum(3) });
    expect(kpis.trades).toBe(trades.length);
    expect(kpis.residualWh).toBe(0);
    expect(kpis.balances.residualNanoEur).toBe('0');
    expect(BigInt(kpis.feesNanoEur)).toBe(trades.reduce((n, t) => n + t.feeNanoEur, 0n));
    expect(BigInt(kpis.penaltiesNanoEur)).toBe(trades.reduce((n, t) => n + t.penaltyNanoEur, 0n));
    expect(kpis.localShareBps).toBe(Math.floor(((sum(0) + sum(1)) * 10_000) / (sum(0) + sum(1) + sum(2))));
    expect(kpis.communityPriceMicroEurPerKwh).toBeGreaterThan(80_000);
    expect(kpis.blocksPerMiner.reduce((n, row) => n + row.blocks, 0)).toBe(chain.tip().height);
    const { membersNanoEur, aggregatorNanoEur, networkOperatorNanoEur, fundNanoEur, treasuryNanoEur } =
      kpis.balances;
    const parts = [membersNanoEur, aggregatorNanoEur, networkOperatorNanoEur, fundNanoEur, treasuryNanoEur];
    expect(parts.reduce((n, part) => n + BigInt(part), 0n)).toBe(0n);
  });

  it('of ranges add up to those of the whole', async () => {
    const whole = await fixture.call('community_getKpis');
    const low = await fixture.call('community_getKpis', { toStep: 3 });
    const high = await fixture.call('community_getKpis', { fromStep: 4, toStep: whole.toStep });
    expect(low.settledSteps).toBe(4);
    expect(low.settledSteps + high.settledSteps).toBe(whole.settledSteps);
    for (const field of ['trades', 'importWh', 'exportWh', 'residualWh'] as const) {
      expect(low[field] + high[field]).toBe(whole[field]);
    }
    expect(low.energy.gridBuyWh + high.energy.gridBuyWh).toBe(whole.energy.gridBuyWh);
    expect(BigInt(low.feesNanoEur) + BigInt(high.feesNanoEur)).toBe(BigInt(whole.feesNanoEur));
    const one = await fixture.call('community_getKpis', { fromStep: 2, toStep: 2 });
    const step = await fixture.call('market_getStep', { step: 2 });
    expect(one.energy).toEqual(step.energy);
    const refused = await fixture.fail('community_getKpis', { fromStep: 4, toStep: 3 });
    expect(refused.data.reason).toBe('RPC_INVALID_PARAMS');
  });
});

describe('prosumers', () => {
  it('are listed page by page, and filtered by neighbourhood', async () => {
    const ids: string[] = [];
    let cursor: string | null | undefined;
    while (cursor !== null) {
      const page = await fixture.call('prosumer_list', {
        limit: 2,
        ...(cursor === undefined ? {} : { cursor }),
      });
      ids.push(...page.items.map((item) => item.id));
      cursor = page.nextCursor;
    }
    expect(ids).toEqual(['p-0000', 'p-0001', 'p-0002', 'p-0003', 'p-0004']);
    const near = await fixture.call('prosumer_list', { neighbourhood: 1, limit: 2 });
    expect(near.items.map((item) => item.id)).toEqual(['p-0001', 'p-0004']);
    expect(near.nextCursor).toBeNull();
    expect((await fixture.fail('prosumer_list', { cursor: 'fund' })).data.reason).toBe('RPC_INVALID_PARAMS');
  });

  it('have the balances of the state', async () => {
    const { state } = fixture.core.chain.execution(fixture.core.chain.tip());
    for (const [index, id] of ['p-0000', '1', 'p-2'].entries()) {
      const shown = await fixture.call('prosumer_get', { id });
      const account = state.account(index);
      expect(shown).toMatchObject({ id: `p-000${index}`, status: 'active', miner: true });
      expect(BigInt(shown.balanceNanoEur)).toBe(account.creditNanoEur - account.debitNanoEur);
      expect(BigInt(shown.reservedNanoEur)).toBe(state.reservedNanoEur(index));
      expect(shown.importWh).toBe(account.importRegisterWh);
    }
  });
});
