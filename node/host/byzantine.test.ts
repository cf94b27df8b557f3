/** One node against peers that break the rules: what it thinks of them, and that its state stays as it was. */
import { describe, expect, it } from 'vitest';
import type { HeaderNode } from '../consensus/header-chain.ts';
import { mineBlock, mineHeader, signTransaction } from '../consensus/testing.ts';
import { bid } from '../market/testing.ts';
import { decode, encode } from '../protocol/codec.ts';
import { Block, type Transaction } from '../protocol/types.ts';
import { BlocksAnswer, BlocksRequest, TransactionBatch } from '../protocol/wire.ts';
import { toHex } from '../util/bytes.ts';
import {
  createVictim,
  headersOf,
  penaltiesOf,
  resigned,
  rules,
  statusOf,
  trunk,
  wrong,
} from './test-victim.ts';

const SPACING_MS = rules.genesis.params.spacingMs;

describe('a block that breaks a rule of headers', () => {
  const CASES = {
    BLOCK_TARGET: () => wrong(5, { target: trunk[5]!.node.target - 1n }),
    BLOCK_TIME_TOO_OLD: () => wrong(5, { timestampMs: trunk[4]!.node.timestampMs }),
    BLOCK_AUTHOR: () => wrong(5, { author: 11 }),
    BLOCK_HEIGHT: () => wrong(5, { height: 7 }),
    BLOCK_WORK: () => resigned(5, 'work'),
    BLOCK_SIGNATURE: () => resigned(5, 'signature'),
  };

  it.each(Object.entries(CASES))('%s: bans its sender and changes nothing', (code, make) => {
    const victim = createVictim();
    victim.grow(5);
    const { verdict, penalties } = victim.block(make());
    expect(verdict).toBe('reject');
    expect(penalties).toEqual([{ peer: 'mallory', points: 100, code }]);
    expect(victim.core.chain.tip().idHex).toBe(trunk[4]!.node.idHex);
    victim.grow(10);
  });

  it('rejects bytes that are no block, and a body that is not the header’s', () => {
    const victim = createVictim();
    victim.grow(5);
    for (const bytes of [
      new Uint8Array(0),
      new Uint8Array(300).fill(7),
      encode(Block, trunk[5]!.block).subarray(1),
    ])
      expect(victim.gossip('block', bytes)).toMatchObject({ verdict: 'reject', penalties: [] });
    const other = signTransaction(rules, bid({ step: 0, account: 1, energyWh: 1, limit: 1 }));
    const swapped = { block: { ...trunk[5]!.block, transactions: [other] } };
    expect(victim.block(swapped)).toMatchObject({
      verdict: 'reject',
      penalties: [{ peer: 'mallory', points: 50, code: 'BLOCK_BODY' }],
    });
    // The header stood on its own: the true body is still welcome.
    victim.grow(10);
  });

  it('keeps a block from the future until its time, without blame', () => {
    const victim = createVictim();
    victim.grow(5);
    const { node, execution } = trunk[4]!;
    const early = mineBlock(rules, {
      parent: node,
      state: execution.state,
      timestampMs: victim.clock.wallMs + 10_001,
      author: 6,
    });
    expect(victim.block(early)).toMatchObject({ verdict: 'ignore', penalties: [] });
    expect(victim.core.chain.tip().height).toBe(5);
    victim.wait(1);
    expect(victim.core.chain.tip().idHex).toBe(early.node.idHex);
    expect(victim.penalties()).toEqual([]);
  });
});

describe('a block that breaks a rule of execution', () => {
  const stateRoot = new Uint8Array(32).fill(1);

  it('is named, left behind and forgiven to those who relayed it unread', () => {
    const victim = createVictim();
    victim.grow(5);
    const bad = wrong(5, { stateRoot });
    expect(victim.block(bad, 'alice')).toMatchObject({ verdict: 'accept', penalties: [] });
    expect(victim.core.chain.tip().height).toBe(5);
    const [notice] = victim.notices().filter((entry) => entry.type === 'invalid');
    expect(notice).toMatchObject({ node: { height: 6 }, violation: { code: 'BLOCK_STATE_ROOT' } });
    const { node } = notice as { node: HeaderNode };
    const child = { block: { signedHeader: mineHeader(rules, node, { author: 3 }), transactions: [] } };
    expect(victim.block(child, 'alice')).toMatchObject({ verdict: 'ignore', penalties: [] });
    expect(victim.block(bad, 'bob')).toMatchObject({ verdict: 'ignore', penalties: [] });
    victim.grow(10);
  });

  it('costs a peer that serves it as its own chain the link', () => {
    const victim = createVictim();
    victim.grow(5);
    const bad = wrong(5, { stateRoot });
    victim.block(bad);
    const { signedHeader } = bad.block;
    victim.meet('mallory', trunk[20]!.node);
    expect(penaltiesOf(victim.answer('mallory', 'headers', headersOf([signedHeader])))).toEqual([
      { peer: 'mallory', points: 100, code: 'BLOCK_PARENT_INVALID' },
    ]);
    victim.grow(10);
  });
});

describe('answers to requests', () => {
  it('bans a peer of another chain', () => {
    const victim = createVictim();
    victim.step({ type: 'peerUp', peer: 'mallory' });
    const effects = victim.answer('mallory', 'status', statusOf(trunk[20]!.node, new Uint8Array(32)));
    expect(penaltiesOf(effects)).toEqual([{ peer: 'mallory', points: 100, code: 'PEER_WRONG_CHAIN' }]);
    expect(victim.asked('mallory', 'headers')).toBeUndefined();
  });

  it.each(['status', 'headers', 'blocks'] as const)('blames a %s answer that does not decode', (protocol) => {
    const victim = createVictim();
    victim.step({ type: 'peerUp', peer: 'mallory' });
    if (protocol !== 'status') victim.answer('mallory', 'status', statusOf(trunk[20]!.node));
    if (protocol === 'blocks') {
      victim.answer(
        'mallory',
        'headers',
        headersOf(trunk.slice(0, 3).map(({ block }) => block.signedHeader)),
      );
    }
    const effects = victim.answer('mallory', protocol, new Uint8Array(11).fill(3));
    expect(penaltiesOf(effects)).toEqual([{ peer: 'mallory', points: 50, code: 'PEER_MALFORMED' }]);
    // Not asked again until it has told its status anew.
    expect(effects.filter((e) => e.type === 'request' && e.protocol !== 'status')).toEqual([]);
  });

  it('blames headers that do not link, and those that break a rule', () => {
    const victim = createVictim();
    victim.meet('mallory', trunk[20]!.node);
    const unlinked = victim.answer('mallory', 'headers', headersOf([trunk[7]!.block.signedHeader]));
    expect(penaltiesOf(unlinked)).toEqual([{ peer: 'mallory', points: 20, code: 'PEER_HEADERS' }]);
    victim.meet('eve', trunk[20]!.node);
    victim.clock.wallMs = trunk[20]!.node.timestampMs;
    const headers = [
      ...trunk.slice(0, 5).map(({ block }) => block.signedHeader),
      wrong(5, { author: 11 }).block.signedHeader,
    ];
    expect(penaltiesOf(victim.answer('eve', 'headers', headersOf(headers)))).toEqual([
      { peer: 'eve', points: 100, code: 'BLOCK_AUTHOR' },
    ]);
    victim.grow(10);
  });

  it('blames a body of another block, and asks somebody else', () => {
    const victim = createVictim();
    victim.clock.wallMs = trunk[9]!.node.timestampMs;
    victim.meet('mallory', trunk[9]!.node);
    victim.answer('mallory', 'headers', headersOf(trunk.slice(0, 10).map(({ block }) => block.signedHeader)));
    const other = encode(BlocksAnswer, [trunk[30]!.block]);
    const effects = victim.answer('mallory', 'blocks', other);
    expect(penaltiesOf(effects)).toEqual([{ peer: 'mallory', points: 50, code: 'PEER_BLOCKS' }]);
    expect(effects.filter((e) => e.type === 'request' && e.protocol === 'blocks')).toEqual([]);
    victim.meet('alice', trunk[9]!.node);
    const wanted = decode(BlocksRequest, victim.asked('alice', 'blocks')!.bytes)!.map(toHex);
    expect(wanted).toEqual(trunk.slice(0, 10).map(({ node }) => node.idHex));
    victim.answer(
      'alice',
      'blocks',
      encode(
        BlocksAnswer,
        trunk.slice(0, 10).map(({ block }) => block),
      ),
    );
    expect(victim.core.chain.tip().height).toBe(10);
  });

  it('does not ask a peer without end that gives nothing', () => {
    const victim = createVictim();
    victim.clock.wallMs = trunk[9]!.node.timestampMs;
    victim.meet('mallory', trunk[9]!.node);
    victim.answer('mallory', 'headers', headersOf(trunk.slice(0, 10).map(({ block }) => block.signedHeader)));
    const effects = victim.answer('mallory', 'blocks', encode(BlocksAnswer, []));
    expect(effects.filter((e) => e.type === 'request')).toEqual([]);
  });

  it('resets the stream of a request that does not decode', () => {
    const victim = createVictim();
    for (const protocol of ['headers', 'blocks'] as const) {
      const event = { type: 'request' as const, requestId: 4, from: 'mallory', protocol };
      const effects = victim.step({ ...event, bytes: new Uint8Array(9).fill(1) });
      expect(effects.find((e) => e.type === 'respond')).toMatchObject({ requestId: 4, bytes: null });
    }
  });
});

describe('transactions', () => {
  const order = (account: number, sequence = 0, energyWh = 1) =>
    signTransaction(rules, bid({ step: 0, account, energyWh, limit: 1, sequence }));
  const foreign = (account: number): Transaction => {
    const { body } = order(account);
    return {
      body,
      signatures: signTransaction({ ...rules, genesisRoot: new Uint8Array(32) }, body).signatures,
    };
  };

  it('rejects bytes that are no batch, and an empty one', () => {
    const victim = createVictim();
    for (const bytes of [new Uint8Array(5), new Uint8Array(200).fill(255), encode(TransactionBatch, [])])
      expect(victim.gossip('tx', bytes).verdict).toBe('reject');
  });

  it('blames a signature for another chain, and an order over the quota', () => {
    const victim = createVictim();
    expect(victim.batch([foreign(1)])).toMatchObject({
      verdict: 'reject',
      penalties: [{ peer: 'mallory', points: 20, code: 'TX_SIGNATURE' }],
    });
    expect(victim.batch([order(1, 4)])).toMatchObject({
      verdict: 'reject',
      penalties: [{ peer: 'mallory', points: 20, code: 'TX_OVER_QUOTA' }],
    });
    expect(victim.core.mempool.stats().count).toBe(0);
  });

  it('finds a forgery behind a taken slot, before an honest peer relays it', () => {
    const victim = createVictim();
    expect(victim.batch([order(1)], 'alice').verdict).toBe('accept');
    const forged = { ...order(1, 0, 2), signatures: [new Uint8Array(64).fill(1)] };
    expect(victim.batch([order(2), forged])).toMatchObject({
      verdict: 'reject',
      penalties: [{ points: 20 }],
    });
    expect(victim.batch([order(3), order(1, 0, 2)], 'bob')).toMatchObject({
      verdict: 'accept',
      penalties: [],
    });
  });

  it('finds a forgery behind a closed window', () => {
    const victim = createVictim();
    victim.grow(40);
    expect(victim.batch([order(1)], 'alice')).toMatchObject({ verdict: 'ignore', penalties: [] });
    expect(victim.batch([foreign(1)])).toMatchObject({ verdict: 'reject', penalties: [{ points: 20 }] });
  });

  it('takes neither a replay nor a second order for the slot of one that is in the chain', () => {
    const victim = createVictim();
    victim.grow(2);
    const sent = order(1);
    expect(victim.batch([sent], 'alice').verdict).toBe('accept');
    const { node, execution } = trunk[1]!;
    victim.block(mineBlock(rules, { parent: node, state: execution.state, author: 5 }, [sent]), 'alice');
    expect(victim.core.chain.tip().height).toBe(3);
    expect(victim.core.mempool.stats().count).toBe(0);
    expect(victim.batch([sent])).toMatchObject({ verdict: 'ignore', penalties: [] });
    expect(victim.batch([order(1, 0, 2)])).toMatchObject({ verdict: 'ignore', penalties: [] });
    expect(victim.batch([sent, order(2)], 'alice').verdict).toBe('accept');
    expect(victim.core.mempool.list().map(({ transaction }) => transaction.body.account)).toEqual([2]);
  });

  it('takes no replay after a restart either', () => {
    const sent = order(1);
    const { node, execution } = trunk[1]!;
    const holder = mineBlock(rules, { parent: node, state: execution.state, author: 5 }, [sent]);
    const victim = createVictim([...trunk.slice(0, 2), holder].map(({ block }) => block));
    expect(victim.core.chain.tip().height).toBe(3);
    expect(victim.batch([sent])).toMatchObject({ verdict: 'ignore', penalties: [] });
    expect(victim.batch([order(2)]).verdict).toBe('accept');
  });

  it('takes it again when its block leaves the chain', () => {
    const victim = createVictim();
    victim.grow(2);
    const sent = order(1);
    const { node, execution } = trunk[1]!;
    victim.block(mineBlock(rules, { parent: node, state: execution.state, author: 5 }, [sent]), 'alice');
    for (const mined of trunk.slice(2, 4)) {
      victim.clock.wallMs = mined.node.timestampMs;
      victim.block(mined, 'alice');
    }
    expect(victim.core.chain.tip().idHex).toBe(trunk[3]!.node.idHex);
    expect(victim.core.mempool.list().map((entry) => entry.transaction)).toEqual([sent]);
  });
});

describe('floods', () => {
  it('keeps no header of a branch that leaves below the final block, and blames nobody', () => {
    const victim = createVictim();
    victim.grow(40);
    expect(victim.core.chain.final().height).toBeGreaterThan(20);
    const before = victim.core.chain.sizes();
    for (let height = 1; height < 12; height++) {
      const late = wrong(height, { timestampMs: trunk[height]!.node.timestampMs + 1 });
      expect(victim.block(late)).toMatchObject({ verdict: 'ignore', penalties: [] });
    }
    expect(victim.core.chain.sizes()).toEqual(before);
  });

  it('holds few blocks from the future', () => {
    const victim = createVictim();
    victim.grow(1);
    const { node } = trunk[0]!;
    for (let i = 0; i < 70; i++) {
      const timestampMs = node.timestampMs + 20_000 + SPACING_MS * i;
      victim.block({
        block: { signedHeader: mineHeader(rules, node, { timestampMs, author: 3 }), transactions: [] },
      });
    }
    expect(victim.core.chain.sizes().sideHeaders).toBe(0);
    // All have come due: those that were kept link, and their bodies are refused without harm.
    victim.wait(1_000_000);
    expect(victim.core.chain.sizes().sideHeaders).toBeLessThanOrEqual(64);
    expect(victim.core.chain.tip().height).toBe(1);
  });
});

describe('damage', () => {
  it('writes a block of the chain anew from memory, and knows no other', () => {
    const victim = createVictim();
    victim.grow(40);
    expect(victim.step({ type: 'damaged', height: 40 }).find((e) => e.type === 'repaired')).toMatchObject({
      node: { height: 40 },
    });
    expect(victim.core.repairsLeft()).toBe(0);
    victim.step({ type: 'damaged', height: 99 });
    expect(victim.core.repairsLeft()).toBe(0);
  });
});
