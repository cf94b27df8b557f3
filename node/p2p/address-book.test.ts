import { describe, expect, it } from 'vitest';
import type { AddressBook } from './address-book.ts';
import { createAddressBook } from './address-book.ts';
import { identityFromSeed } from './identity.ts';

const ids = Array.from({ length: 8 }, (_, i) => identityFromSeed(new Uint8Array(32).fill(i)).peerId);
const at = (i: number, host = 10) => `/ip4/10.0.0.${host}/tcp/9000/p2p/${ids[i]}`;

function setUp(seeds: string[] = [], stored: string[] = []) {
  const state = { nowMs: 0, saves: [] as string[][], logs: [] as string[] };
  const book = createAddressBook({
    selfId: ids[0]!,
    seeds,
    port: { load: () => stored, save: (list) => void state.saves.push(list) },
    log: (_level, message) => void state.logs.push(message),
    now: () => state.nowMs,
    random: () => 0.5,
  });
  return { state, book };
}

const due = (book: AddressBook) => book.due().map(({ address }) => address.text);

describe('address book', () => {
  it('offers seeds and saved addresses, but never itself', () => {
    const { book, state } = setUp([at(0), at(1)], [at(0), at(2), 'broken']);
    expect(due(book).sort()).toEqual([at(1), at(2)].sort());
    expect(state.logs).toEqual(['saved address not usable']);
  });

  it('waits longer after every failed dial, up to 8 s for seeds and 30 s for others', () => {
    const { book, state } = setUp([at(1)], [at(2)]);
    const pauses = (text: string): number[] =>
      Array.from({ length: 7 }, () => {
        const entry = book.due().find(({ address }) => address.text === text)!;
        book.attempt(entry);
        const start = state.nowMs;
        while (!due(book).includes(text)) state.nowMs += 500;
        return state.nowMs - start;
      });
    expect(pauses(at(1))).toEqual([1_000, 2_000, 4_000, 8_000, 8_000, 8_000, 8_000]);
    expect(pauses(at(2))).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    book.settle(ids[2]!);
    expect(pauses(at(2))[0]).toBe(1_000);
  });

  it('makes everything due again on demand, except foreign peers', () => {
    const { book } = setUp([at(1)], [at(2)]);
    for (const entry of book.due()) book.attempt(entry);
    book.foreign(ids[2]!);
    expect(due(book)).toEqual([]);
    book.retryAll();
    expect(due(book)).toEqual([at(1)]);
  });

  it('forgets a learnt address that never answers, and keeps a known one', () => {
    const { book, state } = setUp([], [at(2)]);
    expect(book.learn([at(1), at(1), 'broken', at(0)], false)).toBe(1);
    for (let i = 0; i < 8; i++) {
      state.nowMs += 1_000_000;
      for (const entry of book.due()) book.attempt(entry);
    }
    state.nowMs += 1_000_000;
    expect(due(book)).toEqual([at(2)]);
  });

  it('shares and saves only what a peer said of itself, and saves only changes', () => {
    const { book, state } = setUp();
    book.learn([at(1)], false);
    book.own(ids[2]!, ['/ip4/10.0.0.2/tcp/9000', at(3), '/ip4/127.0.0.1/tcp/9000'], false);
    expect(book.share(32, ids[5]!, false)).toEqual([at(2, 2)]);
    expect(book.share(32, ids[2]!, false)).toEqual([]);
    book.flush();
    book.flush();
    expect(state.saves).toEqual([[at(2, 2)]]);
  });

  it('tells loopback addresses only to peers on this machine', () => {
    const { book } = setUp();
    book.own(ids[2]!, ['/ip4/127.0.0.1/tcp/9000'], true);
    expect(book.share(32, ids[5]!, false)).toEqual([]);
    expect(book.share(32, ids[5]!, true)).toHaveLength(1);
  });

  it('holds three addresses per peer, replacing failed ones by what the peer says itself', () => {
    const { book } = setUp();
    book.learn(
      [1, 2, 3, 4].map((host) => at(1, host)),
      false,
    );
    expect(due(book)).toHaveLength(3);
    book.own(ids[1]!, [at(1, 9)], false);
    expect(due(book)).toHaveLength(3);
    expect(due(book)).toContain(at(1, 9));
  });

  it('goes on when the store fails', () => {
    const logs: string[] = [];
    const fail = () => {
      throw new Error('disk');
    };
    const options = { selfId: ids[0]!, seeds: [at(1)], port: { load: fail, save: fail } };
    const log = (_level: string, message: string) => void logs.push(message);
    const book = createAddressBook({ ...options, log, now: () => 0, random: () => 0.5 });
    book.own(ids[1]!, [at(1)], false);
    book.flush();
    expect(due(book)).toEqual([at(1)]);
    expect(logs).toEqual(['address book not loaded; the seeds remain', 'address book not saved']);
  });
});
