import * as z from 'zod';
import { accountName, hash, ms, text, uint32 } from './common.ts';
import { method } from './method.ts';

export const NODE_ROLES = ['miner', 'prosumer', 'regulator', 'oracle'] as const;

/** Readiness of each part; the same that `/readyz` answers from. */
export function health() {
  return z.strictObject({
    live: z.boolean(),
    ready: z.boolean(),
    checks: z.array(z.strictObject({ name: text(40), ok: z.boolean(), detail: text() })),
  });
}

export const nodeMethods = {
  node_info: method({
    summary: 'Who this node is and where it keeps its data',
    access: 'read',
    params: () => z.strictObject({}),
    result: () =>
      z.strictObject({
        name: text(64),
        version: text(40),
        protocolVersion: uint32(),
        chainName: text(64),
        genesisHash: hash(),
        peerId: text(100),
        member: accountName().nullable(),
        roles: z.array(z.enum(NODE_ROLES)),
        listen: z.array(text(200)),
        dataDir: text(4096),
        pid: uint32(),
        startedMs: ms(),
      }),
    example: () => ({
      params: {},
      result: {
        name: 'node-03',
        version: '0.1.0',
        protocolVersion: 1,
        chainName: 'demo',
        genesisHash: `000${'0'.repeat(61)}`,
        peerId: '12D3KooWExample',
        member: 'p-0003',
        roles: ['miner' as const, 'prosumer' as const],
        listen: ['/ip4/127.0.0.1/tcp/40003'],
        dataDir: '/data/node-03',
        pid: 4711,
        startedMs: 1_723_712_400_000,
      },
    }),
  }),
  node_health: method({
    summary: 'Whether each part of the node works',
    access: 'read',
    params: () => z.strictObject({}),
    result: health,
    example: () => ({
      params: {},
      result: { live: true, ready: true, checks: [{ name: 'peers', ok: true, detail: '4 peers' }] },
    }),
  }),
  node_shutdown: method({
    summary: 'Ends the node in order; the answer comes before the end',
    access: 'admin',
    params: () => z.strictObject({}),
    result: () => z.strictObject({ accepted: z.boolean() }),
    example: () => ({ params: {}, result: { accepted: true } }),
  }),
};
