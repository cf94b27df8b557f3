import { Level } from 'level';
import { isCorruption } from './store-errors.ts';

/** A LevelDB of bytes, without the framing of records. */
export type Db = Level<Uint8Array, Uint8Array>;

/** Bounds of a walk. */
export type Bounds = { gte: Uint8Array; lt: Uint8Array };

type Entry = [Uint8Array, Uint8Array];
type Snapshot = ReturnType<Db['snapshot']>;

const PAGE_ENTRIES = 256;
const PAGE_BYTES = 256 * 1024;

/** Opens a LevelDB folder, or creates it; fails with the errors of `level`. */
export async function openDb(dir: string): Promise<Db> {
  const db: Db = new Level(dir, {
    keyEncoding: 'view',
    valueEncoding: 'view',
    // A damaged compressed block takes all its records along; ids and signatures hardly compress.
    compression: false,
  });
  await db.open();
  return db;
}

/** LevelDB's own repair of a closed folder; fails with the errors of `level`. */
export async function repairDb(dir: string): Promise<void> {
  // Inherited, but not in the types of `level`.
  const { repair } = Level as unknown as { repair(dir: string): Promise<void> };
  await repair(dir);
}

/**
 * Entries in order, at most `limit`, as they stand at the first pull. LevelDB skips a block that it cannot read
 * and says so only at the end of a walk, hence the check before the entry that fills the limit.
 */
export async function* walk(db: Db, bounds: Bounds, limit: number): AsyncGenerator<Entry> {
  if (limit <= 0) return;
  const snapshot = db.snapshot();
  try {
    let left = limit;
    for await (const [key, value] of readable(db, bounds, snapshot)) {
      if (left === 1) await assertReadable(db, bounds.gte, key, snapshot);
      left -= 1;
      yield [plain(key), value];
      if (left === 0) return;
    }
  } finally {
    await snapshot.close();
  }
}

async function* readable(db: Db, bounds: Bounds, snapshot: Snapshot): AsyncGenerator<Entry> {
  let iterator = db.iterator({ ...bounds, snapshot, highWaterMarkBytes: PAGE_BYTES });
  let pageEntries = PAGE_ENTRIES;
  let damage: unknown = null;
  let last: Uint8Array | null = null;
  try {
    for (;;) {
      let page: Entry[];
      try {
        page = await iterator.nextv(pageEntries);
      } catch (error) {
        if (!isCorruption(error)) throw error;
        if (damage !== null) break;
        // The binding drops the entries of a page that ends in an error: read the rest one by one.
        damage = error;
        pageEntries = 1;
        await iterator.close();
        const rest = last === null ? bounds : { gt: last, lt: bounds.lt };
        iterator = db.iterator({ ...rest, snapshot });
        continue;
      }
      if (page.length === 0) break;
      for (const entry of page) {
        last = entry[0];
        yield entry;
      }
    }
  } finally {
    await iterator.close();
  }
  if (damage !== null) throw damage;
}

async function assertReadable(db: Db, from: Uint8Array, last: Uint8Array, snapshot: Snapshot): Promise<void> {
  const keys = db.keys({ gte: from, lte: last, snapshot });
  try {
    while ((await keys.nextv(PAGE_ENTRIES)).length > 0);
  } finally {
    await keys.close();
  }
}

/** The same bytes without Node's `Buffer`, whose `slice` shares memory. */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}
