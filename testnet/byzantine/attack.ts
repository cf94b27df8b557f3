/** What an attack is, what it works with, and what is reported about it. */
import type { Names } from '../../node/p2p/names.ts';
import type { Rng } from '../../node/util/rng.ts';
import type { Forge } from './forge.ts';
import type { HostilePeer, PeerOptions } from './peer.ts';
import type { TargetView } from './view.ts';

/**
 * banned: cut off, and refused when it comes again. disconnected: cut off, and may come again. penalised: still linked,
 * with penalty points. refused: every attempt was turned away. ignored: no harm, no blame. skipped: not tried.
 */
export type Outcome = 'banned' | 'disconnected' | 'penalised' | 'refused' | 'ignored' | 'skipped';

export interface AttackReport {
  attack: string;
  /** Bad messages, frames, streams or sockets sent. */
  sent: number;
  outcome: Outcome;
  /** From the first bad byte to the end of the link; null while the link stands. */
  disconnectedAfterMs: number | null;
  /** The target's process ended, was another one afterwards, or did not answer any more. */
  crashed: boolean;
  /** Growth of the target's resident memory over the attack, MiB; negative where it shrank. */
  rssGrowthMiB: number;
  /** The target took a block after the attack and agrees with the honest nodes about the chain. */
  honestTipAdvanced: boolean;
  /** The verdict: outcome and figures are within what the attack's row allows. */
  ok: boolean;
  /** What was measured, and what is wrong where `ok` is false. */
  detail: string;
}

/** What an attack did; the runner finds out what became of its sender. */
export interface Deed {
  sent: number;
  /** Monotonic time of the first bad byte, ms. */
  sinceMs: number;
  /** Whose link is looked at afterwards; null where the attack itself knows the outcome. */
  culprit: HostilePeer | null;
  outcome?: Outcome;
  disconnectedAfterMs?: number | null;
  detail?: string;
  /** A check of the attack's own that failed. */
  fault?: string | null;
}

export interface Arena {
  readonly view: TargetView;
  /** Address of the target as a multiaddr, its peer id included. */
  readonly address: string;
  readonly names: Names;
  readonly forge: Forge;
  readonly rng: Rng;
  readonly signal: AbortSignal;
  /** Whether the target blames a peer that only ever asked for the chain; null: it does not. */
  blameOfInnocent(): Promise<string | null>;
  /** Brings the forge to the target's tip. */
  refresh(): Promise<void>;
  /** A new identity, connected to the target and known to it; it goes when the attack is over. */
  meet(options?: Partial<PeerOptions>): Promise<HostilePeer>;
  /** The same before it connects. */
  create(options?: Partial<PeerOptions>): Promise<HostilePeer>;
}

export interface Attack {
  readonly name: string;
  /** Row of the fault list. */
  readonly row: number;
  readonly describe: string;
  /** It needs the key of an admitted miner. */
  readonly needsMiner?: boolean;
  readonly allows: readonly Outcome[];
  /** The link must have ended within this time of the first bad byte, or within 100 bad messages. */
  readonly outWithinMs?: number;
  run(arena: Arena): Promise<Deed>;
}

/** Bad messages within which a sender must be out, where the row asks for it. */
export const OUT_WITHIN_MESSAGES = 100;
/** Bound of the target's growth in one attack. */
export const MAX_RSS_GROWTH_MIB = 20;
