/** What a core starts from, out of what a store holds. Shared by both hosts. */
import type { Execution } from '../consensus/apply-block.ts';
import { createGenesisBlock, createGenesisState } from '../consensus/genesis.ts';
import type { ChainStart } from '../core/block-tree.ts';
import { emptyReceipts } from '../market/context.ts';
import type { GenesisDocument } from '../protocol/genesis-file.ts';
import { deserializeState, type StateStore } from '../protocol/state-store.ts';
import type { Block, SignedHeader } from '../protocol/types.ts';
import { equalBytes } from '../util/bytes.ts';

/** A main chain as read back from disk. */
export interface StoredChain {
  /** Headers from height 1 to the snapshot's block, oldest first; empty without a snapshot. */
  headers: readonly SignedHeader[];
  /** Blocks after the snapshot (after genesis without one) up to the tip, oldest first. */
  blocks: readonly Block[];
  finalHeight: number;
  /** State of the last of `headers`; null: begin at genesis. */
  snapshot: Uint8Array | null;
}

export interface Restored {
  start: ChainStart;
  replay: readonly Block[];
}

/** The genesis block and the state it commits to. */
export interface Beginning {
  block: Block;
  state: StateStore;
}

export function beginningOf(document: GenesisDocument): Beginning {
  const state = createGenesisState(document.genesis);
  return { state, block: createGenesisBlock(document.genesis, state, document.nonce) };
}

/** Throws when the snapshot is not the state that its block committed to. */
export function restoreChain(begin: Beginning, stored: StoredChain | null): Restored {
  const { block: genesis, state: genesisState } = begin;
  if (stored === null || stored.snapshot === null) {
    return {
      start: {
        genesis,
        headers: [],
        execution: executionOf(genesis.signedHeader, genesisState),
        finalHeight: 0,
      },
      replay: stored?.blocks ?? [],
    };
  }
  const at = stored.headers.at(-1)!;
  const restored = deserializeState(stored.snapshot);
  if (restored === null || !equalBytes(restored.root(), at.header.body.stateRoot)) {
    throw new Error(`the snapshot at height ${at.header.body.height} is not the state of its block`);
  }
  return {
    start: {
      genesis,
      headers: [...stored.headers],
      execution: executionOf(at, restored),
      finalHeight: Math.min(stored.finalHeight, at.header.body.height),
    },
    replay: stored.blocks,
  };
}

/** The execution of a block whose receipts are on disk only: what building on it needs. */
function executionOf(signed: SignedHeader, state: StateStore): Execution {
  const { transactionsRoot, receiptsRoot, stateRoot, minersRoot } = signed.header.body;
  return { state, receipts: emptyReceipts(), transactionsRoot, receiptsRoot, stateRoot, minersRoot };
}
