/** WebSocket clients: messages in order, events bounded. */
import { randomBytes } from 'node:crypto';
import type { Dispatcher, SubscriptionPort } from './dispatch.ts';
import { limitExceeded } from './errors.ts';
import type { RpcLimits } from './limits.ts';
import type { Log } from './log.ts';
import type { Access } from './schema/method.ts';
import type { Params, Result } from './schema/methods.ts';
import type { Topic, TopicData } from './schema/rpc.ts';

/** What we use of a WebSocket of the `ws` package. */
export interface Socket {
  readonly bufferedAmount: number;
  readonly readyState: number;
  send(text: string, done?: (error?: Error) => void): void;
  ping(): void;
  pause(): void;
  resume(): void;
  close(code: number, reason: string): void;
  terminate(): void;
  on(event: 'message', listener: (data: Buffer, isBinary: boolean) => void): unknown;
  on(event: 'close' | 'pong', listener: () => void): unknown;
}

export interface SessionsOptions {
  limits: RpcLimits;
  log: Log;
  dispatcher: Dispatcher;
  /** A page of the main chain, ascending: what a subscription from a height is sent first. */
  blocksFrom(height: number): Promise<Result<'chain_getBlocks'>>;
}

export interface Sessions {
  /** Takes over a socket, or closes it when there are too many. */
  add(socket: Socket, access: Access): void;
  isFull(): boolean;
  emit<T extends Topic>(topic: T, data: TopicData<T>): void;
  stats(): SessionStats;
  /** Tells every client that the node stops, and ends those that do not go. */
  stop(): void;
}

export interface SessionStats {
  clients: number;
  subscriptions: number;
  /** Events dropped since the start, over all clients. */
  droppedEvents: number;
}

interface Subscription {
  readonly id: string;
  readonly topic: Topic;
  readonly fromHeight: number | null;
  /** Events that came before this subscription went live; null: it is live. */
  waiting: { data: unknown; text: string }[] | null;
  seq: number;
  dropped: number;
}

interface Session {
  readonly socket: Socket;
  readonly access: Access;
  readonly subscriptions: Map<string, Subscription>;
  readonly queue: string[];
  busy: boolean;
  alive: boolean;
}

const OPEN = 1;
const CLOSE_GOING_AWAY = 1001;
const CLOSE_UNSUPPORTED = 1003;
const CLOSE_TRY_LATER = 1013;
const CLOSE_GRACE_MS = 500;

export function createSessions(options: SessionsOptions): Sessions {
  const { limits, log } = options;
  const sessions = new Set<Session>();
  let droppedEvents = 0;

  const heartbeat = setInterval(() => {
    for (const session of sessions) {
      if (!session.alive) session.socket.terminate();
      else {
        session.alive = false;
        session.socket.ping();
      }
    }
  }, limits.heartbeatMs);
  heartbeat.unref();

  const drop = (subscription: Subscription): void => {
    subscription.seq += 1;
    subscription.dropped += 1;
    droppedEvents += 1;
  };

  return {
    isFull: () => sessions.size >= limits.maxWebSocketClients,

    add(socket, access) {
      if (sessions.size >= limits.maxWebSocketClients) {
        socket.close(CLOSE_TRY_LATER, 'too many WebSocket clients');
        return;
      }
      const session: Session = {
        socket,
        access,
        subscriptions: new Map(),
        queue: [],
        busy: false,
        alive: true,
      };
      sessions.add(session);
      socket.on('pong', () => {
        session.alive = true;
      });
      socket.on('close', () => {
        sessions.delete(session);
        session.subscriptions.clear();
        session.queue.length = 0;
      });
      socket.on('message', (data, isBinary) => {
        session.alive = true;
        if (isBinary) return socket.close(CLOSE_UNSUPPORTED, 'text only');
        session.queue.push(data.toString('utf8'));
        if (session.queue.length >= limits.maxQueuedMessages) socket.pause();
        void work(session, options, drop).catch((error: unknown) => {
          log('error', 'a WebSocket client failed', { error: String(error) });
          socket.terminate();
        });
      });
    },

    emit(topic, data) {
      if (sessions.size === 0) return;
      const text = JSON.stringify(data);
      for (const session of sessions) {
        for (const subscription of session.subscriptions.values()) {
          if (subscription.topic !== topic) continue;
          if (subscription.waiting === null) deliver(session, subscription, { text, limits, drop });
          else if (subscription.waiting.length < limits.maxWaitingEvents) {
            subscription.waiting.push({ data, text });
          } else drop(subscription);
        }
      }
    },

    stats() {
      let subscriptions = 0;
      for (const session of sessions) subscriptions += session.subscriptions.size;
      return { clients: sessions.size, subscriptions, droppedEvents };
    },

    stop() {
      clearInterval(heartbeat);
      const leaving = [...sessions];
      for (const session of leaving) session.socket.close(CLOSE_GOING_AWAY, 'the node stops');
      const timer = setTimeout(() => {
        for (const session of leaving) session.socket.terminate();
      }, CLOSE_GRACE_MS);
      timer.unref();
    },
  };
}

type Drop = (subscription: Subscription) => void;

/** Handles the queue of a client, one message after the other. */
async function work(session: Session, options: SessionsOptions, drop: Drop): Promise<void> {
  if (session.busy) return;
  session.busy = true;
  const { socket } = session;
  try {
    for (;;) {
      const text = session.queue.shift();
      if (text === undefined) break;
      const started: Subscription[] = [];
      const subscriptions = portOf(session, options.limits, started);
      const answer = await options.dispatcher.handle(text, { access: session.access, subscriptions });
      // The next message waits until the client has read this answer.
      if (answer !== null) await send(socket, answer);
      for (const subscription of started) {
        void goLive(session, subscription, options, drop).catch((error: unknown) => {
          options.log('warn', 'a subscription could not be sent its past', { error: String(error) });
          socket.terminate();
        });
      }
      if (session.queue.length < options.limits.maxQueuedMessages) socket.resume();
    }
  } finally {
    session.busy = false;
  }
}

function portOf(session: Session, limits: RpcLimits, started: Subscription[]): SubscriptionPort {
  return {
    subscribe({ topic, fromHeight }: Params<'sub_subscribe'>) {
      if (session.subscriptions.size >= limits.maxSubscriptionsPerClient) {
        throw limitExceeded(
          'RPC_SUBSCRIPTION_LIMIT',
          `a client may have ${limits.maxSubscriptionsPerClient} subscriptions`,
          'end one with sub_unsubscribe',
        );
      }
      const subscription: Subscription = {
        id: randomBytes(8).toString('hex'),
        topic,
        fromHeight: fromHeight ?? null,
        waiting: [],
        seq: 0,
        dropped: 0,
      };
      session.subscriptions.set(subscription.id, subscription);
      started.push(subscription);
      return subscription.id;
    },
    unsubscribe: (id) => session.subscriptions.delete(id),
  };
}

/** Sends the blocks since the wanted height, then what came meanwhile, then everything as it comes. */
async function goLive(
  session: Session,
  subscription: Subscription,
  options: SessionsOptions,
  drop: Drop,
): Promise<void> {
  const active = () => session.subscriptions.has(subscription.id) && session.socket.readyState === OPEN;
  const sent = new Set<string>();
  let from = subscription.fromHeight;
  while (from !== null && active()) {
    const page = await options.blocksFrom(from);
    for (const block of page.items) {
      if (!active()) return;
      await send(session.socket, eventText(subscription, JSON.stringify(block)));
      remember(sent, block.hash, 2 * options.limits.maxWaitingEvents);
    }
    from = page.nextFrom;
  }
  while (subscription.waiting !== null && active()) {
    const next = subscription.waiting.shift();
    if (next === undefined) subscription.waiting = null;
    else if (!sent.has((next.data as { hash?: string }).hash ?? '')) {
      deliver(session, subscription, { text: next.text, limits: options.limits, drop });
    }
  }
}

/** Keeps the latest of the hashes sent: what waits can only repeat those. */
function remember(sent: Set<string>, hash: string, most: number): void {
  sent.add(hash);
  if (sent.size > most) sent.delete(sent.values().next().value!);
}

/** Sends an event, or drops and counts it when the client has left too much unread. */
function deliver(
  session: Session,
  subscription: Subscription,
  event: { text: string; limits: RpcLimits; drop: Drop },
): void {
  if (session.socket.readyState !== OPEN) return;
  if (session.socket.bufferedAmount > event.limits.maxBufferedBytes) return event.drop(subscription);
  session.socket.send(eventText(subscription, event.text));
}

function eventText(subscription: Subscription, data: string): string {
  const { id, seq, dropped } = subscription;
  subscription.seq += 1;
  const head = `{"jsonrpc":"2.0","method":"sub_event","params":{"subscription":"${id}"`;
  return `${head},"seq":${seq},"dropped":${dropped},"data":${data}}}`;
}

/** Resolves when the text has left for the network; a client that has gone is no error. */
function send(socket: Socket, text: string): Promise<void> {
  return new Promise((resolve) => {
    if (socket.readyState === OPEN) socket.send(text, () => resolve());
    else resolve();
  });
}

/** For clients beyond the limit, before the upgrade. */
export function tooManyClients(limits: RpcLimits) {
  return limitExceeded(
    'RPC_CLIENT_LIMIT',
    `${limits.maxWebSocketClients} WebSocket clients are connected already`,
    'close another client first',
  );
}
