/** Every moment at which a node can lose its power, and what its next start makes of what the disk kept. */
import { beforeAll, describe, expect, it } from 'vitest';
import { blockId, encode } from '../protocol/codec.ts';
import { Block } from '../protocol/types.ts';
import type { Store } from '../storage/interface.ts';
import { authoredKey, blockKey } from '../storage/layout.ts';
import { fromHex, toHex } from '../util/bytes.ts';
import { createRng, deriveSeed, type Rng } from '../util/rng.ts';
import { installHasher } from './hasher.ts';
import { type OpenChain, readChain } from './open-chain.ts';
import { type CrashMode, createSimDisk, type SimDisk } from './simulation/disk.ts';
import { type Boundary, type Life, recordLife } from './test-crash-world.ts';
import { createTestPeer, startTestNode, until } from './test-node.ts';

const MODES: readonly CrashMode[] = ['prefix', 'subset', 'torn'];
/** Every mode at every boundary of a longer life, where asked for; otherwise one mode at each, in turn. */
const IS_FULL = process.env.WATTMESH_CRASH === 'full';
const BLOCKS = IS_FULL ? 500 : 200;
const REORGANISATIONS = BLOCKS / 10;
/** Boundaries after a crash until whose moment the life goes on. */
const AFTERLIFE = 4;

let life: Life;
beforeAll(async () => {
  await installHasher();
  life = await recordLife({ blocks: BLOCKS, seed: 1n });
}, 300_000);

const figures = { trials: 0, damaged: 0, killedInRecovery: 0, lostBatches: 0 };

/** A store that dies after so many operations, as the process does. */
function mortal(store: Store, operations: number, onDeath: () => void): Store {
  let left = operations;
  const live = () => {
    if (left-- > 0) return;
    onDeath();
    throw new Error('killed');
  };
  return {
    async write(ops, options) {
      live();
      return store.write(ops, options);
    },
    async get(key) {
      live();
      return store.get(key);
    },
    async *range(from, to, limit) {
      live();
      yield* store.range(from, to, limit);
    },
    close: () => store.close(),
  };
}

/** The disk after a crash just behind the beginning of an operation. */
async function crashedDisk(boundary: Boundary, mode: CrashMode, rng: Rng): Promise<SimDisk> {
  const disk = createSimDisk({ sync: (done) => queueMicrotask(done) });
  disk.restore(boundary.image);
  const store = disk.open();
  for (const batch of boundary.pending) await store.write(batch, { sync: false });
  disk.crash(mode, rng);
  if (disk.image().size < boundary.image.size + boundary.pending.flat().length) figures.lostBatches += 1;
  return disk;
}

/** Starts, mends and catches up until it is killed after so many operations; how far it came is of no matter. */
async function startAndDie(disk: SimDisk, boundary: Boundary, operations: number): Promise<void> {
  let isDead = false;
  const store = mortal(disk.open(), operations, () => {
    isDead = true;
  });
  try {
    const node = startTestNode(await readChain(store, life.options), { peer: peerAt(boundary) });
    await until('killed or whole', () => isDead || isWhole(node, boundary));
    await node.stop();
  } catch (error) {
    if (!isDead) throw error;
  }
  if (isDead) figures.killedInRecovery += 1;
}

function laterThan(boundary: Boundary): Boundary {
  const at = life.boundaries.indexOf(boundary);
  return life.boundaries[Math.min(at + AFTERLIFE, life.boundaries.length - 1)]!;
}

function peerAt(boundary: Boundary): ReturnType<typeof createTestPeer> {
  return createTestPeer({
    tip: () => laterThan(boundary).networkTip,
    block: (idHex) => life.blocks.get(idHex)?.block,
  });
}

function isWhole(node: ReturnType<typeof startTestNode>, boundary: Boundary): boolean {
  if (node.fatal.length > 0) throw node.fatal[0];
  const isThere = node.core.chain.tip().work >= laterThan(boundary).networkTip.work;
  return isThere && node.repair.damage().every(({ repaired }) => repaired);
}

/** Nothing that was synced is lost, and nothing that was said becomes untrue. */
async function checkPromises(chain: Omit<OpenChain, 'document'>, boundary: Boundary): Promise<void> {
  const { core, store } = chain;
  const { syncedTip, guards, announced } = boundary;
  const promised = syncedTip === null ? 0n : life.blocks.get(syncedTip)!.node.work;
  expect(core.chain.tip().work).toBeGreaterThanOrEqual(promised);
  for (const parent of guards) expect(await store.raw.get(authoredKey(fromHex(parent)!))).not.toBeNull();
  for (const block of announced) {
    const { node } = life.blocks.get(toHex(blockId(block.signedHeader.header)))!;
    expect(await store.raw.get(blockKey(node.height, node.id))).toEqual(encode(Block, block));
  }
}

async function tryCrash(boundary: Boundary, mode: CrashMode, rng: Rng): Promise<void> {
  figures.trials += 1;
  const disk = await crashedDisk(boundary, mode, rng);
  await startAndDie(disk, boundary, rng.below(12));
  disk.crash(mode, rng);
  const chain = await readChain(disk.open(), life.options);
  await checkPromises(chain, boundary);
  const isDamaged = chain.damage.length > 0;
  const node = startTestNode(chain, { peer: peerAt(boundary) });
  await until('the node is whole', () => isWhole(node, boundary));
  await node.stop();
  await chain.store.raw.close();
  if (!isDamaged) return;
  figures.damaged += 1;
  const again = await readChain(disk.open(), life.options);
  expect(again.damage).toEqual([]);
  await checkPromises(again, boundary);
}

describe('a crash at any boundary', () => {
  it('has a life with reorganisations, snapshots and own blocks behind it', () => {
    expect(life.tip.height).toBeGreaterThanOrEqual(BLOCKS);
    expect(life.stats.reorganisations).toBeGreaterThanOrEqual(REORGANISATIONS);
    expect(life.stats.deepestReorganisation).toBe(8);
    expect(life.stats.blocksStale).toBeGreaterThan(0);
    expect(life.boundaries.at(-1)!.announced.length).toBeGreaterThanOrEqual(REORGANISATIONS);
    expect([...life.boundaries.at(-1)!.image.keys()].some((key) => key.startsWith('13'))).toBe(true);
    expect(life.boundaries.some(({ pending }) => pending.length > 2)).toBe(true);
  });

  it('is recovered from, and nothing that was synced is lost', { timeout: 3_600_000 }, async () => {
    for (const [i, boundary] of life.boundaries.entries()) {
      for (const mode of IS_FULL ? MODES : [MODES[i % 3]!]) {
        const rng = createRng(deriveSeed(BigInt(i), mode));
        await tryCrash(boundary, mode, rng).catch((error: unknown) => {
          throw new Error(`boundary ${i}, ${mode}`, { cause: error });
        });
      }
    }
    expect(figures.killedInRecovery).toBeGreaterThan(figures.trials / 4);
    expect(figures.damaged).toBeGreaterThan(0);
    expect(figures.lostBatches).toBeGreaterThan(0);
    if (IS_FULL) process.stdout.write(`${JSON.stringify(figures)}\n`);
  });
});
