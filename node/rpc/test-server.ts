/** For tests: a server on a free port whose handlers answer with the examples of the schema. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { type IncomingHttpHeaders, request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { findMethod, METHOD_NAMES, type RpcHandlers } from './schema/methods.ts';
import { createRpcServer, type RpcServer, type RpcServerOptions } from './server.ts';

export interface TestServer {
  server: RpcServer;
  url: string;
  port: number;
  tokenPath: string;
  token: string;
  logs: { level: string; message: string; fields: Record<string, unknown> }[];
}

export interface HttpAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

/** Handlers that return the example results. */
export function exampleHandlers(overrides: Partial<RpcHandlers> = {}): RpcHandlers {
  const handlers = Object.fromEntries(
    METHOD_NAMES.map((name) => [name, () => findMethod(name)!.example().result]),
  );
  return { ...handlers, ...overrides } as unknown as RpcHandlers;
}

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'wattmesh-rpc-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Starts a server that the end of the test stops. */
export async function startTestServer(options: Partial<RpcServerOptions> = {}): Promise<TestServer> {
  const tokenPath = options.tokenPath ?? join(await temporaryFolder(), 'token');
  const logs: TestServer['logs'] = [];
  const server = createRpcServer({
    host: '127.0.0.1',
    port: 0,
    handlers: exampleHandlers(),
    metrics: async () => 'up 1\n',
    health: () => ({ live: true, ready: true, checks: [] }),
    log: (level, message, fields) => logs.push({ level, message, fields }),
    checkResults: true,
    ...options,
    tokenPath,
  });
  const { url, port } = await server.start();
  onTestFinished(() => server.stop());
  return { server, url, port, tokenPath, token: (await readFile(tokenPath, 'utf8')).trim(), logs };
}

/** One HTTP request; headers as given, with a JSON content type unless told otherwise. */
export function http(
  url: string,
  given: { method?: string; body?: string; headers?: Record<string, string> } = {},
): Promise<HttpAnswer> {
  const method = given.method ?? (given.body === undefined ? 'GET' : 'POST');
  const headers = { ...(method === 'POST' ? { 'content-type': 'application/json' } : {}), ...given.headers };
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => {
        resolve({ status: response.statusCode!, headers: response.headers, text });
      });
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(given.body);
  });
}

/** A JSON-RPC body over HTTP, its answer parsed. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of any shape
export async function rpc(url: string, body: unknown, headers: Record<string, string> = {}): Promise<any> {
  const { text } = await http(url, {
    body: typeof body === 'string' ? body : JSON.stringify(body),
    headers,
  });
  return text === '' ? null : JSON.parse(text);
}

/** Body of one call. */
export function callBody(method: string, params?: unknown, id: unknown = 1): Record<string, unknown> {
  return { jsonrpc: '2.0', id, method, ...(params === undefined ? {} : { params }) };
}

/** For servers that are not to start. */
export const plainOptions = {
  host: '127.0.0.1',
  port: 0,
  tokenPath: '/nowhere/token',
  handlers: exampleHandlers(),
  metrics: async () => '',
  health: () => ({ live: true, ready: true, checks: [] }),
  log: () => undefined,
};

/** Sends text over a bare connection and reads until the server ends it. */
export function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    let answer = '';
    socket.on('data', (part) => {
      answer += String(part);
    });
    socket.on('close', () => resolve(answer));
    socket.on('error', reject);
  });
}
