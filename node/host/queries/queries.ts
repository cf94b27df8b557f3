/** What the handlers of all namespaces share. */
import type { HeaderNode } from '../../consensus/header-chain.ts';
import { accountFromName, accountName, isSystemAccount, NOBODY } from '../../protocol/accounts.ts';
import type { StateStore } from '../../protocol/state-store.ts';
import type { Genesis } from '../../protocol/types.ts';
import { notFound } from '../../rpc/errors.ts';
import type { Result } from '../../rpc/schema/methods.ts';
import type { NodeAccess } from '../access.ts';
import { createLru, type Lru } from './lru.ts';
import { createReceiptWalk, type ReceiptWalk } from './receipt-walk.ts';

/** Ids whose block is remembered. */
const MAX_HINTS = 16_384;
const MAX_SUMMARIES = 4096;

export type BlockSummary = Result<'chain_getBlocks'>['items'][number];

export interface Queries {
  readonly access: NodeAccess;
  readonly walk: ReceiptWalk;
  /** Block hash by id of a trade or transaction, where it was seen last; only a hint. */
  readonly hints: Lru<string, string>;
  readonly summaries: Lru<string, BlockSummary>;
}

const known = new WeakMap<NodeAccess, Queries>();

/** The queries of a node, the same at every call: handlers and subscriptions share their caches. */
export function queriesOf(access: NodeAccess): Queries {
  let queries = known.get(access);
  if (queries === undefined) {
    queries = {
      access,
      walk: createReceiptWalk(access.core.chain, access.store),
      hints: createLru(MAX_HINTS),
      summaries: createLru(MAX_SUMMARIES),
    };
    known.set(access, queries);
  }
  return queries;
}

export function genesisOf(access: NodeAccess): Genesis {
  return access.core.chain.rules.genesis;
}

/** State after the present tip. */
export function tipState(access: NodeAccess): StateStore {
  const { chain } = access.core;
  return chain.execution(chain.tip()).state;
}

export function asOf(access: NodeAccess): { height: number; hash: string } {
  const tip = access.core.chain.tip();
  return { height: tip.height, hash: tip.idHex };
}

/** 1 for the tip; 0 for a block that is not on the main chain. */
export function confirmations(access: NodeAccess, node: HeaderNode): number {
  const { chain } = access.core;
  return chain.mainChainAt(node.height) === node ? chain.tip().height - node.height + 1 : 0;
}

export function isFinal(access: NodeAccess, node: HeaderNode): boolean {
  const { chain } = access.core;
  return node.height <= chain.final().height && chain.mainChainAt(node.height) === node;
}

/** As `accountName`, with a word for what is no account. */
export function nameOf(account: number): string {
  return account === NOBODY ? 'nobody' : accountName(account);
}

/** Number of a member or system account. Throws PROSUMER_NOT_FOUND. */
export function accountOf(access: NodeAccess, name: string): number {
  const account = accountFromName(name);
  if (account !== null && (isSystemAccount(account) || account < tipState(access).memberCount())) {
    return account;
  }
  throw notFound('PROSUMER', `there is no account ${name}`, 'prosumer_list names the members');
}

/** This node's member; null: it has none. */
export function memberName(access: NodeAccess): string | null {
  return access.config.member === null ? null : accountName(access.config.member);
}
