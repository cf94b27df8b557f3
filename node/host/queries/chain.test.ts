import { beforeAll, describe, expect, it } from 'vitest';
import { verifyBranch } from '../../protocol/proof.ts';
import { Receipts, Trade } from '../../protocol/receipts.ts';
import { Transaction } from '../../protocol/types.ts';
import { receiptsKey } from '../../storage/layout.ts';
import { equalBytes, fromHex, toHex } from '../../util/bytes.ts';
import { reorganisationOf } from './chain.ts';
import { createFixture, type Fixture } from './test-access.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await createFixture(1);
  await fixture.run(150_000);
});

const HASH = 'f'.repeat(64);

describe('node, net, mining and regulator', () => {
  it('say who the node is', async () => {
    const info = await fixture.call('node_info');
    expect(info).toMatchObject({
      name: 'node-01',
      member: 'p-0000',
      chainName: 'simulation',
      pid: process.pid,
    });
    expect(info.genesisHash).toBe(fixture.core.chain.genesis.idHex);
    const [peer] = await fixture.call('net_peers');
    expect(peer).toMatchObject({ meshTopics: ['block', 'tx'], direction: 'outbound', rttMs: 0 });
  });

  it('are ready exactly when no condition is unmet', async () => {
    expect((await fixture.call('node_health')).ready).toBe(true);
    fixture.unready.push('no peers in the gossip mesh');
    const health = await fixture.call('node_health');
    fixture.unready.pop();
    expect(health.ready).toBe(false);
    expect(health.checks).toContainEqual({
      name: 'readiness',
      ok: false,
      detail: 'no peers in the gossip mesh',
    });
  });

  it('answer before they shut down', async () => {
    const before = fixture.shutdowns();
    expect(await fixture.call('node_shutdown')).toEqual({ accepted: true });
    expect(fixture.shutdowns()).toBe(before);
    await new Promise(setImmediate);
    expect(fixture.shutdowns()).toBe(before + 1);
  });

  it('switch mining off and on, and count what was mined', async () => {
    const info = await fixture.call('mining_getInfo');
    const own = [...fixture.executed.values()].filter(({ node }) => node.author === 0).length;
    expect(info).toMatchObject({
      enabled: true,
      member: 'p-0000',
      hashesPerSecond: 410,
      hasher: 'as-sha256',
    });
    expect(info.blocksMined).toBe(own);
    expect(info.currentHeight).toBe(fixture.core.chain.tip().height + 1);
    expect(await fixture.call('mining_stop')).toEqual({ enabled: false });
    expect((await fixture.call('mining_getInfo')).enabled).toBe(false);
    expect(await fixture.call('mining_start')).toEqual({ enabled: true });
  });

  it('show the policy of genesis and the fund', async () => {
    const policy = await fixture.call('regulator_getPolicy');
    const { genesis } = fixture.community.document;
    expect(policy.objective).toBe('maximise-p2p');
    expect(policy.bonusTiers).toEqual(genesis.policy.bonusTiers);
    expect(policy.regulators).toEqual(genesis.regulators.map((key) => toHex(key)));
    expect(BigInt(policy.fundNanoEur)).toBeGreaterThanOrEqual(0n);
  });
});

describe('chain', () => {
  it('describes the tip', async () => {
    const info = await fixture.call('chain_getInfo');
    const tip = fixture.core.chain.tip();
    expect(info).toMatchObject({
      height: tip.height,
      hash: tip.idHex,
      timestampMs: tip.timestampMs,
      safeMode: null,
    });
    expect(info.asOf).toEqual({ height: tip.height, hash: tip.idHex });
    expect(info.work).toBe(tip.work.toString(16));
    expect(info.leadingZeros).toBeGreaterThanOrEqual(3);
    expect(info.finality).toMatchObject({ depth: 12, quorum: 4, reached: true });
    expect(info.finalHeight).toBeGreaterThan(0);
    expect(info.meanBlockMs).toBeGreaterThan(200);
    expect(info.step).toBeGreaterThan(5);
    expect(info.phase).toBe('delivery');
  });

  it('gives each block by height and by hash with all its receipts', async () => {
    let trades = 0;
    for (let height = 0; height <= fixture.core.chain.tip().height; height++) {
      const node = fixture.core.chain.mainChainAt(height)!;
      const block = await fixture.call('chain_getBlock', { height });
      expect(await fixture.call('chain_getBlock', [`0x${node.idHex.toUpperCase()}`])).toEqual(block);
      const receipts = fixture.executed.get(node.idHex)?.receipts;
      expect(block.hash).toBe(node.idHex);
      expect(block.receipts?.trades.length).toBe(receipts?.trades.length ?? 0);
      expect(block.receipts?.settlements.length).toBe(receipts?.settlements.length ?? 0);
      expect(block.confirmations).toBe(fixture.core.chain.tip().height - height + 1);
      expect(block.final).toBe(height <= fixture.core.chain.final().height);
      trades += block.receipts?.trades.length ?? 0;
    }
    expect(trades).toBeGreaterThan(20);
  });

  it('gives transactions as ids or in full, and knows a block of a lost branch', async () => {
    const node = [...fixture.executed.values()].find(
      ({ node: at }) => fixture.core.chain.block(at.idHex)?.transactions.length,
    )!.node;
    const ids = (await fixture.call('chain_getBlock', { hash: node.idHex })).transactions as string[];
    const full = await fixture.call('chain_getBlock', { hash: node.idHex, transactions: 'full' });
    expect(ids.length).toBeGreaterThan(0);
    expect(full.transactions.map((row) => (row as { id: string }).id)).toEqual(ids);
  });

  it('names what is not there', async () => {
    const above = await fixture.fail('chain_getBlock', { height: fixture.core.chain.tip().height + 1 });
    expect(above).toMatchObject({ code: -32001, data: { reason: 'BLOCK_NOT_FOUND' } });
    expect((await fixture.fail('chain_getBlock', { hash: HASH })).data.reason).toBe('BLOCK_NOT_FOUND');
    expect((await fixture.fail('chain_getBlock', {})).data.reason).toBe('RPC_INVALID_PARAMS');
    expect((await fixture.fail('chain_getProof', { tradeId: HASH })).data.reason).toBe('TRADE_NOT_FOUND');
    expect((await fixture.fail('chain_getProof', { transactionId: HASH })).data.reason).toBe('TX_NOT_FOUND');
    expect((await fixture.fail('tx_get', { id: HASH })).data.reason).toBe('TX_NOT_FOUND');
    expect((await fixture.fail('prosumer_get', { id: 'p-0005' })).data.reason).toBe('PROSUMER_NOT_FOUND');
    expect((await fixture.fail('prosumer_get', { id: 'fund' })).data.reason).toBe('PROSUMER_NOT_FOUND');
  });

  it.each(['asc', 'desc'] as const)('pages blocks and headers completely (%s)', async (order) => {
    const tipHeight = fixture.core.chain.tip().height;
    for (const method of ['chain_getBlocks', 'chain_getHeaders'] as const) {
      const heights: number[] = [];
      let from: number | null | undefined;
      while (from !== null) {
        const page = await fixture.call(method, { order, limit: 7, ...(from === undefined ? {} : { from }) });
        heights.push(...page.items.map((item) => item.height));
        from = page.nextFrom;
      }
      const all = Array.from({ length: tipHeight + 1 }, (_, height) => height);
      expect(heights).toEqual(order === 'asc' ? all : all.reverse());
    }
  });

  it('sums the trades of a block as its receipts do', async () => {
    const { items } = await fixture.call('chain_getBlocks', { limit: 500 });
    for (const item of items) {
      const trades = fixture.executed.get(item.hash)?.receipts.trades ?? [];
      expect(item.tradeCount).toBe(trades.length);
      expect(item.tradedWh).toBe(trades.reduce((sum, trade) => sum + trade.energyWh, 0));
    }
  });

  it('reads receipts of fresh blocks from memory, and says so when those of a final one are lost', async () => {
    const young = await createFixture(1);
    await young.simulation.run(60_000);
    const final = young.core.chain.final();
    expect(final.height).toBeGreaterThan(0);
    // Nothing was written: above the final block everything can be executed again, below it nothing is there.
    const above = await young.call('chain_getBlock', { height: final.height + 1 });
    expect(above.receipts).not.toBeNull();
    expect((await young.call('chain_getBlock', { height: final.height })).receipts).toBeNull();
    expect((await young.fail('community_getKpis')).data.reason).toBe('RECEIPTS_MISSING');

    await young.run(1);
    const key = toHex(receiptsKey(final.id));
    expect(young.records.delete(key)).toBe(true);
    expect((await young.call('chain_getBlock', { hash: final.idHex })).receipts).toBeNull();
    expect((await young.fail('market_listTrades')).data.reason).toBe('RECEIPTS_MISSING');
    expect((await young.fail('community_getKpis')).data.reason).toBe('RECEIPTS_MISSING');
  });

  it('verifies the stored chain and names damage', async () => {
    const tip = fixture.core.chain.tip();
    const whole = await fixture.call('chain_verify');
    expect(whole).toMatchObject({
      ok: true,
      from: 0,
      to: tip.height,
      checked: tip.height + 1,
      hash: tip.idHex,
    });
    expect(whole.stateRoot).toBe(toHex(tip.signed.header.body.stateRoot));
    const part = await fixture.call('chain_verify', { to: 5 });
    expect(part).toMatchObject({ ok: true, to: 5, checked: 6, damage: [] });

    const damaged = fixture.core.chain.mainChainAt(3)!;
    const key = toHex(receiptsKey(damaged.id));
    const sound = fixture.records.get(key)!;
    fixture.records.set(
      key,
      sound.map((byte, i) => (i === 20 ? byte ^ 1 : byte)),
    );
    const record = { what: 'block' as const, height: 4, hash: HASH, reason: 'checksum', repaired: false };
    fixture.damage.push(record);
    const broken = await fixture.call('chain_verify');
    fixture.damage.pop();
    fixture.records.set(key, sound);
    expect(broken.ok).toBe(false);
    expect(broken.firstFailure).toMatchObject({ height: 3, hash: damaged.idHex });
    expect(broken.damage).toEqual([record]);
    expect((await fixture.fail('chain_verify', { from: tip.height + 1 })).data.reason).toBe(
      'RPC_INVALID_PARAMS',
    );
  });

  it('runs one verification at a time', async () => {
    const [first, same, any, other] = await Promise.all([
      fixture.call('chain_verify', { to: 6 }),
      fixture.call('chain_verify', { to: 6 }),
      fixture.call('chain_verify'),
      fixture.fail('chain_verify', { to: 7 }),
    ]);
    expect([same.hash, any.hash, any.to]).toEqual([first.hash, first.hash, 6]);
    expect(other).toMatchObject({ code: -32005, data: { reason: 'VERIFY_BUSY' } });
  });

  it('shows reorganisations with their fork', () => {
    const { chain } = fixture.core;
    const at = (height: number) => ({ height, hash: chain.mainChainAt(height)!.idHex });
    const record = { atMs: 5, depth: 2, oldTip: { height: 20, hash: HASH }, newTip: at(21), fork: at(18) };
    const shown = reorganisationOf({ ...record, droppedTransactions: [], includedAgain: [] });
    expect(shown).toMatchObject({ depth: 2, forkHeight: 18, forkHash: at(18).hash, newHeight: 21 });
  });

  it('lists the reorganisations of this node', async () => {
    const info = await fixture.call('chain_getInfo');
    const rows = await fixture.call('chain_getReorgs', { limit: 500 });
    expect(rows.length).toBe(info.reorgs);
    expect(Math.max(0, ...rows.map((row) => row.depth))).toBe(info.maxReorgDepth);
  });
});

describe('proofs', () => {
  const branchOf = (proof: { leaf: string; branch: string[]; gindex: string; blockHash: string }) => ({
    leaf: fromHex(proof.leaf)!,
    branch: proof.branch.map((node) => fromHex(node)!),
    gindex: BigInt(proof.gindex),
    root: fromHex(proof.blockHash)!,
  });

  it('prove every listed trade from its block hash, in 704 bytes', async () => {
    const { items } = await fixture.call('market_listTrades', { limit: 500 });
    expect(items.length).toBeGreaterThan(20);
    for (const trade of items) {
      const proof = await fixture.call('chain_getProof', { tradeId: trade.id });
      const branch = branchOf(proof);
      expect(verifyBranch(branch)).toBe(true);
      expect(proof).toMatchObject({ subject: 'trade', blockHash: trade.blockHash, leaf: trade.id });
      expect(proof.branch.length * 32).toBe(704);
      const bytes = fromHex(proof.encoded)!;
      expect(equalBytes(Trade.hashTreeRoot(Trade.deserialize(bytes)), branch.leaf)).toBe(true);
    }
  });

  it('fail when one byte anywhere is flipped', async () => {
    const { items } = await fixture.call('market_listTrades', { limit: 1 });
    const sound = branchOf(await fixture.call('chain_getProof', { tradeId: items[0]!.id }));
    for (let node = 0; node < sound.branch.length; node++) {
      const branch = sound.branch.map((bytes, i) =>
        i === node ? bytes.map((b, j) => (j === 31 ? b ^ 1 : b)) : bytes,
      );
      expect(verifyBranch({ ...sound, branch })).toBe(false);
    }
  });

  it('prove transactions that this node has no memory of', async () => {
    const { chain } = fixture.core;
    const node = [...fixture.executed.values()].find(
      ({ node: at }) =>
        (chain.block(at.idHex)?.transactions.length ?? 0) > 2 && chain.mainChainAt(at.height) === at,
    )!.node;
    const ids = (await fixture.call('chain_getBlock', { height: node.height })).transactions as string[];
    const remembered = fixture.access.transactionStatus;
    Object.assign(fixture.access, { transactionStatus: () => ({ status: 'unknown' }) });
    for (const id of ids) {
      const proof = await fixture.call('chain_getProof', { transactionId: id });
      expect(verifyBranch(branchOf(proof))).toBe(true);
      expect(proof).toMatchObject({ subject: 'transaction', leaf: id, blockHeight: node.height });
      expect(toHex(Transaction.hashTreeRoot(Transaction.deserialize(fromHex(proof.encoded)!)))).toBe(id);
      const found = await fixture.call('tx_get', { id });
      expect(found).toMatchObject({ id, blockHash: node.idHex });
      expect(found.status).toBe(proof.final ? 'final' : found.confirmations >= 12 ? 'confirmed' : 'included');
    }
    Object.assign(fixture.access, { transactionStatus: remembered });
  });

  it('carry a header that hashes to the block', async () => {
    const { items } = await fixture.call('market_listTrades', { limit: 1 });
    const { header, blockHash } = await fixture.call('chain_getProof', { tradeId: items[0]!.id });
    const executed = fixture.executed.get(blockHash)!;
    expect(header.hash).toBe(blockHash);
    expect(header.receiptsRoot).toBe(toHex(Receipts.hashTreeRoot(executed.receipts)));
  });
});
