/** Block production: templates on the tip, at most one signed block per parent. */
import { buildBody, type Execution } from '../consensus/apply-block.ts';
import { mayAuthor } from '../consensus/author-spacing.ts';
import { type ChainRules, earliestTimestampMs, targetAfter } from '../consensus/header.ts';
import { type HeaderNode, marketClockMs } from '../consensus/header-chain.ts';
import type { Violation } from '../market/violation.ts';
import { headerMessage, type Signer } from '../protocol/signing.ts';
import { type Block, type HeaderBody, PROTOCOL_VERSION, type Transaction } from '../protocol/types.ts';
import type { Chain } from './chain.ts';

/** The body is made anew on the same tip at most this often. */
export const REBUILD_INTERVAL_MS = 1000;

export interface Job {
  readonly jobId: number;
  readonly parent: HeaderNode;
  readonly body: HeaderBody;
  readonly earliestMs: number;
  readonly transactions: Transaction[];
  readonly execution: Execution;
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
}

export function createProducer(
  chain: Chain,
  identity: { member: number; signer: Signer },
  /** Parents that this node signed a block on before, as hex. */
  authoredParents: readonly string[],
): Producer {
  const { rules } = chain;
  const authored = new Set(authoredParents);
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
      if (sameTip && (version === given.version || given.monoMs - builtMonoMs < REBUILD_INTERVAL_MS))
        return null;
      if (authored.has(parent.idHex)) {
        job = null;
        return null;
      }
      const built = build(rules, chain, {
        parent,
        member: identity.member,
        candidates: given.candidates(),
        nowMs: given.nowMs,
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
      if (
        rules.genesis.params.authorSpacing === 1 &&
        !mayAuthor(job.parent, header.body, rules.genesis.params.spacingMs)
      ) {
        return null;
      }
      authored.add(job.parent.idHex);
      const signature = identity.signer.sign(headerMessage(rules.genesisRoot, header));
      const sealed = { job, block: { signedHeader: { header, signature }, transactions: job.transactions } };
      job = null;
      return sealed;
    },
  };
}

function build(
  rules: ChainRules,
  chain: Chain,
  given: { parent: HeaderNode; member: number; candidates: readonly Transaction[]; nowMs: number },
): { job: Omit<Job, 'jobId'>; refused: { transaction: Transaction; violation: Violation }[] } {
  const { parent, member, candidates, nowMs } = given;
  const { spacingMs } = rules.genesis.params;
  const input = {
    parentState: chain.execution(parent).state,
    clockMs: marketClockMs(parent),
    author: member,
  };
  const { transactions, execution, refused } = buildBody(rules, input, candidates);
  const earliestMs = earliestTimestampMs(parent, spacingMs);
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
  };
  return { job: { parent, body, earliestMs, transactions, execution }, refused };
}
