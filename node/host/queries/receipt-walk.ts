/** Receipts of the chain, read from the store through bounded caches, so that pages and totals are cheap. */
import { type HeaderNode, marketClockMs } from '../../consensus/header-chain.ts';
import type { Chain } from '../../core/chain.ts';
import { emptyReceipts } from '../../market/context.ts';
import { deliveryStartMs } from '../../market/windows.ts';
import { Receipts, type Receipts as ReceiptsValue, Trade } from '../../protocol/receipts.ts';
import { equalBytes, toHex } from '../../util/bytes.ts';
import { WattmeshError } from '../../util/errors.ts';
import type { ChainStore } from '../chain-store.ts';
import { type BlockDigest, closes, digestOf } from './digest.ts';
import { createLru } from './lru.ts';

/** Blocks whose decoded receipts are kept. */
const MAX_DECODED = 512;
/** Blocks whose totals are kept. */
const MAX_DIGESTS = 65_536;

export interface BlockReceipts {
  readonly receipts: ReceiptsValue;
  /** Ids of the trades as hex, in their order. */
  readonly tradeIds: readonly string[];
}

export interface ReceiptWalk {
  /** Null: this node did not execute the block. Throws what the store throws for a damaged record. */
  find(node: HeaderNode): Promise<BlockReceipts | null>;
  /** Throws RECEIPTS_MISSING where `find` gives null. */
  receipts(node: HeaderNode): Promise<BlockReceipts>;
  digest(node: HeaderNode): Promise<BlockDigest>;
  /** The blocks that may hold trades of a step, oldest first: from gate closure to settlement (or the tip). */
  blocksOfStep(step: number): Promise<HeaderNode[]>;
}

export function createReceiptWalk(chain: Chain, store: ChainStore): ReceiptWalk {
  const decoded = createLru<string, BlockReceipts>(MAX_DECODED);
  const digests = createLru<string, BlockDigest>(MAX_DIGESTS);

  const find = async (node: HeaderNode): Promise<BlockReceipts | null> => {
    const known = decoded.get(node.idHex);
    if (known !== undefined) return known;
    const receipts = await read(chain, store, node);
    if (receipts === null) return null;
    const tradeIds = receipts.trades.map((trade) => toHex(Trade.hashTreeRoot(trade)));
    const entry = { receipts, tradeIds };
    decoded.set(node.idHex, entry);
    return entry;
  };
  const receipts = async (node: HeaderNode): Promise<BlockReceipts> => {
    const found = await find(node);
    if (found !== null) return found;
    throw new WattmeshError({
      code: 'RECEIPTS_MISSING',
      message: `the receipts of block ${node.height} are not on disk`,
      remedy: 'restart the node: it executes the chain again and writes them anew',
      details: { height: node.height, hash: node.idHex },
    });
  };
  const digest = async (node: HeaderNode): Promise<BlockDigest> => {
    const known = digests.get(node.idHex);
    if (known !== undefined) return known;
    const made = digestOf((await receipts(node)).receipts);
    digests.set(node.idHex, made);
    return made;
  };

  return {
    find,
    receipts,
    digest,
    async blocksOfStep(step) {
      const first = firstHeightAt(chain, deliveryStartMs(chain.rules.genesis, step));
      const nodes: HeaderNode[] = [];
      for (const node of mainChainFrom(chain, first)) {
        nodes.push(node);
        if (closes(await digest(node), step)) break;
      }
      return nodes;
    },
  };
}

async function read(chain: Chain, store: ChainStore, node: HeaderNode): Promise<ReceiptsValue | null> {
  if (node.parent === null) return emptyReceipts();
  const stored = await store.receipts(node.id);
  if (stored !== null) return stored;
  // The block may be on its way to disk; what is not final yet can always be executed from memory.
  if (node.height <= chain.final().height || chain.mainChainAt(node.height) !== node) return null;
  const { receipts } = chain.execution(node);
  const { receiptsRoot } = node.signed.header.body;
  return equalBytes(Receipts.hashTreeRoot(receipts), receiptsRoot) ? receipts : null;
}

/** Market clock under which a block was executed. */
export function clockOf(node: HeaderNode): number {
  return node.parent === null ? node.timestampMs : marketClockMs(node.parent);
}

/** The main chain as it stands now, from a height to the tip. Awaiting in between does not mix two branches. */
export function mainChainFrom(chain: Chain, fromHeight: number): HeaderNode[] {
  const nodes: HeaderNode[] = [];
  for (let height = fromHeight; height <= chain.tip().height; height++)
    nodes.push(chain.mainChainAt(height)!);
  return nodes;
}

/** Height of the first block executed at or after a market clock (it never runs back); above the tip: none yet. */
export function firstHeightAt(chain: Chain, clockMs: number): number {
  let low = 1;
  let high = chain.tip().height + 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (clockOf(chain.mainChainAt(middle)!) >= clockMs) high = middle;
    else low = middle + 1;
  }
  return low;
}
