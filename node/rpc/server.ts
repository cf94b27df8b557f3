/** JSON-RPC over HTTP and WebSocket, health and metrics, on one port. */
import type { AddressInfo } from 'node:net';
import webSocketPlugin from '@fastify/websocket';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { WattmeshError } from '../util/errors.ts';
import { createDispatcher, type Dispatcher, errorText } from './dispatch.ts';
import { limitExceeded } from './errors.ts';
import { checkHeaders, type GuardOptions, isLoopback } from './guard.ts';
import { DEFAULT_LIMITS, type RpcLimits } from './limits.ts';
import type { Log } from './log.ts';
import type { Access } from './schema/method.ts';
import { type Result, RPC_VERSION, type RpcHandlers } from './schema/methods.ts';
import type { Topic, TopicData } from './schema/rpc.ts';
import { createSessions, type SessionStats, type Sessions, tooManyClients } from './subscriptions.ts';
import { createToken, type Token } from './token.ts';

export interface RpcServerOptions {
  /** 127.0.0.1, ::1 or localhost; any other address needs `insecureNonLoopback`. */
  host: string;
  /** 0 takes a free one. */
  port: number;
  /** Where the token for writes is put while the server runs. */
  tokenPath: string;
  handlers: RpcHandlers;
  /** Prometheus text for `/metrics`. */
  metrics: () => Promise<string>;
  /** For `/healthz` and `/readyz`. */
  health: () => Result<'node_health'>;
  log: Log;
  insecureNonLoopback?: boolean;
  /** Names that Host may carry besides the bound address and those of this machine. */
  allowedHosts?: readonly string[];
  /** Checks every result against its schema; default off. */
  checkResults?: boolean;
  limits?: Partial<RpcLimits>;
}

export interface RpcServer {
  /** Errors: `RPC_PORT_BUSY`, `RPC_LISTEN_FAILED`, `RPC_NOT_LOOPBACK`, `RPC_TOKEN_FILE`. */
  start(): Promise<{ url: string; port: number }>;
  /** Removes the token, lets requests in work finish for a second, ends every connection; a stopped server is not started again. */
  stop(): Promise<void>;
  /** Sends an event to the subscribers of a topic. */
  emit<T extends Topic>(topic: T, data: TopicData<T>): void;
  stats(): SessionStats & { requests: number };
}

interface Parts {
  app: FastifyInstance;
  options: RpcServerOptions;
  limits: RpcLimits;
  dispatcher: Dispatcher;
  sessions: Sessions;
  guard: GuardOptions;
  load: { requests: number; inFlight: number };
}

/** Requests in work when the server stops get this long to finish. */
const STOP_GRACE_MS = 1000;

const accessOf = new WeakMap<object, Access>();

export function createRpcServer(options: RpcServerOptions): RpcServer {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const { handlers, log } = options;
  const dispatcher = createDispatcher({ handlers, limits, log, checkResults: options.checkResults ?? false });
  const sessions = createSessions({
    limits,
    log,
    dispatcher,
    blocksFrom: async (height) =>
      handlers.chain_getBlocks({ from: height, limit: 500, order: 'asc' }, { access: 'read' }),
  });
  const token = createToken(options.tokenPath);
  const parts: Parts = {
    app: createApp(limits),
    options,
    limits,
    dispatcher,
    sessions,
    guard: {
      host: options.host,
      token,
      nonLoopback: !isLoopback(options.host),
      allowedHosts: options.allowedHosts ?? [],
    },
    load: { requests: 0, inFlight: 0 },
  };
  addRoutes(parts);

  return {
    start: () => start(parts, token),
    async stop() {
      await token.withdraw();
      sessions.stop();
      const { app } = parts;
      const timer = setTimeout(() => app.server.closeAllConnections(), STOP_GRACE_MS);
      await app.close();
      clearTimeout(timer);
    },
    emit: (topic, data) => sessions.emit(topic, data),
    stats: () => ({ ...sessions.stats(), requests: parts.load.requests }),
  };
}

function createApp(limits: RpcLimits): FastifyInstance {
  const app = fastify({
    logger: false,
    bodyLimit: limits.maxBodyBytes,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    forceCloseConnections: 'idle',
    exposeHeadRoutes: false,
    // Our schemas are zod's: without this, a second validator and serialiser load at every start.
    schemaController: { compilersFactory: { buildValidator: unused, buildSerializer: unused } },
    http: {
      headersTimeout: limits.headersTimeoutMs,
      connectionsCheckingInterval: Math.min(1000, limits.headersTimeoutMs),
      maxHeaderSize: 16 * 1024,
    },
  });
  app.server.maxConnections = limits.maxConnections;
  app.server.maxHeadersCount = 64;
  guardUpgrades(app);
  return app;
}

/**
 * Ends a connection that asks for an upgrade while an answer is due on it. The plugin can do nothing with it and would
 * never let go of it, so that a few hundred of them would use up all connections.
 */
function guardUpgrades({ server }: FastifyInstance): void {
  const due = new WeakMap<object, number>();
  const add = (socket: object, change: number) => due.set(socket, (due.get(socket) ?? 0) + change);
  server.on('request', ({ socket }, response) => {
    add(socket, 1);
    response.once('close', () => add(socket, -1));
  });
  server.prependListener('upgrade', (_request, socket) => {
    if ((due.get(socket) ?? 0) > 0) socket.destroy();
  });
}

function unused(): never {
  throw new Error('no route has a schema');
}

function addRoutes(parts: Parts): void {
  const { app, limits, sessions } = parts;
  app.register(webSocketPlugin, {
    options: { maxPayload: limits.maxBodyBytes, perMessageDeflate: false },
    errorHandler: (_error, socket) => socket.terminate(),
    preClose: (done) => {
      // Our sessions close their sockets themselves.
      app.websocketServer.close(() => done());
    },
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) =>
    done(null, body),
  );
  app.addHook('onRequest', async (request, reply) => {
    const verdict = checkHeaders(request.method, request.headers, parts.guard);
    if ('access' in verdict) {
      accessOf.set(request.raw, verdict.access);
      if (request.ws && sessions.isFull()) return refuse(reply, 503, tooManyClients(limits));
      return;
    }
    return refuse(reply, verdict.status, verdict.error);
  });
  app.setErrorHandler((error, _request, reply) => refuseFastify(parts, reply, error));
  app.setNotFoundHandler((_request, reply) => {
    return refuse(reply, 404, noSuchPath());
  });
  app.after(() => {
    app.route({
      method: 'GET',
      url: '/',
      handler: (_request, reply) => reply.code(426).header('upgrade', 'websocket').send(greeting()),
      wsHandler: (socket, request) => sessions.add(socket, accessOf.get(request.raw) ?? 'read'),
    });
    app.post('/', (request, reply) => answer(parts, request, reply));
    addHealthRoutes(parts);
  });
}

async function answer(parts: Parts, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { load, limits } = parts;
  load.requests += 1;
  if (load.inFlight >= limits.maxInFlight) {
    const error = limitExceeded('RPC_BUSY', 'the node is busy with other requests', 'try again in a moment');
    return refuse(reply, 503, error);
  }
  load.inFlight += 1;
  try {
    const text = typeof request.body === 'string' ? request.body : '';
    const access = accessOf.get(request.raw) ?? 'read';
    const body = await parts.dispatcher.handle(text, { access, subscriptions: null });
    if (body === null) return reply.code(204).send();
    return reply.type('application/json').header('cache-control', 'no-store').send(body);
  } finally {
    load.inFlight -= 1;
  }
}

function addHealthRoutes({ app, options }: Parts): void {
  app.get('/healthz', (_request, reply) => {
    const { live } = options.health();
    return reply.code(live ? 200 : 503).send({ live });
  });
  app.get('/readyz', (_request, reply) => {
    const { ready, checks } = options.health();
    const reasons = checks.filter((check) => !check.ok).map((check) => `${check.name}: ${check.detail}`);
    return reply.code(ready ? 200 : 503).send({ ready, reasons, checks });
  });
  app.get('/metrics', async (_request, reply) =>
    reply.type('text/plain; version=0.0.4; charset=utf-8').send(await options.metrics()),
  );
}

/** An answer to what never became a call; the connection ends, for its body may be unread. */
function refuse(reply: FastifyReply, status: number, error: unknown): FastifyReply {
  return reply
    .code(status)
    .header('connection', 'close')
    .type('application/json')
    .send(errorText(null, error));
}

function refuseFastify({ limits, options }: Parts, reply: FastifyReply, error: unknown): FastifyReply {
  const { code, statusCode } = error as { code?: string; statusCode?: number };
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return refuse(
      reply,
      413,
      limitExceeded(
        'RPC_BODY_TOO_LARGE',
        `the body passes ${limits.maxBodyBytes} bytes`,
        'send smaller batches',
      ),
    );
  }
  if (statusCode !== undefined && statusCode < 500) {
    return refuse(
      reply,
      statusCode,
      new WattmeshError({
        code: 'RPC_INVALID_REQUEST',
        message: 'the HTTP request cannot be read',
        remedy: 'POST one JSON-RPC 2.0 request, or an array of them',
      }),
    );
  }
  options.log('error', 'the RPC server failed', {
    error: error instanceof Error ? error.stack : String(error),
  });
  return refuse(reply, 500, error);
}

function noSuchPath(): WattmeshError {
  return new WattmeshError({
    code: 'RPC_PATH_NOT_FOUND',
    message: 'there is nothing at this path',
    remedy: 'POST JSON-RPC to /, or GET /healthz, /readyz or /metrics',
  });
}

function greeting(): Record<string, unknown> {
  return {
    name: 'wattmesh',
    rpcVersion: RPC_VERSION,
    hint: 'POST JSON-RPC 2.0 here, or open a WebSocket; rpc.discover describes all methods',
  };
}

async function start({ app, options }: Parts, token: Token): Promise<{ url: string; port: number }> {
  const { host, port } = options;
  if (!isLoopback(host) && options.insecureNonLoopback !== true) {
    throw new WattmeshError({
      code: 'RPC_NOT_LOOPBACK',
      message: `the RPC server will not listen on ${host}: everybody there could use it without encryption`,
      remedy: 'listen on 127.0.0.1, or allow it explicitly behind a proxy or in a closed network',
      details: { host },
    });
  }
  try {
    // The name would be two listeners, and limits apply to each of them apart.
    await app.listen({ host: host === 'localhost' ? '127.0.0.1' : host, port });
  } catch (cause) {
    throw listenError(cause as NodeJS.ErrnoException, options);
  }
  try {
    await token.publish();
  } catch (error) {
    await app.close();
    throw error;
  }
  const bound = (app.server.address() as AddressInfo).port;
  return { url: `http://${urlHost(host)}:${bound}`, port: bound };
}

function urlHost(host: string): string {
  if (host === 'localhost' || host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}

function listenError(cause: NodeJS.ErrnoException, { host, port }: RpcServerOptions): WattmeshError {
  const busy = cause.code === 'EADDRINUSE';
  return new WattmeshError({
    code: busy ? 'RPC_PORT_BUSY' : 'RPC_LISTEN_FAILED',
    message: busy
      ? `port ${port} on ${host} is in use by another program`
      : `the RPC server cannot listen on ${host}:${port}: ${cause.message}`,
    remedy: busy
      ? 'stop that program, or choose another port (0 takes a free one)'
      : 'choose an address of this machine and a port that this user may open',
    details: { host, port },
    cause,
  });
}
