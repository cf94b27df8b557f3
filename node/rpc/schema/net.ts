import * as z from 'zod';
import { ms, text, uint } from './common.ts';
import { method } from './method.ts';

export const netMethods = {
  net_peers: method({
    summary: 'Connected peers of this chain',
    access: 'read',
    params: () => z.strictObject({}),
    result: () =>
      z.array(
        z.strictObject({
          peerId: text(100),
          address: text(200),
          direction: z.enum(['inbound', 'outbound']),
          connectedAtMs: ms(),
          agent: text(200),
          meshTopics: z.array(text(40)),
          score: z.int(),
          rttMs: uint().nullable(),
        }),
      ),
    example: () => ({
      params: {},
      result: [
        {
          peerId: '12D3KooWExample',
          address: '/ip4/127.0.0.1/tcp/40004',
          direction: 'outbound' as const,
          connectedAtMs: 1_723_712_401_000,
          agent: 'wattmesh/0.1.0',
          meshTopics: ['block', 'tx'],
          score: 0,
          rttMs: 1,
        },
      ],
    }),
  }),
};
