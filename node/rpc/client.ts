/** A typed client of the RPC, made from the same table as the server. */
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { WattmeshError } from '../util/errors.ts';
import { answerOf, connectionError, type Outcome, RETRY } from './client-errors.ts';
import { type ClientSocket, connectSocket, type SubscriptionHandle } from './client-socket.ts';
import type { MethodName, ParamsInput, Result } from './schema/methods.ts';
import type { SubscriptionEvent, Topic } from './schema/rpc.ts';

/** Parameters may be left out where none is required. */
export type CallArguments<M extends MethodName> =
  Record<string, never> extends ParamsInput<M> ? [params?: ParamsInput<M>] : [params: ParamsInput<M>];

export interface BatchCall<M extends MethodName = MethodName> {
  method: M;
  params?: ParamsInput<M>;
}

export interface RpcClient {
  /**
   * Errors: the node's own as WattmeshError with the reason as its code; `NODE_UNREACHABLE`, `RPC_TIMEOUT`,
   * `RPC_BAD_RESPONSE`.
   */
  call<M extends MethodName>(method: M, ...params: CallArguments<M>): Promise<Result<M>>;
  /** A call whose method is only known at run time. */
  callAny(method: string, params?: unknown): Promise<unknown>;
  /** One request over the wire; outcomes in the order of the calls. */
  batch<const C extends readonly BatchCall[]>(
    calls: C,
  ): Promise<{ [K in keyof C]: Outcome<Result<C[K]['method']>> }>;
  /** Over WebSocket, opened at the first subscription. `closed` resolves when the connection has ended. */
  subscribe<T extends Topic>(
    topic: T,
    onEvent: (event: SubscriptionEvent<T>) => void,
    options?: { fromHeight?: number },
  ): Promise<SubscriptionHandle>;
  close(): void;
}

export interface RpcClientOptions {
  /** `http://127.0.0.1:PORT`. */
  url: string;
  /** Contents of the token file, for methods that need it. */
  token?: string;
  /** From sending a request to the end of its answer; default 30 000. */
  timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 30_000;

export function createRpcClient(options: RpcClientOptions): RpcClient {
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (options.token !== undefined) headers.authorization = `Bearer ${options.token.trim()}`;
  let nextId = 1;
  let socket: Promise<ClientSocket> | null = null;

  const post = async (body: unknown): Promise<unknown> => {
    const text = JSON.stringify(body);
    const send = () => exchange({ url: options.url, agent, headers, timeoutMs }, text);
    const first = await send();
    return first === RETRY ? finish(await send(), options.url) : first;
  };
  const callAny = async (method: string, params?: unknown): Promise<unknown> => {
    const id = nextId++;
    const outcome = answerOf(await post({ jsonrpc: '2.0', id, method, params }), options.url);
    if (outcome.ok) return outcome.result;
    throw outcome.error;
  };
  const openSocket = async (): Promise<ClientSocket> => {
    const opened = await connectSocket({ url: options.url, headers, timeoutMs });
    void opened.closed.then(() => {
      socket = null;
    });
    return opened;
  };

  return {
    call: (method, ...[params]) => callAny(method, params) as never,
    callAny,
    async batch(calls) {
      if (calls.length === 0) return [] as never;
      const firstId = nextId;
      nextId += calls.length;
      const answers = await post(
        calls.map((call, i) => ({
          jsonrpc: '2.0',
          id: firstId + i,
          method: call.method,
          params: call.params,
        })),
      );
      if (!Array.isArray(answers)) {
        const refused = answerOf(answers, options.url);
        throw refused.ok ? connectionError('RPC_BAD_RESPONSE', options.url) : refused.error;
      }
      const byId = new Map(answers.map((answer: { id?: unknown }) => [answer.id, answer]));
      return calls.map((_, i) => answerOf(byId.get(firstId + i), options.url)) as never;
    },
    async subscribe(topic, onEvent, given = {}) {
      socket ??= openSocket().catch((error: unknown) => {
        socket = null;
        throw error;
      });
      return (await socket).subscribe({ topic, ...given }, onEvent as (event: SubscriptionEvent) => void);
    },
    close() {
      agent.destroy();
      void socket?.then(
        (opened) => opened.close(),
        () => undefined,
      );
    },
  };
}

function finish(answer: unknown, url: string): unknown {
  if (answer === RETRY) throw connectionError('ECONNRESET', url);
  return answer;
}

/** One POST. `RETRY`: a kept-alive connection had been closed before the request was read. */
function exchange(
  target: { url: string; agent: Agent; headers: Record<string, string>; timeoutMs: number },
  text: string,
): Promise<unknown> {
  const { url, agent, headers, timeoutMs } = target;
  return new Promise((resolve, reject) => {
    const length = { 'content-length': String(Buffer.byteLength(text)) };
    const request = httpRequest(url, { method: 'POST', agent, headers: { ...headers, ...length } });
    const timer = setTimeout(() => {
      reject(connectionError('ETIMEDOUT', url));
      request.destroy();
    }, timeoutMs);
    const fail = (error: NodeJS.ErrnoException, mayRetry: boolean): void => {
      clearTimeout(timer);
      if (mayRetry && request.reusedSocket && error.code === 'ECONNRESET') resolve(RETRY);
      else reject(connectionError(error.code ?? error.message, url, error));
    };
    request.on('error', (error) => fail(error, true));
    request.on('response', (response) => {
      readJson(response, url).then(
        (value) => {
          clearTimeout(timer);
          resolve(value);
        },
        (error: unknown) => {
          clearTimeout(timer);
          if (error instanceof WattmeshError) reject(error);
          else fail(error as NodeJS.ErrnoException, false);
        },
      );
    });
    request.end(text);
  });
}

async function readJson(response: IncomingMessage, url: string): Promise<unknown> {
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part as Buffer);
  try {
    return JSON.parse(Buffer.concat(parts).toString('utf8'));
  } catch (cause) {
    throw connectionError('RPC_BAD_RESPONSE', url, cause);
  }
}
