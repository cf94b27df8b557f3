/** What a start makes of records that a crash or damage left in part. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { Store } from '../storage/interface.ts';
import { authoredKey, blockKey, headerKey, parseKey } from '../storage/layout.ts';
import { createMemoryStore } from '../storage/memory-store.ts';
import { toHex } from '../util/bytes.ts';
import { installHasher } from './hasher.ts';
import { loadChain } from './load-chain.ts';
import { readChain } from './open-chain.ts';
import { type Life, recordLife } from './test-crash-world.ts';

let life: Life;
beforeAll(async () => {
  await installHasher();
  life = await recordLife({ blocks: 20, seed: 4n });
});

const genesis = () => life.options.beginning.block.signedHeader;

/** A store with the batches up to and including the one in which the chain was first reorganised. */
async function reorganised(): Promise<{ store: Store; before: string; fork: number; after: string }> {
  const store = createMemoryStore();
  let tip = life.options.beginning.block.signedHeader.header.body.height;
  let before = '';
  for (const batch of life.batches) {
    const added = batch
      .map((op) => parseKey(op.key))
      .flatMap((key) => (key?.family === 'block' ? [key] : []))
      .sort((a, b) => a.height - b.height);
    await store.write(batch, { sync: true });
    if (added.length === 0) continue;
    const last = added.at(-1)!;
    if (added[0]!.height <= tip) return { store, before, fork: added[0]!.height - 1, after: toHex(last.id) };
    before = toHex(last.id);
    tip = last.height;
  }
  throw new Error('nothing was reorganised');
}

const del = (key: Uint8Array) => [{ type: 'del', key } as const];

describe('a start', () => {
  it('stands on the committed branch when all of it is here', async () => {
    const { store, after } = await reorganised();
    const { core, damage } = await readChain(store, life.options);
    expect([core.chain.tip().idHex, damage]).toEqual([after, []]);
  });

  it('stands on the branch before, when the first body of the committed one is not here', async () => {
    const { store, before, after, fork } = await reorganised();
    let node = life.blocks.get(after)!.node;
    while (node.height > fork + 1) node = node.parent!;
    await store.write(del(blockKey(node.height, node.id)), { sync: true });
    const { core, damage } = await readChain(store, life.options);
    expect(core.chain.tip().idHex).toBe(before);
    expect(core.chain.tip().height).toBeGreaterThan(fork);
    expect(damage).toContainEqual(expect.objectContaining({ what: 'tip', hash: after }));
  });

  it('takes a block of its own for a guard that is gone', async () => {
    const { store } = await reorganised();
    const own = [...life.blocks.values()].find(({ node }) => node.author === 0)!.node;
    const guards = async (member: number | null) =>
      (await loadChain(store, genesis(), member)).ownBlocks.map(({ id }) => toHex(id));
    expect(await guards(0)).toContain(own.idHex);
    await store.write(del(authoredKey(own.parent!.id)), { sync: true });
    expect(await guards(null)).not.toContain(own.idHex);
    expect(await guards(0)).toContain(own.idHex);
    await store.write(del(headerKey(own.height, own.id)), { sync: true });
    expect(await guards(0)).toContain(own.idHex);
    await store.write(del(blockKey(own.height, own.id)), { sync: true });
    expect(await guards(0)).not.toContain(own.idHex);
  });
});
