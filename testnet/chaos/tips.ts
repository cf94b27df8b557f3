/** Whether nodes share one tip, asked of them by RPC. */
import { setTimeout as delay } from 'node:timers/promises';
import type { NodeAddress } from '../observe.ts';
import { callOf } from '../rpc.ts';
import type { BlockRef } from './ledger.ts';

/** A node this much behind the highest one has caught up: blocks travel while we ask. */
const MAX_LAG = 2;
const PERIOD_MS = 250;
const ANSWER_LIMIT_MS = 3000;
const REFERENCE_BLOCKS = 100;

export interface TipView {
  name: string;
  /** The last blocks of its main chain, newest first; empty: no answer. */
  blocks: readonly BlockRef[];
}

/** Which nodes stand on the main chain of the highest one, at its tip or just below. */
export function joined(views: readonly TipView[], reference: readonly BlockRef[]): Set<string> {
  const chain = new Map(reference.map(({ height, hash }) => [height, hash]));
  const top = reference[0]?.height ?? 0;
  // The newest block may be one of two that compete; the one below settles it.
  const follows = ({ blocks }: TipView) =>
    blocks.length > 0 &&
    top - blocks[0]!.height <= MAX_LAG &&
    blocks.some(({ height, hash }) => chain.get(height) === hash);
  return new Set(views.filter(follows).map(({ name }) => name));
}

async function lastBlocks({ url }: NodeAddress, limit: number): Promise<BlockRef[]> {
  try {
    const { items } = await callOf({ url, timeoutMs: ANSWER_LIMIT_MS })('chain_getBlocks', {
      limit,
      order: 'desc',
    });
    return items.map(({ height, hash }) => ({ height, hash }));
  } catch {
    return [];
  }
}

export interface TipWait {
  /** By node: ms from the call until it shared the tip for good. */
  times: Map<string, number>;
  /** Those that do not share it at the limit, with the tip they have. */
  missing: { name: string; tip: BlockRef | null }[];
  /** The highest tip. */
  top: BlockRef | null;
}

/** Asks until all nodes of `wanted` share the tip of the highest of `all`, or the time is over. */
export async function waitForOneTip(
  all: readonly NodeAddress[],
  wanted: readonly string[],
  options: { limitMs: number; signal: AbortSignal },
): Promise<TipWait> {
  const startMs = performance.now();
  const times = new Map<string, number>();
  for (;;) {
    options.signal.throwIfAborted();
    const views = await Promise.all(
      all.map(async (address) => ({ name: address.name, blocks: await lastBlocks(address, 2) })),
    );
    const highest = views.reduce((best, view) =>
      (view.blocks[0]?.height ?? -1) > (best.blocks[0]?.height ?? -1) ? view : best,
    );
    const source = all.find(({ name }) => name === highest.name)!;
    const reference = highest.blocks.length === 0 ? [] : await lastBlocks(source, REFERENCE_BLOCKS);
    const inside = joined(views, reference);
    // After the answers: a node that is slow to say where it stands is not there yet.
    const heardMs = performance.now() - startMs;
    for (const name of wanted) {
      if (!inside.has(name)) times.delete(name);
      else if (!times.has(name)) times.set(name, heardMs);
    }
    if (times.size === wanted.length || heardMs > options.limitMs) {
      const missing = views
        .filter(({ name }) => wanted.includes(name) && !times.has(name))
        .map(({ name, blocks }) => ({ name, tip: blocks[0] ?? null }));
      return { times, missing, top: reference[0] ?? null };
    }
    await delay(PERIOD_MS);
  }
}
