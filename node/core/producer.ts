/** Block production: templates on the tip, at most one signed block per parent. */
import { buildBody, type Execution } from '../consensus/apply-block.ts';
import { earliestAuthorMs } from '../consensus/author-spacing.ts';
import { type ChainRules, earliestTimestampMs, targetAfter } from '../consensus/header.ts';
import { type HeaderNode, marketClockMs } from '../consensus/header-chain.ts';
import type { Violation } from '../market/violation.ts';
import { blockId } from '../protocol/codec.ts';
import { headerMessage, type Signer } from '../protocol/signing.ts';
import { type Block, type HeaderBody, PROTOCOL_VERSION, type Transaction } from '../protocol/types.ts';
import { equalBytes, toHex } from '../util/bytes.ts';
import { MAX_REORG_DEPTH } from './block-tree.ts';
import type { Chain } from './chain.ts';
import { type CoreLimits, DEFAULT_LIMITS } from './limits.ts';

export interface Job {
  readonly jobId: number;
  readonly parent: HeaderNode;
  readonly body: HeaderBody;
  readonly earliestMs: number;
  readonly transactions: Transaction[];
  readonly execution: Execution;
}

/** A block that this node signed: the guard against a second one on its parent. */
export interface OwnBlock {
  readonly parent: Uint8Array;
  readonly id: Uint8Array;
  readonly height: number;
}

export interface Producer {
  readonly member: number;
  /** A new job when the tip or the pending transactions changed; null to go on with the present one. */
  refresh(given: {
    candidates: () => readonly Transaction[];
    version: number;
    nowMs: number;
    monoMs: number;
  }): { job: Job; refused: { transaction: Transaction; violation: Violation }[] } | null;
  /** Signs the block of a found nonce; null when the job is stale or this parent was signed before. */
  seal(found: { jobId: number; timestampMs: number; nonce: Uint8Array }): { job: Job; block: Block } | null;
  job(): Job | null;
  /** Forget the present job, as when mining stops. */
  cancel(): void;
  /** Lets go of own blocks so far below the final height that no branch leads there again; the parents of those. */
  forget(finalHeight: number): Uint8Array[];
}

export function createProducer(
  chain: Chain,
  identity: { member: number; signer: Signer },
  /** Blocks that this node signed before. */
  ownBlocks: readonly OwnBlock[],
  limits: CoreLimits = DEFAULT_LIMITS,
): Producer {
  const { rules } = chain;
  const authored = new Map(ownBlocks.map((own) => [toHex(own.parent), own]));
  let job: Job | null = null;
  let version = -1;
  let builtMonoMs = Number.NEGATIVE_INFINITY;
  let nextJobId = 1;

  return {
    member: identity.member,
    job: () => job,
    cancel() {
      job = null;
    },
    refresh(given) {
      const parent = chain.tip();
      const sameTip = job !== null && job.parent === parent;
      if (sameTip && (version === given.version || given.monoMs < builtMonoMs + limits.rebuildMs))
        return null;
      // A guard that was lost with its disk may come back as a block from a peer.
      if (authored.has(parent.idHex) || chain.hasChildBy(parent, identity.member)) {
        job = null;
        return null;
      }
      const built = build(rules, chain, {
        parent,
        member: identity.member,
        candidates: given.candidates(),
        nowMs: given.nowMs,
        conflictHeight: conflictHeight(chain, authored.values()),
      });
      job = { ...built.job, jobId: nextJobId++ };
      version = given.version;
      builtMonoMs = given.monoMs;
      return { job, refused: built.refused };
    },
    seal(found) {
      if (job === null || job.jobId !== found.jobId || job.parent !== chain.tip()) return null;
      const header = { body: { ...job.body, timestampMs: found.timestampMs }, nonce: found.nonce };
      if (authored.has(job.parent.idHex)) return null;
      const own = { parent: job.parent.id, id: blockId(header), height: header.body.height };
      authored.set(job.parent.idHex, own);
      const signature = identity.signer.sign(headerMessage(rules.genesisRoot, header));
      const sealed = { job, block: { signedHeader: { header, signature }, transactions: job.transactions } };
      job = null;
      return sealed;
    },
    forget(finalHeight) {
      const parents: Uint8Array[] = [];
      for (const [idHex, own] of authored) {
        if (own.height + MAX_REORG_DEPTH > finalHeight) continue;
        authored.delete(idHex);
        parents.push(own.parent);
      }
      return parents;
    },
  };
}

/** Highest own block that is not on the main chain: for blocks up to there, a new one does not speak. */
function conflictHeight(chain: Chain, ownBlocks: Iterable<OwnBlock>): number {
  let highest = 0;
  for (const { id, height } of ownBlocks) {
    const held = chain.mainChainAt(height);
    if (height > highest && (held === null || !equalBytes(held.id, id))) highest = height;
  }
  return highest;
}

function build(
  rules: ChainRules,
  chain: Chain,
  given: {
    parent: HeaderNode;
    member: number;
    candidates: readonly Transaction[];
    nowMs: number;
    conflictHeight: number;
  },
): { job: Omit<Job, 'jobId'>; refused: { transaction: Transaction; violation: Violation }[] } {
  const { parent, member, candidates, nowMs } = given;
  const { miners, params } = rules.genesis;
  const { spacingMs, authorSpacing } = params;
  const input = {
    parentState: chain.execution(parent).state,
    clockMs: marketClockMs(parent),
    author: member,
  };
  const { transactions, execution, refused } = buildBody(rules, input, candidates);
  // An author that must leave blocks to others waits for its turn, or for the waiver: it may be the last one.
  const authorMs =
    authorSpacing === 1 ? earliestAuthorMs(parent, member, { minerCount: miners.length, spacingMs }) : 0;
  const earliestMs = Math.max(earliestTimestampMs(parent, spacingMs), authorMs);
  const body: HeaderBody = {
    version: PROTOCOL_VERSION,
    height: parent.height + 1,
    parent: parent.id,
    timestampMs: Math.max(nowMs, earliestMs),
    target: targetAfter(parent, spacingMs),
    author: member,
    transactionsRoot: execution.transactionsRoot,
    receiptsRoot: execution.receiptsRoot,
    stateRoot: execution.stateRoot,
    minersRoot: execution.minersRoot,
    conflictHeight: given.conflictHeight,
  };
  return { job: { parent, body, earliestMs, transactions, execution }, refused };
}
