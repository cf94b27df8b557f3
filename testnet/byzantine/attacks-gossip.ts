/** Attacks on gossip itself: its control messages, its limits, and transactions that nobody may send. */
import { setTimeout as delay } from 'node:timers/promises';
import { encode, transactionId } from '../../node/protocol/codec.ts';
import type { Transaction } from '../../node/protocol/types.ts';
import { TransactionBatch } from '../../node/protocol/wire.ts';
import { toHex } from '../../node/util/bytes.ts';
import type { Arena, Attack, Deed } from './attack.ts';
import { signerOf } from './forge.ts';
import { gossipFrame, type RawRpc } from './frames.ts';
import { gossipUntilOut, randomBytes, sendUntilOut } from './tools.ts';
import { waitFor } from './view.ts';

const OUT_WITHIN_MS = 10_000;
const FLOOD_PER_SECOND = 1000;
const FLOOD_SECONDS = 5;
/** Above what a message may hold, below what a frame may. */
const OVERSIZE_BYTES = 400_000;
const LONGEST_BACKOFF = 2n ** 64n - 1n;
/** The decoder refuses numbers that a double does not hold. */
const LONGEST_DECODED_BACKOFF = 2n ** 53n - 1n;

/** Transactions, one in a message, until the sender is out. */
function transactions(arena: Arena, make: (i: number) => Transaction): Promise<Deed> {
  return gossipUntilOut(arena, 'tx', { most: 50 }, (i) => encode(TransactionBatch, [make(i)]));
}

/** An order in the name of a member, signed by a key made up for it. */
function forged(arena: Arena, i: number): Transaction {
  const { forge } = arena;
  const account = i % forge.rules.genesis.members.length;
  return forge.signed(forge.order(account), signerOf(randomBytes(arena.rng, 32)));
}

/** A thousand forged orders a second, whatever comes of it. */
async function flood(arena: Arena): Promise<Deed> {
  await arena.refresh();
  const most = FLOOD_PER_SECOND * FLOOD_SECONDS;
  const signer = signerOf(randomBytes(arena.rng, 32));
  const members = arena.forge.rules.genesis.members.length;
  const frames = Array.from({ length: most }, (_, i) => {
    const { forge } = arena;
    const order = forge.signed(forge.order(i % members), signer);
    return gossipFrame({
      messages: [{ topic: arena.names.id('tx'), data: encode(TransactionBatch, [order]) }],
    });
  });
  const culprit = await arena.meet();
  const sinceMs = performance.now();
  let sent = 0;
  while (sent < most && culprit.isOpen()) {
    const due = Math.min(most, Math.ceil(((performance.now() - sinceMs) * FLOOD_PER_SECOND) / 1000));
    while (sent < due && (await culprit.send(frames[sent]!))) sent++;
    await delay(5, undefined, { signal: arena.signal });
  }
  return { sent, sinceMs, culprit };
}

/** Frames of control messages, hundreds of them. */
async function control(
  arena: Arena,
  plan: { most: number; pauseMs?: number },
  make: (i: number) => RawRpc,
): Promise<Deed> {
  const culprit = await arena.meet();
  const deed = await sendUntilOut(arena, culprit, { pauseMs: 5, ...plan }, (i) => gossipFrame(make(i)));
  await delay(500, undefined, { signal: arena.signal });
  return deed;
}

/** A message that names another source and carries its signature: the order in it is right. */
async function spoofed(arena: Arena): Promise<Deed> {
  await arena.refresh();
  const { forge } = arena;
  const culprit = await arena.meet();
  const order = forge.signed(forge.order(forge.miner!.member), forge.miner!.signer);
  const message = {
    topic: arena.names.id('tx'),
    data: encode(TransactionBatch, [order]),
    from: randomBytes(arena.rng, 38),
    seqno: randomBytes(arena.rng, 8),
    signature: randomBytes(arena.rng, 64),
    key: randomBytes(arena.rng, 36),
  };
  const deed = await sendUntilOut(arena, culprit, { most: 20, pauseMs: 20 }, () =>
    gossipFrame({ messages: [message] }),
  );
  const idHex = toHex(transactionId(order));
  const taken = await arena.view.knowsTransaction(idHex);
  if (taken) return { ...deed, fault: 'the target took a message with a forged source' };
  // The same order without the forgery: else the attack would have failed for another reason.
  const { topic, data } = message;
  const honest = await arena.meet();
  await honest.send(gossipFrame({ messages: [{ topic, data }] }));
  const welcome = await waitFor(5000, () => arena.view.knowsTransaction(idHex), arena.signal);
  return { ...deed, fault: welcome ? null : 'the order is not taken without the forgery either' };
}

export const GOSSIP_ATTACKS: readonly Attack[] = [
  {
    name: 'tx-undecodable',
    row: 29,
    describe: 'bytes on the topic of transactions that are none',
    allows: ['banned'],
    outWithinMs: OUT_WITHIN_MS,
    run: (arena) => gossipUntilOut(arena, 'tx', { most: 50 }, () => randomBytes(arena.rng, 200)),
  },
  {
    name: 'tx-bad-signature',
    row: 38,
    describe: 'orders of members, signed by others',
    allows: ['banned'],
    outWithinMs: OUT_WITHIN_MS,
    async run(arena) {
      await arena.refresh();
      return transactions(arena, (i) => forged(arena, i));
    },
  },
  {
    name: 'tx-unknown-account',
    row: 29,
    describe: 'orders of accounts that do not exist',
    allows: ['banned'],
    outWithinMs: OUT_WITHIN_MS,
    async run(arena) {
      await arena.refresh();
      const { forge } = arena;
      const signer = signerOf(randomBytes(arena.rng, 32));
      return transactions(arena, (i) => forge.signed(forge.order(60_000 + i), signer));
    },
  },
  {
    name: 'tx-over-quota',
    row: 29,
    describe: 'well signed orders beyond the quota of a step',
    needsMiner: true,
    allows: ['banned'],
    outWithinMs: OUT_WITHIN_MS,
    async run(arena) {
      await arena.refresh();
      const { forge } = arena;
      const { member, signer } = forge.miner!;
      const quota = forge.rules.genesis.params.orderQuota;
      return transactions(arena, (i) => forge.signed(forge.order(member, { sequence: quota + i }), signer));
    },
  },
  {
    name: 'tx-other-chain',
    row: 38,
    describe: 'orders that their member signed for another chain',
    needsMiner: true,
    allows: ['banned'],
    outWithinMs: OUT_WITHIN_MS,
    async run(arena) {
      await arena.refresh();
      const { forge } = arena;
      const { member, signer } = forge.miner!;
      const root = randomBytes(arena.rng, 32);
      return transactions(arena, (i) => forge.signed(forge.order(member, { sequence: i % 4 }), signer, root));
    },
  },
  {
    name: 'tx-flood',
    row: 29,
    describe: 'a thousand forged orders a second for five seconds',
    allows: ['banned'],
    outWithinMs: OUT_WITHIN_MS,
    run: flood,
  },
  {
    name: 'gossip-oversize',
    row: 29,
    describe: 'messages of 400 kB',
    allows: ['banned'],
    outWithinMs: OUT_WITHIN_MS,
    run: (arena) =>
      gossipUntilOut(arena, 'block', { most: 20 }, () => randomBytes(arena.rng, OVERSIZE_BYTES)),
  },
  {
    name: 'gossip-spoofed-source',
    row: 38,
    describe: 'a right order in a message that names a source and a signature',
    needsMiner: true,
    allows: ['ignored', 'penalised', 'banned'],
    run: spoofed,
  },
  {
    name: 'subscription-flood',
    row: 30,
    describe: 'ten thousand topics, sixty-four in a frame, then five thousand in one',
    allows: ['ignored', 'penalised', 'banned', 'disconnected'],
    run: (arena) =>
      control(arena, { most: 160 }, (i) => {
        const count = i === 159 ? 5000 : 64;
        return {
          subscriptions: Array.from({ length: count }, (_, k) => ({
            subscribe: true,
            topic: `/wattmesh/${i}/${k}/${'x'.repeat(100)}`,
          })),
        };
      }),
  },
  {
    name: 'ihave-flood',
    row: 30,
    describe: 'two hundred frames of two thousand message ids each that nobody can deliver',
    allows: ['ignored', 'penalised', 'banned', 'disconnected'],
    run: (arena) =>
      control(arena, { most: 200 }, () => {
        const bytes = randomBytes(arena.rng, 2000 + 32);
        const ids = Array.from({ length: 2000 }, (_, k) => bytes.slice(k, k + 32));
        return { ihave: [{ topic: arena.names.id('block'), ids }] };
      }),
  },
  {
    name: 'iwant-flood',
    row: 30,
    describe: 'two hundred frames of two thousand wishes and don’t-wants each',
    allows: ['ignored', 'penalised', 'banned', 'disconnected'],
    run: (arena) =>
      control(arena, { most: 200 }, () => {
        const bytes = randomBytes(arena.rng, 2000 + 32);
        const ids = Array.from({ length: 2000 }, (_, k) => bytes.slice(k, k + 32));
        return { iwant: [ids], idontwant: [ids.slice(0, 500)] };
      }),
  },
  {
    name: 'prune-longest-back-off',
    row: 30,
    describe: 'PRUNE with a back-off of 2^64 - 1 seconds',
    allows: ['ignored', 'penalised', 'banned'],
    run: (arena) =>
      control(arena, { most: 50 }, () => ({
        prune: [{ topic: arena.names.id('block'), backoffSeconds: LONGEST_BACKOFF }],
      })),
  },
  {
    name: 'graft-prune-flood',
    row: 30,
    describe: 'GRAFT and PRUNE of real and invented topics in turn, with the longest back-off that decodes',
    allows: ['ignored', 'penalised', 'banned'],
    run: (arena) =>
      control(arena, { most: 400, pauseMs: 2 }, (i) => {
        const topics = [arena.names.id('block'), arena.names.id('tx'), `/invented/${i}`];
        return i % 2 === 0
          ? { graft: topics }
          : { prune: topics.map((topic) => ({ topic, backoffSeconds: LONGEST_DECODED_BACKOFF })) };
      }),
  },
];
