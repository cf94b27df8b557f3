/** Answers to peers' requests. */
import { decode, encode } from '../protocol/codec.ts';
import type { SignedHeader } from '../protocol/types.ts';
import {
  BlocksRequest,
  HeadersAnswer,
  HeadersRequest,
  MAX_HEADERS,
  type Protocol,
} from '../protocol/wire.ts';
import { toHex } from '../util/bytes.ts';
import type { Chain } from './chain.ts';
import type { Effect } from './events.ts';
import { ownStatus } from './sync.ts';

/** A malformed request is answered with null: the stream is reset. */
export function answerRequest(
  chain: Chain,
  request: { requestId: number; protocol: Protocol; bytes: Uint8Array },
): Effect {
  const { requestId } = request;
  switch (request.protocol) {
    case 'status':
      return { type: 'respond', requestId, bytes: ownStatus(chain) };
    case 'headers': {
      const asked = decode(HeadersRequest, request.bytes);
      const bytes =
        asked === null ? null : encode(HeadersAnswer, headersAfter(chain, asked.locator, asked.limit));
      return { type: 'respond', requestId, bytes };
    }
    case 'blocks': {
      const asked = decode(BlocksRequest, request.bytes);
      if (asked === null) return { type: 'respond', requestId, bytes: null };
      return { type: 'respondBlocks', requestId, blocks: blocksOf(chain, asked) };
    }
  }
}

/** Headers of the main chain after the first locator entry that lies on it. */
function headersAfter(chain: Chain, locator: readonly Uint8Array[], limit: number): SignedHeader[] {
  let from = 0;
  for (const id of locator) {
    const node = chain.node(toHex(id));
    if (node !== undefined && chain.mainChainAt(node.height) === node) {
      from = node.height;
      break;
    }
  }
  const headers: SignedHeader[] = [];
  for (let height = from + 1; headers.length < Math.min(limit, MAX_HEADERS); height++) {
    const node = chain.mainChainAt(height);
    if (node === null) break;
    headers.push(node.signed);
  }
  return headers;
}

/** Known blocks in the order asked for, up to the first unknown one. */
function blocksOf(
  chain: Chain,
  ids: readonly Uint8Array[],
): Extract<Effect, { type: 'respondBlocks' }>['blocks'] {
  const blocks: Extract<Effect, { type: 'respondBlocks' }>['blocks'] = [];
  for (const id of ids) {
    const idHex = toHex(id);
    const node = chain.node(idHex);
    if (node === undefined || node.height === 0) break;
    const block = chain.block(idHex);
    if (block !== undefined) blocks.push({ block });
    else if (chain.mainChainAt(node.height) === node) blocks.push({ height: node.height, id: node.id });
    else break;
  }
  return blocks;
}
