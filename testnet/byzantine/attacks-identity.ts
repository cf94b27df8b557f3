/** Attacks by who one says to be: many at once, of another chain, or somebody else's address. */
import { setTimeout as delay } from 'node:timers/promises';
import { encodeAddresses, MAX_TOLD_ADDRESSES } from '../../node/p2p/address-frame.ts';
import { identityFromSeed } from '../../node/p2p/identity.ts';
import { createNames } from '../../node/p2p/names.ts';
import type { Arena, Attack, Deed } from './attack.ts';
import { NOTHING, statusBytes } from './attacks-sync.ts';
import type { Answer, HostilePeer } from './peer.ts';
import { randomBytes } from './tools.ts';
import { waitFor } from './view.ts';

const SYBILS = 40;

/** Addresses at which nobody is, in the names of peers that do not exist. */
function inventedAddresses(arena: Arena): Uint8Array {
  return encodeAddresses(
    Array.from({ length: MAX_TOLD_ADDRESSES }, () => {
      const { peerId } = identityFromSeed(randomBytes(arena.rng, 32));
      return `/ip4/127.0.0.1/tcp/${1 + arena.rng.below(1023)}/p2p/${peerId}`;
    }),
  );
}

/** Nothing but addresses is false. */
function told(arena: Arena, protocol: string): Answer {
  if (protocol === 'peers') return inventedAddresses(arena);
  return protocol === 'status' ? statusBytes(arena) : NOTHING;
}

async function sybils(arena: Arena): Promise<Deed> {
  const sinceMs = performance.now();
  const crowd: HostilePeer[] = [];
  for (let i = 0; i < SYBILS; i++) {
    crowd.push(await arena.create({ answer: (protocol) => told(arena, protocol) }));
  }
  const results = await Promise.allSettled(crowd.map((peer) => peer.connect()));
  await delay(3000, undefined, { signal: arena.signal });
  const connected = results.filter(({ status }) => status === 'fulfilled').length;
  const standing = crowd.filter((peer) => peer.isOpen()).length;
  return {
    sent: SYBILS,
    sinceMs,
    culprit: null,
    outcome: 'ignored',
    detail: `${connected} of ${SYBILS} identities connected, ${standing} stand`,
  };
}

/** A peer whose protocols carry the name of another chain. */
async function wrongChain(arena: Arena): Promise<Deed> {
  const culprit = await arena.create({ names: createNames('another-chain') });
  const sinceMs = performance.now();
  await culprit.connect().catch(() => {});
  const closed = await waitFor(10_000, () => !culprit.isOpen(), arena.signal);
  const disconnectedAfterMs = closed ? performance.now() - sinceMs : null;
  return { sent: 1, sinceMs, culprit: null, outcome: closed ? 'refused' : 'ignored', disconnectedAfterMs };
}

/** Says that honest-looking strangers live where nobody does, in the hope that the target dials for ever. */
async function poisonedAddresses(arena: Arena): Promise<Deed> {
  let sent = 0;
  const culprit = await arena.create({
    answer(protocol) {
      if (protocol === 'peers') sent++;
      return told(arena, protocol);
    },
  });
  const sinceMs = performance.now();
  await culprit.connect();
  await waitFor(6000, () => sent > 0, arena.signal);
  const fault = sent === 0 ? 'the target never asked' : null;
  return { sent, sinceMs, culprit, fault, detail: `${sent} lists of ${MAX_TOLD_ADDRESSES} addresses` };
}

export const IDENTITY_ATTACKS: readonly Attack[] = [
  {
    name: 'sybils',
    row: 36,
    describe: 'forty identities from one host, each with a list of invented addresses',
    allows: ['ignored'],
    run: sybils,
  },
  {
    name: 'addresses-poisoned',
    row: 36,
    describe: 'lists of addresses at which nobody is',
    allows: ['ignored', 'penalised', 'banned'],
    run: poisonedAddresses,
  },
  {
    name: 'wrong-chain',
    row: 38,
    describe: 'a peer that speaks the protocols of another chain',
    allows: ['refused'],
    outWithinMs: 10_000,
    run: wrongChain,
  },
  {
    name: 'wrong-genesis',
    row: 38,
    describe: 'a peer of this chain’s name whose status tells of another genesis',
    allows: ['banned'],
    outWithinMs: 10_000,
    async run(arena) {
      let sent = 0;
      const genesisId = randomBytes(arena.rng, 32);
      const culprit = await arena.create({
        answer() {
          sent++;
          return statusBytes(arena, { genesisId });
        },
      });
      const sinceMs = performance.now();
      await culprit.connect();
      await waitFor(8000, () => !culprit.isOpen(), arena.signal);
      return { sent, sinceMs, culprit };
    },
  },
];
