/** The rules of a header: everything that can be checked before the body is seen. */

import { type Violation, violation } from '../market/violation.ts';
import { blockId } from '../protocol/codec.ts';
import { headerMessage, type Verifier, verifySignature } from '../protocol/signing.ts';
import {
  type Genesis,
  type Header,
  type Miner,
  PROTOCOL_VERSION,
  type SignedHeader,
} from '../protocol/types.ts';
import { equalBytes } from '../util/bytes.ts';
import { earliestAuthorMs } from './author-spacing.ts';
import type { HeaderNode } from './header-chain.ts';
import { isBelowTarget, minSpacingMs, nextTarget } from './target.ts';

/** What holds for a whole chain. */
export interface ChainRules {
  readonly genesis: Genesis;
  readonly genesisRoot: Uint8Array;
  readonly verifier: Verifier;
  /** Replaces the check of the work: a simulation may stand in for it. */
  readonly hasWork?: (header: Header, id: Uint8Array) => boolean;
}

/** Least tolerance for clocks that run ahead. */
const FUTURE_TOLERANCE_MS = 10_000;

/** A header with a later timestamp than this waits until its time comes; it is never invalid. */
export function latestTimestampMs(nowMs: number, spacingMs: number): number {
  return nowMs + Math.max(2 * spacingMs, FUTURE_TOLERANCE_MS);
}

/** Earliest timestamp of a block on this parent. */
export function earliestTimestampMs(parent: HeaderNode, spacingMs: number): number {
  return parent.timestampMs + minSpacingMs(spacingMs);
}

/** Target of the block on this parent. */
export function targetAfter(parent: HeaderNode, spacingMs: number): bigint {
  return nextTarget(parent, parent.parent?.timestampMs ?? null, spacingMs);
}

/** The cheap rules, work before signature, so that a flood costs its sender more than us. Null: the header is valid. */
export function checkHeader(
  rules: ChainRules,
  parent: HeaderNode,
  miners: readonly Miner[],
  signed: SignedHeader,
): Violation | null {
  const { body } = signed.header;
  const { spacingMs, authorSpacing } = rules.genesis.params;
  if (body.version !== PROTOCOL_VERSION) return violation('BLOCK_VERSION', `version ${body.version}`);
  if (!equalBytes(body.parent, parent.id))
    return violation('BLOCK_PARENT', 'the header names another parent');
  if (body.height !== parent.height + 1) {
    return violation('BLOCK_HEIGHT', `height ${body.height} on a parent at ${parent.height}`);
  }
  const target = targetAfter(parent, spacingMs);
  if (body.target !== target)
    return violation('BLOCK_TARGET', `target ${body.target}, the rule gives ${target}`);
  if (body.timestampMs < earliestTimestampMs(parent, spacingMs)) {
    return violation('BLOCK_TIME_TOO_OLD', `timestamp ${body.timestampMs}, parent ${parent.timestampMs}`);
  }
  const id = blockId(signed.header);
  const hasWork = rules.hasWork?.(signed.header, id) ?? isBelowTarget(id, target);
  if (!hasWork) return violation('BLOCK_WORK', 'the block hash is above the target');
  const miner = miners.find((candidate) => candidate.member === body.author);
  if (miner === undefined) return violation('BLOCK_AUTHOR', `member ${body.author} is not an admitted miner`);
  const minerCount = miners.length;
  if (
    authorSpacing === 1 &&
    body.timestampMs < earliestAuthorMs(parent, body.author, { minerCount, spacingMs })
  ) {
    return violation('BLOCK_AUTHOR_SPACING', `member ${body.author} authored too recently`);
  }
  const message = headerMessage(rules.genesisRoot, signed.header);
  if (!verifySignature(rules.verifier, { publicKey: miner.key, message, signature: signed.signature })) {
    return violation('BLOCK_SIGNATURE', 'the author did not sign this header');
  }
  return null;
}
