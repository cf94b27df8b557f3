import { describe, expect, it } from 'vitest';
import type { LinkShape } from './interface.ts';
import { createShapedLink, MAX_WAITING_BYTES } from './shaped-link.ts';

const OPEN: LinkShape = { swallow: false, delayMs: 0, jitterMs: 0, bytesPerMs: null };

/** A link on a clock of its own. */
function bench(shape: Partial<LinkShape> | null) {
  const timers: { atMs: number; run: () => void }[] = [];
  const sent: { text: string; atMs: number }[] = [];
  const state = { nowMs: 0, rooms: 0, random: 0, shape: shape === null ? null : { ...OPEN, ...shape } };
  const link = createShapedLink({
    shape: () => state.shape,
    deliver: (bytes) => void sent.push({ text: new TextDecoder().decode(bytes), atMs: state.nowMs }),
    onRoom: () => void state.rooms++,
    nowMs: () => state.nowMs,
    random: () => state.random,
    after(delayMs, run) {
      const timer = { atMs: state.nowMs + delayMs, run };
      timers.push(timer);
      return { cancel: () => void timers.splice(timers.indexOf(timer), timers.includes(timer) ? 1 : 0) };
    },
  });
  const send = (text: string) => link.send(new TextEncoder().encode(text));
  const runUntil = (atMs: number) => {
    for (;;) {
      const [next] = timers.sort((a, b) => a.atMs - b.atMs);
      if (next === undefined || next.atMs > atMs) break;
      timers.shift();
      state.nowMs = next.atMs;
      next.run();
    }
    state.nowMs = atMs;
  };
  return { link, state, sent, timers, send, runUntil };
}

describe('a shaped link', () => {
  it('delivers at once without a rule', () => {
    const { send, sent, timers, link } = bench(null);
    expect(send('a')).toBe(true);
    expect(sent).toEqual([{ text: 'a', atMs: 0 }]);
    expect([timers.length, link.isBusy(), link.hasHole()]).toEqual([0, false, false]);
  });

  it('delays by exactly the latency, and no byte overtakes another', () => {
    const { send, sent, runUntil, state } = bench({ delayMs: 100, jitterMs: 50 });
    state.random = 1;
    send('slow');
    state.random = 0;
    send('fast');
    runUntil(149);
    expect(sent).toEqual([]);
    runUntil(150);
    expect(sent.map(({ text }) => text)).toEqual(['slow', 'fast']);
  });

  it('sends no more than the bandwidth', () => {
    const { send, sent, runUntil } = bench({ bytesPerMs: 0.5 });
    for (const text of ['12345678', 'abcd', 'x']) send(text);
    runUntil(100);
    expect(sent.map(({ atMs }) => atMs)).toEqual([16, 24, 26]);
  });

  it('keeps the order when the rule goes while bytes wait', () => {
    const { send, sent, runUntil, state } = bench({ delayMs: 100 });
    send('first');
    state.shape = null;
    send('second');
    expect(sent).toEqual([]);
    runUntil(100);
    expect(sent.map(({ text }) => text)).toEqual(['first', 'second']);
    send('third');
    expect(sent.at(-1)).toEqual({ text: 'third', atMs: 100 });
  });

  it('swallows bytes and remembers the hole', () => {
    const { send, sent, runUntil, state, link } = bench({ swallow: true, delayMs: 5 });
    expect(send('gone')).toBe(true);
    state.shape = null;
    send('heard');
    runUntil(100);
    expect(sent.map(({ text }) => text)).toEqual(['heard']);
    expect(link.hasHole()).toBe(true);
  });

  it('asks its writer to pause at its bound, and tells it of room once', () => {
    const { link, state, runUntil } = bench({ delayMs: 10 });
    expect(link.send(new Uint8Array(MAX_WAITING_BYTES - 1))).toBe(true);
    expect(link.send(new Uint8Array(1))).toBe(false);
    expect(state.rooms).toBe(0);
    runUntil(10);
    expect(state.rooms).toBe(1);
    expect(link.send(new Uint8Array(1))).toBe(true);
    runUntil(20);
    expect(state.rooms).toBe(1);
  });

  it('flushes in order, and clears without sending', () => {
    const flushed = bench({ delayMs: 1000 });
    flushed.send('a');
    flushed.send('b');
    flushed.link.flush();
    expect(flushed.sent.map(({ text }) => text)).toEqual(['a', 'b']);
    expect(flushed.timers).toEqual([]);
    const cleared = bench({ delayMs: 1000 });
    cleared.send('a');
    cleared.link.clear();
    cleared.runUntil(2000);
    expect(cleared.sent).toEqual([]);
    expect(cleared.timers).toEqual([]);
  });
});
