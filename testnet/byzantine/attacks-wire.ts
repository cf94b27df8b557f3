/** Attacks below the protocol: bytes that are no frames, frames that lie about themselves, streams that never end. */
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { encode } from '../../node/protocol/codec.ts';
import { BlocksRequest } from '../../node/protocol/wire.ts';
import { concatBytes } from '../../node/util/bytes.ts';
import type { Arena, Attack, Deed } from './attack.ts';
import { multistreamLine, prefixed, requestFrame, rpcBytes, varint } from './frames.ts';
import { randomBytes, sendUntilOut, writeStream } from './tools.ts';
import { waitFor } from './view.ts';

const SOCKETS = 16;
const FLOOD_STREAMS = 1000;
const FLOOD_WAVE = 50;
const CLOSE_WITHIN_MS = 10_000;
const MULTISTREAM = multistreamLine('/multistream/1.0.0');

function socketOf(address: string): Socket {
  const parts = address.split('/');
  const socket = connect({ host: parts[2]!, port: Number(parts[4]) });
  // A reset by the target is what is hoped for.
  socket.on('error', () => {});
  socket.resume();
  return socket;
}

/** Sockets that write something and are to be closed by the target. */
async function rawSockets(arena: Arena, make: () => Uint8Array): Promise<Deed> {
  const sinceMs = performance.now();
  const sockets = Array.from({ length: SOCKETS }, () => socketOf(arena.address));
  let open = SOCKETS;
  for (const socket of sockets) {
    socket.on('close', () => open--);
    socket.write(make());
  }
  try {
    const closed = await waitFor(CLOSE_WITHIN_MS, () => open === 0, arena.signal);
    const outcome = closed ? 'refused' : 'ignored';
    const disconnectedAfterMs = closed ? performance.now() - sinceMs : null;
    const detail = `${open} of ${SOCKETS} sockets still open`;
    return { sent: SOCKETS, sinceMs, culprit: null, outcome, disconnectedAfterMs, detail };
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}

/** Streams of a protocol with the same bytes each, until the link has ended. */
async function streamsUntilOut(
  arena: Arena,
  plan: { protocol: string; most: number },
  make: () => Uint8Array,
): Promise<Deed> {
  const culprit = await arena.meet();
  const sinceMs = performance.now();
  let [sent, refused] = [0, 0];
  while (sent < plan.most && culprit.isOpen()) {
    sent++;
    if (!(await writeStream(culprit, plan.protocol, make()))) refused++;
    await delay(10, undefined, { signal: arena.signal });
  }
  return { sent, sinceMs, culprit, detail: `${refused} streams could not be written` };
}

/** One byte a second on as many streams as there are, in the hope that nobody counts the time. */
async function slowRequests(arena: Arena): Promise<Deed> {
  const culprit = await arena.meet();
  const sinceMs = performance.now();
  const streams = await Promise.allSettled(
    ['status', 'headers', 'blocks'].flatMap((protocol) =>
      Array.from({ length: 12 }, () => culprit.open(protocol)),
    ),
  );
  const open = streams.flatMap((entry) => (entry.status === 'fulfilled' ? [entry.value] : []));
  const bytes = requestFrame(new Uint8Array(100), 100);
  let sent = 0;
  for (let second = 0; second < 20 && culprit.isOpen(); second++) {
    for (const stream of open) {
      if (stream.status !== 'open') continue;
      stream.send(bytes.subarray(second, second + 1));
      sent++;
    }
    await delay(1000, undefined, { signal: arena.signal });
  }
  const standing = open.filter(({ status }) => status === 'open').length;
  const fault = standing > 0 && culprit.isOpen() ? `${standing} slow streams still stand` : null;
  return { sent, sinceMs, culprit, detail: `${open.length} streams`, fault };
}

async function streamFlood(arena: Arena): Promise<Deed> {
  const culprit = await arena.meet();
  const sinceMs = performance.now();
  let [opened, sent] = [0, 0];
  // In waves: a process that chokes on its own flood is no good witness.
  while (sent < FLOOD_STREAMS && culprit.isOpen()) {
    const wave = Array.from({ length: FLOOD_WAVE }, (_, i) =>
      writeStream(culprit, ['status', 'headers', 'blocks'][i % 3]!, new Uint8Array(1), true),
    );
    opened += (await Promise.all(wave)).filter(Boolean).length;
    sent += FLOOD_WAVE;
  }
  await waitFor(20_000, () => !culprit.isOpen(), arena.signal);
  return { sent, sinceMs, culprit, detail: `${opened} streams were taken` };
}

const TRUNCATED_RPC = (() => {
  const whole = rpcBytes({ subscriptions: [{ subscribe: true, topic: 'a'.repeat(40) }] });
  return prefixed(whole.subarray(0, whole.length - 9));
})();

export const WIRE_ATTACKS: readonly Attack[] = [
  {
    name: 'tcp-garbage',
    row: 28,
    describe: 'random bytes on TCP instead of a handshake',
    allows: ['refused'],
    run: (arena) => rawSockets(arena, () => randomBytes(arena.rng, 4096)),
  },
  {
    name: 'multistream-garbage',
    row: 28,
    describe: 'a thousand protocols that nobody speaks, then a line of 2 GiB',
    allows: ['refused'],
    run: (arena) =>
      rawSockets(arena, () => {
        const offers = Array.from({ length: 1000 }, (_, i) => multistreamLine(`/evil/${i}`));
        return concatBytes(MULTISTREAM, ...offers, varint(2 ** 31), new Uint8Array(1024));
      }),
  },
  {
    name: 'noise-garbage',
    row: 28,
    describe: 'random bytes for the encrypted handshake',
    allows: ['refused'],
    run: (arena) =>
      rawSockets(arena, () => {
        const garbage = concatBytes(Uint8Array.of(0, 96), randomBytes(arena.rng, 96));
        return concatBytes(MULTISTREAM, multistreamLine('/noise'), garbage, garbage, garbage);
      }),
  },
  {
    name: 'request-4gib',
    row: 28,
    describe: 'requests that say they are 4 GiB long',
    allows: ['banned'],
    outWithinMs: 10_000,
    run: (arena) =>
      streamsUntilOut(arena, { protocol: 'headers', most: 50 }, () =>
        requestFrame(new Uint8Array(1024), 0xffff_ffff),
      ),
  },
  {
    name: 'request-truncated',
    row: 28,
    describe: 'requests that end before their length',
    allows: ['banned'],
    outWithinMs: 10_000,
    run: (arena) =>
      streamsUntilOut(arena, { protocol: 'headers', most: 50 }, () => requestFrame(new Uint8Array(50), 100)),
  },
  {
    name: 'request-truncated-ssz',
    row: 28,
    describe: 'whole frames whose SSZ is cut off',
    allows: ['banned'],
    outWithinMs: 10_000,
    run: (arena) => {
      const whole = encode(BlocksRequest, [randomBytes(arena.rng, 32), randomBytes(arena.rng, 32)]);
      return streamsUntilOut(arena, { protocol: 'blocks', most: 100 }, () =>
        requestFrame(whole.subarray(0, 41)),
      );
    },
  },
  {
    name: 'request-oversized',
    row: 28,
    describe: 'requests of 64 KiB, four times what is allowed',
    allows: ['banned'],
    outWithinMs: 10_000,
    run: (arena) =>
      streamsUntilOut(arena, { protocol: 'blocks', most: 50 }, () => requestFrame(new Uint8Array(65_536))),
  },
  {
    name: 'slowloris',
    row: 26,
    describe: 'requests of one byte a second on 36 streams',
    allows: ['banned'],
    outWithinMs: 20_000,
    run: slowRequests,
  },
  {
    name: 'stream-flood',
    row: 26,
    describe: 'a thousand streams that ask for nothing',
    allows: ['banned'],
    outWithinMs: 20_000,
    run: streamFlood,
  },
  {
    name: 'gossip-4gib',
    row: 28,
    describe: 'a gossip frame that says it is 4 GiB long',
    allows: ['banned', 'disconnected'],
    outWithinMs: 10_000,
    run: async (arena) =>
      sendUntilOut(arena, await arena.meet(), { most: 5, pauseMs: 100 }, () =>
        concatBytes(varint(2 ** 32), new Uint8Array(1024)),
      ),
  },
  {
    name: 'gossip-truncated-protobuf',
    row: 28,
    describe: 'gossip frames whose protobuf is cut off',
    allows: ['banned'],
    outWithinMs: 10_000,
    run: async (arena) =>
      sendUntilOut(arena, await arena.meet(), { most: 100, pauseMs: 5 }, () => TRUNCATED_RPC),
  },
];
