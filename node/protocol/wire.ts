/** What peers say to each other over streams and gossip, each with a hard bound. */
import type { ValueOf } from '@chainsafe/ssz';
import { ContainerType, ListCompositeType } from '@chainsafe/ssz';
import { Uint16, Uint32, Uint256 } from './ssz-basic.ts';
import { Block, Bytes32, SignedHeader, Transaction } from './types.ts';

/** Headers in one answer. */
export const MAX_HEADERS = 512;
/** Blocks asked for at once; an answer may hold fewer, a prefix. */
export const MAX_BLOCKS = 64;
export const MAX_LOCATOR = 64;
/** Transactions in one gossip message. */
export const MAX_BATCH = 256;
/** Bytes of block bodies in one answer. */
export const MAX_ANSWER_BYTES = 1_048_576;

export const Status = new ContainerType(
  {
    genesisId: Bytes32,
    tipId: Bytes32,
    tipHeight: Uint32,
    finalHeight: Uint32,
    justifiedHeight: Uint32,
    work: Uint256,
  },
  { typeName: 'Status' },
);
/** Ids of the asker's branch, newest first, with growing gaps; the answer goes on after the first one known. */
export const HeadersRequest = new ContainerType(
  { locator: new ListCompositeType(Bytes32, MAX_LOCATOR), limit: Uint16 },
  { typeName: 'HeadersRequest' },
);
export const HeadersAnswer = new ListCompositeType(SignedHeader, MAX_HEADERS);
export const BlocksRequest = new ListCompositeType(Bytes32, MAX_BLOCKS);
export const BlocksAnswer = new ListCompositeType(Block, MAX_BLOCKS);
export const TransactionBatch = new ListCompositeType(Transaction, MAX_BATCH);

export type Status = ValueOf<typeof Status>;

export const TOPICS = ['tx', 'block'] as const;
export type Topic = (typeof TOPICS)[number];
export const PROTOCOLS = ['status', 'headers', 'blocks'] as const;
export type Protocol = (typeof PROTOCOLS)[number];
