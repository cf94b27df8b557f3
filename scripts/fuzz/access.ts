/** A running node as its RPC handlers see it, without processes: a core on the trunk, and a store in memory. */
import type { CoreEvent } from '../../node/core/events.ts';
import { createCore } from '../../node/core/node.ts';
import type { NodeAccess } from '../../node/host/access.ts';
import { createChainStore } from '../../node/host/chain-store.ts';
import { createHistory } from '../../node/host/history.ts';
import { verifyChain } from '../../node/host/verify-chain.ts';
import { accountSigner } from '../../node/market/testing.ts';
import { encode } from '../../node/protocol/codec.ts';
import { Block } from '../../node/protocol/types.ts';
import { createMemoryStore } from '../../node/storage/memory-store.ts';
import { createRng } from '../../node/util/rng.ts';
import type { World } from './world.ts';

const MEMBER = 0;

const CONFIG: NodeAccess['config'] = {
  name: 'n01',
  roles: ['miner', 'prosumer'],
  member: MEMBER,
  oracle: null,
  p2p: { host: '127.0.0.1', port: 0, seeds: [], targetPeers: 8 },
  rpc: { host: '127.0.0.1', port: 0 },
  mining: { enabled: true, hashPower: 1 },
  feeds: { prices: null, pricesFromMs: null, seed: '1' },
  household: null,
  log: { level: 'info' },
  dev: true,
} as NodeAccess['config'];

/** What the handlers ask of the adapters: nothing that matters to them. */
function adapters(): Pick<NodeAccess, 'network' | 'miner' | 'agent'> {
  const network = { peerId: 'self', addresses: () => [], peers: () => [], meshPeers: () => [] };
  const stats = {
    running: true,
    hashesTotal: 1000,
    hashesPerSecond: 10,
    declaredHashesPerSecond: 10,
    hasher: 'as-sha256',
    hashersPassedOver: [],
  };
  return { network, miner: { stats: () => stats }, agent: null } as unknown as ReturnType<typeof adapters>;
}

/** The node after it took the whole trunk from a peer. */
export async function createAccess(world: World): Promise<NodeAccess> {
  const store = createChainStore(createMemoryStore(), 0n);
  const history = createHistory();
  const core = createCore({
    rules: world.rules,
    start: world.startAt(0),
    replay: [],
    snapshotHeights: [],
    miner: { member: MEMBER, signer: accountSigner(MEMBER), ownBlocks: [] },
    mining: false,
    rng: createRng(1n),
  });
  const now = { wallMs: world.genesis.timestampMs, monoMs: 0 };
  const step = async (event: CoreEvent) => {
    const effects = core.step(event, { ...now });
    for (const effect of effects) {
      if (effect.type === 'persist') await store.persist(effect.batch);
      if (effect.type === 'notify') history.onNotice(core, effect.notice, now.wallMs);
    }
    return effects;
  };
  for (const { node, block } of world.trunk) {
    now.wallMs = node.timestampMs;
    await step({
      type: 'gossip',
      topic: 'block',
      messageId: node.idHex,
      from: 'peer',
      bytes: encode(Block, block),
    });
  }
  if (core.chain.tip().idHex !== world.trunk.at(-1)!.node.idHex) throw new Error('the trunk was not taken');
  return {
    ...adapters(),
    config: CONFIG,
    dataDir: '/data/n01',
    version: '0.1.0',
    startedMs: world.genesis.timestampMs,
    nowMs: () => now.wallMs,
    core,
    store,
    signer: accountSigner(MEMBER),
    async submit(transaction) {
      const effects = await step({ type: 'submit', requestId: 1, transaction });
      const done = effects.find((effect) => effect.type === 'submitted')!;
      return { idHex: done.idHex, violation: done.violation };
    },
    transactionStatus: (idHex) => history.status(core, idHex),
    setMining: (on) => void core.step({ type: 'setMining', on }, { ...now }),
    reorgs: () => history.reorgs(),
    damage: () => [],
    verify: ({ to }) => verifyChain(core.chain, store, { to, mend: false }),
    unready: () => [],
    shutdown: () => undefined,
  };
}
