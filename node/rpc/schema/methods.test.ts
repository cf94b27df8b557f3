import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { SAMPLE_STEP } from './market.ts';
import { findMethod, METHOD_NAMES } from './methods.ts';
import { TOPIC_DATA, TOPICS } from './rpc.ts';
import { SAMPLE_REORGANISATION, SAMPLE_SUMMARY } from './samples.ts';

/** Paths of integers without bounds and of numbers that are no integers. */
function looseNumbers(schema: unknown, path = ''): string[] {
  if (Array.isArray(schema)) return schema.flatMap((entry, i) => looseNumbers(entry, `${path}[${i}]`));
  if (typeof schema !== 'object' || schema === null) return [];
  const given = schema as Record<string, unknown>;
  const found = Object.entries(given).flatMap(([key, entry]) => looseNumbers(entry, `${path}.${key}`));
  if (given.type === 'number') found.push(`${path}: not an integer`);
  if (given.type === 'integer') {
    const { minimum, maximum } = given as { minimum?: number; maximum?: number };
    const bounded =
      minimum !== undefined &&
      maximum !== undefined &&
      Number.isSafeInteger(minimum) &&
      Number.isSafeInteger(maximum);
    if (!bounded) found.push(`${path}: not bounded`);
  }
  return found;
}

const schemasOf = (name: string) => {
  const method = findMethod(name)!;
  return {
    params: z.toJSONSchema(method.params(), { io: 'input' }),
    result: z.toJSONSchema(method.result(), { io: 'output' }),
  };
};

describe('the table of methods', () => {
  it('has every method that the interface promises', () => {
    const promised = `node_info node_health net_peers chain_getInfo chain_getBlock chain_getBlocks chain_getReorgs
      chain_verify chain_getProof tx_submit tx_get tx_getPending mining_getInfo mining_start mining_stop market_getStep
      market_getOrderBook market_submitOrder market_listTrades prosumer_list prosumer_get community_getKpis
      regulator_getPolicy rpc.discover rpc_methods sub_subscribe sub_unsubscribe`;
    expect(METHOD_NAMES).toEqual(expect.arrayContaining(promised.split(/\s+/)));
  });

  it.each(METHOD_NAMES)('%s: its example passes its own schema', (name) => {
    const method = findMethod(name)!;
    const { params, result } = method.example();
    expect(method.params().safeParse(params).error?.issues).toBeUndefined();
    expect(method.result().safeParse(result).error?.issues).toBeUndefined();
  });

  it.each(METHOD_NAMES)('%s: its example survives JSON', (name) => {
    const example = findMethod(name)!.example();
    expect(JSON.parse(JSON.stringify(example))).toEqual(example);
  });

  it.each(METHOD_NAMES)('%s: refuses an unknown parameter', (name) => {
    const method = findMethod(name)!;
    expect(method.params().safeParse({ ...method.example().params, unheardOf: 1 }).success).toBe(false);
  });

  it.each(METHOD_NAMES)('%s: has no number that JavaScript could change', (name) => {
    expect(looseNumbers(schemasOf(name))).toEqual([]);
  });

  it('would notice a loose number', () => {
    expect(looseNumbers(z.toJSONSchema(z.object({ a: z.array(z.number()) })))).toHaveLength(1);
    expect(looseNumbers({ properties: { a: { type: 'integer', minimum: 0 } } })).toHaveLength(1);
    expect(looseNumbers({ type: 'integer', minimum: 0, maximum: 2 ** 53 })).toHaveLength(1);
    expect(looseNumbers({ type: 'integer', minimum: 0, maximum: 2 ** 53 - 1 })).toHaveLength(0);
  });

  it('says at which block a result was read, wherever it depends on the chain', () => {
    const local = ['node_', 'net_', 'dev_', 'rpc', 'sub_', 'mining_start', 'mining_stop', 'chain_getReorgs'];
    const writes = ['tx_submit', 'market_submitOrder'];
    const chainDependent = METHOD_NAMES.filter(
      (name) => !local.some((prefix) => name.startsWith(prefix)) && !writes.includes(name),
    );
    expect(chainDependent.length).toBeGreaterThan(10);
    for (const name of chainDependent) {
      expect(schemasOf(name).result.properties, name).toHaveProperty('asOf');
    }
  });

  it('describes the data of every topic', () => {
    const samples = { newBlock: SAMPLE_SUMMARY, newStep: SAMPLE_STEP, reorg: SAMPLE_REORGANISATION };
    expect(Object.keys(TOPIC_DATA)).toEqual([...TOPICS]);
    for (const topic of TOPICS) {
      expect(TOPIC_DATA[topic]().safeParse(samples[topic]).error?.issues).toBeUndefined();
      expect(looseNumbers(z.toJSONSchema(TOPIC_DATA[topic]()))).toEqual([]);
    }
  });

  it('does not find what every object inherits', () => {
    expect(findMethod('toString')).toBeNull();
    expect(findMethod('__proto__')).toBeNull();
    expect(findMethod('chain_getInfo')).not.toBeNull();
  });
});

describe('parameters', () => {
  const parse = (name: string, params: unknown) => findMethod(name)!.params().safeParse(params);
  const id = 'Ab'.repeat(32);

  it('takes ids with 0x and in upper case and hands on the plain form', () => {
    for (const given of [id, `0x${id}`, `0X${id}`]) {
      expect(parse('tx_get', { id: given }).data).toEqual({ id: id.toLowerCase() });
    }
    expect(parse('tx_get', { id: id.slice(1) }).success).toBe(false);
    expect(parse('tx_get', { id: `${id}00` }).success).toBe(false);
    expect(parse('tx_get', { id: `0x0x${id.slice(4)}` }).success).toBe(false);
  });

  it('takes a block by height or by hash, never both and never neither', () => {
    expect(parse('chain_getBlock', { height: 0 }).data).toEqual({ height: 0, transactions: 'ids' });
    expect(parse('chain_getBlock', { hash: id }).success).toBe(true);
    expect(parse('chain_getBlock', {}).success).toBe(false);
    expect(parse('chain_getBlock', { height: 0, hash: id }).success).toBe(false);
  });

  it('bounds numbers on both sides', () => {
    for (const height of [0, 2 ** 32 - 1]) expect(parse('chain_getBlock', { height }).success).toBe(true);
    for (const height of [-1, 2 ** 32, 1.5, Number.NaN, '1', null, true]) {
      expect(parse('chain_getBlock', { height }).success).toBe(false);
    }
    for (const limit of [1, 500]) expect(parse('market_listTrades', { limit }).success).toBe(true);
    for (const limit of [0, 501]) expect(parse('market_listTrades', { limit }).success).toBe(false);
    const order = { side: 'buy', energyWh: 1, limitMicroEurPerKwh: -(2 ** 31), step: 0 };
    expect(parse('market_submitOrder', order).success).toBe(true);
    expect(parse('market_submitOrder', { ...order, energyWh: 0 }).success).toBe(false);
    expect(parse('market_submitOrder', { ...order, limitMicroEurPerKwh: -(2 ** 31) - 1 }).success).toBe(
      false,
    );
  });

  it('bounds a transaction by its bytes', () => {
    const ok = '00'.repeat(65_536);
    expect(parse('tx_submit', { transaction: ok }).success).toBe(true);
    expect(parse('tx_submit', { transaction: `0x${ok}` }).data).toEqual({ transaction: ok });
    expect(parse('tx_submit', { transaction: `0x${ok}00` }).success).toBe(false);
    for (const transaction of ['', '0x', '0', 'zz']) {
      expect(parse('tx_submit', { transaction }).success).toBe(false);
    }
  });

  it('refuses ranges that end before they begin', () => {
    expect(parse('chain_verify', { from: 5, to: 5 }).success).toBe(true);
    expect(parse('chain_verify', { from: 6, to: 5 }).success).toBe(false);
    expect(parse('community_getKpis', { fromStep: 5, toStep: 5 }).success).toBe(true);
    expect(parse('community_getKpis', { fromStep: 6, toStep: 5 }).success).toBe(false);
  });

  it('takes fromHeight for blocks only', () => {
    expect(parse('sub_subscribe', { topic: 'newBlock', fromHeight: 1 }).success).toBe(true);
    expect(parse('sub_subscribe', { topic: 'newStep', fromHeight: 1 }).success).toBe(false);
    expect(parse('sub_subscribe', { topic: 'newStep' }).success).toBe(true);
    expect(parse('sub_subscribe', { topic: 'other' }).success).toBe(false);
  });
});
