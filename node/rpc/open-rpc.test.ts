import { describe, expect, it } from 'vitest';
import { openRpcDocument } from './open-rpc.ts';
import { METHOD_NAMES } from './schema/methods.ts';
import { rpc, startTestServer } from './test-server.ts';

/** Every `$ref` in a document. */
function references(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(references);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, entry]) =>
    key === '$ref' && typeof entry === 'string' ? [entry] : references(entry),
  );
}

describe('the OpenRPC document', () => {
  it('is what rpc.discover answers, and survives JSON', async () => {
    const { url } = await startTestServer();
    const { result } = await rpc(url, { jsonrpc: '2.0', id: 1, method: 'rpc.discover' });
    expect(result).toEqual(openRpcDocument());
  });

  it('has what OpenRPC 1.2.6 requires', () => {
    const document = openRpcDocument();
    expect(document.openrpc).toBe('1.2.6');
    expect(document.info).toMatchObject({
      title: expect.any(String),
      version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
    });
    expect(document.methods.map((method) => method.name)).toEqual(METHOD_NAMES);
    for (const method of document.methods) {
      expect(method.paramStructure).toBe('either');
      expect(method.result).toMatchObject({ name: expect.any(String), schema: expect.any(Object) });
      const names = method.params.map((param) => param.name);
      expect(new Set(names).size, method.name).toBe(names.length);
      for (const param of method.params) expect(param.schema).toBeTypeOf('object');
      // Positional calls need the required ones in front.
      const firstOptional = method.params.findIndex((param) => param.required !== true);
      const lastRequired = method.params.findLastIndex((param) => param.required === true);
      expect(firstOptional === -1 || lastRequired < firstOptional, method.name).toBe(true);
      for (const example of method.examples) {
        for (const { name } of example.params) expect(names).toContain(name);
      }
      expect(new Set(method.errors.map((error) => error.code)).size).toBe(method.errors.length);
    }
  });

  it('has no reference that leads nowhere', () => {
    const document = openRpcDocument();
    const found = references(document);
    expect(found.length).toBeGreaterThan(0);
    for (const reference of found) {
      const [, name] = /^#\/components\/schemas\/(\w+)$/.exec(reference) ?? [];
      expect(document.components.schemas, reference).toHaveProperty(name ?? 'nothing');
    }
  });

  it('says which methods need the token', () => {
    const access = Object.fromEntries(
      openRpcDocument().methods.map((method) => [method.name, method['x-access']]),
    );
    expect(access).toMatchObject({
      chain_getInfo: 'read',
      tx_submit: 'member',
      market_submitOrder: 'member',
      mining_start: 'admin',
      mining_stop: 'admin',
      node_shutdown: 'admin',
    });
  });
});
