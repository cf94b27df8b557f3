import { open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { KeyRange } from './layout.ts';
import { type Db, openDb, repairDb, walk } from './level-walk.ts';
import { folderDamagedError, isCorruption } from './store-errors.ts';
import { checkTable, type TableDamage } from './table-check.ts';

const SEAL = 0xff;
const BATCH_BYTES = 1024 * 1024;

/** Where one store keeps its files; the caller holds the lock on `root`. */
export type StoreFolders = {
  /** The LevelDB. */
  data: string;
  /** A LevelDB under construction that is to replace a damaged one. */
  rebuilt: string;
  /** The damaged one, between its replacement and its removal. */
  damaged: string;
};

/** Names the folders of a store below its root. */
export function storeFolders(root: string): StoreFolders {
  return { data: join(root, 'data'), rebuilt: join(root, 'rebuilt'), damaged: join(root, 'damaged') };
}

/**
 * Checks all tables of a closed LevelDB and, where one is damaged, replaces the whole by what can be read of it.
 *
 * Returns the key ranges whose records may be gone or older than they were; empty when all is well. A kill at any
 * moment loses nothing more: the next call starts again. Fails with STORE_DAMAGED and the errors of the file system.
 */
export async function recoverTables(folders: StoreFolders): Promise<KeyRange[]> {
  await finishReplacement(folders);
  const names = await namesIn(folders.data);
  const tables = await tablesIn(folders.data);
  const log = names.find((name) => /^\d+\.log$/.test(name));
  if ((tables.length > 0 || log !== undefined) && !names.includes('CURRENT')) {
    // LevelDB would start an empty database here and delete the tables.
    throw folderDamagedError(folders.data, `the file CURRENT is missing beside ${tables[0] ?? log}`);
  }
  const suspects: string[] = [];
  for (const table of tables) {
    const path = join(folders.data, table);
    const found = checkTable(await readFile(path));
    if (found.length === 0) continue;
    await seal(path, found);
    suspects.push(path);
  }
  return suspects.length === 0 ? [] : rebuild(folders, suspects);
}

/**
 * Makes a LevelDB again of the tables and logs of one whose own directory of files (CURRENT, MANIFEST) is damaged, or
 * one of whose tables is missing or cut off. Doing it twice does no harm, so a kill loses nothing more.
 *
 * It is LevelDB's own repair, which says nothing of the records it misses: every record must be held against the chain
 * afterwards, as a start does. Returns the key ranges whose records may be gone or older than they were: all.
 */
export async function salvage({ data }: StoreFolders): Promise<KeyRange[]> {
  for (const table of await tablesIn(data)) {
    const path = join(data, table);
    await seal(path, checkTable(await readFile(path)));
  }
  await repairDb(data);
  // What it could not use.
  await rm(join(data, 'lost'), { recursive: true, force: true });
  return [{ from: new Uint8Array(0), to: Uint8Array.of(0xff) }];
}

async function tablesIn(data: string): Promise<string[]> {
  return (await namesIn(data)).filter((name) => /^\d+\.(ldb|sst)$/.test(name));
}

async function namesIn(dir: string): Promise<string[]> {
  try {
    return (await readdir(dir)).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

async function finishReplacement({ data, rebuilt, damaged }: StoreFolders): Promise<void> {
  const dataIsThere = (await namesIn(data)).length > 0;
  if (!dataIsThere && (await namesIn(damaged)).length > 0) {
    await rm(data, { recursive: true, force: true });
    await rename(damaged, data);
  }
  await rm(rebuilt, { recursive: true, force: true });
  await rm(damaged, { recursive: true, force: true });
}

async function seal(path: string, damages: readonly TableDamage[]): Promise<void> {
  const file = await open(path, 'r+');
  try {
    for (const { sealAt } of damages) await file.write(Uint8Array.of(SEAL), 0, 1, sealAt);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** A LevelDB with an unreadable block stops to write at its next compaction, so a sound one takes its place. */
async function rebuild(folders: StoreFolders, suspects: readonly string[]): Promise<KeyRange[]> {
  const { data, rebuilt, damaged } = folders;
  const source = await openDb(data);
  let damages: TableDamage[];
  try {
    damages = (await Promise.all(suspects.map(damagesLeft))).flat();
    if (damages.length === 0) return [];
    const target = await openDb(rebuilt);
    try {
      await copyReadable(source, target);
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
  await rename(data, damaged);
  await rename(rebuilt, data);
  await rm(damaged, { recursive: true, force: true });
  return damages.flatMap(({ lost }) => (lost === null ? [] : [lost]));
}

/** A table that a killed process left half-written belongs to nothing: LevelDB removed or rewrote it as it opened. */
async function damagesLeft(path: string): Promise<TableDamage[]> {
  try {
    return checkTable(await readFile(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

async function copyReadable(source: Db, target: Db): Promise<void> {
  const all = { gte: new Uint8Array(0), lt: Uint8Array.of(0xff) };
  let batch: { type: 'put'; key: Uint8Array; value: Uint8Array }[] = [];
  let bytes = 0;
  try {
    for await (const [key, value] of walk(source, all, Number.POSITIVE_INFINITY)) {
      batch.push({ type: 'put', key, value });
      bytes += value.length;
      if (bytes < BATCH_BYTES) continue;
      await target.batch(batch, { sync: true });
      batch = [];
      bytes = 0;
    }
  } catch (error) {
    if (!isCorruption(error)) throw error; // the sealed blocks, known already
  }
  await target.batch(batch, { sync: true });
}
