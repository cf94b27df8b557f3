/** Targets with planted faults, each on one byte: they show that the engine and the runner find what there is to find. */
import fc from 'fast-check';
import { propertyOf } from './arbitraries.ts';
import { bytesOfTexts, promise, type Target } from './interface.ts';

/** Keeps the processor busy for a time that nobody's scheduler can shorten. */
function burn(ms: number): void {
  const { user } = process.cpuUsage();
  while (process.cpuUsage().user - user < ms * 1000) Math.hypot(1, 2);
}

const FAULTS: Readonly<Record<string, (input: Uint8Array) => void | Promise<void>>> = {
  throw: () => (undefined as unknown as { length: () => number }).length() as never,
  reject: () => Promise.reject(new RangeError('planted')),
  change: (input) => void input.fill(0),
  slow: () => burn(30),
  hang() {
    for (;;) Math.hypot(1, 2);
  },
  memory() {
    const held: number[][] = [];
    for (;;) held.push(new Array<number>(10_000).fill(held.length));
  },
  crash: async () => {
    setImmediate(() => {
      throw new Error('planted');
    });
    await new Promise((resolve) => setTimeout(resolve, 1000));
  },
};

export const PLANTED: readonly Target[] = Object.entries(FAULTS).map(([fault, act]): Target => {
  return {
    name: `planted-${fault}`,
    about: `a planted fault (${fault}) behind "!?"`,
    maxBytes: 64,
    briefRuns: 3000,
    mustReach: [],
    open: () => ({
      seeds: bytesOfTexts(['hello', 'x'.repeat(60)]),
      words: bytesOfTexts(['!', '?']),
      async run(input) {
        const at = input.indexOf(0x21);
        if (at < 0) return 'plain';
        // The first half has an outcome of its own, so that inputs on the way to the fault are kept.
        if (input[at + 1] !== 0x3f) return 'half';
        await act(input);
        return 'fault';
      },
      property: propertyOf(fc.nat(), (value) => promise(value < 1000 || fault !== 'throw', 'a large number')),
    }),
  };
});
