import { fromHex, toHex } from '../util/bytes.ts';
import { createMemoryStore } from './memory-store.ts';
import { describeStoreContract } from './store-contract.ts';

describeStoreContract('memory', async () => {
  const records = new Map<string, Uint8Array>();
  let store = createMemoryStore(records);
  async function reopen() {
    await store.close();
    store = createMemoryStore(records);
    return store;
  }
  return {
    store,
    reopen,
    async damage(key, change) {
      const hex = toHex(key);
      records.set(hex, change(records.get(hex) ?? fromHex('')!));
      return reopen();
    },
    dispose: () => store.close(),
  };
});
