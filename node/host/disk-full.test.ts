/** A disk without space: the node stays, says so, takes nothing more in, and goes on by itself. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { blockId, encode } from '../protocol/codec.ts';
import { Block } from '../protocol/types.ts';
import { openLevelStore } from '../storage/level-store.ts';
import { createPatientStore, folderHasSpace, type PatientStore } from '../storage/patient-store.ts';
import { toHex } from '../util/bytes.ts';
import { createRng } from '../util/rng.ts';
import type { NodeAccess } from './access.ts';
import { installHasher } from './hasher.ts';
import { readChain } from './open-chain.ts';
import { healthOf } from './queries/node.ts';
import { createSimDisk } from './simulation/disk.ts';
import { createHandMiner, type Life, recordLife, type WorldBlock } from './test-crash-world.ts';
import { createTestPeer, SILENT, startTestNode, until } from './test-node.ts';

const GENEROUS_MS = 60_000;
let life: Life;
let path: WorldBlock[];
beforeAll(async () => {
  await installHasher();
  life = await recordLife({ blocks: 40, seed: 3n });
  path = [];
  for (let node = life.tip; node.parent !== null; node = node.parent)
    path.unshift(life.blocks.get(node.idHex)!);
});

/** Runs a node into a full disk and out of it; `setFull` acts on the disk below the store. */
async function fillAndFree(store: PatientStore, setFull: (full: boolean) => void): Promise<void> {
  const { miner, find } = createHandMiner();
  let isPeerHeard = false;
  const node = startTestNode(await readChain(store, life.options), {
    miner,
    peer: (protocol, bytes) => {
      if (!isPeerHeard) return null;
      return createTestPeer({
        tip: () => life.tip,
        block: (idHex) => life.blocks.get(idHex)?.block,
      })(protocol, bytes);
    },
  });
  const verdicts = node.verdicts;
  const hear = ({ node: { idHex }, block }: WorldBlock) =>
    node.runtime.dispatch({
      type: 'gossip',
      topic: 'block',
      messageId: idHex,
      from: 'peer',
      bytes: encode(Block, block),
    });
  const health = () =>
    healthOf({
      network: { peers: () => [{}], meshPeers: () => [{}] },
      core: node.core,
      store: node.store,
      damage: () => [],
      unready: () => [],
    } as unknown as NodeAccess);
  for (const held of path.slice(0, 10)) hear(held);
  expect(health().ready).toBe(true);

  setFull(true);
  node.runtime.dispatch({ type: 'setMining', on: true });
  const found = find(path[10]!.node.timestampMs);
  node.runtime.dispatch({ type: 'mined', ...found });
  const own = node.core.chain.tip();
  expect([own.height, own.author]).toEqual([11, 0]);
  await until('the node notices', () => store.waiting() !== null, GENEROUS_MS);
  expect(health()).toMatchObject({ live: true, ready: false });
  expect(health().checks).toContainEqual({
    name: 'disk',
    ok: false,
    detail: expect.stringMatching(/^STORE_NO_SPACE: .* has no space left/),
  });
  expect(() => find(own.timestampMs + 2000)).toThrow('there is a job');
  for (const held of path.slice(10, 20)) hear(held);
  expect(path.slice(10, 20).map((held) => verdicts.get(held.node.idHex))).toEqual(Array(10).fill('ignore'));
  expect(node.core.chain.tip()).toBe(own);
  expect([node.published, node.fatal]).toEqual([[], []]);

  setFull(false);
  await until('the node goes on', () => store.waiting() === null, GENEROUS_MS);
  await until('the own block is announced', () => node.published.length === 1, GENEROUS_MS);
  expect(toHex(blockId(node.published[0]!.signedHeader.header))).toBe(own.idHex);
  expect(find(own.timestampMs + 2000).jobId).toBeGreaterThan(found.jobId);
  expect(health().ready).toBe(true);
  isPeerHeard = true;
  await until(
    'sync brings what was not taken in',
    () => node.core.chain.tip() === node.core.chain.node(life.tip.idHex),
    GENEROUS_MS,
  );
  expect(node.fatal).toEqual([]);
  await node.stop();
  await store.close();
}

describe('a full disk', () => {
  it('stops the node from taking anything in until there is space, simulated', async () => {
    const disk = createSimDisk({ sync: (done) => queueMicrotask(done) });
    const store = createPatientStore(disk.open(), {
      reopen: async () => disk.open(),
      hasSpace: async () => true,
      retryMs: 5,
    });
    await fillAndFree(store, disk.setFull);
    disk.crash('prefix', createRng(1n));
    const again = await readChain(disk.open(), life.options);
    expect(again.damage).toEqual([]);
    expect(again.core.chain.tip().idHex).toBe(life.tip.idHex);
  });

  it('ends in order while it waits, and loses nothing that was announced', async () => {
    const disk = createSimDisk({ sync: (done) => queueMicrotask(done) });
    const store = createPatientStore(disk.open(), {
      reopen: async () => disk.open(),
      hasSpace: async () => false,
    });
    const node = startTestNode(await readChain(store, life.options));
    const hear = ({ node: { idHex }, block }: WorldBlock) => {
      const bytes = encode(Block, block);
      node.runtime.dispatch({ type: 'gossip', topic: 'block', messageId: idHex, from: 'peer', bytes });
    };
    for (const held of path.slice(0, 5)) hear(held);
    await until('the blocks are on disk', () => disk.image().size > 15);
    disk.setFull(true);
    hear(path[5]!);
    await until('the node notices', () => store.waiting() !== null);
    await node.stop();
    expect(node.fatal).toEqual([]);
    await store.close();
    const again = await readChain(disk.open(), life.options);
    expect(again.damage).toEqual([]);
    expect(again.core.chain.tip().height).toBe(5);
  });

  it('on a real file system: a limit on the size of files', async (context) => {
    const limit = (bytes: number | 'unlimited') =>
      execFileSync('prlimit', ['--pid', String(process.pid), `--fsize=${bytes}:unlimited`], {
        stdio: 'pipe',
      });
    try {
      limit('unlimited');
    } catch (error) {
      return context.skip(`no limit can be set here: ${(error as Error).message}`);
    }
    const dir = mkdtempSync(join(tmpdir(), 'wattmesh-full-'));
    const open = () => openLevelStore(dir, { log: SILENT });
    try {
      const store = createPatientStore(await open(), {
        reopen: open,
        hasSpace: (bytes) => folderHasSpace(dir, bytes),
        retryMs: 20,
      });
      await fillAndFree(store, (isFull) => limit(isFull ? 1024 : 'unlimited'));
      const again = await open();
      expect(again.losses).toEqual([]);
      const chain = await readChain(again, life.options);
      expect(chain.damage).toEqual([]);
      expect(chain.core.chain.tip().idHex).toBe(life.tip.idHex);
      await again.close();
    } finally {
      limit('unlimited');
      rmSync(dir, { recursive: true, force: true });
    }
  });
});
