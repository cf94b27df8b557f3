import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeAddresses, encodeAddresses } from './address-frame.ts';
import { parseAddress, parseToldAddress } from './addresses.ts';
import { identityFromSeed } from './identity.ts';

const { peerId } = identityFromSeed(new Uint8Array(32).fill(7));

describe('parseAddress', () => {
  it.each([
    ['/ip4/10.0.0.7/tcp/1', false],
    ['/ip4/10.0.0.7/tcp/65535', false],
    ['/ip4/127.0.0.1/tcp/9000', true],
    ['/ip6/::1/tcp/9000', true],
    ['/ip6/2001:db8::1/tcp/9000', false],
    ['/dns4/seed.example.org/tcp/9000', false],
  ])('accepts %s with and without a peer id', (text, loopback) => {
    expect(parseAddress(text)).toEqual({ text, peerId: null, loopback });
    expect(parseAddress(`${text}/p2p/${peerId}`)).toEqual({
      text: `${text}/p2p/${peerId}`,
      peerId,
      loopback,
    });
  });

  it.each([
    '',
    'not an address',
    '/ip4/10.0.0.7',
    '/ip4/10.0.0.7/tcp/0',
    '/ip4/10.0.0.7/tcp/65536',
    '/ip4/10.0.0.7/udp/9000',
    '/ip4/0.0.0.0/tcp/9000',
    '/ip4/224.0.0.1/tcp/9000',
    '/ip4/255.255.255.255/tcp/9000',
    '/ip6/::/tcp/9000',
    '/ip6/fe80::1/tcp/9000',
    '/ip6/ff02::1/tcp/9000',
    '/ip4/10.0.0.7/tcp/9000/ws',
    '/ip4/10.0.0.7/tcp/9000/p2p/nobody',
    `/ip4/10.0.0.7/tcp/9000/p2p/${peerId}/p2p-circuit`,
    `/dns4/${'a'.repeat(260)}/tcp/9000`,
  ])('refuses "%s"', (text) => {
    expect(parseAddress(text)).toBeNull();
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.string(), (text) => void parseAddress(`/ip4/${text}`)));
  });
});

describe('parseToldAddress', () => {
  it('takes loopback only from loopback, and neither names nor anonymous peers', () => {
    const at = (host: string) => `${host}/tcp/9000/p2p/${peerId}`;
    expect(parseToldAddress(at('/ip4/127.0.0.1'), true)).not.toBeNull();
    expect(parseToldAddress(at('/ip4/127.0.0.1'), false)).toBeNull();
    expect(parseToldAddress(at('/ip4/10.0.0.7'), false)).not.toBeNull();
    expect(parseToldAddress(at('/dns4/inside.example.org'), true)).toBeNull();
    expect(parseToldAddress('/ip4/10.0.0.7/tcp/9000', true)).toBeNull();
  });
});

describe('address frames', () => {
  it('bring back at most 32 addresses', () => {
    const list = Array.from({ length: 33 }, (_, i) => `/ip4/10.0.0.${i}/tcp/9000/p2p/${peerId}`);
    expect(decodeAddresses(encodeAddresses([]))).toEqual([]);
    expect(decodeAddresses(encodeAddresses(list))).toEqual(list.slice(0, 32));
  });

  it('decode to null or to what encodes to the same bytes', () => {
    const isCanonical = (bytes: Uint8Array) => {
      const list = decodeAddresses(bytes);
      if (list !== null) expect(encodeAddresses(list)).toEqual(bytes);
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), isCanonical));
    expect(decodeAddresses(new Uint8Array([5, 0, 0, 0, 65]))).toBeNull();
    expect(decodeAddresses(new Uint8Array([4, 0, 0, 0, 255]))).toBeNull();
    expect(decodeAddresses(new Uint8Array([4, 0, 0, 0, 65]))).toEqual(['A']);
  });
});
