/** For tests only: a node without a host, a chain that honest peers mined, and the words of dishonest ones. */
import { beforeAll, expect } from 'vitest';
import { createGenesisBlock } from '../consensus/genesis.ts';
import type { HeaderNode } from '../consensus/header-chain.ts';
import { createTestChain, findNonce, mineBlock, mineHeader, signHeader } from '../consensus/testing.ts';
import type { CoreEvent, Effect } from '../core/events.ts';
import { createCore } from '../core/node.ts';
import { emptyReceipts } from '../market/context.ts';
import { encode } from '../protocol/codec.ts';
import type { StateStore } from '../protocol/state-store.ts';
import { Block, type SignedHeader, type Transaction } from '../protocol/types.ts';
import { HeadersAnswer, type Protocol, Status, TransactionBatch } from '../protocol/wire.ts';
import { createRng } from '../util/rng.ts';
import { installHasher } from './hasher.ts';

const { rules, genesisNode, genesisState } = createTestChain();

export { rules };

const START_MS = rules.genesis.timeMs;

beforeAll(async () => void (await installHasher()));

type Mined = ReturnType<typeof mineBlock>;
type Penalty = Extract<Effect, { type: 'penalise' }>;

/** Blocks on genesis by rotating authors, mined once for all tests. */
export const trunk: Mined[] = [];
beforeAll(() => {
  let parent: HeaderNode = genesisNode;
  let state: StateStore = genesisState;
  for (let i = 0; i < 40; i++) {
    const mined = mineBlock(rules, { parent, state, author: i % 10 });
    trunk.push(mined);
    parent = mined.node;
    state = mined.execution.state;
  }
});

/** `replay`: blocks on genesis that a restart found. */
export function createVictim(replay: Block[] = []) {
  const root = genesisNode.signed.header.body;
  const core = createCore({
    rules,
    start: {
      genesis: createGenesisBlock(rules.genesis, genesisState),
      headers: [],
      execution: { ...root, state: genesisState, receipts: emptyReceipts() },
      finalHeight: 0,
    },
    replay,
    snapshotHeights: [],
    miner: null,
    mining: false,
    rng: createRng(1n),
  });
  const all: Effect[] = [];
  const clock = { wallMs: START_MS, monoMs: 0 };
  const step = (event: CoreEvent): Effect[] => {
    const effects = core.step(event, { ...clock });
    all.push(...effects);
    return effects;
  };
  let messages = 0;
  const gossip = (topic: 'tx' | 'block', bytes: Uint8Array, from = 'mallory') => {
    const effects = step({ type: 'gossip', topic, messageId: `m${messages++}`, from, bytes });
    const [verdict] = effects.flatMap((effect) => (effect.type === 'verdict' ? [effect.verdict] : []));
    return { verdict, penalties: penaltiesOf(effects), effects };
  };
  return {
    core,
    step,
    gossip,
    clock,
    wait(ms: number) {
      clock.wallMs += ms;
      clock.monoMs += ms;
      return step({ type: 'wake' });
    },
    block: (mined: { block: Block }, from?: string) => gossip('block', encode(Block, mined.block), from),
    batch: (transactions: Transaction[], from?: string) =>
      gossip('tx', encode(TransactionBatch, transactions), from),
    /** Takes the first `count` blocks of the trunk from an honest peer; time passes as they are mined. */
    grow(count: number) {
      for (const mined of trunk.slice(core.chain.tip().height, count)) {
        clock.wallMs = mined.node.timestampMs;
        gossip('block', encode(Block, mined.block), 'alice');
      }
      expect(core.chain.tip().height).toBe(count);
    },
    /** The latest open request of a protocol to a peer. */
    asked(peer: string, protocol: Protocol) {
      return all.findLast((e) => e.type === 'request' && e.peer === peer && e.protocol === protocol) as
        | Extract<Effect, { type: 'request' }>
        | undefined;
    },
    answer(peer: string, protocol: Protocol, bytes: Uint8Array | null) {
      const request = this.asked(peer, protocol);
      if (request === undefined) throw new Error(`${peer} was not asked for ${protocol}`);
      return step({ type: 'answer', requestId: request.requestId, bytes });
    },
    /** A peer that claims to have a chain with this tip. */
    meet(peer: string, tip: HeaderNode) {
      step({ type: 'peerUp', peer });
      return this.answer(peer, 'status', statusOf(tip));
    },
    penalties: () => penaltiesOf(all),
    notices: () => all.flatMap((effect) => (effect.type === 'notify' ? [effect.notice] : [])),
  };
}

export const penaltiesOf = (effects: readonly Effect[]) =>
  effects
    .filter((effect): effect is Penalty => effect.type === 'penalise')
    .map(({ peer, points, reason }) => ({ peer, points, code: reason.split(':')[0] }));

export const statusOf = (tip: HeaderNode, genesisId = genesisNode.id) =>
  encode(Status, {
    genesisId,
    tipId: tip.id,
    tipHeight: tip.height,
    finalHeight: 0,
    justifiedHeight: 0,
    work: tip.work,
  });

export const headersOf = (headers: SignedHeader[]) => encode(HeadersAnswer, headers);

/** A block on the trunk's block at `height` whose header differs from a right one. */
export function wrong(height: number, change: Parameters<typeof mineHeader>[2]): { block: Block } {
  const { node } = trunk[height - 1]!;
  const right = trunk[height]!.node.signed.header.body;
  const { transactionsRoot, receiptsRoot, stateRoot, minersRoot, author } = right;
  const roots = { transactionsRoot, receiptsRoot, stateRoot, minersRoot };
  return {
    block: { signedHeader: mineHeader(rules, node, { author, ...roots, ...change }), transactions: [] },
  };
}

export function resigned(height: number, change: 'work' | 'signature'): { block: Block } {
  const { header } = trunk[height]!.block.signedHeader;
  const signedHeader =
    change === 'work'
      ? signHeader(rules, { body: header.body, nonce: findNonce(header.body, false) })
      : signHeader(rules, header, (header.body.author + 1) % 10);
  return { block: { signedHeader, transactions: [] } };
}
