/** What peers send outside of SSZ values: addresses, the answer of `peers`, frames of a stream. */

import type { Stream } from '@libp2p/interface';
import fc from 'fast-check';
import { createAddressBook } from '../../../node/p2p/address-book.ts';
import { decodeAddresses, encodeAddresses, MAX_TOLD_ADDRESSES } from '../../../node/p2p/address-frame.ts';
import { parseAddress, parseToldAddress } from '../../../node/p2p/addresses.ts';
import { encodeLength, faultOf, frameStream } from '../../../node/p2p/frames.ts';
import { concatBytes, equalBytes } from '../../../node/util/bytes.ts';
import { propertyOf } from '../arbitraries.ts';
import { bytesOfTexts, type OpenTarget, promise, type Target, textOf } from '../interface.ts';
import { createReader } from '../reader.ts';

const PEER = '12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5';
const ADDRESSES = [
  `/ip4/127.0.0.1/tcp/4001/p2p/${PEER}`,
  `/ip4/203.0.113.9/tcp/4001/p2p/${PEER}`,
  `/ip6/2001:db8::1/tcp/4001/p2p/${PEER}`,
  `/ip6/::1/tcp/1/p2p/${PEER}`,
  '/ip4/198.51.100.7/tcp/65535',
  '/dns4/node.example/tcp/4001',
  '/dns/node.example/tcp/4001',
];
const WORDS = [
  '/ip4/',
  '/ip6/',
  '/ip6zone/a',
  '/dns4/',
  '/tcp/',
  '/udp/',
  '/p2p/',
  '/unix/',
  '/ws',
  '/',
  '0',
  '::',
  PEER,
];

function openAddress(): OpenTarget {
  return {
    seeds: bytesOfTexts(ADDRESSES),
    words: bytesOfTexts(WORDS),
    run(input) {
      const text = textOf(input);
      const address = parseAddress(text);
      if (address === null) {
        promise(parseToldAddress(text, true) === null, 'told, an unusable address is usable');
        return 'refused';
      }
      const again = parseAddress(address.text);
      promise(again !== null && again.text === address.text, 'its own text is another address');
      promise(again.peerId === address.peerId, 'its own text names another peer');
      const told = parseToldAddress(text, false);
      if (told === null) return address.loopback ? 'loopback' : 'own';
      promise(!told.loopback && told.peerId !== null, 'a stranger names this machine, or nobody');
      promise(/^\/ip[46]\//.test(told.text), 'a stranger makes us look up a name');
      return 'told';
    },
  };
}

function openAddressFrame(): OpenTarget {
  const options = { selfId: 'self', seeds: [], log: () => undefined, now: () => 0, random: () => 0.5 };
  return {
    seeds: [encodeAddresses([]), encodeAddresses(ADDRESSES), encodeAddresses(ADDRESSES.slice(0, 1))],
    words: bytesOfTexts(WORDS),
    run(input) {
      const texts = decodeAddresses(input);
      if (texts === null) return 'refused';
      promise(equalBytes(encodeAddresses(texts), input), 'encoding again gives other bytes');
      promise(texts.length <= MAX_TOLD_ADDRESSES, 'more addresses than allowed');
      const book = createAddressBook({ ...options, port: { load: () => texts, save: () => undefined } });
      book.learn(texts, false);
      book.own(PEER, texts, true);
      promise(book.due().length <= 2 * MAX_TOLD_ADDRESSES, 'the book holds more than it was told');
      const shared = book.share(MAX_TOLD_ADDRESSES, 'nobody', true);
      promise(decodeAddresses(encodeAddresses(shared)) !== null, 'what the book shares does not decode');
      return shared.length > 0 ? 'shared' : 'decoded';
    },
    property: propertyOf(
      fc.array(fc.string({ maxLength: 60, unit: 'grapheme' }), { maxLength: MAX_TOLD_ADDRESSES }),
      (texts) =>
        promise(
          JSON.stringify(decodeAddresses(encodeAddresses(texts))) === JSON.stringify(texts),
          'it reads otherwise',
        ),
    ),
  };
}

const MAX_FRAME_BYTES = 1000;

/** A stream that receives the given parts, one after the other, and then ends. */
function streamOf(parts: readonly Uint8Array[]): Stream {
  const target = new EventTarget();
  const silent = () => undefined;
  const fields = {
    status: 'open',
    readStatus: 'readable',
    remoteWriteStatus: 'writable',
    readBufferLength: 0,
    log: Object.assign(silent, { trace: silent, error: silent }),
    send: () => true,
    push: silent,
    closeRead: silent,
    abort: silent,
  };
  const stream = Object.assign(target, fields);
  let next = 0;
  const deliver = (): void => {
    const data = parts[next++];
    if (data === undefined) {
      stream.remoteWriteStatus = 'closed';
      stream.dispatchEvent(new Event('remoteCloseWrite'));
      return;
    }
    stream.dispatchEvent(Object.assign(new Event('message'), { data }));
    queueMicrotask(deliver);
  };
  queueMicrotask(deliver);
  return stream as unknown as Stream;
}

/** The frames of the bytes by the rule, and how they end. */
function framesOf(bytes: Uint8Array): { frames: Uint8Array[]; end: 'oversized' | 'truncated' } {
  const frames: Uint8Array[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; ; ) {
    if (at + 4 > bytes.length) return { frames, end: 'truncated' };
    const length = view.getUint32(at, false);
    if (length > MAX_FRAME_BYTES) return { frames, end: 'oversized' };
    if (at + 4 + length > bytes.length) return { frames, end: 'truncated' };
    frames.push(bytes.slice(at + 4, at + 4 + length));
    at += 4 + length;
  }
}

function openFrames(): OpenTarget {
  const frame = (length: number) => concatBytes(encodeLength(length), new Uint8Array(length).fill(length));
  // The first byte says how the rest is cut into parts.
  const seeds = [0, 1, 7].flatMap((cut) =>
    [[frame(0)], [frame(5), frame(0), frame(1)], [frame(MAX_FRAME_BYTES)], [frame(MAX_FRAME_BYTES + 1)]].map(
      (list) => concatBytes(Uint8Array.of(cut), ...list),
    ),
  );
  return {
    seeds,
    async run(input) {
      const cut = createReader(input).below(8);
      const bytes = new Uint8Array(input.subarray(1));
      const size = cut === 0 ? bytes.length + 1 : cut;
      const parts: Uint8Array[] = [];
      for (let at = 0; at < bytes.length; at += size) parts.push(bytes.slice(at, at + size));
      const frames = frameStream(streamOf(parts), MAX_FRAME_BYTES);
      const expected = framesOf(bytes);
      for (const wanted of expected.frames) {
        const got = (await frames.read()).slice();
        promise(equalBytes(got, wanted), 'a frame reads otherwise');
      }
      const fault = await frames.read().then(
        () => 'another frame',
        (error: unknown) => faultOf(error),
      );
      promise(fault === expected.end, `ends as ${fault}, by the rule ${expected.end}`);
      return `${fault}-${Math.min(expected.frames.length, 3)}`;
    },
  };
}

export const p2pTargets: readonly Target[] = [
  {
    name: 'p2p-address',
    about:
      'parseAddress and parseToldAddress: stable, and no stranger names hosts to look up or this machine',
    maxBytes: 512,
    briefRuns: 1500,
    mustReach: ['refused', 'loopback', 'own', 'told'],
    open: openAddress,
  },
  {
    name: 'p2p-address-frame',
    about: 'decodeAddresses: canonical, bounded; the address book takes whatever decodes',
    maxBytes: 16_384,
    briefRuns: 400,
    mustReach: ['refused', 'decoded', 'shared'],
    open: openAddressFrame,
  },
  {
    name: 'p2p-frames',
    about: 'length-prefixed frames of a stream, cut anyhow: the frames of the rule, then the right fault',
    maxBytes: 4096,
    briefRuns: 600,
    mustReach: ['oversized-0', 'truncated-0', 'truncated-1'],
    open: openFrames,
  },
];
