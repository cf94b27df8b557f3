/** What the daemon's surfaces (RPC, metrics) may see and do of a running node. */

import type { Agent } from '../agent/interface.ts';
import type { NodeConfig } from '../config/node-config.ts';
import type { Core } from '../core/node.ts';
import type { Violation } from '../market/violation.ts';
import type { Miner } from '../miner/miner.ts';
import type { Network } from '../p2p/interface.ts';
import type { LinkRule } from '../p2p/link-rules.ts';
import type { Signer } from '../protocol/signing.ts';
import type { Transaction } from '../protocol/types.ts';
import type { ChainStore } from './chain-store.ts';
import type { Damage } from './load-chain.ts';
import type { ChainVerification } from './verify-chain.ts';

/** A reorganisation as this node lived it. */
export interface ReorgRecord {
  atMs: number;
  depth: number;
  oldTip: { height: number; hash: string };
  newTip: { height: number; hash: string };
  /** The last block that both branches share. */
  fork: { height: number; hash: string };
  /** Transactions that left the chain, and those of them that the new branch holds. */
  droppedTransactions: string[];
  includedAgain: string[];
}

/** Where a transaction was last seen. */
export type TransactionStatus =
  | { status: 'pending' }
  | { status: 'included'; height: number; blockHash: string }
  | { status: 'dropped'; violation: Violation }
  | { status: 'unknown' };

/** Damage found at start or later, and whether it was mended. */
export interface DamageRecord extends Damage {
  repaired: boolean;
}

/** Faults that a development node imposes on itself. */
export interface DevControls {
  links(): readonly LinkRule[];
  /** Replaces every rule; connections that are now denied end. */
  setLinks(rules: readonly LinkRule[]): void;
  clockSkewMs(): number;
  /** What the core's wall clock and the timestamps of mined blocks are ahead of the system's clock. */
  setClockSkew(ms: number): void;
}

export interface NodeAccess {
  readonly config: NodeConfig;
  readonly dataDir: string;
  readonly version: string;
  readonly startedMs: number;
  readonly nowMs: () => number;
  readonly core: Core;
  readonly store: ChainStore;
  readonly network: Network;
  /** Null: this node has no miner role. */
  readonly miner: Miner | null;
  /** Null: this node has no household. */
  readonly agent: Agent | null;
  /** Null: this node has no account key. */
  readonly signer: Signer | null;
  /** Hands a transaction to the core; the violation is null when it now waits for a block. */
  submit(transaction: Transaction): Promise<{ idHex: string; violation: Violation | null }>;
  transactionStatus(idHex: string): TransactionStatus;
  setMining(on: boolean): void;
  /** Newest first, bounded. */
  reorgs(): readonly ReorgRecord[];
  damage(): readonly DamageRecord[];
  verify(options: { to: number }): Promise<ChainVerification>;
  /** Unmet conditions of readiness, in words; empty: ready. */
  unready(): string[];
  shutdown(): void;
  /** Absent: this node was not configured for development. */
  readonly dev?: DevControls;
}
