import { describe, expect, it } from 'vitest';
import { toHex } from '../util/bytes.ts';
import type { Store, StoreOp } from './interface.ts';
import { createMemoryStore } from './memory-store.ts';
import { createPatientStore, type PatienceParts } from './patient-store.ts';
import { describeStoreContract } from './store-contract.ts';
import { storeError, writesStoppedError } from './store-errors.ts';

const put = (key: number, value: number): StoreOp => ({
  type: 'put',
  key: Uint8Array.of(key),
  value: Uint8Array.of(value),
});

/** A disk that can be full, or broken; each opening is a store that stops at its first failure. */
function createDisk() {
  const records = new Map<string, Uint8Array>();
  const order: string[] = [];
  const disk = { failure: null as string | null, openings: 0, order, records, hasSpace: true };
  const open = (): Store => {
    disk.openings += 1;
    const memory = createMemoryStore(records);
    let stopped: ReturnType<typeof storeError> | null = null;
    let last: Promise<unknown> = Promise.resolve();
    return {
      ...memory,
      async write(ops, options) {
        const mine = last.then(async () => {
          if (stopped !== null) throw writesStoppedError('disk', stopped);
          if (disk.failure !== null) {
            stopped = storeError(Object.assign(new Error(disk.failure), { code: disk.failure }), 'disk');
            throw stopped;
          }
          order.push(...ops.map((op) => toHex(op.key)));
          await memory.write(ops, options);
        });
        last = mine.catch(() => null);
        await mine;
      },
    };
  };
  return Object.assign(disk, { open });
}

function patient(disk: ReturnType<typeof createDisk>, parts: Partial<PatienceParts> = {}) {
  const store = createPatientStore(disk.open(), {
    reopen: async () => disk.open(),
    hasSpace: async () => disk.hasSpace,
    retryMs: 1,
    ...parts,
  });
  const heard: (string | null)[] = [];
  store.onWaiting((cause) => heard.push(cause?.code ?? null));
  return { store, heard };
}

const SYNC = { sync: true };

describeStoreContract('patient', async () => {
  const records = new Map<string, Uint8Array>();
  const create = () =>
    createPatientStore(createMemoryStore(records), {
      reopen: () => expect.unreachable('there is space'),
      hasSpace: () => expect.unreachable('there is space'),
    });
  let store = create();
  async function reopen() {
    await store.close();
    store = create();
    return store;
  }
  return {
    store,
    reopen,
    async damage(key, change) {
      const hex = toHex(key);
      records.set(hex, change(records.get(hex)!));
      return reopen();
    },
    dispose: () => store.close(),
  };
});

describe('a full disk', () => {
  it('holds synced writes and does them in order when there is space', async () => {
    const disk = createDisk();
    const { store, heard } = patient(disk);
    await store.write([put(1, 1)], SYNC);
    disk.failure = 'ENOSPC';
    disk.hasSpace = false;
    const settled: number[] = [];
    const writes = [2, 3, 4].map((n) => store.write([put(n, n)], SYNC).then(() => settled.push(n)));
    await expect.poll(() => store.waiting()?.code).toBe('STORE_NO_SPACE');
    writes.push(store.write([put(5, 5)], SYNC).then(() => settled.push(5)));
    expect(await store.get(Uint8Array.of(1))).toEqual(Uint8Array.of(1));
    expect([settled, disk.order, disk.openings]).toEqual([[], ['01'], 1]);
    disk.failure = null;
    disk.hasSpace = true;
    await Promise.all(writes);
    expect(settled).toEqual([2, 3, 4, 5]);
    expect(disk.order).toEqual(['01', '02', '03', '04', '05']);
    await expect.poll(() => store.waiting()).toBeNull();
    expect(heard).toEqual(['STORE_NO_SPACE', null]);
    expect(disk.openings).toBe(2);
    await store.write([put(6, 6)], { sync: false });
    expect(await store.get(Uint8Array.of(6))).toEqual(Uint8Array.of(6));
  });

  it('tries again as often as space ends again', async () => {
    const disk = createDisk();
    const { store, heard } = patient(disk);
    disk.failure = 'ENOSPC';
    const write = store.write([put(1, 1)], SYNC);
    await expect.poll(() => disk.openings, { timeout: 10_000 }).toBeGreaterThan(4);
    disk.failure = null;
    await write;
    await expect.poll(() => heard).toEqual(['STORE_NO_SPACE', null]);
  });

  it('refuses at once what need not last, and what is too much', async () => {
    const disk = createDisk();
    const { store } = patient(disk, { maxHeldBytes: 4 });
    disk.failure = 'ENOSPC';
    disk.hasSpace = false;
    await expect(store.write([put(9, 9)], { sync: false })).rejects.toMatchObject({ code: 'STORE_NO_SPACE' });
    const held = [store.write([put(1, 1)], SYNC), store.write([put(2, 2)], SYNC)];
    await expect(store.write([put(3, 3)], SYNC)).rejects.toMatchObject({ code: 'STORE_NO_SPACE' });
    await expect(store.write([put(3, 3)], { sync: false })).rejects.toMatchObject({ code: 'STORE_NO_SPACE' });
    disk.failure = null;
    disk.hasSpace = true;
    await Promise.all(held);
    expect(disk.order).toEqual(['01', '02']);
  });

  it('says so to readers while the store cannot be opened, and serves them again', async () => {
    const disk = createDisk();
    let isStuck = true;
    const { store } = patient(disk, {
      reopen: async () => {
        if (isStuck) throw storeError(Object.assign(new Error('full'), { code: 'ENOSPC' }), 'disk');
        return disk.open();
      },
    });
    disk.failure = 'ENOSPC';
    const write = store.write([put(1, 1)], SYNC);
    await expect
      .poll(() => store.get(Uint8Array.of(1)).then(String, (error) => error.code))
      .toBe('STORE_NO_SPACE');
    isStuck = false;
    disk.failure = null;
    await write;
    expect(await store.get(Uint8Array.of(1))).toEqual(Uint8Array.of(1));
  });
});

describe('what is not waited out', () => {
  it('is any other failure, at once and while waiting', async () => {
    const disk = createDisk();
    const { store, heard } = patient(disk);
    disk.failure = 'EIO';
    const writes = [store.write([put(1, 1)], SYNC), store.write([put(2, 2)], SYNC)];
    await expect(writes[0]).rejects.toMatchObject({ code: 'STORE_IO_FAILED' });
    await expect(writes[1]).rejects.toMatchObject({ code: 'STORE_WRITES_STOPPED' });
    expect([heard, disk.openings]).toEqual([[], 1]);

    const second = createDisk();
    const other = patient(second);
    second.failure = 'ENOSPC';
    const held = other.store.write([put(1, 1)], SYNC);
    held.catch(() => null); // looked at below
    await expect.poll(() => other.heard).toEqual(['STORE_NO_SPACE']);
    second.failure = 'EIO';
    await expect(held).rejects.toMatchObject({ code: 'STORE_IO_FAILED' });
  });

  it('is anything once the process is about to end', async () => {
    const disk = createDisk();
    const { store } = patient(disk);
    disk.failure = 'ENOSPC';
    disk.hasSpace = false;
    const held = store.write([put(1, 1)], SYNC);
    held.catch(() => null); // looked at below
    await expect.poll(() => store.waiting()?.code).toBe('STORE_NO_SPACE');
    store.giveUp();
    await expect(held).rejects.toMatchObject({ code: 'STORE_NO_SPACE' });
    await expect(store.write([put(2, 2)], SYNC)).rejects.toMatchObject({ code: 'STORE_NO_SPACE' });
    await store.close();
    await expect(store.write([put(2, 2)], SYNC)).rejects.toMatchObject({ code: 'STORE_CLOSED' });
    expect(disk.records.size).toBe(0);
  });
});
