/** The chain on disk: what a core persists, and what a restart reads back, damage included. */
import type { PersistBatch } from '../core/events.ts';
import { blockId, decode, encodeOnce } from '../protocol/codec.ts';
import { Receipts, type Receipts as ReceiptsValue } from '../protocol/receipts.ts';
import { Block, SignedHeader } from '../protocol/types.ts';
import { encodeAuthored } from '../storage/authored.ts';
import { encodeCommit } from '../storage/commit.ts';
import type { Store, StoreOp } from '../storage/interface.ts';
import { authoredKey, blockKey, headerKey, receiptsKey, snapshotKey, tipKey } from '../storage/layout.ts';
import type { Patience } from '../storage/patient-store.ts';
import { equalBytes, toHex } from '../util/bytes.ts';
import { WattmeshError } from '../util/errors.ts';

export interface ChainStore {
  /** Writes one batch, atomically and synced. */
  persist(batch: PersistBatch): Promise<void>;
  /** Writes a block (and receipts, where made again) that was damaged. */
  rewrite(given: { height: number; id: Uint8Array; block?: Block; receipts?: ReceiptsValue }): Promise<void>;
  /** Removes a record that belongs to no block any more. */
  discard(what: 'block' | 'header' | 'receipts', of: { height: number; id: Uint8Array }): Promise<void>;
  /** Waits for a write of the block under way. Null: absent. Throws STORE_RECORD_DAMAGED, or BLOCK_RECORD_WRONG when another block lies there. */
  block(height: number, id: Uint8Array): Promise<Block | null>;
  /** Waits for a write of the block under way. Null: absent. Throws STORE_RECORD_DAMAGED. */
  receipts(id: Uint8Array): Promise<ReceiptsValue | null>;
  /** STORE_NO_SPACE while writes wait for space on the disk; null: they do not. */
  waiting: Patience['waiting'];
  onWaiting: Patience['onWaiting'];
  giveUp: Patience['giveUp'];
  readonly raw: Store;
}

/** `sequence` goes on from the commit record that a restart found. */
export function createChainStore(store: Store & Partial<Patience>, sequence: bigint): ChainStore {
  let next = sequence + 1n;
  const underWay = new Map<string, Promise<void>>();
  /** A failed write is its writer's to report; the reader sees what is on disk. */
  const settled = async (id: Uint8Array): Promise<void> => underWay.get(toHex(id))?.catch(() => undefined);
  return {
    raw: store,
    waiting: store.waiting ?? (() => null),
    onWaiting: store.onWaiting ?? (() => {}),
    giveUp: store.giveUp ?? (() => {}),
    async persist(batch) {
      const written = store.write(operationsOf(batch, next++), { sync: true });
      for (const { node } of batch.blocks) underWay.set(node.idHex, written);
      try {
        await written;
      } finally {
        for (const { node } of batch.blocks) {
          if (underWay.get(node.idHex) === written) underWay.delete(node.idHex);
        }
      }
    },
    async discard(what, { height, id }) {
      const key = {
        block: blockKey,
        header: headerKey,
        receipts: (_: number, of: Uint8Array) => receiptsKey(of),
      };
      await store.write([{ type: 'del', key: key[what](height, id) }], { sync: true });
    },
    async rewrite({ height, id, block, receipts }) {
      const ops: StoreOp[] = [];
      if (block !== undefined) ops.push(...blockOperations(height, id, block));
      if (receipts !== undefined) ops.push(put(receiptsKey(id), encodeOnce(Receipts, receipts)));
      await store.write(ops, { sync: true });
    },
    async block(height, id) {
      await settled(id);
      const bytes = await store.get(blockKey(height, id));
      if (bytes === null) return null;
      const block = decode(Block, bytes);
      if (block !== null && equalBytes(blockId(block.signedHeader.header), id)) return block;
      throw new WattmeshError({
        code: 'BLOCK_RECORD_WRONG',
        message: `the record of block ${height} holds something else`,
        remedy: 'restart the node: it fetches the block again from its peers',
      });
    },
    async receipts(id) {
      await settled(id);
      const bytes = await store.get(receiptsKey(id));
      return bytes === null ? null : decode(Receipts, bytes);
    },
  };
}

function put(key: Uint8Array, value: Uint8Array): StoreOp {
  return { type: 'put', key, value };
}

function blockOperations(height: number, id: Uint8Array, block: Block): StoreOp[] {
  // The header stands apart too: with it the chain above a damaged body still links.
  return [
    put(blockKey(height, id), encodeOnce(Block, block)),
    put(headerKey(height, id), encodeOnce(SignedHeader, block.signedHeader)),
  ];
}

function operationsOf(batch: PersistBatch, sequence: bigint): StoreOp[] {
  const ops: StoreOp[] = [];
  for (const { node, block, receipts } of batch.blocks) {
    ops.push(...blockOperations(node.height, node.id, block));
    ops.push(put(receiptsKey(node.id), encodeOnce(Receipts, receipts)));
  }
  for (const { height, id, state } of batch.snapshots) ops.push(put(snapshotKey(height, id), state));
  for (const { height, id } of batch.dropSnapshots) ops.push({ type: 'del', key: snapshotKey(height, id) });
  if (batch.authored !== null) {
    ops.push(put(authoredKey(batch.authored.parent), encodeAuthored(batch.authored)));
  }
  for (const parent of batch.forgetAuthored) ops.push({ type: 'del', key: authoredKey(parent) });
  ops.push(put(tipKey(), encodeCommit({ sequence, ...batch.commit })));
  return ops;
}
