import '../util/polyfill.ts';
import { setMaxListeners } from 'node:events';
import { WattmeshError } from '../util/errors.ts';
import type { AddressBook } from './address-book.ts';
import { createAddressBook } from './address-book.ts';
import { encodeAddresses, MAX_TOLD_ADDRESSES } from './address-frame.ts';
import { createDialer } from './dialer.ts';
import { createLinkFaults } from './faulty-transport.ts';
import type { Gate } from './gate.ts';
import { createGate } from './gate.ts';
import { identityFromBytes } from './identity.ts';
import type {
  Network,
  NetworkHandlers,
  NetworkOptions,
  ProtocolLimits,
  RequestOptions,
} from './interface.ts';
import type { Links } from './links.ts';
import { createLinks } from './links.ts';
import { createMessages } from './messages.ts';
import type { Names } from './names.ts';
import { createNames } from './names.ts';
import type { Node } from './node.ts';
import { createNode } from './node.ts';
import { createPenalties } from './penalties.ts';
import type { Settings } from './settings.ts';
import { PEERS_PROTOCOL, settingsOf } from './settings.ts';
import { ask, createAnswerer } from './streams.ts';

interface Parts {
  settings: Settings;
  handlers: NetworkHandlers;
  names: Names;
  node: Node;
  gate: Gate;
  links: Links;
  book: AddressBook;
  stopping: AbortController;
}

/** A network that has not been started. Errors: `P2P_BAD_OPTIONS`, `P2P_BAD_KEY`. */
export async function createNetwork(options: NetworkOptions, handlers: NetworkHandlers): Promise<Network> {
  const settings = settingsOf(options);
  const peerId = identityFromBytes(settings.privateKey).peerId;
  const names = createNames(settings.chain);
  const stopping = new AbortController();
  // Every open request listens to it; their number is bounded by the stream limits.
  setMaxListeners(0, stopping.signal);
  const penalties = createPenalties(settings);
  const gate = createGate({
    penalties,
    policy: settings.linkPolicy,
    maxConnections: settings.maxConnections,
    connections: () => node.getConnections().length,
    log: settings.log,
  });
  const faults = settings.linkFaults ? createLinkFaults(gate.shape) : null;
  const node = await createNode(settings, { names, penalties, gater: gate.gater, faults });
  const port = settings.addressBook;
  const book = createAddressBook({ ...settings, selfId: peerId, port, random: Math.random });
  const host = guarded(handlers, settings, () => dialer.wake());
  const links = createLinks({
    settings,
    names,
    node,
    gate,
    book,
    penalties,
    onUp: host.onPeerUp,
    onDown: host.onPeerDown,
  });
  const parts: Parts = { settings, handlers, names, node, gate, links, book, stopping };
  const dialer = createDialer({
    ...parts,
    stopping: stopping.signal,
    ask: (id, timeoutMs) =>
      request(parts, id, PEERS_PROTOCOL, new Uint8Array(0), { timeoutMs, ...PEERS_PROTOCOL }),
  });
  const messages = createMessages({ settings, names, node, links, onMessage: host.onMessage });
  await answerProtocols(parts);
  let starting: Promise<void> | null = null;
  let stopped: Promise<void> | null = null;

  return {
    peerId,
    addresses: () => node.getMultiaddrs().map(String),
    start() {
      starting ??= startNode(settings, node).then(() => {
        if (stopping.signal.aborted) return;
        messages.start();
        dialer.start();
      });
      return starting;
    },
    stop() {
      stopped ??= (async () => {
        stopping.abort();
        // A node that is still starting cannot be stopped; whoever called `start` hears of its failure.
        await starting?.catch(() => undefined);
        await dialer.stop();
        const router = node.services.gossip.status;
        await node.stop();
        clearTimeout(router.heartbeatTimeout);
      })();
      return stopped;
    },
    publish: messages.publish,
    report: messages.report,
    meshPeers: messages.meshPeers,
    async request(id, protocol, bytes, requestOptions) {
      const limits = settings.protocols.find(({ name }) => name === protocol);
      if (limits === undefined) throw unknownProtocol(protocol);
      return request(parts, id, limits, bytes, requestOptions);
    },
    penalise: links.penalise,
    peers: links.infos,
    bans: penalties.bans,
    setLinkPolicy(policy) {
      gate.setPolicy(policy);
      links.enforce();
      faults?.heal();
      book.retryAll();
      dialer.wake();
    },
  };
}

type HostCallbacks = Pick<NetworkHandlers, 'onPeerUp' | 'onPeerDown' | 'onMessage'>;

/** An error thrown by the host must not end inside libp2p, where nobody would see it. */
function guarded(handlers: NetworkHandlers, settings: Settings, wake: () => void): HostCallbacks {
  const guard =
    <T>(what: string, callback: (value: T) => void) =>
    (value: T): void => {
      try {
        callback(value);
      } catch (error) {
        settings.log('error', 'handler failed', { handler: what, error });
      }
    };
  return {
    onMessage: guard('onMessage', (message) => handlers.onMessage(message)),
    onPeerUp: guard('onPeerUp', (peerId: string) => {
      wake();
      handlers.onPeerUp(peerId);
    }),
    onPeerDown: guard('onPeerDown', (peerId: string) => {
      wake();
      handlers.onPeerDown(peerId);
    }),
  };
}

async function startNode(settings: Settings, node: Node): Promise<void> {
  try {
    await node.start();
  } catch (cause) {
    const busy = String(cause).includes('EADDRINUSE');
    throw new WattmeshError({
      code: busy ? 'P2P_PORT_BUSY' : 'P2P_LISTEN_FAILED',
      message: busy
        ? `Another process listens on ${settings.listen}.`
        : `The network cannot listen on ${settings.listen}.`,
      remedy: 'Choose another listen address, or stop the process that uses this one.',
      details: { listen: settings.listen },
      cause,
    });
  }
}

async function answerProtocols(parts: Parts): Promise<void> {
  const { settings, handlers, names, node, links, book, stopping } = parts;
  const register = async (
    limits: ProtocolLimits,
    answer: (from: string, bytes: Uint8Array) => Promise<Uint8Array | null>,
  ): Promise<void> => {
    const { handlerTimeoutMs, log } = settings;
    const { admit, penalise } = links;
    const answerer = createAnswerer({
      limits,
      handlerTimeoutMs,
      stopping: stopping.signal,
      log,
      admit,
      penalise,
      answer,
    });
    await node.handle(names.id(limits.name), answerer, { maxInboundStreams: 16, maxOutboundStreams: 64 });
  };
  await register(PEERS_PROTOCOL, async (from) =>
    encodeAddresses(book.share(MAX_TOLD_ADDRESSES, from, links.isLoopback(from))),
  );
  for (const limits of settings.protocols) {
    await register(limits, (from, bytes) => handlers.onRequest({ protocol: limits.name, from, bytes }));
  }
}

async function request(
  parts: Parts,
  peerId: string,
  limits: ProtocolLimits,
  bytes: Uint8Array,
  options: RequestOptions,
): Promise<Uint8Array> {
  const { names, links, stopping } = parts;
  if (bytes.length > limits.maxRequestBytes) {
    throw new WattmeshError({
      code: 'P2P_REQUEST_TOO_LARGE',
      message: `A ${limits.name} request of ${bytes.length} bytes is over the limit of ${limits.maxRequestBytes}.`,
      remedy: 'Split the request.',
      details: { protocol: limits.name, bytes: bytes.length },
    });
  }
  const connection = links.admit(peerId) ? links.connection(peerId) : null;
  if (connection === null) {
    throw new WattmeshError({
      code: 'P2P_NOT_CONNECTED',
      message: `Peer ${peerId} is not connected.`,
      remedy: 'Ask a connected peer.',
      details: { peerId },
    });
  }
  const maxResponseBytes = Math.min(options.maxResponseBytes, limits.maxResponseBytes);
  return ask(
    connection,
    bytes,
    { timeoutMs: options.timeoutMs, maxResponseBytes },
    {
      protocolId: names.id(limits.name),
      stopping: stopping.signal,
      penalise: (points, reason) => links.penalise(peerId, points, `${reason} (${limits.name})`),
    },
  );
}

function unknownProtocol(protocol: string): WattmeshError {
  return new WattmeshError({
    code: 'P2P_UNKNOWN_PROTOCOL',
    message: `The protocol ${protocol} is not configured.`,
    remedy: 'Name it in the options of the network.',
    details: { protocol },
  });
}
