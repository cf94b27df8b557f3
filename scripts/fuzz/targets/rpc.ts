/** JSON-RPC: bodies to the handlers of a node with a chain, messages of a WebSocket, raw bytes on the port. */
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { createHandlers } from '../../../node/host/queries/index.ts';
import { encode, transactionId } from '../../../node/protocol/codec.ts';
import { Transaction } from '../../../node/protocol/types.ts';
import { parseBody } from '../../../node/rpc/body.ts';
import { createDispatcher, type Dispatcher } from '../../../node/rpc/dispatch.ts';
import { RPC_CODES } from '../../../node/rpc/errors.ts';
import { DEFAULT_LIMITS } from '../../../node/rpc/limits.ts';
import { ACCESS_LEVELS } from '../../../node/rpc/schema/method.ts';
import { findMethod, METHOD_NAMES } from '../../../node/rpc/schema/methods.ts';
import { createRpcServer } from '../../../node/rpc/server.ts';
import { createSessions, type Socket } from '../../../node/rpc/subscriptions.ts';
import { exampleHandlers } from '../../../node/rpc/test-server.ts';
import { concatBytes, toHex } from '../../../node/util/bytes.ts';
import { createAccess } from '../access.ts';
import { propertyOf } from '../arbitraries.ts';
import { bytesOfTexts, type OpenTarget, promise, type Target, textOf } from '../interface.ts';
import { theWorld } from '../world.ts';

const LIMITS = {
  ...DEFAULT_LIMITS,
  maxBodyBytes: 65_536,
  maxSubscriptionsPerClient: 3,
  maxQueuedMessages: 4,
};
const NUMBERS = new Set<number>(Object.values(RPC_CODES));

const callText = (method: string, params: unknown, id: unknown = 1): string =>
  JSON.stringify({ jsonrpc: '2.0', id, method, params });

/** A call of every method with the parameters of its example, by name and by position. */
function exampleCalls(): string[] {
  return METHOD_NAMES.flatMap((name) => {
    const { params } = findMethod(name)!.example();
    return [callText(name, params), callText(name, Object.values(params as object), name)];
  });
}

const WORDS = [
  ...METHOD_NAMES.map((name) => JSON.stringify(name)),
  '"method":"__proto__"',
  '"method":"constructor"',
  '"params":',
  '"id":null',
  '"__proto__":{}',
  '[[[[[[[[',
  ',',
  'null',
  '1e308',
  '-0',
  '"\\ud800"',
  '9007199254740993',
  '"p-0003"',
  '"aggregator"',
  '"latest"',
];

interface Reply {
  jsonrpc: unknown;
  id: unknown;
  result?: unknown;
  error?: { code: number; message: unknown; data: { reason: unknown; hint: unknown } };
}

/** The promises of one answer; its outcome. */
function checkReply(reply: Reply): string {
  promise(reply.jsonrpc === '2.0' && 'id' in reply, 'an answer without envelope');
  promise('result' in reply !== 'error' in reply, 'an answer with result and error, or neither');
  const { error } = reply;
  if (error === undefined) return 'result';
  promise(NUMBERS.has(error.code), `the number ${error.code} is not of the table`);
  promise(typeof error.data.reason === 'string' && typeof error.data.hint === 'string', 'no reason or hint');
  promise(error.code !== RPC_CODES.internal, `an internal error: ${JSON.stringify(error)}`);
  return String(error.data.reason).toLowerCase();
}

/** The answer to a text has as many parts as it has requests with an id, and each keeps its promises. */
async function checkHandle(
  dispatcher: Dispatcher,
  text: string,
  context: Parameters<Dispatcher['handle']>[1],
) {
  const { batch, entries } = parseBody(text, LIMITS);
  const due = entries.filter((entry) => 'error' in entry || entry.request.id !== undefined).length;
  const answer = await dispatcher.handle(text, context);
  if (answer === null) {
    promise(due === 0, `${due} requests stay without an answer`);
    return 'silent';
  }
  promise(answer.length <= (LIMITS.maxBatch + 1) * LIMITS.maxResponseBytes, 'an answer over the limit');
  const parsed = JSON.parse(answer) as Reply | Reply[];
  promise(Array.isArray(parsed) === batch, 'a batch is answered by one, or one by a batch');
  const replies = Array.isArray(parsed) ? parsed : [parsed];
  promise(replies.length === due, `${replies.length} answers to ${due} requests`);
  return [...new Set(replies.map(checkReply))].join(' ');
}

/** Handlers log what is not their caller's fault: that is a defect. */
function strictLog(level: string, message: string, fields: Record<string, unknown>): void {
  promise(level !== 'error', `${message}: ${JSON.stringify(fields)}`);
}

async function openHandlers(): Promise<OpenTarget> {
  const world = await theWorld();
  const handlers = createHandlers(await createAccess(world));
  const errors: string[] = [];
  const log = (level: string, message: string, fields: Record<string, unknown>) => {
    if (level === 'error') errors.push(`${message}: ${JSON.stringify(fields)}`);
  };
  const dispatcher = createDispatcher({ handlers, limits: LIMITS, log, checkResults: true });
  const tip = world.trunk.at(-1)!.node;
  const transaction = world.transactions.at(-1)!;
  const id = toHex(transactionId(transaction));
  const own = [
    callText('chain_getBlock', { hash: tip.idHex, transactions: 'full' }),
    ...[0, 1, 5, 2 ** 32 - 1].map((height) => callText('chain_getBlock', { height })),
    callText('tx_get', { id }),
    callText('chain_getProof', { transactionId: id }),
    callText('tx_submit', { transaction: toHex(encode(Transaction, transaction)) }),
    `[${callText('node_info', {})},${callText('rpc_methods', [])},{"jsonrpc":"2.0","method":"node_health"}]`,
    '[]',
    '{"jsonrpc":"2.0","method":"node_health"}',
  ];
  const run = async (input: Uint8Array): Promise<string> => {
    errors.length = 0;
    const access = ACCESS_LEVELS[input.length % 2 === 0 ? ACCESS_LEVELS.length - 1 : 0]!;
    const outcome = await checkHandle(dispatcher, textOf(input), { access, subscriptions: null });
    promise(errors.length === 0, errors.join('; '));
    return outcome;
  };
  return { seeds: bytesOfTexts([...exampleCalls(), ...own]), words: bytesOfTexts(WORDS), run };
}

/** Any JSON value in any place of a call is an envelope or named as a fault, and never throws. */
const bodyProperty = propertyOf(
  fc.oneof(
    fc.json(),
    fc
      .record({
        jsonrpc: fc.constant('2.0'),
        method: fc.jsonValue(),
        params: fc.jsonValue(),
        id: fc.jsonValue(),
      })
      .map((value) => JSON.stringify(value)),
  ),
  (text) => {
    const { entries } = parseBody(text, LIMITS);
    promise(entries.length > 0, 'a body without entries');
  },
);

/** A client's socket without a network. */
function fakeSocket() {
  const listeners = new Map<string, ((data: Buffer, isBinary: boolean) => void)[]>();
  const sent: string[] = [];
  const closed: number[] = [];
  const socket = {
    bufferedAmount: 0,
    readyState: 1,
    send(text: string, done?: () => void) {
      sent.push(text);
      done?.();
    },
    ping: () => undefined,
    pause: () => undefined,
    resume: () => undefined,
    close(code: number) {
      closed.push(code);
      socket.readyState = 3;
    },
    terminate() {
      closed.push(0);
      socket.readyState = 3;
    },
    on(event: string, listener: () => void) {
      listeners.set(event, [...(listeners.get(event) ?? []), listener]);
    },
  };
  const emit = (event: string, data: Buffer, isBinary: boolean) => {
    for (const listener of listeners.get(event) ?? []) listener(data, isBinary);
  };
  return { socket: socket as unknown as Socket, sent, closed, emit };
}

const SEPARATOR = 0x0a;

/** Messages of an input: lines. A first byte of 0 makes a line binary. */
function messagesOf(input: Uint8Array): Uint8Array[] {
  const messages: Uint8Array[] = [];
  let from = 0;
  for (let at = 0; at <= input.length; at++) {
    if (at < input.length && input[at] !== SEPARATOR) continue;
    if (at > from) messages.push(input.subarray(from, at));
    from = at + 1;
  }
  return messages.slice(0, 16);
}

function openWebSocket(): OpenTarget {
  const handlers = exampleHandlers();
  const options = { handlers, limits: LIMITS, log: strictLog, checkResults: true };
  const dispatcher = createDispatcher(options);
  const subscribe = callText('sub_subscribe', { topic: 'newBlock' });
  const calls = [
    ...exampleCalls().filter((text) => text.includes('sub_')),
    subscribe,
    callText('node_info', {}),
  ];
  return {
    seeds: bytesOfTexts([...calls, Array(5).fill(subscribe).join('\n'), `${subscribe}\n\u0000binary`]),
    words: bytesOfTexts([...WORDS, '\n', subscribe]),
    async run(input) {
      const page = { items: [], nextFrom: null };
      const sessions = createSessions({
        limits: LIMITS,
        log: strictLog,
        dispatcher,
        blocksFrom: async () => page as never,
      });
      try {
        const { socket, sent, closed, emit } = fakeSocket();
        sessions.add(socket, 'admin');
        for (const message of messagesOf(input)) {
          if (closed.length > 0) break;
          emit('message', Buffer.from(message), message[0] === 0);
          await new Promise(setImmediate);
        }
        const outcomes = new Set<string>(closed.map((code) => `closed-${code}`));
        for (const text of sent) {
          const parsed = JSON.parse(text) as Reply | Reply[];
          for (const reply of Array.isArray(parsed) ? parsed : [parsed]) {
            if (!('method' in reply)) outcomes.add(checkReply(reply));
          }
        }
        const { subscriptions } = sessions.stats();
        promise(subscriptions <= LIMITS.maxSubscriptionsPerClient, `${subscriptions} subscriptions`);
        promise(!closed.includes(0), 'the session failed');
        return [...outcomes, `subscriptions-${subscriptions}`].join(' ');
      } finally {
        sessions.stop();
      }
    },
  };
}

/** Gives a half-read request this long before the client hangs up. */
const PATIENCE_MS = 4;
const ALIVE = 'GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n';

/** A server that holds on to a connection for longer than this after its client has hung up will never let go. */
const LET_GO_MS = 1000;

/** Sends bytes and hangs up; what came back until the server ended the connection, null: it did not. */
function exchangeOnce(port: number, bytes: Uint8Array, letGoMs: number): Promise<Buffer | null> {
  return new Promise((resolve) => {
    const parts: Buffer[] = [];
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(bytes);
      setTimeout(() => socket.end(), PATIENCE_MS);
    });
    const timer = setTimeout(() => {
      socket.destroy();
      resolve(null);
    }, letGoMs);
    socket.on('data', (part: Buffer) => parts.push(part));
    // A server that hangs up first is within its rights.
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(Buffer.concat(parts));
    });
  });
}

/** As `exchangeOnce`; a busy machine gets a second chance. */
async function exchange(port: number, bytes: Uint8Array): Promise<Buffer> {
  const answer =
    (await exchangeOnce(port, bytes, LET_GO_MS)) ?? (await exchangeOnce(port, bytes, 10 * LET_GO_MS));
  promise(answer !== null, 'the server does not let go of a connection whose client has gone');
  return answer;
}

const httpRequest = (body: string, more = ''): string =>
  `POST / HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n${more}\r\n${body}`;

const HTTP_TEXTS = [
  ALIVE,
  httpRequest(callText('node_info', {})),
  httpRequest(callText('node_shutdown', {}), 'authorization: Bearer wrong\r\n'),
  httpRequest('{"jsonrpc"'),
  'GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n',
  'GET /../../token HTTP/1.1\r\nhost: localhost\r\n\r\n',
  'POST / HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\ncontent-type: application/json\r\n\r\n2\r\n[]\r\n0\r\n\r\n',
  'GET / HTTP/1.1\r\nhost: evil.example\r\norigin: http://evil.example\r\n\r\n',
];
const UPGRADE =
  'GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n' +
  'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';

/** A masked frame with the mask 0, as a client sends it. */
const clientFrame = (opcode: number, text: string): Uint8Array =>
  concatBytes(Uint8Array.of(0x80 | opcode, 0x80 | text.length, 0, 0, 0, 0), ...bytesOfTexts([text]));

async function openHttp(): Promise<OpenTarget> {
  const folder = mkdtempSync(join(tmpdir(), 'wattmesh-fuzz-'));
  const errors: string[] = [];
  const server = createRpcServer({
    host: '127.0.0.1',
    port: 0,
    tokenPath: join(folder, 'token'),
    handlers: exampleHandlers(),
    metrics: async () => 'up 1\n',
    health: () => ({ live: true, ready: true, checks: [] }),
    log: (level, message, fields) =>
      void (level === 'error' && errors.push(`${message} ${JSON.stringify(fields)}`)),
    checkResults: true,
    limits: LIMITS,
  });
  const { port } = await server.start();
  const [upgrade] = bytesOfTexts([UPGRADE]) as [Uint8Array];
  const frames = [
    clientFrame(1, callText('node_info', {})),
    clientFrame(2, 'x'),
    clientFrame(9, 'ping'),
    clientFrame(8, ''),
  ];
  return {
    seeds: [...bytesOfTexts(HTTP_TEXTS), ...frames.map((frame) => concatBytes(upgrade, frame))],
    words: bytesOfTexts([
      '\r\n',
      '\r\n\r\n',
      'content-length: ',
      'transfer-encoding: chunked\r\n',
      'expect: 100-continue\r\n',
      UPGRADE,
    ]),
    async run(input) {
      errors.length = 0;
      const answer = (await exchange(port, input)).toString('latin1');
      const alive = (await exchange(port, bytesOfTexts([ALIVE])[0]!)).toString('latin1');
      promise(
        alive.startsWith('HTTP/1.1 200'),
        `the next client is told ${JSON.stringify(alive.slice(0, 80))}`,
      );
      promise(errors.length === 0, errors.join('; '));
      promise(!/\n {4}at /.test(answer), 'an answer shows a stack');
      const status = /^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1];
      promise(status !== '500', 'an internal error');
      return `http-${status ?? (answer === '' ? 'silent' : 'odd')}`;
    },
    async close() {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export const rpcTargets: readonly Target[] = [
  {
    name: 'rpc-handlers',
    about:
      'bodies to the dispatcher and the handlers over a real chain: one right answer per request, none internal',
    maxBytes: 8192,
    briefRuns: 500,
    mustReach: [
      'result',
      'silent',
      'rpc_parse',
      'rpc_invalid_request',
      'rpc_invalid_params',
      'rpc_method_not_found',
    ],
    open: async () => ({ ...(await openHandlers()), property: bodyProperty }),
  },
  {
    name: 'rpc-websocket',
    about: 'messages of a WebSocket client: bounded subscriptions, text only, no failed session',
    maxBytes: 8192,
    briefRuns: 300,
    mustReach: ['result', 'rpc_parse', 'rpc_subscription_limit', 'closed-1003'],
    open: openWebSocket,
  },
  {
    name: 'rpc-http',
    about: 'raw bytes on the port, WebSocket frames included: the next client is served, no stack is shown',
    maxBytes: 4096,
    briefRuns: 60,
    mustReach: ['http-200', 'http-101', 'http-400', 'http-403'],
    open: openHttp,
  },
];
