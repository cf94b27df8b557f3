/** For tests only: a node's life with reorganisations on a simulated disk, and all that a crash of it can leave. */
import { createHash } from 'node:crypto';
import { createGenesisBlock } from '../consensus/genesis.ts';
import type { HeaderNode } from '../consensus/header-chain.ts';
import { createTestChain, mineBlock } from '../consensus/testing.ts';
import type { CoreStats } from '../core/machine.ts';
import { accountSigner } from '../market/testing.ts';
import type { Miner, MiningJob } from '../miner/miner.ts';
import { encode } from '../protocol/codec.ts';
import type { Verifier } from '../protocol/signing.ts';
import type { StateStore } from '../protocol/state-store.ts';
import { Block } from '../protocol/types.ts';
import { decodeCommit } from '../storage/commit.ts';
import type { Store, StoreOp } from '../storage/interface.ts';
import { addressesKey, parseKey } from '../storage/layout.ts';
import { bytesFromBigint, toHex } from '../util/bytes.ts';
import { assert } from '../util/errors.ts';
import { createRng, type Rng } from '../util/rng.ts';
import { loadVerifier } from './crypto.ts';
import { type ReadOptions, readChain } from './open-chain.ts';
import { createSimDisk } from './simulation/disk.ts';
import { settle, startTestNode, type TestNode } from './test-node.ts';

/** A moment just after a store operation began. */
export interface Boundary {
  image: ReadonlyMap<string, Uint8Array>;
  /** Batches that are not synced. */
  pending: readonly (readonly StoreOp[])[];
  /** Tip of the last commit that was synced, in hex; null before the first. */
  syncedTip: string | null;
  /** Parents, in hex, whose guard was synced. */
  guards: readonly string[];
  announced: readonly Block[];
  /** Best block that the network had by then. */
  networkTip: HeaderNode;
}

export interface WorldBlock {
  node: HeaderNode;
  block: Block;
  state: StateStore;
}

/** A recorded life. */
export interface Life {
  options: ReadOptions;
  /** All batches in the order in which they were written. */
  batches: readonly (readonly StoreOp[])[];
  boundaries: readonly Boundary[];
  blocks: ReadonlyMap<string, WorldBlock>;
  tip: HeaderNode;
  stats: Readonly<CoreStats>;
}

/** Three miners are the quorum: while the one that is tested is silent, nothing is justified and all may change. */
const MINERS = 3;
/** Blocks of one period; the last is the tested node's own, and ends what may change. */
const PERIOD = 10;
const DEEPEST = 8;
const MAX_UNDER_WAY = 3;

/** Does the work of the present job for a block of this time. */
export type HandMiner = (timestampMs: number) => { jobId: number; timestampMs: number; nonce: Uint8Array };

interface Recorder {
  readonly options: ReadOptions;
  readonly node: TestNode;
  readonly rng: Rng;
  readonly syncs: (() => void)[];
  readonly blocks: Map<string, WorldBlock>;
  readonly find: HandMiner;
}

/** A life of at least so many blocks, with one reorganisation of depth 1 to 8 in every ten. */
export async function recordLife(given: { blocks: number; seed: bigint }): Promise<Life> {
  const { rules, genesisState, genesisNode } = createTestChain({ members: 4, miners: MINERS });
  const options: ReadOptions = {
    rules: { ...rules, verifier: rememberingVerifier(loadVerifier().verifier) },
    beginning: { block: createGenesisBlock(rules.genesis, genesisState), state: genesisState },
    miner: { member: 0, signer: accountSigner(0) },
    mining: false,
    randomSeed: given.seed,
  };
  const syncs: (() => void)[] = [];
  const disk = createSimDisk({ sync: (done) => void syncs.push(done) });
  const boundaries: Boundary[] = [];
  const published: Block[] = [];
  const batches: (readonly StoreOp[])[] = [];
  const blocks = new Map<string, WorldBlock>();
  let tip: WorldBlock = { node: genesisNode, block: options.beginning.block, state: genesisState };
  const best = () => [...blocks.values()].reduce((a, b) => (b.node.work > a.node.work ? b : a), tip).node;
  const store = recordingStore(disk.open(), (promises) => {
    const last = promises.pending.at(-1);
    if (last !== undefined && !batches.includes(last)) batches.push(last);
    boundaries.push({
      ...promises,
      image: disk.image(),
      announced: [...published],
      networkTip: best(),
    });
  });
  const { miner, find } = createHandMiner();
  const node = startTestNode(await readChain(store, options), { miner, published });
  const recorder: Recorder = {
    options,
    node,
    rng: createRng(given.seed),
    syncs,
    blocks,
    find,
  };
  for (let period = 0; tip.node.height < given.blocks; period++)
    tip = await livePeriod(recorder, tip, period);
  await finishSyncs(recorder, 0);
  await node.stop();
  return { options, batches, boundaries, blocks, tip: tip.node, stats: node.core.stats() };
}

async function livePeriod(recorder: Recorder, from: WorldBlock, period: number): Promise<WorldBlock> {
  const depth = 1 + (period % DEEPEST);
  const other = (height: number) => 1 + (height % (MINERS - 1));
  const extend = async (on: WorldBlock, blocks: number): Promise<WorldBlock> => {
    let tip = on;
    for (let i = 0; i < blocks; i++) tip = await hear(recorder, tip, other(tip.node.height + i + period));
    return tip;
  };
  const fork = await extend(from, PERIOD - depth - 2);
  if (depth === 1) await mineOwn(recorder, fork);
  else await extend(fork, depth);
  return mineOwn(recorder, await extend(fork, depth + 1));
}

/** A block of another miner comes by gossip. */
async function hear(recorder: Recorder, on: WorldBlock, author: number): Promise<WorldBlock> {
  const { node, rng, options } = recorder;
  // Two branches on one parent differ by their timestamps.
  const timestampMs = on.node.timestampMs + options.rules.genesis.params.spacingMs + rng.below(1000);
  const mined = mineBlock(options.rules, { parent: on.node, state: on.state, author, timestampMs });
  const heard = { node: mined.node, block: mined.block, state: mined.execution.state };
  recorder.blocks.set(heard.node.idHex, heard);
  const bytes = encode(Block, heard.block);
  node.runtime.dispatch({ type: 'gossip', topic: 'block', messageId: heard.node.idHex, from: 'peer', bytes });
  // The address book: never synced for itself.
  const saved = { type: 'put', key: addressesKey(), value: heard.node.id } as const;
  if (rng.below(4) === 0) await node.store.raw.write([saved], { sync: false });
  await finishSyncs(recorder, rng.below(MAX_UNDER_WAY + 1));
  return heard;
}

async function mineOwn(recorder: Recorder, on: WorldBlock): Promise<WorldBlock> {
  const { node, find, options, rng } = recorder;
  assert(node.core.chain.tip().idHex === on.node.idHex, 'the node follows the best branch');
  node.runtime.dispatch({ type: 'setMining', on: true });
  node.runtime.dispatch({
    type: 'mined',
    ...find(on.node.timestampMs + options.rules.genesis.params.spacingMs),
  });
  node.runtime.dispatch({ type: 'setMining', on: false });
  const mined = node.core.chain.tip();
  assert(mined.parent?.idHex === on.node.idHex, 'the own block is the tip');
  const own = {
    node: mined,
    block: node.core.chain.block(mined.idHex)!,
    state: node.core.chain.execution(mined).state,
  };
  recorder.blocks.set(mined.idHex, own);
  await finishSyncs(recorder, rng.below(MAX_UNDER_WAY + 1));
  return own;
}

/** Lets the disk sync all but the last writes. */
async function finishSyncs({ syncs }: Recorder, underWay: number): Promise<void> {
  while (syncs.length > underWay) syncs.shift()!();
  await settle();
}

/** Signatures are checked once: what is tested here is the disk. */
function rememberingVerifier(inner: Verifier): Verifier {
  const good = new Set<string>();
  return {
    verify(publicKey, message, signature) {
      const id = Buffer.concat([publicKey, message, signature]).toString('latin1');
      if (!good.has(id) && inner.verify(publicKey, message, signature)) good.add(id);
      return good.has(id);
    },
  };
}

/** A miner that works when the test says so. */
export function createHandMiner(): { miner: Miner; find: HandMiner } {
  let job: MiningJob | null = null;
  const miner = {
    mine: (given: MiningJob) => {
      job = given;
    },
    cancel: () => {
      job = null;
    },
  } as Pick<Miner, 'mine' | 'cancel'> as Miner;
  const find = (timestampMs: number) => {
    assert(job !== null, 'there is a job');
    const root = job.rootAt(timestampMs);
    for (let i = 0n; ; i++) {
      const nonce = bytesFromBigint(i, 32);
      const hash = createHash('sha256').update(root).update(nonce).digest('hex');
      if (BigInt(`0x${hash}`) <= job.target) return { jobId: job.id, timestampMs, nonce };
    }
  };
  return { miner, find };
}

/** Calls `onBegin` as each operation begins, with the batches that are not synced and what the synced ones promise. */
function recordingStore(
  store: Store,
  onBegin: (promises: Pick<Boundary, 'pending' | 'syncedTip' | 'guards'>) => void,
): Store {
  const pending: (readonly StoreOp[])[] = [];
  const guards: string[] = [];
  let syncedTip: string | null = null;
  const begin = () => onBegin({ pending: [...pending], syncedTip, guards: [...guards] });
  const note = (op: StoreOp): void => {
    const parsed = parseKey(op.key);
    if (parsed?.family === 'authored') guards.push(toHex(parsed.id));
    if (parsed?.family === 'tip' && op.type === 'put') syncedTip = toHex(decodeCommit(op.value)!.tipId);
  };
  return {
    ...store,
    async write(ops, options) {
      pending.push(ops);
      const written = store.write(ops, options);
      begin();
      await written;
      if (!options.sync) return;
      for (const batch of pending.splice(0, pending.indexOf(ops) + 1)) batch.forEach(note);
    },
    get(key) {
      begin();
      return store.get(key);
    },
    range(from, to, limit) {
      begin();
      return store.range(from, to, limit);
    },
  };
}
