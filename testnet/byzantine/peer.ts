/** A libp2p peer that answers, sends and stays silent as its script says: the library's own gossip is not asked. */
import '../../node/util/polyfill.ts';
import { noise } from '@chainsafe/libp2p-noise';
import { identify } from '@libp2p/identify';
import type { Connection, Libp2p, Stream } from '@libp2p/interface';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { multiaddr } from '@multiformats/multiaddr';
import { createLibp2p } from 'libp2p';
import { asError, frameStream } from '../../node/p2p/frames.ts';
import { decodePrivateKey, identityFromSeed } from '../../node/p2p/identity.ts';
import type { Names } from '../../node/p2p/names.ts';
import { ask } from '../../node/p2p/streams.ts';
import { PROTOCOLS } from '../../node/protocol/wire.ts';

const GOSSIP_PROTOCOLS = ['/meshsub/1.2.0', '/meshsub/1.1.0'];
const MAX_REQUEST_BYTES = 65_536;
const MAX_ANSWER_BYTES = 4_194_304;
const PATIENCE_MS = 10_000;

/** The answer to a request: framed bytes, the raw bytes of a stream, or silence until the asker gives up. */
export type Answer = Uint8Array | { raw: Uint8Array } | 'silence';

export interface PeerOptions {
  /** 32 bytes: the same seed gives the same peer id. */
  seed: Uint8Array;
  names: Names;
  /** Multiaddr of the target with its peer id. */
  target: string;
  answer(protocol: string, request: Uint8Array): Answer;
}

export interface HostilePeer {
  readonly peerId: string;
  /** Dials the target and opens a gossip stream. Rejects where the target refuses. */
  connect(): Promise<void>;
  isOpen(): boolean;
  /** Monotonic time at which the target's link ended; null while it stands. */
  closedAtMs(): number | null;
  /** Which side ended the link, and why; null while it stands. */
  closedBy(): string | null;
  /** Sends bytes on the gossip stream as they are, waiting where the target is slow; false: they cannot be sent. */
  send(bytes: Uint8Array): Promise<boolean>;
  /** Opens a stream of a protocol of the chain, by its short name. */
  open(protocol: string): Promise<Stream>;
  /** A proper request; rejects where it is refused. */
  request(protocol: string, bytes: Uint8Array): Promise<Uint8Array>;
  stop(): Promise<void>;
}

interface Link {
  connection: Connection;
  /** Null until the target has taken it. */
  gossip: Stream | null;
  closedAtMs: number | null;
  closedBy: string | null;
}

/** A peer that has not connected yet. */
export async function createHostilePeer(options: PeerOptions): Promise<HostilePeer> {
  const { names } = options;
  const identity = identityFromSeed(options.seed);
  const node = await createLibp2p({
    privateKey: decodePrivateKey(identity.privateKey),
    addresses: { listen: [] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    // A flood keeps this process busy: only the target may end a link.
    connectionMonitor: { abortConnectionOnPingFailure: false },
    services: { identify: identify() },
  });
  await serve(node, options);
  const stopping = new AbortController();
  let link: Link | null = null;

  const connectionOf = (): Connection => {
    if (link === null || link.connection.status !== 'open') throw new Error('not connected to the target');
    return link.connection;
  };
  return {
    peerId: identity.peerId,
    async connect() {
      const signal = AbortSignal.timeout(PATIENCE_MS);
      const connection = await node.dial(multiaddr(options.target), { signal });
      const fresh: Link = { connection, gossip: null, closedAtMs: null, closedBy: null };
      connection.addEventListener('close', ({ local, error }) => {
        fresh.closedAtMs ??= performance.now();
        fresh.closedBy ??= `${local === true ? 'this side' : 'the target'} (${error?.message ?? 'no error'})`;
      });
      link = fresh;
      const gossip = await connection.newStream(GOSSIP_PROTOCOLS, { signal });
      swallow(gossip);
      fresh.gossip = gossip;
    },
    isOpen: () => link !== null && link.connection.status === 'open',
    closedAtMs: () => link?.closedAtMs ?? null,
    closedBy: () => link?.closedBy ?? null,
    async send(bytes) {
      const gossip = link?.gossip ?? null;
      if (gossip === null || gossip.status !== 'open') return false;
      try {
        if (!gossip.send(bytes)) await gossip.onDrain({ signal: AbortSignal.timeout(PATIENCE_MS) });
        return true;
      } catch {
        return false;
      }
    },
    open: (protocol) =>
      connectionOf().newStream(names.id(protocol), {
        signal: AbortSignal.timeout(PATIENCE_MS),
        maxOutboundStreams: 4096,
      }),
    request: (protocol, bytes) =>
      ask(
        connectionOf(),
        bytes,
        { timeoutMs: PATIENCE_MS, maxResponseBytes: MAX_ANSWER_BYTES },
        { protocolId: names.id(protocol), stopping: stopping.signal, penalise() {} },
      ),
    async stop() {
      stopping.abort();
      await node.stop();
    },
  };
}

/** Everything that a peer of the chain is asked for, and the streams of its gossip, which nobody reads. */
async function serve(node: Libp2p, { names, answer }: PeerOptions): Promise<void> {
  for (const protocol of [...PROTOCOLS, 'peers']) {
    await node.handle(names.id(protocol), (stream) => reply(stream, (request) => answer(protocol, request)));
  }
  await node.handle(GOSSIP_PROTOCOLS, swallow, { maxInboundStreams: 16 });
}

async function reply(stream: Stream, answer: (request: Uint8Array) => Answer): Promise<void> {
  try {
    const frames = frameStream(stream, MAX_REQUEST_BYTES);
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const said = answer((await frames.read({ signal })).slice());
    if (said === 'silence') return;
    if (said instanceof Uint8Array) await frames.write(said, { signal });
    else stream.send(said.raw);
    await stream.close({ signal });
  } catch (error) {
    stream.abort(asError(error));
  }
}

/** Unread bytes would pile up. */
function swallow(stream: Stream): void {
  stream.addEventListener('message', () => {});
}
