import { compareBytes, fromHex, toHex } from '../util/bytes.ts';
import { assert } from '../util/errors.ts';
import type { Store, StoreEntry, StoreOp } from './interface.ts';
import { decodeRecord, encodeRecord } from './record.ts';
import { closedError, recordDamagedError } from './store-errors.ts';

/**
 * A store in memory for tests: framed records by key in hex. A map passed in survives `close`, as a disk does,
 * and lets a test damage what is stored.
 */
export function createMemoryStore(records: Map<string, Uint8Array> = new Map()): Store {
  let closed = false;
  function checkOpen(): void {
    if (closed) throw closedError();
  }

  function apply(op: StoreOp): void {
    if (op.type === 'put') records.set(toHex(op.key), encodeRecord(op.key, op.value));
    else records.delete(toHex(op.key));
  }

  async function* entries(from: Uint8Array, to: Uint8Array, limit: number): AsyncGenerator<StoreEntry> {
    checkOpen();
    const inside = [...records]
      .map(([hex, stored]) => ({ key: fromHex(hex)!, stored: stored.slice() }))
      .filter(({ key }) => compareBytes(key, from) >= 0 && compareBytes(key, to) < 0)
      .sort((a, b) => compareBytes(a.key, b.key))
      .slice(0, limit);
    for (const { key, stored } of inside) {
      checkOpen();
      const value = decodeRecord(key, stored);
      yield value === null ? { key, damaged: true } : { key, value };
    }
  }

  return {
    async write(ops) {
      checkOpen();
      for (const op of ops) assert(op.key.length > 0, 'a key is not empty');
      for (const op of ops) apply(op);
    },

    async get(key) {
      checkOpen();
      const stored = records.get(toHex(key));
      if (stored === undefined) return null;
      const payload = decodeRecord(key, stored.slice());
      if (payload === null) throw recordDamagedError(key);
      return payload;
    },

    range(from, to, limit = Number.POSITIVE_INFINITY) {
      return entries(Uint8Array.from(from), Uint8Array.from(to), limit);
    },

    async close() {
      closed = true;
    },
  };
}
