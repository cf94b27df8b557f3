import * as z from 'zod';
import { accountName, asOf, text, uint, uint32 } from './common.ts';
import { method } from './method.ts';
import { SAMPLE_AS_OF } from './samples.ts';

function switched() {
  return z.strictObject({ enabled: z.boolean() });
}

export const miningMethods = {
  mining_getInfo: method({
    summary: 'What this node mines: declared and performed hashes, blocks won and lost',
    access: 'read',
    params: () => z.strictObject({}),
    result: () =>
      z.strictObject({
        enabled: z.boolean(),
        member: accountName().nullable().describe('null: this node may not author blocks'),
        hashesPerSecond: uint().describe('measured over the last seconds'),
        declaredHashesPerSecond: uint().nullable().describe('the cap; null: none'),
        hashesTotal: uint(),
        hasher: text(40).nullable(),
        blocksMined: uint32(),
        blocksStale: uint32(),
        currentHeight: uint32().describe('height of the block being searched'),
        asOf: asOf(),
      }),
    example: () => ({
      params: {},
      result: {
        enabled: true,
        member: 'p-0003',
        hashesPerSecond: 22_480,
        declaredHashesPerSecond: 22_500,
        hashesTotal: 1_350_000,
        hasher: 'hashtree',
        blocksMined: 5,
        blocksStale: 0,
        currentHeight: 43,
        asOf: SAMPLE_AS_OF,
      },
    }),
  }),
  mining_start: method({
    summary: 'Starts mining',
    access: 'admin',
    params: () => z.strictObject({}),
    result: switched,
    example: () => ({ params: {}, result: { enabled: true } }),
  }),
  mining_stop: method({
    summary: 'Stops mining; the node still follows the chain',
    access: 'admin',
    params: () => z.strictObject({}),
    result: switched,
    example: () => ({ params: {}, result: { enabled: false } }),
  }),
};
