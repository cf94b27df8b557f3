import { describe, expect, it } from 'vitest';
import type { StoreOp } from '../../storage/interface.ts';
import { describeStoreContract } from '../../storage/store-contract.ts';
import { fromHex, toHex } from '../../util/bytes.ts';
import { createRng } from '../../util/rng.ts';
import { type CrashMode, createSimDisk, type SimDisk } from './disk.ts';

const put = (key: number, value: number): StoreOp => ({
  type: 'put',
  key: Uint8Array.of(key),
  value: Uint8Array.of(value),
});

function manualDisk(): { disk: SimDisk; finish: (() => void)[] } {
  const finish: (() => void)[] = [];
  return { disk: createSimDisk({ sync: (done) => void finish.push(done) }), finish };
}

/** Keys that a start finds, as a string such as `1,2`. */
async function found(disk: SimDisk): Promise<string> {
  const store = disk.open();
  const keys: number[] = [];
  for await (const { key } of store.range(Uint8Array.of(0), Uint8Array.of(255))) keys.push(key[0]!);
  await store.close();
  return keys.join();
}

/** What one crash mode leaves of three un-synced batches {10,11,12} {20} {30,31}, over many seeds. */
async function outcomes(mode: CrashMode): Promise<Set<string>> {
  const seen = new Set<string>();
  for (let seed = 0n; seed < 300n; seed++) {
    const { disk } = manualDisk();
    const store = disk.open();
    await store.write([put(10, 1), put(11, 1), put(12, 1)], { sync: false });
    await store.write([put(20, 1)], { sync: false });
    await store.write([put(30, 1), put(31, 1)], { sync: false });
    disk.crash(mode, createRng(seed));
    seen.add(await found(disk));
  }
  return seen;
}

describeStoreContract('simulated disk', async () => {
  const disk = createSimDisk({ sync: (done) => queueMicrotask(done) });
  let store = disk.open();
  async function reopen() {
    await store.close();
    store = disk.open();
    return store;
  }
  return {
    store,
    reopen,
    async damage(key, change) {
      await store.close();
      store = disk.open();
      await store.write([{ type: 'put', key: Uint8Array.of(254), value: Uint8Array.of() }], { sync: true });
      await store.write([{ type: 'del', key: Uint8Array.of(254) }], { sync: true });
      await store.close();
      const image = new Map(disk.image());
      image.set(toHex(key), change(image.get(toHex(key)) ?? fromHex('')!));
      disk.restore(image);
      store = disk.open();
      return store;
    },
    dispose: () => store.close(),
  };
});

describe('simulated disk: syncs', () => {
  it('makes a synced write durable, with all before it, when the disk says so', async () => {
    const { disk, finish } = manualDisk();
    const store = disk.open();
    await store.write([put(1, 1)], { sync: false });
    let synced = false;
    const write = store.write([put(2, 2)], { sync: true }).then(() => (synced = true));
    await store.write([put(3, 3)], { sync: false });
    expect(await store.get(Uint8Array.of(3))).toEqual(Uint8Array.of(3));
    expect([synced, disk.image().size]).toEqual([false, 0]);
    finish.shift()!();
    await write;
    expect([...disk.image().keys()]).toEqual(['01', '02']);
  });

  it('resolves in the order of the calls, also when a later sync ends first', async () => {
    const { disk, finish } = manualDisk();
    const store = disk.open();
    const order: number[] = [];
    const writes = [1, 2, 3].map((n) => store.write([put(n, n)], { sync: true }).then(() => order.push(n)));
    finish[1]!();
    finish[0]!();
    await Promise.all(writes.slice(0, 2));
    expect([order, disk.image().size]).toEqual([[1, 2], 2]);
    finish[2]!();
    await writes[2];
    expect([order, disk.image().size]).toEqual([[1, 2, 3], 3]);
  });

  it('keeps un-synced writes through a close, and loses them at a power loss after it', async () => {
    const { disk } = manualDisk();
    const store = disk.open();
    await store.write([put(1, 1)], { sync: false });
    await store.close();
    expect([await found(disk), disk.image().size]).toEqual(['1', 0]);
    let seed = 0n;
    while (createRng(seed).below(2) !== 0) seed++;
    disk.crash('prefix', createRng(seed));
    expect(await found(disk)).toBe('');
  });

  it('counts operations and holds one store at a time', async () => {
    const { disk, finish } = manualDisk();
    const store = disk.open();
    expect(() => disk.open()).toThrow('one process at a time');
    expect(() => disk.restore(new Map())).toThrow('a disk in use');
    await store.get(Uint8Array.of(1));
    const write = store.write([put(1, 1)], { sync: true });
    expect(disk.operations()).toBe(2);
    finish[0]!();
    await write;
  });
});

describe('simulated disk: crashes', () => {
  it('leaves every prefix and nothing else', async () => {
    expect([...(await outcomes('prefix'))].sort()).toEqual([
      '',
      '10,11,12',
      '10,11,12,20',
      '10,11,12,20,30,31',
    ]);
  });

  it('leaves every subset of whole batches', async () => {
    const seen = await outcomes('subset');
    expect(seen.size).toBe(8);
    expect(seen).toContain('20,30,31');
  });

  it('leaves a prefix and a part, never the whole, of the next batch', async () => {
    const seen = await outcomes('torn');
    expect(seen).toContain('10,12');
    expect(seen).toContain('10,11,12,20,31');
    expect([...seen].filter((keys) => /20/.test(keys) && !keys.startsWith('10,11,12,20'))).toEqual([]);
    expect([...seen].sort()).toEqual(
      [
        ...['', '10', '11', '12', '10,11', '10,12', '11,12'],
        ...['10,11,12', '10,11,12,20', '10,11,12,20,30', '10,11,12,20,31', '10,11,12,20,30,31'],
      ].sort(),
    );
  });

  it('never loses what was synced, and forgets the syncs under way', async () => {
    for (const mode of ['prefix', 'subset', 'torn'] as const) {
      for (let seed = 0n; seed < 50n; seed++) {
        const { disk, finish } = manualDisk();
        const store = disk.open();
        await Promise.all([
          store.write([put(1, 1)], { sync: false }),
          store.write([put(2, 2), put(3, 3)], { sync: true }),
          finish.shift()!(),
        ]);
        let settled = false;
        const mark = () => (settled = true);
        void store.write([put(1, 9)], { sync: true }).then(mark, mark);
        disk.crash(mode, createRng(seed));
        finish.shift()!();
        expect(await found(disk)).toBe('1,2,3');
        expect(settled).toBe(false);
        await expect(store.get(Uint8Array.of(1))).rejects.toMatchObject({ code: 'STORE_CLOSED' });
        await expect(store.write([put(4, 4)], { sync: false })).rejects.toMatchObject({
          code: 'STORE_CLOSED',
        });
      }
    }
  });
});

describe('simulated disk: faults', () => {
  it('flips one bit of a durable record, seen as damage', async () => {
    const { disk, finish } = manualDisk();
    expect(disk.flipBit(createRng(1n))).toBeNull();
    const store = disk.open();
    const write = store.write([put(1, 1), put(2, 2)], { sync: true });
    finish.shift()!();
    await write;
    await store.write([put(3, 3)], { sync: false });
    const key = disk.flipBit(createRng(7n))!;
    expect([1, 2]).toContain(key[0]);
    await expect(store.get(key)).rejects.toMatchObject({ code: 'STORE_RECORD_DAMAGED' });
    await store.write([{ type: 'put', key, value: Uint8Array.of(8) }], { sync: false });
    expect(await store.get(key)).toEqual(Uint8Array.of(8));
  });

  it('refuses writes while full and, once refused, until it is opened again', async () => {
    const { disk, finish } = manualDisk();
    const store = disk.open();
    const write = store.write([put(1, 1)], { sync: true });
    disk.setFull(true);
    await expect(store.write([put(2, 2)], { sync: false })).rejects.toMatchObject({ code: 'STORE_NO_SPACE' });
    disk.setFull(false);
    await expect(store.write([put(2, 2)], { sync: true })).rejects.toMatchObject({
      code: 'STORE_WRITES_STOPPED',
      details: { failure: 'STORE_NO_SPACE' },
    });
    expect(await store.get(Uint8Array.of(2))).toBeNull();
    finish.shift()!();
    await write;
    await store.close();
    await disk.open().write([put(2, 2)], { sync: false });
  });

  it('gives back an older content', async () => {
    const { disk, finish } = manualDisk();
    const store = disk.open();
    const write = store.write([put(1, 1)], { sync: true });
    finish.shift()!();
    await write;
    const backup = disk.image();
    const second = store.write([put(2, 2)], { sync: true });
    finish.shift()!();
    await Promise.all([second, store.close()]);
    expect(await found(disk)).toBe('1,2');
    disk.restore(backup);
    expect(await found(disk)).toBe('1');
    expect(backup.size).toBe(1);
  });
});
