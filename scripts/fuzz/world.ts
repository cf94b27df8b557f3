/** A small community with a chain on which members trade: what the targets begin from. The same at every start. */
import { createGenesisBlock } from '../../node/consensus/genesis.ts';
import { type ChainRules, earliestTimestampMs } from '../../node/consensus/header.ts';
import { type HeaderNode, marketClockMs } from '../../node/consensus/header-chain.ts';
import { createTestChain, mineBlock, signTransaction } from '../../node/consensus/testing.ts';
import type { ChainStart } from '../../node/core/block-tree.ts';
import { loadVerifier } from '../../node/host/crypto.ts';
import { installHasher } from '../../node/host/hasher.ts';
import { emptyReceipts } from '../../node/market/context.ts';
import { ask, bid, observation, reading } from '../../node/market/testing.ts';
import { openSteps } from '../../node/market/windows.ts';
import { loadBatchHasher } from '../../node/miner/native-hash.ts';
import { createSearcher } from '../../node/miner/search.ts';
import { slotKey } from '../../node/protocol/codec.ts';
import { type Block, HeaderBody, type Transaction, type TransactionBody } from '../../node/protocol/types.ts';
import { bytesFromBigint } from '../../node/util/bytes.ts';

export type Mined = ReturnType<typeof mineBlock>;

export interface World {
  rules: ChainRules;
  genesis: HeaderNode;
  genesisBlock: Block;
  /** Blocks on genesis; `trunk[i]` has the height `i + 1`. */
  trunk: readonly Mined[];
  /** Transactions of the trunk, in its order. */
  transactions: readonly Transaction[];
  /** What a chain starts from that has its state at a height of the trunk, 1 or above. */
  startAt(height: number): ChainStart;
  /** The nonce that a header needs; about 4096 hashes. */
  search(body: HeaderBody): Uint8Array;
}

const HEIGHT = 40;
const MEMBERS = 12;
const ORACLES = 3;

let made: Promise<World> | null = null;

export function theWorld(): Promise<World> {
  made ??= makeWorld();
  return made;
}

/** What members, meters and oracles say of the steps that are open at a clock. */
function bodiesAt(rules: ChainRules, clockMs: number): TransactionBody[] {
  const { first, end } = openSteps(rules.genesis, clockMs);
  const bodies: TransactionBody[] = [];
  for (let step = first; step < end; step++) {
    for (let account = 0; account < MEMBERS; account++) {
      const order = { step, account, energyWh: 400 + 50 * account, limit: 100_000 + 5000 * account };
      bodies.push(account % 2 === 0 ? ask(order) : bid(order));
    }
    for (let oracle = 0; oracle < ORACLES; oracle++) bodies.push(observation(step, oracle, 110_000 + step));
  }
  for (let step = Math.max(0, first - 3); step < first; step++) {
    // Member 11 has no meter, so that it is substituted.
    for (let account = 0; account < MEMBERS - 1; account++) {
      bodies.push(reading(step, account, 500 * (step + 1), account % 2 === 0 ? 300 * (step + 1) : 0));
    }
  }
  return bodies;
}

async function makeWorld(): Promise<World> {
  await installHasher();
  const { hashInto } = await loadBatchHasher();
  const searcher = createSearcher(hashInto);
  const { rules: tested, genesisNode, genesisState } = createTestChain();
  const rules = { ...tested, verifier: loadVerifier().verifier };
  const genesisBlock = createGenesisBlock(rules.genesis, genesisState);
  const trunk: Mined[] = [];
  const signed = new Map<string, Transaction>();
  const included = new Set<string>();
  let parent = genesisNode;
  let state = genesisState;
  for (let i = 0; i < HEIGHT; i++) {
    const candidates = bodiesAt(rules, marketClockMs(parent))
      .filter((body) => !included.has(slotKey(body)))
      .map((body) => {
        const known = signed.get(slotKey(body)) ?? signTransaction(rules, body);
        signed.set(slotKey(body), known);
        return known;
      });
    const timestampMs = Math.max(
      parent.timestampMs + rules.genesis.params.spacingMs,
      earliestTimestampMs(parent, rules.genesis.params.spacingMs),
    );
    const mined = mineBlock(rules, { parent, state, author: i % 10, timestampMs }, candidates);
    for (const { body } of mined.block.transactions) included.add(slotKey(body));
    trunk.push(mined);
    parent = mined.node;
    state = mined.execution.state;
  }
  const startOf = (height: number): ChainStart => ({
    genesis: genesisBlock,
    headers: trunk.slice(0, height).map(({ block }) => block.signedHeader),
    execution:
      height === 0
        ? { ...genesisBlock.signedHeader.header.body, state: genesisState, receipts: emptyReceipts() }
        : trunk[height - 1]!.execution,
    finalHeight: 0,
  });
  return {
    rules,
    genesis: genesisNode,
    genesisBlock,
    trunk,
    transactions: trunk.flatMap(({ block }) => block.transactions),
    startAt: startOf,
    search(body) {
      const request = {
        bodyRoot: HeaderBody.hashTreeRoot(body),
        target: bytesFromBigint(body.target, 32),
        nonceStart: new Uint8Array(32),
        maxHashes: 2 ** 22,
      };
      const { nonce } = searcher.search(request);
      if (nonce === null) throw new Error('no nonce within 2^22 hashes');
      return nonce;
    },
  };
}
