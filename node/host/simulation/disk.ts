/** A simulated disk under the real `Store` interface: what was not synced when it loses power may be gone. */

import { shareDecoded } from '../../protocol/codec.ts';
import type { Store, StoreEntry, StoreOp } from '../../storage/interface.ts';
import { decodeRecord, encodeRecord } from '../../storage/record.ts';
import {
  closedError,
  recordDamagedError,
  storeError,
  writesStoppedError,
} from '../../storage/store-errors.ts';
import { equalBytes } from '../../util/bytes.ts';
import { assert, type WattmeshError } from '../../util/errors.ts';
import type { Rng } from '../../util/rng.ts';

/** Which of the un-synced batches a crash leaves behind. */
export type CrashMode = 'prefix' | 'subset' | 'torn';

/** A disk that outlives the processes using it. */
export interface SimDisk {
  /** The store as a process opens it after a start; the previous one must have crashed or been closed. */
  open(): Store;
  /**
   * Power loss: the open store dies (later calls reject, those under way never settle). Of the un-synced batches
   * there survive a prefix, any subset, or a prefix and some operations of the batch after it.
   */
  crash(mode: CrashMode, rng: Rng): void;
  /** Flips one bit of one durable record; its key, or null when nothing is stored. */
  flipBit(rng: Rng): Uint8Array | null;
  /** While full, writes fail with STORE_NO_SPACE; a store that failed takes none until it is opened again. */
  setFull(full: boolean): void;
  /** Store operations begun so far, over all processes. */
  operations(): number;
  /** The durable framed record of a key, or undefined. */
  stored(key: Uint8Array): Uint8Array | undefined;
  /** A copy of the durable content: framed records by key in hex. */
  image(): ReadonlyMap<string, Uint8Array>;
  /** Replaces all content by such a copy; no store may be open. */
  restore(image: ReadonlyMap<string, Uint8Array>): void;
}

const NAME = 'simulated disk';

/** One operation: the key in hex, and the framed record or null for a deletion. */
type Change = readonly [hex: string, record: Uint8Array | null];
type Batch = readonly Change[];

/** Records by key in hex with their keys in order, one list per first byte. */
interface OrderedRecords {
  readonly byKey: ReadonlyMap<string, Uint8Array>;
  apply(batch: Batch): void;
  between(from: string, to: string, limit: number): Change[];
}

/** One process's use of the disk, and the syncs that it waits for. */
interface Session {
  alive: boolean;
  closing: Promise<void> | null;
  failure: WattmeshError | null;
  /** Batches given before the sync ends, counted from the first of the disk; in the order of the calls. */
  syncs: { upTo: number; resolve: () => void }[];
  lastSync: Promise<void>;
}

interface Content {
  durable: Map<string, Uint8Array>;
  volatile: OrderedRecords;
  /** Batches applied to `volatile` only; the first of them has the number `firstPending`. */
  pending: Batch[];
  firstPending: number;
}

export interface DiskOptions {
  sync: (done: () => void) => void;
  /** Nobody changes bytes that were written or read: records and what they hold are kept once for all nodes. */
  sharesBytes?: boolean;
}

/**
 * An empty disk. `sync` is asked once for each synced write and calls `done` when the disk has it: by a virtual clock,
 * or by hand; the end of a later sync ends the earlier ones too.
 */
export function createSimDisk(options: DiskOptions): SimDisk {
  const content: Content = { durable: new Map(), volatile: orderedRecords([]), pending: [], firstPending: 0 };
  let session: Session | null = null;
  let isFull = false;
  let operations = 0;

  return {
    open() {
      assert(session === null, 'one process at a time opens a disk');
      const opened: Session = {
        alive: true,
        closing: null,
        failure: null,
        syncs: [],
        lastSync: Promise.resolve(),
      };
      session = opened;
      return createStore(content, opened, {
        sync: options.sync,
        isFull: () => isFull,
        frames: options.sharesBytes === true ? sharedFrames : freshFrames,
        count: () => {
          operations += 1;
        },
        released: () => {
          session = null;
        },
      });
    },
    crash(mode, rng) {
      if (session !== null) session.alive = false;
      session = null;
      for (const batch of survivors(content.pending, mode, rng)) applyTo(content.durable, batch);
      settle(content, content.durable);
    },
    flipBit(rng) {
      if (content.durable.size === 0) return null;
      const hex = [...content.durable.keys()][rng.below(content.durable.size)]!;
      const stored = content.durable.get(hex)!;
      const changed = stored.slice();
      const bit = rng.below(changed.length * 8);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      content.durable.set(hex, changed);
      if (content.volatile.byKey.get(hex) === stored) content.volatile.apply([[hex, changed]]);
      return keyOf(hex);
    },
    setFull(full) {
      isFull = full;
    },
    operations: () => operations,
    stored: (key) => content.durable.get(hexOf(key)),
    image: () => new Map(content.durable),
    restore(image) {
      assert(session === null, 'a disk in use is not replaced');
      settle(content, new Map(image));
    },
  };
}

function settle(content: Content, durable: Map<string, Uint8Array>): void {
  content.durable = durable;
  content.volatile = orderedRecords(durable);
  content.firstPending += content.pending.length;
  content.pending = [];
}

function survivors(pending: readonly Batch[], mode: CrashMode, rng: Rng): Batch[] {
  if (mode === 'subset') return pending.filter(() => rng.below(2) === 0);
  const kept = rng.below(pending.length + 1);
  const torn = mode === 'torn' ? pending[kept] : undefined;
  if (torn === undefined) return pending.slice(0, kept);
  const missing = rng.below(torn.length);
  return [...pending.slice(0, kept), torn.filter((_, i) => i !== missing && rng.below(2) === 0)];
}

function createStore(
  content: Content,
  session: Session,
  disk: {
    sync: (done: () => void) => void;
    isFull: () => boolean;
    frames: Frames;
    count: () => void;
    released: () => void;
  },
): Store {
  function begin(): void {
    if (!session.alive || session.closing !== null) throw closedError();
    disk.count();
  }

  async function* entries(from: string, to: string, limit: number): AsyncGenerator<StoreEntry> {
    begin();
    for (const [hex, stored] of content.volatile.between(from, to, limit)) {
      if (!session.alive || session.closing !== null) throw closedError();
      const key = keyOf(hex);
      const value = disk.frames.payloadOf(key, stored!);
      yield value === null ? { key, damaged: true } : { key, value };
    }
  }

  return {
    async write(ops, { sync }) {
      begin();
      const batch = toBatch(ops, disk.frames);
      if (session.failure !== null) throw writesStoppedError(NAME, session.failure);
      if (batch.length === 0) return;
      if (disk.isFull()) {
        session.failure = storeError(noSpace(), NAME);
        throw session.failure;
      }
      content.volatile.apply(batch);
      content.pending.push(batch);
      if (!sync) return;
      session.lastSync = syncNow(content, session, disk.sync);
      await session.lastSync;
    },

    async get(key) {
      begin();
      const stored = content.volatile.byKey.get(hexOf(key));
      if (stored === undefined) return null;
      const payload = disk.frames.payloadOf(key, stored);
      if (payload === null) throw recordDamagedError(key);
      return payload;
    },

    range(from, to, limit = Number.POSITIVE_INFINITY) {
      return entries(hexOf(from), hexOf(to), limit);
    },

    close() {
      session.closing ??= session.alive
        ? session.lastSync.then(disk.released)
        : Promise.reject(closedError());
      return session.closing;
    },
  };
}

function syncNow(content: Content, session: Session, sync: (done: () => void) => void): Promise<void> {
  const upTo = content.firstPending + content.pending.length;
  return new Promise((resolve) => {
    session.syncs.push({ upTo, resolve });
    sync(() => {
      if (!session.alive || content.firstPending >= upTo) return;
      for (const batch of content.pending.splice(0, upTo - content.firstPending)) {
        applyTo(content.durable, batch);
      }
      content.firstPending = upTo;
      while (session.syncs.length > 0 && session.syncs[0]!.upTo <= upTo) session.syncs.shift()!.resolve();
    });
  });
}

function noSpace(): Error {
  return Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
}

function hexOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString('hex');
}

function keyOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, 'hex'));
}

function toBatch(ops: readonly StoreOp[], frames: Frames): Batch {
  return ops.map((op) => {
    assert(op.key.length > 0, 'a key is not empty');
    return [hexOf(op.key), op.type === 'put' ? frames.recordOf(op.key, op.value) : null];
  });
}

/** How values are framed on the disk. */
interface Frames {
  recordOf(key: Uint8Array, value: Uint8Array): Uint8Array;
  payloadOf(key: Uint8Array, record: Uint8Array): Uint8Array | null;
}

const freshFrames: Frames = {
  recordOf: encodeRecord,
  payloadOf: (key, record) => decodeRecord(key, record.slice()),
};

const sharedFrames: Frames = { recordOf, payloadOf };

/** Records by the bytes that they hold: the nodes of one process store the same blocks. */
const records = new WeakMap<Uint8Array, { key: Uint8Array; record: Uint8Array }>();
/** Payloads of records that were checked: a record is never changed in place. */
const payloads = new WeakMap<Uint8Array, Uint8Array | null>();

function recordOf(key: Uint8Array, value: Uint8Array): Uint8Array {
  const known = records.get(value);
  if (known !== undefined && equalBytes(known.key, key)) return known.record;
  const record = encodeRecord(key, value);
  records.set(value, { key, record });
  return record;
}

function payloadOf(key: Uint8Array, record: Uint8Array): Uint8Array | null {
  let payload = payloads.get(record);
  if (payload === undefined) {
    payload = decodeRecord(key, record.slice());
    if (payload !== null) shareDecoded(payload);
    payloads.set(record, payload);
  }
  return payload;
}

function applyTo(records: Map<string, Uint8Array>, batch: Batch): void {
  for (const [hex, record] of batch) {
    if (record === null) records.delete(hex);
    else records.set(hex, record);
  }
}

/** Where `hex` stands, or would stand, in a sorted list. */
function placeIn(sorted: readonly string[], hex: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < hex) low = middle + 1;
    else high = middle;
  }
  return low;
}

function orderedRecords(records: Iterable<readonly [string, Uint8Array]>): OrderedRecords {
  const byKey = new Map(records);
  const lists = Array.from({ length: 256 }, () => ({ keys: [] as string[], isSorted: true }));
  const listOf = (hex: string) => lists[Number.parseInt(hex.slice(0, 2), 16)]!;

  function insert(hex: string): void {
    const list = listOf(hex);
    list.isSorted &&= list.keys.length === 0 || list.keys[list.keys.length - 1]! < hex;
    list.keys.push(hex);
  }

  /** Sorting waits until somebody asks: most keys come in order, and most lists are never walked. */
  function sorted(list: (typeof lists)[number]): string[] {
    if (!list.isSorted) list.keys.sort();
    list.isSorted = true;
    return list.keys;
  }

  for (const hex of byKey.keys()) insert(hex);
  return {
    byKey,
    apply(batch) {
      for (const [hex, record] of batch) {
        if (record === null) {
          if (!byKey.delete(hex)) continue;
          const keys = sorted(listOf(hex));
          keys.splice(placeIn(keys, hex), 1);
        } else {
          if (!byKey.has(hex)) insert(hex);
          byKey.set(hex, record);
        }
      }
    },
    between(from, to, limit) {
      const found: Change[] = [];
      const last = Number.parseInt(to.slice(0, 2), 16);
      for (let prefix = Number.parseInt(from.slice(0, 2), 16) || 0; prefix <= last; prefix++) {
        const keys = sorted(lists[prefix]!);
        for (let i = placeIn(keys, from); i < keys.length && keys[i]! < to; i++) {
          if (found.length >= limit) return found;
          found.push([keys[i]!, byKey.get(keys[i]!)!]);
        }
      }
      return found;
    },
  };
}
