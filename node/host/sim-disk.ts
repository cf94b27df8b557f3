/** A simulated disk: batches are atomic, and only synced ones outlive a crash. */

import type { PersistBatch } from '../core/events.ts';
import { encode } from '../protocol/codec.ts';
import { Block } from '../protocol/types.ts';
import { toHex } from '../util/bytes.ts';

export interface SimDisk {
  apply(batch: PersistBatch): void;
  block(idHex: string): Uint8Array | undefined;
  snapshot(idHex: string): Uint8Array | undefined;
  snapshotHeights(): number[];
  commit(): PersistBatch['commit'] | null;
  authoredParents(): string[];
}

export function createSimDisk(): SimDisk {
  const blocks = new Map<string, Uint8Array>();
  const snapshots = new Map<string, { height: number; state: Uint8Array }>();
  const authored = new Map<string, string>();
  let commit: PersistBatch['commit'] | null = null;
  return {
    apply(batch) {
      for (const { node, block } of batch.blocks) blocks.set(node.idHex, encode(Block, block));
      for (const { height, id, state } of batch.snapshots) snapshots.set(toHex(id), { height, state });
      for (const { id } of batch.dropSnapshots) snapshots.delete(toHex(id));
      if (batch.authored !== null) authored.set(toHex(batch.authored.parent), toHex(batch.authored.id));
      commit = batch.commit;
    },
    block: (idHex) => blocks.get(idHex),
    snapshot: (idHex) => snapshots.get(idHex)?.state,
    snapshotHeights: () => [...snapshots.values()].map((entry) => entry.height),
    commit: () => commit,
    authoredParents: () => [...authored.keys()],
  };
}
