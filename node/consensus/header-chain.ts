/** A header with what the rules need to know of its branch. */
import { blockId } from '../protocol/codec.ts';
import type { SignedHeader } from '../protocol/types.ts';
import { toHex } from '../util/bytes.ts';
import { workOf } from './target.ts';

export interface HeaderNode {
  readonly id: Uint8Array;
  readonly idHex: string;
  readonly signed: SignedHeader;
  readonly parent: HeaderNode | null;
  readonly height: number;
  readonly timestampMs: number;
  readonly author: number;
  readonly target: bigint;
  /** Work of the branch from genesis up to and including this block. */
  readonly work: bigint;
}

/** Links a header that passed the rules to its parent. */
export function linkHeader(
  parent: HeaderNode | null,
  signed: SignedHeader,
  id = blockId(signed.header),
): HeaderNode {
  const { height, timestampMs, author, target } = signed.header.body;
  return {
    id,
    idHex: toHex(id),
    signed,
    parent,
    height,
    timestampMs,
    author,
    target,
    work: (parent?.work ?? 0n) + (parent === null ? 0n : workOf(target)),
  };
}

/** The node at `height` on the branch that ends in `tip`. */
export function ancestorAt(tip: HeaderNode, height: number): HeaderNode | null {
  let node: HeaderNode | null = tip;
  while (node !== null && node.height > height) node = node.parent;
  return node !== null && node.height === height ? node : null;
}

/** The last node that two branches share. */
export function commonAncestor(a: HeaderNode, b: HeaderNode): HeaderNode {
  let left: HeaderNode = a;
  let right: HeaderNode = b;
  while (left !== right) {
    if (left.height >= right.height) left = left.parent!;
    else right = right.parent!;
  }
  return left;
}

/** Blocks whose median timestamp is the market clock. */
export const CLOCK_WINDOW = 5;

/**
 * Market clock of the block after `parent`: the lower median of the timestamps of its five predecessors (fewer near
 * genesis). The block's own timestamp plays no part, so no single miner can close a gate.
 */
export function marketClockMs(parent: HeaderNode): number {
  const timestamps: number[] = [];
  let node: HeaderNode | null = parent;
  while (node !== null && timestamps.length < CLOCK_WINDOW) {
    timestamps.push(node.timestampMs);
    node = node.parent;
  }
  timestamps.sort((x, y) => x - y);
  return timestamps[Math.floor((timestamps.length - 1) / 2)]!;
}
