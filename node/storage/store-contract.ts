import { describe, expect, it } from 'vitest';
import type { Store, StoreEntry, StoreOp } from './interface.ts';
import { RECORD_OVERHEAD_BYTES } from './record.ts';

/** A store under test, with access behind its back. */
export type ContractSubject = {
  store: Store;
  /** Closes the store, changes the bytes that hold one record, and opens it again. */
  damage(key: Uint8Array, change: (stored: Uint8Array) => Uint8Array): Promise<Store>;
  /** Closes the store and opens what it left. */
  reopen(): Promise<Store>;
  dispose(): Promise<void>;
};

type Open = () => Promise<ContractSubject>;

const ALL = { from: Uint8Array.of(0), to: Uint8Array.of(0xff, 0xff) };

function bytes(...values: number[]): Uint8Array {
  return Uint8Array.from(values);
}

function put(key: Uint8Array, value: Uint8Array): StoreOp {
  return { type: 'put', key, value };
}

async function collect(entries: AsyncIterable<StoreEntry>): Promise<StoreEntry[]> {
  const out: StoreEntry[] = [];
  for await (const entry of entries) out.push(entry);
  return out;
}

async function keysOf(entries: AsyncIterable<StoreEntry>): Promise<number[][]> {
  return (await collect(entries)).map((entry) => [...entry.key]);
}

function withSubject(open: Open, body: (subject: ContractSubject) => Promise<void>): () => Promise<void> {
  return async () => {
    const subject = await open();
    try {
      await body(subject);
    } finally {
      await subject.dispose();
    }
  };
}

/** Runs the promises of `Store` against one implementation; `open` gives an empty store each time. */
export function describeStoreContract(name: string, open: Open): void {
  describe(`${name}: store contract`, () => {
    describeBatches(open);
    describeRanges(open);
    describeDamage(open);
    describeLife(open);
  });
}

function describeBatches(open: Open): void {
  it(
    'returns what was written, null before and after',
    withSubject(open, async ({ store }) => {
      const key = bytes(1, 2);
      expect(await store.get(key)).toBeNull();
      await store.write([put(key, bytes(7, 8)), put(bytes(3), bytes())], { sync: true });
      expect(await store.get(key)).toEqual(bytes(7, 8));
      expect(await store.get(bytes(3))).toEqual(bytes());
      expect(await store.get(bytes(1))).toBeNull();
      await store.write([{ type: 'del', key }], { sync: false });
      expect(await store.get(key)).toBeNull();
    }),
  );

  it(
    'lets the later operation on a key win',
    withSubject(open, async ({ store }) => {
      const key = bytes(1);
      await store.write([put(key, bytes(1)), { type: 'del', key }, put(key, bytes(2))], { sync: true });
      expect(await store.get(key)).toEqual(bytes(2));
      await store.write([put(key, bytes(3)), { type: 'del', key }], { sync: true });
      expect(await store.get(key)).toBeNull();
    }),
  );

  it(
    'applies batches in the order of the calls, awaited or not',
    withSubject(open, async ({ store }) => {
      const key = bytes(1);
      const writes = Array.from({ length: 200 }, (_, i) =>
        store.write([put(key, bytes(i))], { sync: i % 50 === 0 }),
      );
      await Promise.all(writes);
      expect(await store.get(key)).toEqual(bytes(199));
    }),
  );

  it(
    'keeps its bytes apart from those of the caller',
    withSubject(open, async ({ store }) => {
      const key = bytes(1);
      const value = bytes(5);
      const op = put(key, value);
      const written = store.write([op], { sync: true });
      key[0] = 9;
      value[0] = 9;
      await written;
      const first = await store.get(bytes(1));
      expect(first).toEqual(bytes(5));
      expect(first!.constructor).toBe(Uint8Array);
      first![0] = 77;
      for (const entry of await collect(store.range(ALL.from, ALL.to))) entry.key[0] = 66;
      expect(await store.get(bytes(1))).toEqual(bytes(5));
      expect(await keysOf(store.range(ALL.from, ALL.to))).toEqual([[1]]);
    }),
  );

  it(
    'refuses an empty key, and the whole batch with it',
    withSubject(open, async ({ store }) => {
      const ops = [put(bytes(1), bytes(1)), put(bytes(), bytes(1))];
      await expect(store.write(ops, { sync: true })).rejects.toThrow('a key is not empty');
      expect(await store.get(bytes(1))).toBeNull();
      await store.write([], { sync: true });
    }),
  );
}

function describeRanges(open: Open): void {
  it(
    'walks unsigned keys upwards from the lower bound to below the upper',
    withSubject(open, async ({ store }) => {
      const keys = [[0x80], [1], [1, 0], [0x7f, 0xff], [2], [0xff], [1, 0xff]].map((key) => bytes(...key));
      await store.write(
        keys.map((key) => put(key, key)),
        { sync: true },
      );
      const ascending = [[1], [1, 0], [1, 0xff], [2], [0x7f, 0xff], [0x80], [0xff]];
      expect(await keysOf(store.range(ALL.from, ALL.to))).toEqual(ascending);
      expect(await keysOf(store.range(bytes(1, 0), bytes(0x80)))).toEqual(ascending.slice(1, 5));
      expect(await keysOf(store.range(bytes(1, 0, 0), bytes(0x80, 0)))).toEqual(ascending.slice(2, 6));
      expect(await keysOf(store.range(bytes(2), bytes(2)))).toEqual([]);
      expect(await keysOf(store.range(bytes(3), bytes(1)))).toEqual([]);
    }),
  );

  it(
    'stops at its limit, across any page size inside',
    withSubject(open, async ({ store }) => {
      const count = 700;
      const ops = Array.from({ length: count }, (_, i) => put(bytes(1, i >> 8, i & 255), bytes(i & 255)));
      await store.write(ops, { sync: false });
      for (const limit of [0, 1, 2, 255, 256, 257, 512, 513, count - 1, count, count + 1]) {
        const got = await collect(store.range(ALL.from, ALL.to, limit));
        expect(got).toEqual(
          ops.slice(0, limit).map((op) => ({ key: op.key, value: op.type === 'put' && op.value })),
        );
      }
    }),
  );

  it(
    'shows one moment, whatever is written during the walk',
    withSubject(open, async ({ store }) => {
      const ops = Array.from({ length: 600 }, (_, i) => put(bytes(1, i >> 8, i & 255), bytes(1)));
      await store.write(ops, { sync: false });
      let seen = 0;
      for await (const entry of store.range(ALL.from, ALL.to)) {
        if (seen === 0) {
          await store.write(
            ops.map((op) => put(op.key, bytes(2))),
            { sync: false },
          );
        }
        seen += 1;
        expect(entry).toMatchObject({ value: bytes(1) });
      }
      expect(seen).toBe(600);
      expect(await store.get(ops[0]!.key)).toEqual(bytes(2));
    }),
  );
}

function describeDamage(open: Open): void {
  const key = bytes(2);
  const payload = bytes(10, 20, 30);
  const neighbours = [put(bytes(1), bytes(1)), put(key, payload), put(bytes(3), bytes(3))];
  const changes: [string, (stored: Uint8Array) => Uint8Array][] = [
    ...Array.from({ length: RECORD_OVERHEAD_BYTES + payload.length }, (_, at) => {
      const flip = (stored: Uint8Array) => stored.map((byte, i) => (i === at ? byte ^ 1 : byte));
      return [`a flipped bit in byte ${at}`, flip] as [string, typeof flip];
    }),
    ['a byte cut off', (stored) => stored.slice(0, -1)],
    ['a byte added', (stored) => Uint8Array.from([...stored, 0])],
    ['nothing left', () => bytes()],
  ];
  it(
    'reports each kind of damage by get and in its place in a range',
    withSubject(open, async ({ store: first, damage }) => {
      await first.write(neighbours, { sync: true });
      for (const [what, change] of changes) {
        let sound = bytes();
        const store = await damage(key, (stored) => {
          sound = stored;
          return change(stored);
        });
        await expect(store.get(key), what).rejects.toMatchObject({
          code: 'STORE_RECORD_DAMAGED',
          details: { key },
        });
        expect(await collect(store.range(ALL.from, ALL.to)), what).toEqual([
          { key: bytes(1), value: bytes(1) },
          { key, damaged: true },
          { key: bytes(3), value: bytes(3) },
        ]);
        expect(await (await damage(key, () => sound)).get(key)).toEqual(payload);
      }
    }),
  );

  it(
    'reports a sound record under the wrong key, and heals by writing anew',
    withSubject(open, async ({ store: first, damage }) => {
      await first.write(neighbours, { sync: true });
      let other = bytes();
      await damage(bytes(1), (stored) => (other = stored));
      const store = await damage(key, () => other);
      await expect(store.get(key)).rejects.toMatchObject({ code: 'STORE_RECORD_DAMAGED' });
      await store.write([put(key, payload)], { sync: true });
      expect(await store.get(key)).toEqual(payload);
    }),
  );
}

function describeLife(open: Open): void {
  it(
    'finds everything after closing and opening',
    withSubject(open, async ({ store, reopen }) => {
      await store.write([put(bytes(1), bytes(1)), put(bytes(2), bytes(2))], { sync: false });
      await store.write([{ type: 'del', key: bytes(1) }], { sync: true });
      const again = await reopen();
      expect(await collect(again.range(ALL.from, ALL.to))).toEqual([{ key: bytes(2), value: bytes(2) }]);
    }),
  );

  it(
    'completes writes under way when closed, then fails every call with STORE_CLOSED',
    withSubject(open, async ({ store, reopen }) => {
      const write = store.write([put(bytes(1), bytes(1))], { sync: false });
      const closing = store.close();
      await expect(store.write([], { sync: false })).rejects.toMatchObject({ code: 'STORE_CLOSED' });
      await Promise.all([write, closing, store.close()]);
      await expect(store.get(bytes(1))).rejects.toMatchObject({ code: 'STORE_CLOSED' });
      await expect(collect(store.range(ALL.from, ALL.to))).rejects.toMatchObject({ code: 'STORE_CLOSED' });
      expect(await (await reopen()).get(bytes(1))).toEqual(bytes(1));
    }),
  );

  it(
    'fails a walk that outlives the store',
    withSubject(open, async ({ store }) => {
      const ops = Array.from({ length: 600 }, (_, i) => put(bytes(1, i >> 8, i & 255), bytes(1)));
      await store.write(ops, { sync: false });
      const walk = (async () => {
        for await (const _ of store.range(ALL.from, ALL.to)) await store.close();
      })();
      await expect(walk).rejects.toMatchObject({ code: 'STORE_CLOSED' });
    }),
  );
}
