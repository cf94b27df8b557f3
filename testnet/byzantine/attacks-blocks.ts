/** Attacks by blocks: one rule of headers or bodies broken at a time. */
import { blockId, transactionsRoot } from '../../node/protocol/codec.ts';
import type { HeaderBody, SignedHeader, Transaction } from '../../node/protocol/types.ts';
import { toHex } from '../../node/util/bytes.ts';
import type { Arena, Attack, Deed } from './attack.ts';
import { signerOf } from './forge.ts';
import { encodeBlock, gossipUntilOut, messageFrame, randomBytes, sendUntilOut } from './tools.ts';
import { waitFor } from './view.ts';

const OUT_WITHIN_MS = 10_000;
/** Tries to have one valid block adopted in a race against the honest miners. */
const RACES = 6;

type Seal = (
  forge: Arena['forge'],
  body: HeaderBody,
  right: HeaderBody,
) => SignedHeader | Promise<SignedHeader>;

/** Work and signature are right where a miner's key is held, so that only the changed field is wrong. */
const sealed: Seal = (forge, body, { target }) =>
  // The work is that of the right target, also where the header names another.
  forge.miner === null ? forge.unsealed(body) : forge.seal(body, { within: target });

/** A block without transactions on the target's tip, sent once, with one field changed. */
async function header(
  arena: Arena,
  change: (right: HeaderBody) => Partial<HeaderBody>,
  seal = sealed,
): Promise<Deed> {
  await arena.refresh();
  const right = arena.forge.rightBody(arena.forge.tip());
  const signed = await seal(arena.forge, { ...right, ...change(right) }, right);
  return gossipUntilOut(arena, 'block', { most: 1 }, () => encodeBlock(signed));
}

const idOf = (signed: SignedHeader) => toHex(blockId(signed.header));

/** A stranger's key: nobody admitted it. */
const strangerOf = (arena: Arena) => signerOf(randomBytes(arena.rng, 32));

/** Valid headers with transactions that are not theirs; the true body must be welcome still. */
async function wrongBody(arena: Arena): Promise<Deed> {
  const { forge } = arena;
  const liar = await arena.meet();
  const honest = await arena.meet();
  const order = forge.signed(forge.order(forge.miner!.member), forge.miner!.signer);
  const sinceMs = performance.now();
  let sent = 0;
  let adopted = false;
  for (let race = 0; race < RACES && !(adopted && !liar.isOpen()); race++) {
    await arena.refresh();
    const block = await forge.blockOn(forge.tip());
    if (liar.isOpen()) {
      await liar.send(messageFrame(arena, 'block', encodeBlock(block.signedHeader, [order])));
      sent++;
    }
    // The lie must have been read before the truth comes.
    await arena.view.height();
    await honest.send(messageFrame(arena, 'block', encodeBlock(block.signedHeader)));
    const idHex = idOf(block.signedHeader);
    adopted ||= await waitFor(1500, () => arena.view.hasMainBlock(idHex), arena.signal);
  }
  const fault = adopted ? null : 'a lie about the body kept the true block out';
  return { sent, sinceMs, culprit: liar, fault, detail: 'the true body was taken after the lie' };
}

/** A header that all accept, over a body that execution refuses. */
async function badExecution(
  arena: Arena,
  make: (arena: Arena) => { change: Partial<HeaderBody>; transactions: Transaction[] },
): Promise<Deed> {
  await arena.refresh();
  const { forge } = arena;
  const culprit = await arena.meet();
  const right = forge.rightBody(forge.tip());
  const { change, transactions } = make(arena);
  const signed = await forge.seal({ ...right, ...change });
  const deed = await sendUntilOut(arena, culprit, { most: 1, pauseMs: 500 }, () =>
    messageFrame(arena, 'block', encodeBlock(signed, transactions)),
  );
  const taken = await arena.view.hasMainBlock(idOf(signed));
  return { ...deed, fault: taken ? 'the target took the block' : null };
}

/** Two valid blocks of one author on one parent, both to the target. */
async function equivocate(arena: Arena): Promise<Deed> {
  await arena.refresh();
  const { forge } = arena;
  const culprit = await arena.meet();
  const parent = forge.tip();
  const pair = [await forge.blockOn(parent), await forge.blockOn(parent)];
  const deed = await sendUntilOut(arena, culprit, { most: 2, pauseMs: 50 }, (i) =>
    messageFrame(arena, 'block', encodeBlock(pair[i]!.signedHeader)),
  );
  const ids = pair.map((block) => idOf(block.signedHeader));
  const held = await Promise.all(ids.map((id) => arena.view.hasMainBlock(id)));
  const both = held.every(Boolean);
  const detail = `${held.filter(Boolean).length} of the two in the main chain`;
  return { ...deed, detail, fault: both ? 'both blocks of one height settled' : null };
}

/** Blocks that the target has had for long. */
async function replay(arena: Arena): Promise<Deed> {
  await arena.refresh();
  const { forge } = arena;
  return gossipUntilOut(arena, 'block', { most: 20, pauseMs: 10 }, (i) => {
    const { block } = forge.at(Math.max(1, forge.tip().node.height - i));
    return encodeBlock(block.signedHeader, block.transactions);
  });
}

export const BLOCK_ATTACKS: readonly Attack[] = [
  {
    name: 'block-undecodable',
    row: 29,
    describe: 'bytes on the topic of blocks that are no block',
    allows: ['banned'],
    outWithinMs: OUT_WITHIN_MS,
    run: (arena) => gossipUntilOut(arena, 'block', { most: 50 }, () => randomBytes(arena.rng, 400)),
  },
  {
    name: 'block-bad-work',
    row: 31,
    describe: 'a block whose hash is above its target',
    allows: ['banned'],
    outWithinMs: OUT_WITHIN_MS,
    run: (arena) =>
      header(
        arena,
        () => ({}),
        (forge, body) => forge.unsealed(body),
      ),
  },
  {
    name: 'block-wrong-target',
    row: 31,
    describe: 'a block that chose an easier target',
    allows: ['banned'],
    outWithinMs: OUT_WITHIN_MS,
    run: (arena) => header(arena, ({ target }) => ({ target: 2n * target + 1n })),
  },
  {
    name: 'block-too-old',
    row: 31,
    describe: 'a timestamp before the parent’s',
    allows: ['banned'],
    outWithinMs: OUT_WITHIN_MS,
    run: (arena) => header(arena, () => ({ timestampMs: arena.forge.tip().node.timestampMs - 1 })),
  },
  {
    name: 'block-too-new',
    row: 31,
    describe: 'a timestamp an hour ahead, in a block that is right otherwise: later, never blamed',
    needsMiner: true,
    allows: ['ignored'],
    run: (arena) => header(arena, () => ({ timestampMs: Date.now() + 3_600_000 })),
  },
  {
    name: 'block-wrong-height',
    row: 31,
    describe: 'a height that is not one above the parent’s',
    allows: ['banned'],
    outWithinMs: OUT_WITHIN_MS,
    run: (arena) => header(arena, ({ height }) => ({ height: height + 1 })),
  },
  {
    name: 'block-unknown-parent',
    row: 32,
    describe: 'fifty blocks on parents that nobody has',
    allows: ['ignored', 'penalised', 'banned'],
    run: (arena) =>
      gossipUntilOut(arena, 'block', { most: 50, pauseMs: 5 }, () =>
        encodeBlock(
          arena.forge.unsealed(
            arena.forge.headerOn(arena.forge.tip().node, { parent: randomBytes(arena.rng, 32) }),
          ),
        ),
      ),
  },
  {
    name: 'block-unregistered-author',
    row: 31,
    describe: 'real work by somebody who is no miner',
    allows: ['banned'],
    outWithinMs: OUT_WITHIN_MS,
    run: (arena) =>
      header(
        arena,
        () => ({ author: arena.forge.rules.genesis.members.length + 7 }),
        (forge, body) => forge.seal(body, { signer: strangerOf(arena) }),
      ),
  },
  {
    name: 'block-bad-signature',
    row: 38,
    describe: 'real work in the name of a miner, signed by another key',
    allows: ['banned'],
    outWithinMs: OUT_WITHIN_MS,
    run: (arena) =>
      header(
        arena,
        () => ({ author: arena.forge.rules.genesis.miners[0]!.member }),
        (forge, body) => forge.seal(body, { signer: strangerOf(arena) }),
      ),
  },
  {
    name: 'block-wrong-body',
    row: 31,
    describe: 'valid headers over transactions of others; the true body comes from somebody else',
    needsMiner: true,
    allows: ['banned'],
    outWithinMs: OUT_WITHIN_MS,
    run: wrongBody,
  },
  {
    name: 'block-wrong-state-root',
    row: 31,
    describe: 'a valid header whose state root is not what execution gives',
    needsMiner: true,
    allows: ['ignored'],
    run: (arena) =>
      badExecution(arena, () => ({ change: { stateRoot: randomBytes(arena.rng, 32) }, transactions: [] })),
  },
  {
    name: 'block-duplicate-transaction',
    row: 31,
    describe: 'a valid header over the same order twice',
    needsMiner: true,
    allows: ['ignored'],
    run: (arena) =>
      badExecution(arena, ({ forge }) => {
        const order = forge.signed(forge.order(forge.miner!.member), forge.miner!.signer);
        const transactions = [order, order];
        return { change: { transactionsRoot: transactionsRoot(transactions) }, transactions };
      }),
  },
  {
    name: 'block-forged-transaction',
    row: 31,
    describe: 'a valid header over an order that its account did not sign',
    needsMiner: true,
    allows: ['ignored'],
    run: (arena) =>
      badExecution(arena, ({ forge }) => {
        const transactions = [forge.signed(forge.order(0), strangerOf(arena))];
        return { change: { transactionsRoot: transactionsRoot(transactions) }, transactions };
      }),
  },
  {
    name: 'equivocation',
    row: 34,
    describe: 'two valid blocks of one author on one parent',
    needsMiner: true,
    allows: ['ignored'],
    run: equivocate,
  },
  {
    name: 'block-replay',
    row: 23,
    describe: 'the last twenty blocks once more',
    allows: ['ignored'],
    run: replay,
  },
];
