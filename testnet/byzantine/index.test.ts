import { describe, expect, it } from 'vitest';
import { createTestGenesis } from '../../node/market/testing.ts';
import { runByzantinePeer } from './index.ts';

const options = {
  target: { p2p: '/ip4/127.0.0.1/tcp/1/p2p/x', rpc: 'http://127.0.0.1:1' },
  honest: [],
  genesis: { genesis: createTestGenesis(), nonce: new Uint8Array(32) },
  keys: {},
  seed: 1n,
  signal: new AbortController().signal,
  log() {},
};

describe('a hostile peer', () => {
  it.each([
    [{ p2p: '/ip4/10.0.0.1/tcp/1/p2p/x', rpc: options.target.rpc }],
    [{ p2p: options.target.p2p, rpc: 'http://example.org:1' }],
    [{ p2p: options.target.p2p, rpc: 'http://127.evil.example:1' }],
  ])('turns on no node of another machine', async (target) => {
    await expect(runByzantinePeer({ ...options, target })).rejects.toMatchObject({
      code: 'BYZANTINE_TARGET',
    });
  });

  it('refuses an attack that there is not, and names those there are', async () => {
    await expect(runByzantinePeer({ ...options, attacks: ['kindness'] })).rejects.toMatchObject({
      code: 'BYZANTINE_ATTACK',
      remedy: expect.stringContaining('tcp-garbage'),
    });
  });
});
