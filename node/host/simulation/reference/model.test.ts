import { beforeAll, describe, expect, it } from 'vitest';
import { buildBody, checkExecution, executeBody, isViolation } from '../../../consensus/apply-block.ts';
import { checkGenesis, createGenesisState, genesisRoot } from '../../../consensus/genesis.ts';
import type { ChainRules } from '../../../consensus/header.ts';
import { marketClockMs } from '../../../consensus/header-chain.ts';
import { createTestChain, fakeNode, mineBlock, signTransaction } from '../../../consensus/testing.ts';
import { testVerifier } from '../../../market/testing.ts';
import { compareTransactions } from '../../../protocol/codec.ts';
import type { Receipts } from '../../../protocol/receipts.ts';
import { State } from '../../../protocol/state.ts';
import type { StateStore } from '../../../protocol/state-store.ts';
import type { Block as MinedBlock, Transaction } from '../../../protocol/types.ts';
import { toHex } from '../../../util/bytes.ts';
import { createRng, type Rng } from '../../../util/rng.ts';
import { installHasher } from '../../hasher.ts';
import {
  type ReferenceState,
  ReferenceViolation,
  referenceBlock,
  referenceClockMs,
  referenceGenesis,
  referenceInvariants,
} from './model.ts';
import { referenceStateRoot, stateValue } from './roots.ts';
import { randomGenesis, randomTimestamps, randomTraffic } from './test-traffic.ts';

const SEEDS = Array.from({ length: 32 }, (_, i) => i + 1);
const BLOCKS = 320;

beforeAll(() => installHasher());

/** What happened over all seeds, so that a comparison of nothing is seen. */
const seen = new Map<string, number>();
function note(what: string, times = 1): void {
  if (times > 0) seen.set(what, (seen.get(what) ?? 0) + times);
}

function noteReceipts(receipts: Receipts): void {
  for (const trade of receipts.trades) {
    note(`trade of kind ${trade.kind}`);
    if (trade.feeNanoEur > 0n) note('trade across zones');
    if (trade.sellerBonusNanoEur + trade.buyerBonusNanoEur > 0n) note('bonus');
    if (trade.penaltyNanoEur > 0n) note('penalty');
    if (trade.priceMicroEurPerKwh < 0) note('negative price');
  }
  for (const clearing of receipts.clearings) note(clearing.staleFlags === 0 ? 'observed' : 'stale');
  for (const line of receipts.settlements) {
    if (line.flags === 1 && line.importWh > 0) note('substituted');
    if (line.correctedWh > 0) note('corrected');
  }
  note('outage', receipts.emptyRanges.length);
  if (receipts.clearings.length + receipts.settlements.length > 0) note('phase');
}

/** The rules that the reference model finds broken; none when it accepts. */
function verdict(run: () => unknown): readonly string[] {
  try {
    run();
    return [];
  } catch (error) {
    if (error instanceof ReferenceViolation) return error.codes;
    throw error;
  }
}

interface Block {
  rules: ChainRules;
  node: StateStore;
  reference: ReferenceState;
  clockMs: number;
  author: number;
}

function nodeVerdict(block: Block, transactions: readonly Transaction[]): string | null {
  const { rules, node: parentState, clockMs, author } = block;
  const result = executeBody(rules, { parentState, clockMs, author }, { transactions, isKnown: () => true });
  return isViolation(result) ? result.code : null;
}

/** The node's own verdict on a mined block, signatures included. */
function nodeExecutes(rules: ChainRules, parentState: StateStore, block: MinedBlock, clockMs: number) {
  const { author } = block.signedHeader.header.body;
  const { transactions } = block;
  const result = executeBody(rules, { parentState, clockMs, author }, { transactions, isKnown: () => false });
  return isViolation(result) ? result : checkExecution(block, result);
}

/** Both must refuse, and the node must name a rule that the reference finds broken too. */
function expectRefused(block: Block, transactions: readonly Transaction[], code: string): void {
  const { genesis } = block.rules;
  expect(verdict(() => referenceBlock(genesis, block.reference, { ...block, transactions }))).toContain(code);
  note(code);
}

/** Bodies that break a rule of the block as a whole. */
function compareBlockRules(block: Block, candidates: readonly Transaction[]): void {
  const swapped = [candidates[1]!, candidates[0]!, ...candidates.slice(2)];
  for (const transactions of [candidates, swapped, [...candidates, candidates.at(-1)!]]) {
    const code = nodeVerdict(block, transactions);
    if (code !== null) expectRefused(block, transactions, code);
    else {
      const accepted = () => referenceBlock(block.rules.genesis, block.reference, { ...block, transactions });
      expect(verdict(accepted)).toEqual([]);
    }
  }
}

function compareBlock(block: Block, candidates: readonly Transaction[], rng: Rng) {
  const { rules, node: parentState, clockMs, author } = block;
  const built = buildBody(rules, { parentState, clockMs, author }, candidates);
  const { transactions, execution, refused } = built;
  const result = referenceBlock(rules.genesis, block.reference, { clockMs, author, transactions });
  expect(result.receipts).toEqual(execution.receipts);
  expect(toHex(result.receiptsRoot)).toBe(toHex(execution.receiptsRoot));
  expect(toHex(result.stateRoot)).toBe(toHex(execution.stateRoot));
  expect(referenceInvariants(rules.genesis, result)).toEqual([]);
  for (const { transaction, violation } of refused) {
    const before = transactions.filter((other) => compareTransactions(other, transaction) < 0);
    expectRefused(block, [...before, transaction], violation.code);
  }
  if (candidates.length > 1 && rng.below(4) === 0) compareBlockRules(block, candidates);
  note('transaction', transactions.length);
  noteReceipts(result.receipts);
  return { node: execution.state, reference: result.state };
}

function compareChain(seed: number): void {
  const rng = createRng(BigInt(seed));
  const genesis = randomGenesis(rng);
  expect(checkGenesis(genesis, { development: true })).toBeNull();
  const rules = { genesis, genesisRoot: genesisRoot(genesis), verifier: testVerifier };
  const timestamps = randomTimestamps(rng, genesis, BLOCKS);
  const traffic = randomTraffic(rng, genesis);
  let tip = fakeNode(null, { timestampMs: timestamps[0]! });
  let node = createGenesisState(genesis);
  let reference = referenceGenesis(genesis);
  for (let height = 1; height <= BLOCKS; height++) {
    const clockMs = referenceClockMs(timestamps.slice(0, height));
    expect(clockMs).toBe(marketClockMs(tip));
    const author = genesis.miners[rng.below(genesis.miners.length)]!.member;
    const before = height % 40 === 0 ? structuredClone(reference) : null;
    const block = { rules, node, reference, clockMs, author };
    const after = compareBlock(block, traffic(clockMs), rng);
    if (before !== null) {
      expect(reference).toEqual(before);
      expect(toHex(State.hashTreeRoot(stateValue(after.reference)))).toBe(toHex(after.node.root()));
      expect(toHex(State.serialize(stateValue(after.reference)))).toBe(toHex(after.node.serialize()));
    }
    ({ node, reference } = after);
    tip = fakeNode(tip, { timestampMs: timestamps[height]! });
  }
}

describe('the reference model and the node', () => {
  it.each(SEEDS)(`agree on every block of seed %i`, (seed) => compareChain(seed));

  it('agree on the roots that mined and signed blocks carry', () => {
    const { rules, genesisNode, genesisState } = createTestChain({ zones: 3 });
    const { genesis } = rules;
    const traffic = randomTraffic(createRng(77n), genesis);
    const timestamps = [genesis.timeMs];
    let [parent, state, reference] = [genesisNode, genesisState, referenceGenesis(genesis)];
    expect(toHex(referenceStateRoot(reference))).toBe(toHex(parent.signed.header.body.stateRoot));
    let included = 0;
    for (let author = 0; author < 24; author++) {
      const clockMs = referenceClockMs(timestamps);
      const candidates = traffic(clockMs).map(({ body }) => signTransaction(rules, body));
      const mined = mineBlock(rules, { parent, state, author: author % 10 }, candidates);
      const { transactions, signedHeader } = mined.block;
      const { timestampMs, stateRoot, receiptsRoot } = signedHeader.header.body;
      const given = { clockMs, author: author % 10, transactions };
      expect(nodeExecutes(rules, state, mined.block, clockMs)).toBeNull();
      const result = referenceBlock(genesis, reference, given);
      expect(toHex(result.stateRoot)).toBe(toHex(stateRoot));
      expect(toHex(result.receiptsRoot)).toBe(toHex(receiptsRoot));
      timestamps.push(timestampMs);
      [parent, state, reference] = [mined.node, mined.execution.state, result.state];
      included += transactions.length;
    }
    expect(included).toBeGreaterThan(50);
  });

  it('were compared over everything that the rules know', () => {
    const expected = [
      ...['transaction', 'phase', 'outage', 'observed', 'stale', 'substituted', 'corrected'],
      ...['bonus', 'penalty', 'negative price', 'trade across zones'],
      ...['trade of kind 1', 'trade of kind 2', 'trade of kind 3'],
      ...['TX_WINDOW_CLOSED', 'TX_STEP_TOO_FAR', 'TX_UNKNOWN_ACCOUNT', 'TX_EXPELLED', 'TX_OVER_QUOTA'],
      ...['TX_DUPLICATE', 'TX_SUSPENDED', 'TX_KIND_UNSUPPORTED', 'ORDER_SIDE', 'ORDER_BOTH_SIDES'],
      ...['ORDER_ENERGY', 'ORDER_CREDIT', 'CANCEL_SEQUENCE', 'ORDER_NOT_OPEN', 'OBSERVATION_RANGE'],
      ...['READING_BACKWARDS', 'READING_IMPLAUSIBLE', 'BLOCK_TOO_MANY', 'BLOCK_BYTES', 'BLOCK_ORDER'],
    ];
    expect(expected.filter((what) => !seen.has(what))).toEqual([]);
  });
});
