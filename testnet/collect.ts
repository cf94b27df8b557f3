/** Everything that a testnet's chain says about a range of steps, read from its blocks by RPC. */
import type { Result } from '../node/rpc/schema/methods.ts';
import type { NodeAddress } from './observe.ts';
import { mapPool } from './pool.ts';
import { callOf, type RpcCall } from './rpc.ts';

type Block = Result<'chain_getBlock'>;
type Receipts = NonNullable<Block['receipts']>;
export type TradeReceipt = Receipts['trades'][number];
export type Clearing = Receipts['clearings'][number];
export type Settlement = Receipts['settlements'][number];
export type Prosumer = Result<'prosumer_list'>['items'][number];

/** An order as it stands in a block. */
export interface OrderSeen {
  step: number;
  account: string;
  side: 'buy' | 'sell';
  energyWh: number;
  limitMicroEurPerKwh: number;
}

export interface BlockSeen {
  height: number;
  hash: string;
  author: string;
  timestampMs: number;
  marketClockMs: number;
  transactions: number;
  leadingZeros: number;
}

export interface ChainData {
  /** The node that showed it. */
  url: string;
  blocks: BlockSeen[];
  orders: OrderSeen[];
  trades: TradeReceipt[];
  clearings: Clearing[];
  /** With the block that settled. */
  settlements: (Settlement & { height: number })[];
  /** Steps closed as an outage. */
  emptyRanges: Receipts['emptyRanges'];
  prosumers: Prosumer[];
  /** The node showed the receipts of every block. */
  complete: boolean;
}

const PARALLEL_CALLS = 4;

function ordersOf(block: Block): OrderSeen[] {
  return block.transactions.flatMap((transaction) => {
    if (typeof transaction === 'string' || transaction.kind !== 'order') return [];
    const { side, energyWh, limitMicroEurPerKwh } = transaction.payload as Record<string, number>;
    return {
      step: transaction.step,
      account: transaction.account,
      side: side === 0 ? 'buy' : 'sell',
      energyWh: energyWh ?? 0,
      limitMicroEurPerKwh: limitMicroEurPerKwh ?? 0,
    } as const;
  });
}

/** All members, page by page. */
export async function listProsumers(call: RpcCall): Promise<Prosumer[]> {
  const all: Prosumer[] = [];
  let cursor: string | undefined;
  do {
    const page = await call('prosumer_list', cursor === undefined ? {} : { cursor });
    all.push(...page.items);
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return all;
}

/** A node that answers, wherever it runs. */
export interface ChainSource {
  url: string;
  call: RpcCall;
}

/** Reads the blocks up to `height` of one node; keeps what belongs to steps below `steps`. */
export async function collectChain(
  { url }: NodeAddress,
  range: { height: number; steps: number },
): Promise<ChainData> {
  return collectFrom({ url, call: callOf({ url, timeoutMs: 60_000 }) }, range);
}

/** As `collectChain`, of a node that is asked by other means than HTTP. */
export async function collectFrom(
  { url, call }: ChainSource,
  range: { height: number; steps: number },
): Promise<ChainData> {
  const heights = Array.from({ length: range.height }, (_, i) => i + 1);
  const blocks = await mapPool(heights, PARALLEL_CALLS, (height) =>
    call('chain_getBlock', { height, transactions: 'full' }),
  );
  const inRange = (entry: { step: number }) => entry.step < range.steps;
  return {
    url,
    blocks: blocks.map((block) => ({
      height: block.height,
      hash: block.hash,
      author: block.author,
      timestampMs: block.timestampMs,
      marketClockMs: block.marketClockMs,
      transactions: block.transactions.length,
      leadingZeros: block.leadingZeros,
    })),
    orders: blocks.flatMap(ordersOf).filter(inRange),
    trades: blocks.flatMap((block) => block.receipts?.trades ?? []).filter(inRange),
    clearings: blocks.flatMap((block) => block.receipts?.clearings ?? []).filter(inRange),
    settlements: blocks
      .flatMap((block) =>
        (block.receipts?.settlements ?? []).map((line) => ({ ...line, height: block.height })),
      )
      .filter(inRange),
    emptyRanges: blocks.flatMap((block) => block.receipts?.emptyRanges ?? []),
    prosumers: await listProsumers(call),
    complete: blocks.every((block) => block.receipts !== null),
  };
}
