/** Attacks by answers: a peer that says it knows more, and gives nothing, or something else. */

import { linkHeader } from '../../node/consensus/header-chain.ts';
import { encode } from '../../node/protocol/codec.ts';
import type { SignedHeader } from '../../node/protocol/types.ts';
import { BlocksAnswer, HeadersAnswer, Status } from '../../node/protocol/wire.ts';
import type { Arena, Attack, Deed } from './attack.ts';
import { requestFrame } from './frames.ts';
import type { Answer } from './peer.ts';
import { encodeBlock, messageFrame, randomBytes, sendUntilOut } from './tools.ts';
import { waitFor } from './view.ts';

/** A peer is asked for its status every three seconds: five rounds take twelve. */
const ROUNDS_MS = 16_000;
/** Blocks of one author on one parent. */
const SIBLINGS = 100;
const HUGE_WORK = 2n ** 200n;

/** The status of a peer that has a little, or claims to have a lot. */
export function statusBytes({ forge }: Pick<Arena, 'forge'>, change: Partial<Status> = {}): Uint8Array {
  const { node } = forge.genesisTip;
  return encode(Status, { ...Status.defaultValue(), genesisId: node.id, tipId: node.id, ...change });
}

function boast(arena: Arena, change: Partial<Status> = {}): Uint8Array {
  const tipHeight = arena.forge.tip().node.height + 1000;
  const lies = { tipId: randomBytes(arena.rng, 32), tipHeight, justifiedHeight: tipHeight, work: HUGE_WORK };
  return statusBytes(arena, { ...lies, ...change });
}

interface Script {
  /** Requests of this protocol count as bad messages. */
  counts: string;
  answers(protocol: string, request: Uint8Array): Answer;
  /** The attack is over when so many were answered. */
  rounds: number;
}

/** Lets the target ask, and waits until the script has been played or the link has ended. */
async function play(arena: Arena, script: Script): Promise<Deed> {
  let sent = 0;
  const culprit = await arena.create({
    answer(protocol, request) {
      if (protocol === script.counts) sent++;
      return script.answers(protocol, request);
    },
  });
  const sinceMs = performance.now();
  await culprit.connect();
  await waitFor(ROUNDS_MS, () => sent >= script.rounds || culprit.closedAtMs() !== null, arena.signal);
  const fault = sent === 0 ? 'the target never asked' : null;
  return { sent, sinceMs, culprit, fault };
}

/** An empty list of anything. */
/** Boasts of much work, and answers with these headers. */
function playHeaders(arena: Arena, headers: readonly SignedHeader[]): ReturnType<typeof play> {
  return play(arena, {
    counts: 'headers',
    rounds: 2,
    answers(protocol) {
      if (protocol === 'status') return boast(arena);
      return protocol === 'headers' ? encode(HeadersAnswer, [...headers]) : NOTHING;
    },
  });
}

export const NOTHING = new Uint8Array(0);

/** Headers on the target's tip that only the attacker has, and bodies that it will not give. */
async function privateBranch(
  arena: Arena,
  answerBlocks: (arena: Arena) => Answer,
  rounds: number,
): Promise<Deed> {
  await arena.refresh();
  const { forge } = arena;
  const headers: SignedHeader[] = [];
  let node = forge.tip().node;
  for (let i = 0; i < 3; i++) {
    const signed = await forge.seal(forge.headerOn(node, { timestampMs: node.timestampMs + 1000 }));
    headers.push(signed);
    node = linkHeader(node, signed);
  }
  const status = statusBytes(arena, { tipId: node.id, tipHeight: node.height, work: node.work });
  return play(arena, {
    counts: 'blocks',
    rounds,
    answers(protocol) {
      if (protocol === 'status') return status;
      return protocol === 'headers' ? encode(HeadersAnswer, headers) : answerBlocks(arena);
    },
  });
}

/** As many headers as fit between genesis and now, at the floor, by the attacker alone. */
async function lowWorkBranch(arena: Arena): Promise<SignedHeader[]> {
  const { forge } = arena;
  const { spacingMs } = forge.rules.genesis.params;
  const headers: SignedHeader[] = [];
  let node = forge.genesisTip.node;
  while (headers.length < 200 && node.timestampMs + spacingMs < Date.now()) {
    const signed = await forge.seal(forge.headerOn(node, { timestampMs: node.timestampMs + spacingMs }));
    headers.push(signed);
    node = linkHeader(node, signed);
  }
  return headers;
}

export const SYNC_ATTACKS: readonly Attack[] = [
  {
    name: 'status-undecodable',
    row: 28,
    describe: 'a status that does not decode',
    allows: ['banned'],
    run: (arena) =>
      play(arena, {
        counts: 'status',
        rounds: 2,
        answers: (protocol) => (protocol === 'status' ? randomBytes(arena.rng, 11) : NOTHING),
      }),
  },
  {
    name: 'answer-4gib',
    row: 28,
    describe: 'an answer that says it is 4 GiB long',
    allows: ['banned'],
    run: (arena) =>
      play(arena, {
        counts: 'status',
        rounds: 5,
        answers: (protocol) =>
          protocol === 'status' ? { raw: requestFrame(new Uint8Array(1024), 0xffff_ffff) } : NOTHING,
      }),
  },
  {
    name: 'status-lies',
    row: 37,
    describe: 'claims the most work there ever was, and knows no header',
    allows: ['ignored', 'penalised', 'banned'],
    run: (arena) =>
      play(arena, {
        counts: 'headers',
        rounds: 1,
        answers: (protocol) => (protocol === 'status' ? boast(arena) : NOTHING),
      }),
  },
  {
    name: 'headers-stall',
    row: 37,
    describe: 'claims the most work there ever was, and does not answer',
    allows: ['ignored', 'penalised', 'banned'],
    run: (arena) =>
      play(arena, {
        counts: 'headers',
        rounds: 1,
        answers: (protocol) => (protocol === 'status' ? boast(arena) : 'silence'),
      }),
  },
  {
    name: 'headers-unlinked',
    row: 31,
    describe: 'headers that follow nothing that was asked for',
    allows: ['penalised', 'banned'],
    run: (arena) =>
      play(arena, {
        counts: 'headers',
        rounds: 1,
        answers(protocol) {
          if (protocol === 'status') return boast(arena);
          const { forge } = arena;
          const stranger = forge.headerOn(forge.tip().node, { parent: randomBytes(arena.rng, 32) });
          return protocol === 'headers' ? encode(HeadersAnswer, [forge.unsealed(stranger)]) : NOTHING;
        },
      }),
  },
  {
    name: 'headers-bad-work',
    row: 32,
    describe: 'five hundred headers without work on the tip',
    allows: ['banned'],
    outWithinMs: 10_000,
    async run(arena) {
      await arena.refresh();
      const { forge } = arena;
      const headers = Array.from({ length: 500 }, () => forge.unsealed(forge.headerOn(forge.tip().node)));
      return playHeaders(arena, headers);
    },
  },
  {
    name: 'headers-low-work',
    row: 32,
    describe: 'a branch from genesis at the floor, by one miner alone',
    needsMiner: true,
    allows: ['ignored', 'penalised', 'banned'],
    async run(arena) {
      const headers = await lowWorkBranch(arena);
      return playHeaders(arena, headers);
    },
  },
  {
    name: 'header-siblings',
    row: 32,
    describe: 'a hundred blocks of one miner on one parent, each with another false state root',
    needsMiner: true,
    allows: ['ignored', 'penalised', 'banned'],
    async run(arena) {
      await arena.refresh();
      const { forge } = arena;
      const parent = forge.tip();
      const right = forge.rightBody(parent);
      const frames: Uint8Array[] = [];
      for (let i = 0; i < SIBLINGS; i++) {
        const signed = await forge.seal({ ...right, stateRoot: randomBytes(arena.rng, 32) });
        frames.push(messageFrame(arena, 'block', encodeBlock(signed)));
      }
      const culprit = await arena.meet();
      return sendUntilOut(arena, culprit, { most: SIBLINGS }, (i) => frames[i]!);
    },
  },
  {
    name: 'bodies-withheld',
    row: 37,
    describe: 'three headers ahead of everybody, whose bodies never come',
    needsMiner: true,
    allows: ['ignored', 'penalised', 'banned'],
    run: (arena) => privateBranch(arena, () => 'silence', 1),
  },
  {
    name: 'bodies-of-others',
    row: 37,
    describe: 'three headers ahead of everybody, and other blocks for their bodies',
    needsMiner: true,
    allows: ['penalised', 'banned'],
    run: (arena) => privateBranch(arena, ({ forge }) => encode(BlocksAnswer, [forge.at(1).block]), 2),
  },
];
