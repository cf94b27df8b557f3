import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createRpcServer } from './server.ts';
import { callBody, http, plainOptions, raw, rpc, startTestServer, temporaryFolder } from './test-server.ts';

const info = callBody('chain_getInfo');

describe('access', () => {
  it('needs the token for writes only', async () => {
    const { url, token } = await startTestServer();
    const order = callBody('market_submitOrder', ['buy', 750, 180_000, 4]);
    expect((await rpc(url, order)).error).toMatchObject({
      code: -32002,
      data: { reason: 'RPC_UNAUTHORISED', access: 'member' },
    });
    const answer = await rpc(url, order, { authorization: `Bearer ${token}` });
    expect(answer.result.status).toBe('pending');
    expect((await rpc(url, callBody('mining_stop'), { authorization: `bearer ${token}` })).result).toEqual({
      enabled: false,
    });
  });

  it('refuses a write before it looks at its parameters', async () => {
    const { url } = await startTestServer();
    expect((await rpc(url, callBody('tx_submit', { transaction: 5 }))).error.code).toBe(-32002);
  });

  it.each(['Bearer ', 'Bearer 00', 'Basic abc', `Bearer ${'0'.repeat(64)}`, 'nonsense'])(
    'refuses a wrong token with 401: %s',
    async (authorization) => {
      const { url } = await startTestServer();
      const answer = await http(url, { body: JSON.stringify(info), headers: { authorization } });
      expect(answer.status).toBe(401);
      expect(JSON.parse(answer.text).error.code).toBe(-32002);
    },
  );

  it('writes the token so that only its owner reads it, and removes it at the end', async () => {
    const { server, tokenPath, token } = await startTestServer();
    expect(token).toMatch(/^[0-9a-f]{64}$/);
    expect((await stat(tokenPath)).mode & 0o777).toBe(0o600);
    await server.stop();
    await expect(stat(tokenPath)).rejects.toThrow('ENOENT');
  });

  it('replaces a token that a crash left behind, whatever its mode was', async () => {
    const tokenPath = join(await temporaryFolder(), 'token');
    await writeFile(tokenPath, 'old');
    await chmod(tokenPath, 0o644);
    await startTestServer({ tokenPath });
    expect((await stat(tokenPath)).mode & 0o777).toBe(0o600);
    expect(await readFile(tokenPath, 'utf8')).not.toContain('old');
  });

  it('leaves the token of another process alone', async () => {
    const { server, tokenPath } = await startTestServer();
    await writeFile(tokenPath, 'of another process');
    await server.stop();
    expect(await readFile(tokenPath, 'utf8')).toBe('of another process');
  });

  it('does not stay open without a token file', async () => {
    const server = createRpcServer({
      ...plainOptions,
      tokenPath: join(await temporaryFolder(), 'no', 'token'),
    });
    await expect(server.start()).rejects.toMatchObject({ code: 'RPC_TOKEN_FILE' });
    await server.stop();
  });
});

describe('headers', () => {
  const body = JSON.stringify(info);

  it.each(['localhost', 'LOCALHOST', '127.0.0.1', '[::1]', 'localhost:9999'])(
    'lets Host %s in',
    async (host) => {
      const { url } = await startTestServer();
      expect((await http(url, { body, headers: { host } })).status).toBe(200);
    },
  );

  it.each(['evil.example', 'localhost.evil.example', '10.0.0.1', '127.0.0.1.evil.example'])(
    'refuses Host %j',
    async (host) => {
      const { url } = await startTestServer();
      for (const path of ['/', '/healthz', '/metrics']) {
        const answer = await http(url + path, { headers: { host } });
        expect(answer.status).toBe(403);
        expect(JSON.parse(answer.text).error.data.reason).toBe('RPC_FORBIDDEN_HOST');
      }
    },
  );

  it('lets the names in that it was told of', async () => {
    const { url } = await startTestServer({ allowedHosts: ['node-1'] });
    expect((await http(url, { body, headers: { host: 'node-1:8545' } })).status).toBe(200);
  });

  it('lets its own origin in and no other', async () => {
    const { url, port } = await startTestServer();
    const statusOf = async (origin: string, host = `127.0.0.1:${port}`) =>
      (await http(url, { body, headers: { origin, host } })).status;
    expect(await statusOf(url)).toBe(200);
    expect(await statusOf(`http://localhost:${port}`, `localhost:${port}`)).toBe(200);
    for (const origin of [
      'null',
      'http://evil.example',
      `http://localhost:${port}`,
      'http://127.0.0.1:1',
      '',
    ]) {
      expect(await statusOf(origin), origin).toBe(403);
    }
  });

  it('never allows other origins to read', async () => {
    const { url } = await startTestServer();
    const answer = await http(url, { body });
    expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    expect((await http(url, { method: 'OPTIONS' })).status).toBe(404);
  });

  it.each([
    ['application/json', 200],
    ['application/json; charset=utf-8', 200],
    ['Application/JSON', 200],
    ['text/plain', 415],
    ['application/x-www-form-urlencoded', 415],
    ['application/jsonp', 415],
    ['', 415],
  ])('content type %j: %i', async (type, status) => {
    const { url } = await startTestServer();
    expect((await http(url, { body, headers: { 'content-type': type } })).status).toBe(status);
  });

  it('refuses before it has read the body', async () => {
    const { port } = await startTestServer();
    for (const [line, status] of [
      ['Host: evil.example', 403],
      ['Host:', 403],
      ['Host: localhost\r\nOrigin: http://evil.example', 403],
      ['Host: localhost\r\nAuthorization: Bearer 00', 401],
      ['Host: localhost\r\nContent-Type: text/plain', 415],
    ] as const) {
      // The announced body is never sent: only an answer made from the headers alone can come.
      const answer = await raw(
        port,
        `POST / HTTP/1.1\r\nContent-Length: 1000\r\n${line}\r\n${json(line)}\r\n`,
      );
      expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    }
  });
});

const json = (line: string) => (line.includes('Content-Type') ? '' : 'Content-Type: application/json\r\n');
