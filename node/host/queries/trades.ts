/** Trades of the main chain, page by page, and one by its id. */
import type { HeaderNode } from '../../consensus/header-chain.ts';
import { TRADE_KINDS, type Trade } from '../../protocol/receipts.ts';
import { invalidParams } from '../../rpc/errors.ts';
import type { Params, Result } from '../../rpc/schema/methods.ts';
import { WattmeshError } from '../../util/errors.ts';
import { tradeOf } from './blocks.ts';
import { accountOf, asOf, isFinal, type Queries } from './queries.ts';
import { type BlockReceipts, mainChainFrom } from './receipt-walk.ts';

type Filter = Params<'market_listTrades'>;
type Page = Result<'market_listTrades'>;

/** The trade that a page begins with. The hash tells whether that block still stands. */
interface Position {
  height: number;
  hash: string;
  index: number;
}

function encodeCursor({ height, hash, index }: Position): string {
  return `${height}.${index}.${hash}`;
}

function decodeCursor(queries: Queries, cursor: string): Position {
  const match = /^(\d{1,10})\.(\d{1,6})\.([0-9a-f]{64})$/.exec(cursor);
  if (match === null) throw invalidParams('cursor: not one of this method');
  const position = { height: Number(match[1]), index: Number(match[2]), hash: match[3]! };
  if (queries.access.core.chain.mainChainAt(position.height)?.idHex === position.hash) return position;
  throw new WattmeshError({
    code: 'CURSOR_CONFLICT',
    message: `block ${position.height} of the cursor is no longer on the main chain`,
    remedy: 'begin again without cursor',
    details: { height: position.height, hash: position.hash },
  });
}

/** One page; new blocks do not move the trades that its cursor goes on with. */
export async function listTrades(queries: Queries, filter: Filter): Promise<Page> {
  const { access, walk } = queries;
  const start = filter.cursor === undefined ? null : decodeCursor(queries, filter.cursor);
  const matches = matcher(queries, filter);
  const isAscending = filter.order === 'asc';
  const items: Page['items'] = [];
  let nextCursor: string | null = null;
  for (const node of await candidates(queries, filter, start)) {
    if ((await walk.digest(node)).tradeCount === 0) continue;
    const entry = await walk.receipts(node);
    for (const index of indices(entry, node.height === start?.height ? start.index : null, isAscending)) {
      if (!matches(entry.receipts.trades[index]!)) continue;
      if (items.length === filter.limit) {
        nextCursor = encodeCursor({ height: node.height, hash: node.idHex, index });
        return { items, nextCursor, asOf: asOf(access) };
      }
      items.push(rowOf(queries, node, { entry, index }));
    }
  }
  return { items, nextCursor, asOf: asOf(access) };
}

/** Blocks from the page's first on, in the page's order. */
async function candidates(queries: Queries, filter: Filter, start: Position | null): Promise<HeaderNode[]> {
  const { access, walk } = queries;
  const nodes =
    filter.step === undefined ? mainChainFrom(access.core.chain, 1) : await walk.blocksOfStep(filter.step);
  const wanted = nodes.filter(({ height }) => {
    if (start === null) return true;
    return filter.order === 'asc' ? height >= start.height : height <= start.height;
  });
  return filter.order === 'asc' ? wanted : wanted.reverse();
}

function indices(entry: BlockReceipts, start: number | null, isAscending: boolean): number[] {
  const all = Array.from({ length: entry.tradeIds.length }, (_, index) => index);
  if (isAscending) return all.filter((index) => start === null || index >= start);
  return all.filter((index) => start === null || index <= start).reverse();
}

function matcher(queries: Queries, filter: Filter): (trade: Trade) => boolean {
  const { step } = filter;
  const kind = filter.kind === undefined ? null : TRADE_KINDS.indexOf(filter.kind);
  const account = filter.member === undefined ? null : accountOf(queries.access, filter.member);
  return (trade) =>
    (step === undefined || trade.step === step) &&
    (kind === null || trade.kind === kind) &&
    (account === null || trade.seller === account || trade.buyer === account);
}

function rowOf(
  queries: Queries,
  node: HeaderNode,
  { entry, index }: { entry: BlockReceipts; index: number },
): Page['items'][number] {
  const id = entry.tradeIds[index]!;
  queries.hints.set(id, node.idHex);
  return {
    ...tradeOf(entry.receipts.trades[index]!, id),
    blockHash: node.idHex,
    blockHeight: node.height,
    final: isFinal(queries.access, node),
  };
}

/** Finds a trade of the main chain: where it was listed last, else newest block first. Null: there is none. */
export async function findTrade(
  queries: Queries,
  id: string,
): Promise<{ node: HeaderNode; index: number; entry: BlockReceipts } | null> {
  const { access, walk, hints } = queries;
  const { chain } = access.core;
  const hint = chain.node(hints.get(id) ?? '');
  const isHintGood = hint !== undefined && chain.mainChainAt(hint.height) === hint;
  const nodes = mainChainFrom(chain, 1).reverse();
  for (const node of isHintGood ? [hint, ...nodes] : nodes) {
    if ((await walk.digest(node)).tradeCount === 0) continue;
    const entry = await walk.receipts(node);
    const index = entry.tradeIds.indexOf(id);
    if (index < 0) continue;
    hints.set(id, node.idHex);
    return { node, index, entry };
  }
  return null;
}
