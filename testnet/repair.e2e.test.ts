/** One byte of a node's data folder is flipped while it is down: it names what is damaged and mends it. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { dataFolder } from '../node/config/data-folder.ts';
import { encode } from '../node/protocol/codec.ts';
import { Receipts } from '../node/protocol/receipts.ts';
import { Block, SignedHeader } from '../node/protocol/types.ts';
import type { Result } from '../node/rpc/schema/methods.ts';
import { encodeCommit } from '../node/storage/commit.ts';
import { blockKey, headerKey, receiptsKey, snapshotKey, tipKey } from '../node/storage/layout.ts';
import { flipByte, flipRecord, type MadeChain, makeChain, writeChainFolder } from './test-chain-folder.ts';
import { build, type Daemon, spawnDaemon, startDaemon, until, wattmesh } from './test-daemon.ts';

type Verification = Result<'chain_verify'>;

/** The restart's snapshot lies at 128; tables hold the blocks up to 160, the log what follows. */
const HEIGHT = 190;
const SNAPSHOT = 128;
const TABLES_UNTIL = 160;
/** Height at which the damaged node went down. */
const STORED = HEIGHT - 2;

let home: string;
let made: MadeChain;
let healthy: Daemon;
let victim: Daemon | null = null;
const root = (name: string) => join(home, name);

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'wattmesh-repair-'));
  await build();
  made = await makeChain(5, HEIGHT);
  await writeChainFolder(root('healthy'), made, { seeds: [], peerKey: 1 });
  healthy = await startDaemon(root('healthy'));
});
afterEach(async () => {
  await victim?.kill();
  victim = null;
  rmSync(root('victim'), { recursive: true, force: true });
});
afterAll(async () => {
  await healthy?.stop();
  rmSync(home, { recursive: true, force: true });
});

const writeVictim = (tablesUntil = TABLES_UNTIL) =>
  writeChainFolder(root('victim'), made, {
    seeds: [healthy.address],
    peerKey: 2,
    tablesUntil,
    batches: STORED,
  });

const entry = (height: number) => made.blocks[height - 1]!;
const receiptsAt = (height: number) => made.batches[height - 1]!.blocks[0]!.receipts;
/** A height from here on whose record is long: a block with transactions, or receipts with trades. */
function heightFrom(from: number, size: (height: number) => number): number {
  for (let height = from; ; height++) if (size(height) > 400) return height;
}
const blockFrom = (from: number) => heightFrom(from, (height) => encode(Block, entry(height).block).length);
const receiptsFrom = (from: number) =>
  heightFrom(from, (height) => encode(Receipts, receiptsAt(height)).length);

const flipBlock = (height: number) =>
  flipRecord(root('victim'), blockKey(height, entry(height).id), encode(Block, entry(height).block));

const verify = async (node: Daemon): Promise<Verification> => {
  const { out } = await wattmesh('chain', 'verify', '--rpc', node.url, '--json');
  return JSON.parse(out) as Verification;
};

/** Starts the damaged node, hears what it says is damaged, and waits until all is whole: now and after a restart. */
async function heal(): Promise<Verification['damage']> {
  victim = await startDaemon(root('victim'));
  let { damage: found } = await verify(victim);
  await until('the node is whole', async () => {
    const { ok, damage, to } = await verify(victim!);
    found = damage;
    return ok && to === HEIGHT && damage.every(({ repaired }) => repaired);
  });
  expect((await victim.stop()).code).toBe(0);
  victim = await startDaemon(root('victim'));
  expect(await verify(victim)).toMatchObject({
    ok: true,
    to: HEIGHT,
    hash: entry(HEIGHT).idHex,
    firstFailure: null,
    damage: [],
  });
  return found;
}

const CASES: [
  string,
  { height: () => number; flip: (height: number) => string; file: RegExp; what: string },
][] = [
  [
    'a block below the snapshot, in a table',
    { height: () => blockFrom(40), flip: flipBlock, file: /ldb$/, what: 'block' },
  ],
  [
    'a block above the snapshot, in a table',
    { height: () => blockFrom(SNAPSHOT + 8), flip: flipBlock, file: /ldb$/, what: 'block' },
  ],
  [
    'a block in the log',
    { height: () => blockFrom(TABLES_UNTIL + 8), flip: flipBlock, file: /log$/, what: 'block' },
  ],
  [
    'receipts',
    {
      height: () => receiptsFrom(50),
      flip: (height) =>
        flipRecord(root('victim'), receiptsKey(entry(height).id), encode(Receipts, receiptsAt(height))),
      file: /ldb$/,
      what: 'receipts',
    },
  ],
  [
    'a header',
    {
      height: () => 60,
      flip: (height) => {
        const { id, block } = entry(height);
        return flipRecord(root('victim'), headerKey(height, id), encode(SignedHeader, block.signedHeader));
      },
      file: /ldb$/,
      what: 'header',
    },
  ],
  [
    'the snapshot that a restart begins from',
    {
      height: () => SNAPSHOT,
      flip: (height) => {
        const { id } = entry(height);
        const [snapshot] = made.batches[height - 1]!.snapshots;
        return flipRecord(root('victim'), snapshotKey(height, id), snapshot!.state);
      },
      file: /ldb$/,
      what: 'snapshot',
    },
  ],
];

describe('a flipped byte', () => {
  it.each(CASES)('in %s', async (_, { height, flip, file, what }) => {
    await writeVictim();
    expect(made.batches.at(-1)!.commit.snapshotHeight).toBe(SNAPSHOT);
    const at = height();
    expect(flip(at)).toMatch(file);
    const damage = await heal();
    expect(damage.map((found) => [found.what, found.height, found.hash])).toContainEqual([
      what,
      at,
      entry(at).idHex,
    ]);
  });

  it.each([
    // The last batch is lost as if it had never been written.
    ['log', TABLES_UNTIL],
    // Older versions of the record come to light.
    ['ldb', STORED],
  ])('in the commit record, in a %s', async (file, tablesUntil) => {
    const sequence = BigInt(STORED);
    await writeVictim(tablesUntil);
    const commit = encodeCommit({ sequence, ...made.batches[STORED - 1]!.commit });
    expect(flipRecord(root('victim'), tipKey(), commit)).toContain(file);
    await heal();
  });
});

describe('an interrupted node', () => {
  const recovers = async () => {
    await until('the chain is here', async () => (await verify(victim!)).to === HEIGHT);
    expect(await verify(victim!)).toMatchObject({ ok: true, hash: entry(HEIGHT).idHex });
  };
  const writeEmpty = () =>
    writeChainFolder(root('victim'), made, { seeds: [healthy.address], peerKey: 3, batches: 0 });

  it('recovers from being killed again and again while it starts', async () => {
    await writeEmpty();
    for (const ms of [50, 400, 700, 900, 1100, 1300, 1600]) {
      const { child, exit } = spawnDaemon(root('victim'));
      await delay(ms);
      child.kill('SIGKILL');
      await exit;
    }
    victim = await startDaemon(root('victim'));
    await recovers();
  });

  it('ends in order while it writes, and goes on where it was', async () => {
    await writeEmpty();
    victim = await startDaemon(root('victim'));
    await until('blocks come', async () => (await victim!.call('chain_getInfo', {})).height > 0);
    expect(await victim.stop()).toMatchObject({ code: 0, signal: null, err: '' });
    victim = await startDaemon(root('victim'));
    await recovers();
    expect((await verify(victim)).damage).toEqual([]);
    expect(await victim.stop()).toMatchObject({ code: 0, signal: null, err: '' });
  });
});

describe('a database whose own files are damaged', () => {
  it.each(['CURRENT', 'MANIFEST'])('in its %s: is made anew of what is left, and is whole', async (name) => {
    await writeVictim();
    const { chain } = dataFolder(root('victim'));
    const current = join(chain, 'data', 'CURRENT');
    const path = name === 'CURRENT' ? current : join(chain, 'data', readFileSync(current, 'utf8').trim());
    flipByte(path, 3);
    await heal();
  });
});
