/** What a core starts from, out of what a store holds. Shared by both hosts. */
import type { Execution } from '../consensus/apply-block.ts';
import { createGenesisBlock, createGenesisState } from '../consensus/genesis.ts';
import type { ChainStart } from '../core/chain.ts';
import { emptyReceipts } from '../market/context.ts';
import type { GenesisDocument } from '../protocol/genesis-file.ts';
import { deserializeState, type StateStore } from '../protocol/state-store.ts';
import type { Block } from '../protocol/types.ts';
import { equalBytes } from '../util/bytes.ts';

/** A main chain as read back: blocks from height 1 to the tip, oldest first. */
export interface StoredChain {
  blocks: readonly Block[];
  finalHeight: number;
  /** Where to begin: the height and bytes of a snapshot; height 0: genesis. */
  snapshot: { height: number; state: Uint8Array } | null;
}

export interface Restored {
  start: ChainStart;
  replay: readonly Block[];
}

/** Throws when the snapshot is not the state that its block committed to. */
export function restoreChain(document: GenesisDocument, stored: StoredChain | null): Restored {
  const genesisState = createGenesisState(document.genesis);
  const genesis = createGenesisBlock(document.genesis, genesisState, document.nonce);
  if (stored === null || stored.snapshot === null) {
    return {
      start: {
        genesis,
        headers: [],
        execution: executionOf(genesis, genesisState),
        finalHeight: 0,
      },
      replay: stored?.blocks ?? [],
    };
  }
  const { height, state } = stored.snapshot;
  const at = stored.blocks[height - 1]!;
  const restored = deserializeState(state);
  if (restored === null || !equalBytes(restored.root(), at.signedHeader.header.body.stateRoot)) {
    throw new Error(`the snapshot at height ${height} is not the state of its block`);
  }
  return {
    start: {
      genesis,
      headers: stored.blocks.slice(0, height).map((block) => block.signedHeader),
      execution: executionOf(at, restored),
      finalHeight: Math.min(stored.finalHeight, height),
    },
    replay: stored.blocks.slice(height),
  };
}

/** The execution of a block whose receipts are on disk only: what building on it needs. */
function executionOf(block: Block, state: StateStore): Execution {
  const { transactionsRoot, receiptsRoot, stateRoot, minersRoot } = block.signedHeader.header.body;
  return { state, receipts: emptyReceipts(), transactionsRoot, receiptsRoot, stateRoot, minersRoot };
}
