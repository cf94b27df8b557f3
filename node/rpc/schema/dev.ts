import * as z from 'zod';
import { text, uint } from './common.ts';
import { method } from './method.ts';

const MAX_RULES = 16;
const MAX_PEERS = 1024;
const MAX_DELAY_MS = 60_000;
const DAY_MS = 86_400_000;

function linkRule() {
  return z.strictObject({
    name: z.string().regex(/^[a-z][a-z0-9-]{0,31}$/),
    peers: z.array(text(100)).max(MAX_PEERS).describe('peer ids; * stands for every peer'),
    drop: z.boolean().default(false).describe('the link is closed and refused in both directions'),
    swallow: z.boolean().default(false).describe('our bytes vanish while the connection stays'),
    delayMs: uint(MAX_DELAY_MS).default(0).describe('later than they would leave'),
    jitterMs: uint(MAX_DELAY_MS).default(0).describe('a random part on top, 0 to this'),
    kbitPerSecond: z.int().min(1).max(10_000_000).nullable().default(null).describe('null: unlimited'),
  });
}

function rules() {
  return z.strictObject({ rules: z.array(linkRule()).max(MAX_RULES) });
}

function skew() {
  return z.strictObject({ skewMs: z.int().min(-DAY_MS).max(DAY_MS) });
}

const SAMPLE = {
  rules: [
    {
      name: 'slow',
      peers: ['*'],
      drop: false,
      swallow: false,
      delayMs: 300,
      jitterMs: 50,
      kbitPerSecond: null,
    },
  ],
};

export const devMethods = {
  dev_getLinks: method({
    summary: 'Development only: the faults that this node imposes on its links',
    access: 'admin',
    params: () => z.strictObject({}),
    result: rules,
    example: () => ({ params: {}, result: SAMPLE }),
  }),
  dev_setLinks: method({
    summary: 'Development only: replaces the faults that this node imposes on its links',
    access: 'admin',
    params: rules,
    result: rules,
    example: () => ({ params: SAMPLE, result: SAMPLE }),
  }),
  dev_setClockSkew: method({
    summary: 'Development only: sets how far this node believes to be ahead of the clock of its machine',
    access: 'admin',
    params: skew,
    result: skew,
    example: () => ({ params: { skewMs: 14_000 }, result: { skewMs: 14_000 } }),
  }),
};
