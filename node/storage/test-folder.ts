import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LevelStore, openLevelStore } from './level-store.ts';
import { type Db, openDb } from './level-walk.ts';

/** A logger for tests that drops everything. */
export const silentLog = { info() {}, warn() {} };

/** Makes a folder for one test and removes it afterwards. */
export async function withFolder(body: (dir: string) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'wattmesh-store-'));
  try {
    await body(dir);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** Opens a folder as a store for tests. */
export function openForTest(dir: string): Promise<LevelStore> {
  return openLevelStore(dir, { log: silentLog });
}

/** Works on the LevelDB of a closed store without the framing of records. */
export async function withRawLevel(dir: string, body: (db: Db) => Promise<void>): Promise<void> {
  const db = await openDb(join(dir, 'data'));
  try {
    await body(db);
  } finally {
    await db.close();
  }
}
