import type { Libp2pEvents, MultiaddrConnection, Transport, Upgrader } from '@libp2p/interface';
import { tcp } from '@libp2p/tcp';
import type { LinkShape } from './interface.ts';
import { createShapedLink, type ShapedLink } from './shaped-link.ts';

/** Faults on the bytes that this node sends, below encryption, so that gossip, requests and pings all feel them. */
export interface LinkFaults {
  /** What libp2p takes instead of its TCP transport. */
  readonly transport: ReturnType<typeof tcp>;
  /** An inbound connection says who it is only after its handshake. */
  onOpen(event: Libp2pEvents['connection:open']): void;
  /** Ends connections out of which bytes have vanished and that may speak again. */
  heal(): void;
}

/** As libp2p's TCP connection is built: bytes leave through `sendData`, and `drain` says that there is room. */
interface RawConnection extends MultiaddrConnection {
  sendData(data: Iterable<Uint8Array> & { byteLength: number }): {
    sentBytes: number;
    canSendMore: boolean;
  };
  sendClose(options?: unknown): Promise<void>;
  safeDispatchEvent(type: 'drain'): boolean;
}

interface Watched {
  connection: MultiaddrConnection;
  link: ShapedLink;
  peerId: string | null;
}

/** `shape` is asked at every write; `null` lets the bytes through untouched. */
export function createLinkFaults(shape: (peerId: string) => LinkShape | null): LinkFaults {
  const watched = new Set<Watched>();
  const watch = (connection: MultiaddrConnection): void => {
    const peerId = peerOf(connection);
    const entry: Watched = { connection, peerId, link: null as unknown as ShapedLink };
    entry.link = intercept(connection as RawConnection, () =>
      entry.peerId === null ? null : shape(entry.peerId),
    );
    watched.add(entry);
    connection.addEventListener('close', () => {
      entry.link.clear();
      watched.delete(entry);
    });
  };
  return {
    transport: (components) => withUpgrader(tcp()(components), watch),
    onOpen({ detail }) {
      // The upgraded connection carries the peer id in its address, the bare one does not.
      const address = detail.remoteAddr.toString().replace(/\/p2p\/[^/]+$/, '');
      for (const entry of watched) {
        if (entry.peerId !== null || entry.connection.remoteAddr.toString() !== address) continue;
        entry.peerId = detail.remotePeer.toString();
      }
    },
    heal() {
      for (const { connection, link, peerId } of watched) {
        if (!link.hasHole() || (peerId !== null && shape(peerId)?.swallow === true)) continue;
        connection.abort(new Error('bytes of this link were lost'));
      }
    },
  };
}

function peerOf(connection: MultiaddrConnection): string | null {
  if (connection.direction === 'inbound') return null;
  return /\/p2p\/([^/]+)$/.exec(connection.remoteAddr.toString())?.[1] ?? null;
}

/** Puts a link between the connection and its socket. */
function intercept(connection: RawConnection, shape: () => LinkShape | null): ShapedLink {
  const sendData = connection.sendData.bind(connection);
  const sendClose = connection.sendClose.bind(connection);
  const link = createShapedLink({
    shape,
    // The socket buffers what it takes even when it asks for a pause; the link's own bound holds.
    deliver(bytes) {
      if (connection.status === 'open') sendData(singleList(bytes));
    },
    onRoom: () => void connection.safeDispatchEvent('drain'),
    nowMs: () => performance.now(),
    random: Math.random,
    after(delayMs, run) {
      const timer = setTimeout(run, delayMs);
      return { cancel: () => clearTimeout(timer) };
    },
  });
  connection.sendData = (data) => {
    if (!link.isBusy() && shape() === null) return sendData(data);
    let canSendMore = true;
    // Copied: the owner may use its buffers again once they count as sent.
    for (const bytes of data) canSendMore = link.send(bytes.slice());
    return { sentBytes: data.byteLength, canSendMore };
  };
  connection.sendClose = (options) => {
    link.flush();
    return sendClose(options);
  };
  return link;
}

function singleList(bytes: Uint8Array): Iterable<Uint8Array> & { byteLength: number } {
  return Object.assign([bytes], { byteLength: bytes.length });
}

/** The transport with every connection shown before it is upgraded. */
function withUpgrader(transport: Transport, watch: (connection: MultiaddrConnection) => void): Transport {
  const wrap = (upgrader: Upgrader): Upgrader => {
    const wrapped = Object.create(upgrader) as Upgrader;
    wrapped.upgradeInbound = (connection, options) => {
      watch(connection);
      return upgrader.upgradeInbound(connection, options);
    };
    wrapped.upgradeOutbound = ((connection: MultiaddrConnection, options: never) => {
      watch(connection);
      return upgrader.upgradeOutbound(connection, options);
    }) as Upgrader['upgradeOutbound'];
    return wrapped;
  };
  const dial = transport.dial.bind(transport);
  const createListener = transport.createListener.bind(transport);
  transport.dial = (address, options) => dial(address, { ...options, upgrader: wrap(options.upgrader) });
  transport.createListener = (options) => createListener({ ...options, upgrader: wrap(options.upgrader) });
  return transport;
}
