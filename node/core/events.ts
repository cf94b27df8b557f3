/** The core's boundary: events go in, effects come out. Everything else of the world stays outside. */

import type { Execution } from '../consensus/apply-block.ts';
import type { HeaderNode } from '../consensus/header-chain.ts';
import type { Violation } from '../market/violation.ts';
import type { Receipts } from '../protocol/receipts.ts';
import type { Block, HeaderBody, Transaction } from '../protocol/types.ts';
import type { Protocol, Topic } from '../protocol/wire.ts';
import type { OwnBlock } from './producer.ts';

export interface Now {
  /** Wall clock, ms since 1970: for timestamps. */
  wallMs: number;
  /** Monotonic clock, ms: for time-outs. */
  monoMs: number;
}

export type CoreEvent =
  /** The time asked for by a `wake` effect has come (or any other time: harmless). */
  | { type: 'wake' }
  | { type: 'peerUp'; peer: string }
  | { type: 'peerDown'; peer: string }
  | { type: 'gossip'; topic: Topic; messageId: string; from: string; bytes: Uint8Array }
  | { type: 'request'; requestId: number; from: string; protocol: Protocol; bytes: Uint8Array }
  /** The answer to a `request` effect; null: none came. */
  | { type: 'answer'; requestId: number; bytes: Uint8Array | null }
  | { type: 'mined'; jobId: number; timestampMs: number; nonce: Uint8Array }
  | { type: 'persisted'; batch: number }
  | { type: 'submit'; requestId: number; transaction: Transaction }
  /** The host found the record of a block of the main chain damaged. */
  | { type: 'damaged'; height: number }
  | { type: 'setMining'; on: boolean };

/** A block to be written, with what its execution gave. */
export interface StoredBlock {
  node: HeaderNode;
  block: Block;
  receipts: Receipts;
}

/** One atomic, synced batch. */
export interface PersistBatch {
  batch: number;
  blocks: StoredBlock[];
  snapshots: { height: number; id: Uint8Array; state: Uint8Array }[];
  /** Snapshots that no restart needs any more. */
  dropSnapshots: { height: number; id: Uint8Array }[];
  commit: { tipId: Uint8Array; tipHeight: number; finalHeight: number; snapshotHeight: number };
  /** Durable guard: the block that this node signed on a parent. */
  authored: OwnBlock | null;
  /** Parents of own blocks that no branch leads to again: their guards may go. */
  forgetAuthored: Uint8Array[];
}

/** What the rest of the node wants to know. */
export type Notice =
  | {
      type: 'tip';
      /** New blocks of the main chain, oldest first. */
      connected: { node: HeaderNode; block: Block; execution: Execution }[];
      /** Blocks that left the main chain, newest first; a reorganisation when not empty. */
      disconnected: HeaderNode[];
      finalHeight: number;
    }
  | { type: 'dropped'; transaction: Transaction; violation: Violation }
  /** A block with good work and signature whose execution breaks a rule. */
  | { type: 'invalid'; node: HeaderNode; violation: Violation }
  | { type: 'safeMode'; reason: string };

export type Effect =
  | {
      type: 'request';
      requestId: number;
      peer: string;
      protocol: Protocol;
      bytes: Uint8Array;
      timeoutMs: number;
    }
  | { type: 'respond'; requestId: number; bytes: Uint8Array | null }
  /** Answer with blocks: those in memory are given, the others are read from disk by height and id. */
  | {
      type: 'respondBlocks';
      requestId: number;
      blocks: ({ block: Block } | { height: number; id: Uint8Array })[];
    }
  | { type: 'publish'; topic: Topic; bytes: Uint8Array }
  | { type: 'verdict'; messageId: string; from: string; verdict: 'accept' | 'ignore' | 'reject' }
  /** A hundred points end in a ban. */
  | { type: 'penalise'; peer: string; points: number; reason: string }
  | { type: 'persist'; batch: PersistBatch }
  /** The body of a block whose record is damaged, to be written anew. */
  | { type: 'repaired'; node: HeaderNode; block: Block }
  /** Search a nonce for this header; the timestamp may be refreshed, never below `earliestMs`. */
  | { type: 'mine'; jobId: number; body: HeaderBody; earliestMs: number }
  | { type: 'stopMining' }
  /** Wake the core at this monotonic time; replaces an earlier wish. */
  | { type: 'wake'; atMonoMs: number }
  | { type: 'submitted'; requestId: number; idHex: string; violation: Violation | null }
  | { type: 'notify'; notice: Notice };
