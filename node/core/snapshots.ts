/** Which states are written out, so that a restart replays a bounded number of blocks. */
import type { HeaderNode } from '../consensus/header-chain.ts';
import { MAX_REORG_DEPTH } from './block-tree.ts';
import type { Chain } from './chain.ts';

/** Heights between snapshots. */
export const SNAPSHOT_INTERVAL = 64;

export interface SnapshotPlan {
  write: HeaderNode[];
  drop: HeaderNode[];
  /** Where a restart begins: the highest snapshot that no reorganisation can undo. */
  restart: HeaderNode;
}

export interface Snapshots {
  plan(chain: Chain, connected: readonly HeaderNode[]): SnapshotPlan;
}

/** Keeps account of the snapshots on disk, `initial` being those that a restart found. */
export function createSnapshots(initial: readonly HeaderNode[]): Snapshots {
  let written: HeaderNode[] = [...initial];
  return {
    plan(chain, connected) {
      const write = connected.filter((node) => node.height % SNAPSHOT_INTERVAL === 0);
      written.push(...write);
      const floor = Math.max(chain.final().height, chain.tip().height - MAX_REORG_DEPTH);
      let restart = chain.genesis;
      for (const node of written) {
        const settled = node.height <= floor && chain.mainChainAt(node.height) === node;
        if (settled && node.height >= restart.height) restart = node;
      }
      const drop = written.filter((node) => node.height < restart.height);
      written = written.filter((node) => node.height >= restart.height);
      return { write, drop, restart };
    },
  };
}
