import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeStoreContract } from './store-contract.ts';
import { openForTest, withRawLevel } from './test-folder.ts';

describeStoreContract('level', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'wattmesh-store-'));
  let store = await openForTest(dir);
  async function reopen() {
    await store.close();
    store = await openForTest(dir);
    return store;
  }
  return {
    store,
    reopen,
    async damage(key, change) {
      await store.close();
      await withRawLevel(dir, async (db) => {
        const stored = (await db.get(key)) ?? new Uint8Array(0);
        await db.put(key, Uint8Array.from(change(Uint8Array.from(stored))));
      });
      return reopen();
    },
    async dispose() {
      await store.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
});
