import { describe, expect, it } from 'vitest';
import { parseBody } from './body.ts';
import { DEFAULT_LIMITS } from './limits.ts';

const reasons = (text: string) =>
  parseBody(text, DEFAULT_LIMITS).entries.map((entry) => ('error' in entry ? entry.error.code : 'ok'));
const nested = (depth: number) =>
  `{"jsonrpc":"2.0","method":"m","params":${'['.repeat(depth)}${']'.repeat(depth)}}`;
const request = '{"jsonrpc":"2.0","method":"m","id":1}';

describe('parseBody', () => {
  it('allows 32 levels of nesting and not 33', () => {
    expect(reasons(nested(31))).toEqual(['ok']);
    expect(reasons(nested(32))).toEqual(['RPC_DEPTH_LIMIT']);
    expect(reasons(nested(400_000))).toEqual(['RPC_DEPTH_LIMIT']);
  });

  it('allows a batch of 100 and not of 101 or 0', () => {
    const batch = (n: number) => `[${Array.from({ length: n }, () => request).join(',')}]`;
    expect(reasons(batch(1))).toEqual(['ok']);
    expect(parseBody(batch(1), DEFAULT_LIMITS).batch).toBe(true);
    expect(reasons(batch(100))).toEqual(Array.from({ length: 100 }, () => 'ok'));
    expect(reasons(batch(101))).toEqual(['RPC_BATCH_LIMIT']);
    expect(reasons('[]')).toEqual(['RPC_INVALID_REQUEST']);
  });

  it('refuses the key __proto__ at any place and however written', () => {
    for (const params of ['{"__proto__":{}}', '{"a":[{"__proto__":1}]}', '{"\\u005f_proto__":{}}']) {
      expect(reasons(`{"jsonrpc":"2.0","method":"m","params":${params}}`)).toEqual(['RPC_INVALID_REQUEST']);
    }
    expect(reasons('{"jsonrpc":"2.0","method":"m","params":{"a":"__proto__"}}')).toEqual(['ok']);
  });

  it.each(['', '{', 'nonsense', '{"jsonrpc":"2.0"', '\u0000', "{'a':1}"])('refuses %j as JSON', (text) => {
    expect(reasons(text)).toEqual(['RPC_PARSE']);
  });

  it.each([
    ['1'],
    ['null'],
    ['"text"'],
    ['{}'],
    ['{"method":"m","id":1}'],
    ['{"jsonrpc":"1.0","method":"m"}'],
    ['{"jsonrpc":"2.0","method":1}'],
    ['{"jsonrpc":"2.0","method":"m","params":"bar"}'],
    ['{"jsonrpc":"2.0","method":"m","params":null}'],
    ['{"jsonrpc":"2.0","method":"m","id":{}}'],
    ['{"jsonrpc":"2.0","method":"m","id":true}'],
  ])('refuses %s as a request', (text) => {
    expect(reasons(text)).toEqual(['RPC_INVALID_REQUEST']);
  });

  it('keeps the id of a refused request where it has one', () => {
    const idOf = (text: string) => {
      const [entry] = parseBody(text, DEFAULT_LIMITS).entries;
      return 'error' in entry! ? entry.id : 'accepted';
    };
    expect(idOf('{"jsonrpc":"2.0","method":1,"id":"x"}')).toBe('x');
    expect(idOf('{"jsonrpc":"2.0","method":"m","id":[]}')).toBeNull();
    expect(idOf('[1]')).toBeNull();
  });
});
