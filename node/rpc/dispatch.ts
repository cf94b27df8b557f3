/** JSON-RPC 2.0 without a transport: text of a request in, text of the answer out. */
import { type JSONRPCRequest, type JSONRPCResponse, JSONRPCServer } from 'json-rpc-2.0';
import type * as z from 'zod';
import { WattmeshError } from '../util/errors.ts';
import { type ParsedEntry, parseBody, type RpcId } from './body.ts';
import { invalidParams, limitExceeded, toRpcError } from './errors.ts';
import type { RpcLimits } from './limits.ts';
import type { Log } from './log.ts';
import { ACCESS_LEVELS, type Access } from './schema/method.ts';
import {
  type AnyMethod,
  findMethod,
  type HandlerName,
  METHOD_NAMES,
  type Params,
  RPC_VERSION,
  type RpcHandlers,
} from './schema/methods.ts';

/** The subscriptions of one WebSocket client. */
export interface SubscriptionPort {
  subscribe(params: Params<'sub_subscribe'>): string;
  unsubscribe(id: string): boolean;
}

export interface CallContext {
  readonly access: Access;
  /** null over plain HTTP. */
  readonly subscriptions: SubscriptionPort | null;
}

export interface Dispatcher {
  /** null: nothing to answer, for there were only notifications. Never rejects. */
  handle(text: string, context: CallContext): Promise<string | null>;
}

export interface DispatcherOptions {
  handlers: RpcHandlers;
  limits: RpcLimits;
  log: Log;
  /** Answers that break the schema become internal errors. */
  checkResults: boolean;
}

type Method = (params: unknown, context: CallContext) => unknown;

export function createDispatcher(options: DispatcherOptions): Dispatcher {
  const { limits, log } = options;
  const server = createServer(options);

  const answer = async (entry: ParsedEntry, context: CallContext): Promise<string | null> => {
    if ('error' in entry) return errorText(entry.id, entry.error);
    const response = await server.receive(entry.request as JSONRPCRequest, context);
    if (response === null) return null;
    try {
      return JSON.stringify(response);
    } catch (error) {
      log('error', 'an RPC result has no form in JSON', {
        method: entry.request.method,
        error: String(error),
      });
      return errorText(response.id, error);
    }
  };

  return {
    async handle(text, context) {
      const { batch, entries } = parseBody(text, limits);
      const answers: string[] = [];
      let bytes = 0;
      // One after the other: a batch gets no more of the node at a time than a single request.
      for (const entry of entries) {
        let next = bytes > limits.maxResponseBytes ? tooLarge(entry, limits) : await answer(entry, context);
        if (next === null) continue;
        if (next.length > limits.maxResponseBytes) next = tooLarge(entry, limits)!;
        bytes += next.length;
        answers.push(next);
      }
      if (answers.length === 0) return null;
      return batch ? `[${answers.join(',')}]` : answers[0]!;
    },
  };
}

/** The text of an error answer. */
export function errorText(id: RpcId, error: unknown): string {
  return JSON.stringify({ jsonrpc: '2.0', id, error: toRpcError(error) });
}

function tooLarge(entry: ParsedEntry, limits: RpcLimits): string | null {
  const id = 'error' in entry ? entry.id : entry.request.id;
  if (id === undefined) return null;
  return errorText(
    id,
    limitExceeded(
      'RPC_RESPONSE_TOO_LARGE',
      `the answer passes ${limits.maxResponseBytes} bytes`,
      'ask for less with limit and cursor, or in smaller batches',
    ),
  );
}

function createServer(options: DispatcherOptions): JSONRPCServer<CallContext> {
  const { log } = options;
  const server = new JSONRPCServer<CallContext>({
    errorListener(message, error) {
      if (error instanceof WattmeshError) log('debug', 'an RPC call failed', { reason: error.code, message });
      else log('error', message, { error: error instanceof Error ? error.stack : String(error) });
    },
  });
  server.mapErrorToJSONRPCErrorResponse = (id, error) => ({ jsonrpc: '2.0', id, error: toRpcError(error) });
  server.handleMethodNotFound = async (request): Promise<JSONRPCResponse | null> =>
    request.id === undefined
      ? null
      : { jsonrpc: '2.0', id: request.id, error: toRpcError(methodNotFound(request.method)) };
  for (const name of METHOD_NAMES) {
    const definition = findMethod(name)!;
    const run = methodOf(name, options);
    // Asynchronous, so that whatever a handler throws at once is mapped like a rejection.
    server.addMethod(name, async (params: unknown, context: CallContext) => {
      checkAccess(name, definition, context);
      const result = await run(checkParams(definition, params), context);
      if (options.checkResults) checkResult(name, definition, result);
      return result;
    });
  }
  return server;
}

function methodOf(name: string, options: DispatcherOptions): Method {
  switch (name) {
    case 'rpc.discover':
      return async () => (await import('./open-rpc.ts')).openRpcDocument();
    case 'rpc_methods':
      return () => ({ version: RPC_VERSION, methods: METHOD_NAMES });
    case 'sub_subscribe':
      return (params, context) => context.subscriptions!.subscribe(params as Params<'sub_subscribe'>);
    case 'sub_unsubscribe':
      return (params, context) =>
        context.subscriptions!.unsubscribe((params as Params<'sub_unsubscribe'>).subscription);
    default: {
      const handlers = options.handlers as unknown as Record<HandlerName, Method>;
      return (params, context) => handlers[name as HandlerName](params, context);
    }
  }
}

function methodNotFound(name: string): WattmeshError {
  return new WattmeshError({
    code: 'RPC_METHOD_NOT_FOUND',
    message: `there is no method ${JSON.stringify(name.slice(0, 60))}`,
    remedy: 'rpc_methods lists them all',
  });
}

function checkAccess(name: string, definition: AnyMethod, context: CallContext): void {
  if (ACCESS_LEVELS.indexOf(context.access) < ACCESS_LEVELS.indexOf(definition.access)) {
    throw new WattmeshError({
      code: 'RPC_UNAUTHORISED',
      message: `${name} needs the token of this node`,
      remedy: 'send "Authorization: Bearer TOKEN"; TOKEN stands in the file "token" of the data folder',
      details: { access: definition.access },
    });
  }
  if (definition.webSocketOnly === true && context.subscriptions === null) {
    throw new WattmeshError({
      code: 'RPC_WEBSOCKET_ONLY',
      message: `${name} works over WebSocket only`,
      remedy: 'connect to ws:// on the same address',
    });
  }
}

function checkParams(definition: AnyMethod, given: unknown): unknown {
  const schema = definition.params();
  const parsed = schema.safeParse(Array.isArray(given) ? named(definition, schema, given) : (given ?? {}));
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.slice(0, 10).map((issue) => ({
    path: issue.path.join('.'),
    message: issue.message,
  }));
  const [first] = issues;
  throw invalidParams(`invalid params: ${first!.path === '' ? '' : `${first!.path}: `}${first!.message}`, {
    issues,
  });
}

/** Positional parameters by the order of the schema's keys; null leaves one out. */
function named(
  definition: AnyMethod,
  schema: z.ZodObject,
  given: readonly unknown[],
): Record<string, unknown> {
  const values = definition.alignPositional?.(given) ?? given;
  const keys = Object.keys(schema.shape);
  if (values.length > keys.length) {
    throw invalidParams(`invalid params: ${given.length} given, at most ${keys.length}: ${keys.join(', ')}`);
  }
  return Object.fromEntries(
    values.map((value, i) => [keys[i]!, value] as const).filter(([, value]) => value !== null),
  );
}

function checkResult(name: string, definition: AnyMethod, result: unknown): void {
  const parsed = definition.result().safeParse(result);
  if (!parsed.success) throw new Error(`the result of ${name} breaks its schema: ${parsed.error.message}`);
}
