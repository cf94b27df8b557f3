/** A real chain out of the simulation, seen through the handlers: what the tests of this folder share. */
import type { HeaderNode } from '../../consensus/header-chain.ts';
import type { Notice, PersistBatch } from '../../core/events.ts';
import type { Core } from '../../core/node.ts';
import type { Miner } from '../../miner/miner.ts';
import type { Network } from '../../p2p/interface.ts';
import { transactionId } from '../../protocol/codec.ts';
import type { Receipts } from '../../protocol/receipts.ts';
import type { Transaction } from '../../protocol/types.ts';
import { createDispatcher, type Dispatcher } from '../../rpc/dispatch.ts';
import { DEFAULT_LIMITS } from '../../rpc/limits.ts';
import type { HandlerName, ParamsInput, Result } from '../../rpc/schema/methods.ts';
import { createMemoryStore } from '../../storage/memory-store.ts';
import { toHex } from '../../util/bytes.ts';
import type { DamageRecord, NodeAccess, ReorgRecord, TransactionStatus } from '../access.ts';
import { createChainStore } from '../chain-store.ts';
import { loadVerifier, signerFromSeed } from '../crypto.ts';
import { installHasher } from '../hasher.ts';
import { createHistory } from '../history.ts';
import { createSimCommunity, type SimCommunity } from '../simulation/community.ts';
import { GOOD_LINKS } from '../simulation/network.ts';
import { createSimulation, type Simulation } from '../simulation.ts';
import { verifyChain } from '../verify-chain.ts';
import { createHandlers } from './index.ts';

const NODES = 5;
const SPACING_MS = 2000;

export interface RpcFailure {
  code: number;
  message: string;
  data: { reason: string; hint: string } & Record<string, unknown>;
}

export interface Fixture {
  simulation: Simulation;
  community: SimCommunity;
  core: Core;
  access: NodeAccess;
  /** What lies on the node's disk, for a test to damage. */
  records: Map<string, Uint8Array>;
  /** Receipts of the main chain as the blocks were executed, by block hash. */
  executed: Map<string, { node: HeaderNode; receipts: Receipts }>;
  damage: DamageRecord[];
  unready: string[];
  shutdowns: () => number;
  /** Lets virtual time pass and writes what came of it to the store. */
  run(durationMs: number): Promise<void>;
  /** Calls by JSON text through the dispatcher, which checks every result against its schema. Throws the failure. */
  call<M extends HandlerName>(method: M, params?: ParamsInput<M> | readonly unknown[]): Promise<Result<M>>;
  fail(method: HandlerName, params?: unknown): Promise<RpcFailure>;
}

export async function createFixture(seed: number): Promise<Fixture> {
  await installHasher();
  const community = createSimCommunity({ seed: BigInt(seed), members: NODES, miners: NODES, signerFromSeed });
  const records = new Map<string, Uint8Array>();
  const store = createChainStore(createMemoryStore(records), 0n);
  const history = createHistory();
  const executed: Fixture['executed'] = new Map();
  const batches: PersistBatch[] = [];
  const note = (notice: Notice): void => {
    if (notice.type === 'tip') {
      batches.push(batchOf(core(), notice));
      for (const { node, execution } of notice.connected) {
        executed.set(node.idHex, { node, receipts: execution.receipts });
      }
    }
    history.onNotice(core(), notice, community.document.genesis.timeMs + simulation.nowMs());
  };
  const simulation = await createSimulation({
    seed: BigInt(seed),
    document: community.document,
    verifier: loadVerifier().verifier,
    nodes: community.members.map(({ account }, member) => ({
      miner: { member, signer: account },
      hashesPerSecond: 4096 / (SPACING_MS / 1000) / NODES,
    })),
    conditions: GOOD_LINKS,
    degree: 3,
    eager: true,
    traffic: community.traffic,
    observer: { onNotice: ({ index }, notice) => (index === 0 ? note(notice) : undefined) },
  });
  const core = () => simulation.machines[0]!.core!;
  const fakes = fakeParts(simulation, core);
  const access = {
    ...fakes.parts,
    core: core(),
    store,
    signer: community.members[0]!.account,
    transactionStatus: (idHex: string): TransactionStatus => history.status(core(), idHex),
    reorgs: (): readonly ReorgRecord[] => history.reorgs(),
    verify: ({ to }: { to: number }) => verifyChain(core().chain, store, { to, mend: false }),
  };
  const dispatcher = createDispatcher({
    handlers: createHandlers(access),
    limits: DEFAULT_LIMITS,
    log: () => {},
    checkResults: true,
  });
  return {
    simulation,
    community,
    core: core(),
    access,
    records,
    executed,
    damage: fakes.damage,
    unready: fakes.unready,
    shutdowns: fakes.shutdowns,
    async run(durationMs) {
      await simulation.run(durationMs);
      for (const batch of batches.splice(0)) await store.persist(batch);
    },
    ...callers(dispatcher),
  };
}

function callers(dispatcher: Dispatcher): Pick<Fixture, 'call' | 'fail'> {
  const ask = async (method: string, params: unknown) => {
    const text = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
    const answer = await dispatcher.handle(text, { access: 'admin', subscriptions: null });
    return JSON.parse(answer!) as { result: unknown; error?: RpcFailure };
  };
  return {
    async call(method, params) {
      const { result, error } = await ask(method, params ?? {});
      if (error !== undefined) throw new Error(`${method}: ${JSON.stringify(error)}`);
      return result as Result<typeof method>;
    },
    async fail(method, params) {
      const { result, error } = await ask(method, params ?? {});
      if (error === undefined) throw new Error(`${method} succeeded: ${JSON.stringify(result)}`);
      return error;
    },
  };
}

function batchOf(core: Core, notice: Extract<Notice, { type: 'tip' }>): PersistBatch {
  const tip = core.chain.tip();
  return {
    batch: 0,
    blocks: notice.connected.map(({ node, block, execution }) => ({
      node,
      block,
      receipts: execution.receipts,
    })),
    snapshots: [],
    dropSnapshots: [],
    commit: { tipId: tip.id, tipHeight: tip.height, finalHeight: notice.finalHeight, snapshotHeight: 0 },
    authored: null,
    forgetAuthored: [],
  };
}

/** Everything of an access that is no chain. */
function fakeParts(simulation: Simulation, core: () => Core) {
  const damage: DamageRecord[] = [];
  const unready: string[] = [];
  let shutdowns = 0;
  const peer = {
    peerId: '12D3KooWPeer',
    address: '/ip4/127.0.0.1/tcp/40001',
    direction: 'outbound' as const,
    connectedAtMs: 1_755_208_800_000,
    agent: 'wattmesh/0.1.0 node-02',
    meshTopics: ['block', 'tx'],
    score: -1.5,
    rttMs: 0.4,
  };
  const network = {
    peerId: '12D3KooWSelf',
    addresses: () => ['/ip4/127.0.0.1/tcp/40000/p2p/12D3KooWSelf'],
    peers: () => [peer],
    meshPeers: () => [peer.peerId],
  } as unknown as Network;
  const miner = {
    stats: () => ({
      running: true,
      hashesTotal: 123_456,
      hashesPerSecond: 409.6,
      declaredHashesPerSecond: 450,
      hasher: 'as-sha256',
      hashersPassedOver: [],
    }),
  } as unknown as Miner;
  const startMs = core().chain.genesis.timestampMs;
  const now = () => ({ wallMs: Math.floor(startMs + simulation.nowMs()), monoMs: simulation.nowMs() });
  const parts = {
    config: {
      name: 'node-01',
      roles: ['miner' as const, 'prosumer' as const],
      member: 0,
      oracle: null,
      p2p: { host: '127.0.0.1', port: 0, seeds: [], targetPeers: 8 },
      rpc: { host: '127.0.0.1', port: 0 },
      mining: { enabled: true, hashPower: 1 },
      feeds: { prices: null, pricesFromMs: null, seed: '1' },
      household: null,
      log: { level: 'info' as const },
      dev: true,
    },
    dataDir: '/data/node-01',
    version: '0.1.0',
    startedMs: 1_755_208_800_000,
    nowMs: () => startMs + simulation.nowMs(),
    network,
    miner,
    agent: null,
    async submit(transaction: Transaction) {
      // Once to perform the effects, once more to hear the same verdict.
      simulation.submit(0, transaction);
      const effects = core().step({ type: 'submit', requestId: 9, transaction }, now());
      const done = effects.find((effect) => effect.type === 'submitted');
      return { idHex: toHex(transactionId(transaction)), violation: done!.violation };
    },
    setMining: (on: boolean) => void core().step({ type: 'setMining', on }, now()),
    damage: () => damage,
    unready: () => unready,
    shutdown: () => void shutdowns++,
  };
  return { parts, damage, unready, shutdowns: () => shutdowns };
}
