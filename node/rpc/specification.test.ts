/** The examples of the JSON-RPC 2.0 specification, section 7, over a real socket. */
import { describe, expect, it, vi } from 'vitest';
import { http, startTestServer } from './test-server.ts';

vi.mock('./schema/methods.ts', async () => {
  const z = await import('zod');
  const numbers = (...names: string[]) => z.strictObject(Object.fromEntries(names.map((n) => [n, z.int()])));
  const entry = (params: unknown) => ({
    summary: '',
    access: 'read',
    params: () => params,
    result: () => z.unknown(),
    example: () => ({ params: {}, result: null }),
  });
  const table: Record<string, unknown> = {
    subtract: entry(numbers('minuend', 'subtrahend')),
    update: entry(numbers('a', 'b', 'c', 'd', 'e')),
    sum: entry(numbers('a', 'b', 'c')),
    notify_sum: entry(numbers('a', 'b', 'c')),
    notify_hello: entry(numbers('a')),
    get_data: entry(numbers()),
  };
  return {
    METHOD_NAMES: Object.keys(table),
    RPC_VERSION: 'test',
    findMethod: (name: string) => (Object.hasOwn(table, name) ? table[name] : null),
  };
});

const updates: unknown[] = [];
const handlers = {
  subtract: ({ minuend, subtrahend }: { minuend: number; subtrahend: number }) => minuend - subtrahend,
  sum: ({ a, b, c }: { a: number; b: number; c: number }) => a + b + c,
  update: (params: unknown) => void updates.push(params),
  notify_sum: () => null,
  notify_hello: () => null,
  get_data: () => ['hello', 5],
} as never;

/** Errors shortened to their code: messages and data are ours. */
const shorten = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value), (key, entry) => (key === 'error' ? { code: entry.code } : entry));

describe('JSON-RPC 2.0 specification', () => {
  const error = (code: number, id: unknown) => ({ jsonrpc: '2.0', error: { code }, id });
  const result = (value: unknown, id: unknown) => ({ jsonrpc: '2.0', result: value, id });

  it.each([
    [
      'positional parameters',
      '{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}',
      result(19, 1),
    ],
    [
      'in the other order',
      '{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}',
      result(-19, 2),
    ],
    [
      'named parameters',
      '{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}',
      result(19, 3),
    ],
    [
      'named in the other order',
      '{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": 4}',
      result(19, 4),
    ],
    ['a notification', '{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}', null],
    ['a notification of nothing', '{"jsonrpc": "2.0", "method": "foobar"}', null],
    ['a method that does not exist', '{"jsonrpc": "2.0", "method": "foobar", "id": "1"}', error(-32601, '1')],
    ['no JSON', '{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]', error(-32700, null)],
    ['no request', '{"jsonrpc": "2.0", "method": 1, "params": "bar"}', error(-32600, null)],
    [
      'a batch that is no JSON',
      '[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"}, {"jsonrpc": "2.0", "method"]',
      error(-32700, null),
    ],
    ['an empty batch', '[]', error(-32600, null)],
    ['a batch of one invalid', '[1]', [error(-32600, null)]],
    ['a batch of three invalid', '[1,2,3]', [error(-32600, null), error(-32600, null), error(-32600, null)]],
    [
      'a batch of all kinds',
      `[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
        {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
        {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},
        {"foo": "boo"},
        {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
        {"jsonrpc": "2.0", "method": "get_data", "id": "9"}]`,
      [result(7, '1'), result(19, '2'), error(-32600, null), error(-32601, '5'), result(['hello', 5], '9')],
    ],
    [
      'a batch of notifications',
      `[{"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},
        {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}]`,
      null,
    ],
    [
      'a batch of one, answered by an array',
      '[{"jsonrpc": "2.0", "method": "get_data", "id": null}]',
      [result(['hello', 5], null)],
    ],
  ])('%s', async (_name, body, expected) => {
    const { url } = await startTestServer({ handlers, checkResults: false });
    const answer = await http(url, { body });
    if (expected === null) expect(answer).toMatchObject({ status: 204, text: '' });
    else expect(shorten(JSON.parse(answer.text))).toEqual(expected);
  });

  it('runs notifications', async () => {
    updates.length = 0;
    const { url } = await startTestServer({ handlers, checkResults: false });
    await http(url, { body: '{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}' });
    expect(updates).toEqual([{ a: 1, b: 2, c: 3, d: 4, e: 5 }]);
  });
});
