/** What the host says about a gossip message: forward it, drop it silently, or drop it and blame its sender. */
export type Verdict = 'accept' | 'ignore' | 'reject';

export type LinkDirection = 'inbound' | 'outbound';

/** What happens to the bytes that leave for a peer. */
export interface LinkShape {
  /** They vanish; the connection stays. */
  swallow: boolean;
  delayMs: number;
  /** A random part on top of the delay, 0..jitterMs. */
  jitterMs: number;
  /** `null`: unlimited. */
  bytesPerMs: number | null;
}

/** The port of a fault layer: a link it denies is refused, and closed where it is already open. */
export interface LinkPolicy {
  denies(peerId: string, direction: LinkDirection): boolean;
  /** Asked at every write, where `linkFaults` is on; `null`: the link is untouched. */
  shape?(peerId: string): LinkShape | null;
}

export interface PeerInfo {
  peerId: string;
  address: string;
  direction: LinkDirection;
  connectedAtMs: number;
  agent: string;
  /** Short names of the topics in whose gossip mesh the peer is. */
  meshTopics: string[];
  /** The gossip score: 0 for a blameless peer, minus its penalty points otherwise. */
  score: number;
  /** `null` until the first ping has been answered. */
  rttMs: number | null;
}

export interface Ban {
  peerId: string;
  untilMs: number;
  reason: string;
}

export interface NetworkHandlers {
  /** A gossip message arrived; it is forwarded only once `report` accepts it, which must happen within 5 s. */
  onMessage(message: { topic: string; messageId: string; from: string; bytes: Uint8Array }): void;
  /** A request of a peer: resolves with the answer, or `null` to reset the stream. */
  onRequest(request: { protocol: string; from: string; bytes: Uint8Array }): Promise<Uint8Array | null>;
  /** The peer is known to speak our chain; precedes every message and request of that peer. */
  onPeerUp(peerId: string): void;
  onPeerDown(peerId: string): void;
}

export interface RequestOptions {
  /** From opening the stream to the last byte of the answer. */
  timeoutMs: number;
  maxResponseBytes: number;
}

/** Bytes between peers: topics, protocols and peer ids, without a word about their meaning. */
export interface Network {
  readonly peerId: string;
  /** Listening multiaddrs including `/p2p/<id>`; empty before `start`. */
  addresses(): string[];
  /** Errors: `P2P_PORT_BUSY`, `P2P_LISTEN_FAILED`. */
  start(): Promise<void>;
  /**
   * Resolves when every socket is closed and no dial, request or timer of ours is left (libp2p keeps one idle timer
   * for up to 1 s). A stopped network is not started again.
   */
  stop(): Promise<void>;
  /**
   * Sends to every subscribed peer. `recipients` 0 and `duplicate` false: nobody got it and it may be published again.
   * `duplicate`: the same bytes went through this node within the last two minutes, and were not sent again.
   * Errors: `P2P_UNKNOWN_TOPIC`, `P2P_MESSAGE_TOO_LARGE`, `P2P_NOT_RUNNING`.
   */
  publish(topic: string, bytes: Uint8Array): Promise<{ recipients: number; duplicate: boolean }>;
  report(messageId: string, from: string, verdict: Verdict): void;
  /**
   * One request and one answer on a stream of its own.
   * Errors: `P2P_UNKNOWN_PROTOCOL`, `P2P_NOT_CONNECTED`, `P2P_REQUEST_TOO_LARGE`, `P2P_REQUEST_TIMEOUT`,
   * `P2P_REQUEST_REFUSED`, `P2P_PROTOCOL_UNSUPPORTED`, `P2P_RESPONSE_TOO_LARGE`, `P2P_RESPONSE_TRUNCATED`,
   * `P2P_STREAM_FAILED`, `P2P_NOT_RUNNING`.
   */
  request(peerId: string, protocol: string, bytes: Uint8Array, options: RequestOptions): Promise<Uint8Array>;
  /** Adds penalty points (they decay by one every 6 s); at 100 the peer is banned for `banMs` and cut off. */
  penalise(peerId: string, points: number, reason: string): void;
  peers(): PeerInfo[];
  meshPeers(topic: string): string[];
  bans(): Ban[];
  /** Replaces the link policy and closes the connections that are now denied. */
  setLinkPolicy(policy: LinkPolicy): void;
}

export interface ProtocolLimits {
  name: string;
  maxRequestBytes: number;
  maxResponseBytes: number;
}

/** Where addresses survive a restart. */
export interface AddressBookPort {
  load(): string[];
  save(addresses: string[]): void;
}

type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export type Log = (level: LogLevel, message: string, fields: Record<string, unknown>) => void;

export interface NetworkOptions {
  /** As `generateIdentity` or `identityFromSeed` returned it. */
  privateKey: Uint8Array;
  /** `/ip4/127.0.0.1/tcp/PORT`; port 0 takes a free one. */
  listen: string;
  /** Addresses to tell others instead of the listening ones (behind NAT, in containers). */
  announce?: readonly string[];
  seeds: readonly string[];
  /** Part of every topic and protocol id, so that chains never mix: 1-63 of `a-z A-Z 0-9 . _ -`. */
  chain: string;
  /** Subscribed topics, by short name. */
  topics: readonly string[];
  /** Topics this node publishes to without receiving them. */
  publishTopics?: readonly string[];
  /** Answered protocols, by short name; `peers` is built in and may not be named here. */
  protocols: readonly ProtocolLimits[];
  maxMessageBytes: number;
  /** Connections the redial loop aims for; default 8. */
  targetPeers?: number;
  /** Default 64. */
  maxConnections?: number;
  addressBook: AddressBookPort;
  log: Log;
  now: () => number;
  /** Name and version told to peers; default `wattmesh`. */
  agent?: string;
  /** Default 10 minutes. */
  banMs?: number;
  /** Mean pause of the redial loop; default 1 000. */
  redialMs?: number;
  /** Longest time the host may take over a request; default 30 000. */
  handlerTimeoutMs?: number;
  /** Default: no link is denied. */
  linkPolicy?: LinkPolicy;
  /** For development: link policies may shape links as well. Off, the transport is libp2p's own. Default off. */
  linkFaults?: boolean;
}
