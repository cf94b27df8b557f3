import { pino } from 'pino';
import { beforeAll, describe, expect, it } from 'vitest';
import type { CoreEvent } from '../core/events.ts';
import type { Core } from '../core/node.ts';
import { emptyReceipts } from '../market/context.ts';
import type { Store } from '../storage/interface.ts';
import { blockKey, receiptsKey } from '../storage/layout.ts';
import { createMemoryStore } from '../storage/memory-store.ts';
import { toHex } from '../util/bytes.ts';
import { type ChainStore, createChainStore } from './chain-store.ts';
import { createFixture, type Fixture } from './queries/test-access.ts';
import { createRepair } from './repair.ts';

let fixture: Fixture;
let core: Core;
let store: ChainStore;
beforeAll(async () => {
  fixture = await createFixture(11);
  await fixture.run(60_000);
  ({ core } = fixture);
  ({ store } = fixture.access);
});

const nodeAt = (height: number) => core.chain.mainChainAt(height)!;

function flip(key: Uint8Array): void {
  const record = fixture.records.get(toHex(key))!;
  record[record.length - 1]! ^= 1;
}

/** A repair whose core writes anew what it still has in memory. */
function start() {
  const repair = createRepair([], {
    core,
    store,
    log: pino({ level: 'silent' }),
    dispatch(event: CoreEvent) {
      for (const effect of core.step(event, { wallMs: fixture.access.nowMs(), monoMs: 0 })) {
        if (effect.type !== 'repaired') continue;
        const { height, id } = effect.node;
        void store.rewrite({ height, id, block: effect.block }).then(() => repair.onRepaired(height));
      }
    },
  });
  return repair;
}

describe('repair', () => {
  it.each(['block', 'receipts'] as const)(
    'mends a damaged record (%s) that a verification meets',
    async (what) => {
      const node = nodeAt(9);
      flip(what === 'block' ? blockKey(9, node.id) : receiptsKey(node.id));
      const repair = start();
      const to = core.chain.tip().height;
      const { ok, firstFailure } = await repair.verify({ to });
      expect({ ok, firstFailure }).toMatchObject({
        ok: false,
        firstFailure: { height: 9, hash: node.idHex },
      });
      expect(repair.damage()).toMatchObject([{ what, height: 9, hash: node.idHex }]);
      await expect.poll(() => repair.damage()[0]!.repaired, { timeout: 60_000 }).toBe(true);
      expect(await repair.verify({ to })).toMatchObject({ ok: true, checked: to });
      repair.stop();
    },
  );

  it('stays out of what is no damage of a record', async () => {
    const { header, signature } = nodeAt(5).signed;
    const body = { ...header.body, stateRoot: new Uint8Array(32) };
    const forged = { signedHeader: { header: { ...header, body }, signature }, transactions: [] };
    const strange: ChainStore = {
      ...store,
      block: async (height, id) => (height === 5 ? forged : store.block(height, id)),
    };
    const repair = createRepair([], {
      core,
      store: strange,
      log: pino({ level: 'silent' }),
      dispatch: () => expect.unreachable('nothing is to be fetched'),
    });
    expect((await repair.verify({ to: 8 })).firstFailure).toMatchObject({ height: 5, rule: 'BLOCK_WORK' });
    expect(repair.damage()).toEqual([]);
  });
});

describe('the chain store', () => {
  it('lets a reader wait for the write of a block under way', async () => {
    const memory = createMemoryStore();
    let finish = () => {};
    const gate = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const slow: Store = {
      ...memory,
      async write(ops, options) {
        await gate;
        await memory.write(ops, options);
      },
    };
    const chain = createChainStore(slow, 0n);
    const node = nodeAt(3);
    const block = (await store.block(3, node.id))!;
    const written = chain.persist({
      batch: 1,
      blocks: [{ node, block, receipts: emptyReceipts() }],
      snapshots: [],
      dropSnapshots: [],
      commit: { tipId: node.id, tipHeight: 3, finalHeight: 0, snapshotHeight: 0 },
      authored: null,
      forgetAuthored: [],
    });
    const reads = Promise.all([chain.block(3, node.id), chain.receipts(node.id)]);
    const other = nodeAt(4);
    expect(await chain.block(4, other.id)).toBeNull();
    finish();
    await written;
    expect(await reads).toEqual([block, emptyReceipts()]);
  });
});
