/** Encodings of valid values: what the mutator of the SSZ targets begins from. */
import { encode } from '../../node/protocol/codec.ts';
import { Receipts } from '../../node/protocol/receipts.ts';
import { State } from '../../node/protocol/state.ts';
import { Block, Genesis, SignedHeader, Transaction } from '../../node/protocol/types.ts';
import {
  BlocksAnswer,
  BlocksRequest,
  HeadersAnswer,
  HeadersRequest,
  Status,
  TransactionBatch,
} from '../../node/protocol/wire.ts';
import type { World } from './world.ts';

/** A transaction of each kind that is on the trunk. */
export function oneOfEachKind({ transactions }: World): Transaction[] {
  const byKind = new Map(transactions.map((transaction) => [transaction.body.payload.selector, transaction]));
  return [...byKind.values()];
}

export function statusOf(world: World, height: number): Uint8Array {
  const { node } = world.trunk[height - 1]!;
  const { id: tipId, work } = node;
  const nothing = Status.defaultValue();
  return encode(Status, {
    ...nothing,
    genesisId: world.genesis.id,
    tipId,
    tipHeight: height,
    finalHeight: 0,
    work,
  });
}

/** Samples by the name of the type, as in the table of SSZ targets. */
export function samplesOf(world: World): Readonly<Record<string, readonly Uint8Array[]>> {
  const { trunk } = world;
  const some = [trunk[0]!, trunk[9]!, trunk[20]!];
  const ids = trunk.slice(0, 3).map(({ node }) => node.id);
  const headers = trunk.slice(0, 3).map(({ block }) => block.signedHeader);
  const transactions = oneOfEachKind(world);
  const small = some.map(({ block }) => ({ ...block, transactions: block.transactions.slice(0, 3) }));
  return {
    block: small.map((block) => encode(Block, block)),
    'signed-header': headers.map((header) => encode(SignedHeader, header)),
    transaction: transactions.map((transaction) => encode(Transaction, transaction)),
    'transaction-batch': [[], transactions, transactions.slice(0, 1)].map((batch) =>
      encode(TransactionBatch, batch),
    ),
    status: [statusOf(world, 1), statusOf(world, 40)],
    'headers-request': [[], ids].map((locator) => encode(HeadersRequest, { locator, limit: 512 })),
    'headers-answer': [[], headers].map((list) => encode(HeadersAnswer, list)),
    'blocks-request': [[], ids].map((list) => encode(BlocksRequest, list)),
    'blocks-answer': [[], small].map((list) => encode(BlocksAnswer, list)),
    receipts: trunk
      .filter(({ execution }) => execution.receipts.trades.length > 0)
      .slice(0, 3)
      .map(({ execution }) => encode(Receipts, execution.receipts)),
    genesis: [encode(Genesis, { ...world.rules.genesis, members: world.rules.genesis.members.slice(0, 2) })],
    state: [State.serialize(State.defaultValue()), trunk[39]!.execution.state.serialize()],
  };
}
