/** The WebSocket side of the client: subscriptions. */
import type { WattmeshError } from '../util/errors.ts';
import { answerOf, connectionError } from './client-errors.ts';
import type { ParamsInput } from './schema/methods.ts';
import type { SubscriptionEvent } from './schema/rpc.ts';

export interface SubscriptionHandle {
  readonly id: string;
  unsubscribe(): Promise<void>;
  /** Resolves when the connection has ended: no more events will come. */
  readonly closed: Promise<void>;
}

export interface ClientSocket {
  readonly closed: Promise<void>;
  subscribe(
    params: ParamsInput<'sub_subscribe'>,
    onEvent: (event: SubscriptionEvent) => void,
  ): Promise<SubscriptionHandle>;
  close(): void;
}

interface Message {
  id?: unknown;
  method?: unknown;
  params?: unknown;
}

interface Waiting {
  resolve: (answer: unknown) => void;
  reject: (error: WattmeshError) => void;
}

/** Errors: `NODE_UNREACHABLE`, `RPC_TIMEOUT`, or what the node answered instead of the upgrade. */
export async function connectSocket(options: {
  url: string;
  headers: Record<string, string>;
  timeoutMs: number;
}): Promise<ClientSocket> {
  const { url, headers, timeoutMs } = options;
  const { WebSocket } = await import('ws');
  const authorization = headers.authorization === undefined ? {} : { authorization: headers.authorization };
  const socket = new WebSocket(url.replace(/^http/, 'ws'), {
    headers: authorization,
    handshakeTimeout: timeoutMs,
    perMessageDeflate: false,
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', (error: NodeJS.ErrnoException) => {
      const timedOut = error.message.includes('handshake has timed out');
      reject(connectionError(timedOut ? 'ETIMEDOUT' : (error.code ?? error.message), url, error));
    });
  });

  const waiting = new Map<number, Waiting>();
  const listeners = new Map<string, (event: SubscriptionEvent) => void>();
  let nextId = 1;
  const closed = new Promise<void>((resolve) => {
    socket.on('close', () => {
      for (const { reject } of waiting.values()) reject(connectionError('ECONNRESET', url));
      waiting.clear();
      resolve();
    });
  });
  // A failing connection also emits `close`, which is what ends the waiting calls.
  socket.on('error', () => undefined);
  socket.on('message', (data) => {
    const message = parse(String(data));
    // Whatever answers there is no node; the calls that wait are rejected by the close.
    if (message === null) return socket.terminate();
    if (message.method === 'sub_event') {
      const event = message.params as SubscriptionEvent;
      listeners.get(event.subscription)?.(event);
      return;
    }
    const call = waiting.get(message.id as number);
    waiting.delete(message.id as number);
    call?.resolve(message);
  });

  const call = (method: string, params: unknown, onResult: (result: unknown) => void): Promise<void> =>
    new Promise((resolve, reject) => {
      const id = nextId++;
      const timer = setTimeout(() => {
        waiting.delete(id);
        reject(connectionError('ETIMEDOUT', url));
      }, timeoutMs);
      waiting.set(id, {
        resolve(answer) {
          clearTimeout(timer);
          const outcome = answerOf(answer, url);
          if (!outcome.ok) return reject(outcome.error);
          // At once, for events may follow in the same packet.
          onResult(outcome.result);
          resolve();
        },
        reject(error) {
          clearTimeout(timer);
          reject(error);
        },
      });
      socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    });

  return {
    closed,
    async subscribe(params, onEvent) {
      let subscription = '';
      await call('sub_subscribe', params, (result) => {
        subscription = result as string;
        listeners.set(subscription, onEvent);
      });
      return {
        id: subscription,
        closed,
        unsubscribe: () =>
          call('sub_unsubscribe', { subscription }, () => void listeners.delete(subscription)),
      };
    },
    close: () => socket.close(),
  };
}

/** null: not JSON. */
function parse(text: string): Message | null {
  try {
    return JSON.parse(text) as Message;
  } catch {
    return null;
  }
}
