import type { Connection, IdentifyResult } from '@libp2p/interface';
import { peerIdFromString } from '@libp2p/peer-id';
import type { AddressBook } from './address-book.ts';
import { parseAddress } from './addresses.ts';
import type { Gate } from './gate.ts';
import type { Ban, PeerInfo } from './interface.ts';
import type { Names } from './names.ts';
import type { Node } from './node.ts';
import type { Penalties } from './penalties.ts';
import type { Settings } from './settings.ts';
import { PEERS_PROTOCOL } from './settings.ts';

const IDENTIFY_WITHIN_MS = 60_000;
/** A closed stream never opens again by itself. */
const CLOSED_STREAM_MS = 2_000;
const GOSSIP_WITHIN_MS = 20_000;
const SETTLED_AFTER_MS = 10_000;
const MAX_AGENT_CHARS = 64;

interface Link {
  connectedAtMs: number;
  up: boolean;
  agent: string;
  gossipMissingSinceMs: number | null;
}

/** The connected peers: who speaks our chain, who is cut off and why. */
export interface Links {
  /** False when the peer must not be heard; otherwise the peer counts as up from now on. */
  admit(peerId: string): boolean;
  isUp(peerId: string): boolean;
  upPeers(): string[];
  connection(peerId: string): Connection | null;
  isLoopback(peerId: string): boolean;
  infos(): PeerInfo[];
  penalise(peerId: string, points: number, reason: string): void;
  /** Closes every connection that the gate denies now. */
  enforce(): void;
  cut(peerId: string, reason: string): void;
  /** Cuts off links that never identified or whose gossip stream is gone; calms the address book about the others. */
  inspect(): void;
}

export interface LinkParts {
  settings: Settings;
  names: Names;
  node: Node;
  gate: Gate;
  book: AddressBook;
  penalties: Penalties;
  /** The host's callbacks, which never throw. */
  onUp(peerId: string): void;
  onDown(peerId: string): void;
}

/** Follows the node's events; `node` must not have been started yet. */
export function createLinks(parts: LinkParts): Links {
  const { settings, node, gate, penalties } = parts;
  const { log, now } = settings;
  const links = new Map<string, Link>();

  const connections = (peerId: string): Connection[] => node.getConnections(peerIdFromString(peerId));
  const open = (peerId: string): Connection[] => connections(peerId).filter((c) => c.status === 'open');
  const cut = (peerId: string, reason: string): void => {
    for (const connection of connections(peerId)) connection.abort(new Error(reason));
  };
  const linkOf = (peerId: string): Link => {
    let link = links.get(peerId);
    if (link === undefined) {
      link = { connectedAtMs: now(), up: false, agent: '', gossipMissingSinceMs: null };
      links.set(peerId, link);
    }
    return link;
  };
  const admit = (peerId: string): boolean => {
    const connection = open(peerId)[0];
    if (connection === undefined || gate.denies(peerId, connection.direction)) return false;
    const link = linkOf(peerId);
    if (!link.up) {
      link.up = true;
      log('info', 'peer up', { peerId, address: connection.remoteAddr.toString() });
      parts.onUp(peerId);
    }
    return true;
  };
  const upPeers = (): string[] => [...links].filter(([, link]) => link.up).map(([peerId]) => peerId);

  followEvents(parts, { links, linkOf, admit, cut });
  return {
    admit,
    cut,
    upPeers,
    isUp: (peerId) => links.get(peerId)?.up === true,
    connection: (peerId) => open(peerId)[0] ?? null,
    isLoopback: (peerId) => open(peerId).some(overLoopback),
    infos: () => upPeers().flatMap((id) => describe(parts, id, linkOf(id), open(id)[0])),
    penalise(peerId, points, reason) {
      const ban = penalties.add(peerId, points, reason);
      log('debug', 'peer penalised', { peerId, points, reason, total: penalties.points(peerId) });
      if (ban !== null) announceBan(parts, ban, cut);
    },
    enforce() {
      for (const connection of node.getConnections()) {
        if (!gate.denies(connection.remotePeer.toString(), connection.direction)) continue;
        connection.abort(new Error('link denied'));
      }
    },
    inspect() {
      for (const [peerId, link] of links) inspectLink(parts, peerId, link, cut);
    },
  };
}

function announceBan(parts: LinkParts, ban: Ban, cut: Links['cut']): void {
  parts.settings.log('warn', 'peer banned', { ...ban });
  cut(ban.peerId, `banned: ${ban.reason}`);
}

function overLoopback(connection: Connection): boolean {
  return parseAddress(connection.remoteAddr.toString())?.loopback === true;
}

function describe(parts: LinkParts, peerId: string, link: Link, connection?: Connection): PeerInfo[] {
  if (connection === undefined) return [];
  const { node, names, settings } = parts;
  const { gossip } = node.services;
  return [
    {
      peerId,
      address: connection.remoteAddr.toString(),
      direction: connection.direction,
      connectedAtMs: link.connectedAtMs,
      agent: link.agent,
      meshTopics: settings.topics.filter((topic) => gossip.getMeshPeers(names.id(topic)).includes(peerId)),
      // Gossipsub has no score for a peer that never opened a gossip stream.
      score: Math.min(gossip.getScore(peerId), 0 - parts.penalties.points(peerId)),
      rttMs: connection.rtt ?? null,
    },
  ];
}

/** libp2p keeps a connection whose gossip stream could not be opened, and gossipsub never retries: start it afresh. */
function inspectLink(parts: LinkParts, peerId: string, link: Link, cut: Links['cut']): void {
  const { node, book, settings } = parts;
  const { now, log } = settings;
  if (!link.up) {
    if (now() - link.connectedAtMs > IDENTIFY_WITHIN_MS) cut(peerId, 'not identified');
    return;
  }
  // A peer that came back quickly may find the stream of its former life still listed, closed.
  const stream = node.services.gossip.streamsOutbound.get(peerId);
  if (stream?.rawStream.status === 'open') {
    link.gossipMissingSinceMs = null;
    if (now() - link.connectedAtMs > SETTLED_AFTER_MS) book.settle(peerId);
    return;
  }
  link.gossipMissingSinceMs ??= now();
  const limitMs = stream === undefined ? GOSSIP_WITHIN_MS : CLOSED_STREAM_MS;
  if (now() - link.gossipMissingSinceMs > limitMs) {
    log('warn', 'no gossip stream to a connected peer: reconnecting', { peerId });
    cut(peerId, 'gossip stream missing');
  }
}

interface LinkState {
  links: Map<string, Link>;
  linkOf(peerId: string): Link;
  admit(peerId: string): boolean;
  cut(peerId: string, reason: string): void;
}

function followEvents(parts: LinkParts, state: LinkState): void {
  const { node, names, settings, book } = parts;
  const peersProtocol = names.id(PEERS_PROTOCOL.name);
  const onIdentify = (result: IdentifyResult): void => {
    const peerId = result.peerId.toString();
    if (!result.protocols.includes(peersProtocol)) {
      settings.log('warn', 'peer of another chain', { peerId, agent: printable(result.agentVersion) });
      book.foreign(peerId);
      state.cut(peerId, 'another chain');
      return;
    }
    state.linkOf(peerId).agent = printable(result.agentVersion);
    book.own(peerId, result.listenAddrs.map(String), overLoopback(result.connection));
    state.admit(peerId);
  };
  node.addEventListener('peer:connect', ({ detail }) => void state.linkOf(detail.toString()));
  node.addEventListener('peer:identify', ({ detail }) => onIdentify(detail));
  node.addEventListener('peer:disconnect', ({ detail }) => {
    const peerId = detail.toString();
    const up = state.links.get(peerId)?.up === true;
    state.links.delete(peerId);
    if (!up) return;
    settings.log('info', 'peer down', { peerId });
    parts.onDown(peerId);
  });
}

function printable(text: string | undefined): string {
  return (text ?? '').slice(0, MAX_AGENT_CHARS).replace(/[^\x20-\x7e]/g, '?');
}
