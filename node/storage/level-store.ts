import { mkdir, readdir, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { toHex } from '../util/bytes.ts';
import { assert, type WattmeshError } from '../util/errors.ts';
import type { Store, StoreEntry, StoreOp } from './interface.ts';
import { describeKey, type KeyRange } from './layout.ts';
import { recoverTables, type StoreFolders, salvage, storeFolders } from './level-recovery.ts';
import { type Bounds, type Db, openDb, walk } from './level-walk.ts';
import { decodeRecord, encodeRecord } from './record.ts';
import {
  closedError,
  isCorruption,
  lockedError,
  recordDamagedError,
  storeError,
  writesStoppedError,
} from './store-errors.ts';

/** What the store needs of a logger. */
export type StoreLog = {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
};

/** A store on disk, and what its opening found. */
export type LevelStore = Store & {
  /** Key ranges, ends included, in which records were lost or may be older than they were; empty when all is well. */
  readonly losses: readonly KeyRange[];
};

// The lock of the system belongs to the process: a second attempt to open a folder inside this process would
// release it, so that attempt must not reach LevelDB.
const openFolders = new Set<string>();

/**
 * Opens, or creates, a folder as a `Store` over LevelDB; one process at a time, by a lock that ends with the process.
 *
 * Every table is checked before LevelDB reads it; a damaged one is dropped block by block (`losses`). A damaged log
 * shows by missing records only: compare with the commit record. A LevelDB that does not open is made anew of its
 * tables and logs by its own repair, which reports success with records missing: all keys are in `losses` then.
 * Fails with STORE_LOCKED, STORE_DAMAGED, STORE_NO_SPACE, STORE_NO_PERMISSION, STORE_NOT_A_FOLDER,
 * STORE_TOO_MANY_FILES or STORE_IO_FAILED.
 */
export async function openLevelStore(dir: string, options: { log: StoreLog }): Promise<LevelStore> {
  const { log } = options;
  const root = await prepareFolder(dir);
  if (openFolders.has(root)) throw lockedError(dir);
  openFolders.add(root);
  let lock: Db | null = null;
  try {
    const held = await openLock(join(root, 'lock'));
    lock = held;
    const folders = storeFolders(root);
    const { db, losses } = await openSound(folders, log);
    for (const { from, to } of losses) {
      log.warn(
        { dir, from: toHex(from), to: toHex(to) },
        `records lost from ${describeKey(from)} to ${describeKey(to)}`,
      );
    }
    log.info({ dir }, 'store opened');
    const store = createStore(db, dir, log, async () => {
      await held.close();
      openFolders.delete(root);
    });
    return { ...store, losses };
  } catch (error) {
    await lock?.close();
    openFolders.delete(root);
    throw storeError(error, dir);
  }
}

async function prepareFolder(dir: string): Promise<string> {
  try {
    await mkdir(dir, { recursive: true });
    return await realpath(dir);
  } catch (error) {
    throw storeError(error, dir);
  }
}

/** What does not open is made anew of its tables and logs, once. */
async function openSound(folders: StoreFolders, log: StoreLog): Promise<{ db: Db; losses: KeyRange[] }> {
  try {
    const losses = await recoverTables(folders);
    return { db: await openDb(folders.data), losses };
  } catch (error) {
    const named = storeError(error, folders.data);
    if (named.code !== 'STORE_DAMAGED') throw error;
    log.warn({ dir: folders.data, err: named }, 'the store does not open: it is made anew of what is left');
    const losses = await salvage(folders);
    return { db: await openDb(folders.data), losses };
  }
}

/** An empty LevelDB held for its lock alone, as the tables are checked and replaced before their own is opened. */
async function openLock(dir: string): Promise<Db> {
  try {
    return await openDb(dir);
  } catch (error) {
    const { code } = storeError(error, dir);
    if (code !== 'STORE_DAMAGED') throw error;
    const names = await readdir(dir);
    for (const name of names.filter((name) => name !== 'LOCK')) await rm(join(dir, name));
    return openDb(dir);
  }
}

function createStore(db: Db, dir: string, log: StoreLog, released: () => Promise<void>): Store {
  let closing: Promise<void> | null = null;
  let failure: WattmeshError | null = null;
  let lastWrite: Promise<unknown> = Promise.resolve();

  function checkOpen(): void {
    if (closing !== null) throw closedError();
  }

  async function apply(batch: ReturnType<typeof toBatch>, sync: boolean): Promise<void> {
    if (failure !== null) throw writesStoppedError(dir, failure);
    try {
      await db.batch(batch, { sync });
    } catch (error) {
      // LevelDB would append behind a half-written record, and lose it all at the next start.
      failure = storeError(error, dir);
      log.warn({ dir, code: failure.code }, 'a write failed; the store takes no more');
      throw failure;
    }
  }

  function open(key: Uint8Array, stored: Uint8Array): Uint8Array | null {
    const payload = decodeRecord(key, stored);
    if (payload === null)
      log.warn({ dir, key: toHex(key) }, `the stored record ${describeKey(key)} is damaged`);
    return payload;
  }

  async function* entries(bounds: Bounds, limit: number): AsyncGenerator<StoreEntry> {
    checkOpen();
    try {
      for await (const [key, stored] of walk(db, bounds, limit)) {
        const value = open(key, stored);
        yield value === null ? { key, damaged: true } : { key, value };
      }
    } catch (error) {
      throw storeError(error, dir);
    }
  }

  return {
    async write(ops, { sync }) {
      checkOpen();
      const batch = toBatch(ops);
      const done = lastWrite.then(() => apply(batch, sync));
      lastWrite = done.catch(() => null); // the caller of this write has the error
      await done;
    },

    async get(wanted) {
      checkOpen();
      const key = Uint8Array.from(wanted);
      let stored: Uint8Array | undefined;
      try {
        stored = await db.get(key);
      } catch (error) {
        throw isCorruption(error) ? recordDamagedError(key, error) : storeError(error, dir);
      }
      if (stored === undefined) return null;
      const payload = open(key, stored);
      if (payload === null) throw recordDamagedError(key);
      return payload;
    },

    range(from, to, limit = Number.POSITIVE_INFINITY) {
      return entries({ gte: Uint8Array.from(from), lt: Uint8Array.from(to) }, limit);
    },

    close() {
      closing ??= lastWrite.then(async () => {
        await db.close();
        await released();
      });
      return closing;
    },
  };
}

function toBatch(ops: readonly StoreOp[]) {
  return ops.map((op) => {
    assert(op.key.length > 0, 'a key is not empty');
    const key = Uint8Array.from(op.key);
    return op.type === 'del'
      ? { type: 'del' as const, key }
      : { type: 'put' as const, key, value: encodeRecord(key, op.value) };
  });
}
