import { describe, expect, it } from 'vitest';
import { ask, balanceOf, bid, cancel, observation, reading } from '../market/testing.ts';
import { decode, encode, transactionId } from '../protocol/codec.ts';
import { Block, type Transaction } from '../protocol/types.ts';
import { toHex } from '../util/bytes.ts';
import { buildBody, checkExecution, type Execution, executeBody, isViolation } from './apply-block.ts';
import { checkHeader } from './header.ts';
import { type HeaderNode, marketClockMs } from './header-chain.ts';
import { createTestChain, mineBlock, signTransaction } from './testing.ts';

const chain = createTestChain({ zones: 2 });
const { rules, genesisNode, genesisState } = chain;
const sign = (body: Transaction['body']) => signTransaction(rules, body);
const input = { parentState: genesisState, clockMs: rules.genesis.timeMs, author: 0 };
const buy = (account: number, energyWh = 100, sequence = 0) =>
  bid({ step: 0, account, energyWh, limit: 200_000, sequence });
const sell = (account: number, energyWh = 100) => ask({ step: 0, account, energyWh, limit: 50_000 });

function executed(result: ReturnType<typeof executeBody>): Execution {
  if (isViolation(result)) throw new Error(result.message);
  return result;
}

describe('buildBody', () => {
  it('sorts its candidates, and whoever executes the body gets the same roots', () => {
    const candidates = [sell(1), buy(0), observation(0, 2, 1), observation(0, 0, 1)].map(sign);
    const { transactions, execution, refused } = buildBody(rules, input, candidates);
    expect(transactions.map(({ body }) => [body.payload.selector, body.account])).toEqual([
      [6, 0],
      [6, 2],
      [7, 0],
      [7, 1],
    ]);
    expect(refused).toEqual([]);
    const again = executed(executeBody(rules, input, { transactions, isKnown: () => false }));
    expect(toHex(again.stateRoot)).toBe(toHex(execution.stateRoot));
    expect(toHex(again.receiptsRoot)).toBe(toHex(execution.receiptsRoot));
    expect(toHex(again.transactionsRoot)).toBe(toHex(execution.transactionsRoot));
    expect(toHex(again.minersRoot)).toBe(toHex(execution.minersRoot));
  });

  it('leaves out what breaks a rule, and says which', () => {
    const candidates = [buy(0), buy(1, 6001), cancel(0, 2), sell(3)].map(sign);
    const { transactions, refused } = buildBody(rules, input, candidates);
    expect(transactions.map(({ body }) => body.account)).toEqual([0, 3]);
    expect(refused.map(({ violation }) => violation.code)).toEqual(['ORDER_ENERGY', 'ORDER_NOT_OPEN']);
  });

  it('takes one transaction of a slot, and as many as fit in number and bytes', () => {
    const { genesis } = rules;
    const limited = (params: Partial<typeof genesis.params>) => ({
      ...rules,
      genesis: { ...genesis, params: { ...genesis.params, ...params } },
    });
    const candidates = [buy(0, 100), buy(0, 200), buy(1), buy(2)].map(sign);
    expect(buildBody(rules, input, candidates).transactions).toHaveLength(3);
    const two = buildBody(limited({ maxBlockTransactions: 2 }), input, candidates);
    expect(two.transactions).toHaveLength(2);
    expect(two.refused).toEqual([]);
    for (const maxBlockBytes of [512, 700, 800, 900, 2000]) {
      const small = limited({ maxBlockBytes });
      const { transactions } = buildBody(small, input, candidates);
      const signedHeader = mineBlock(rules, { parent: genesisNode, state: genesisState }).block.signedHeader;
      expect(encode(Block, { signedHeader, transactions }).length).toBeLessThanOrEqual(maxBlockBytes);
      executed(executeBody(small, input, { transactions, isKnown: () => false }));
    }
  });

  it('leaves the parent state alone', () => {
    const before = toHex(genesisState.root());
    buildBody(rules, input, [buy(0), sell(1)].map(sign));
    expect(genesisState.orders(0)).toEqual([]);
    expect(toHex(genesisState.root())).toBe(before);
  });
});

describe('executeBody', () => {
  it('asks for a signature once: a known one is not checked again, an unknown one is', () => {
    const forged = { ...sign(buy(0)), signatures: [new Uint8Array(64).fill(9)] };
    const id = toHex(transactionId(forged));
    const run = (isKnown: (idHex: string) => boolean) =>
      executeBody(rules, input, { transactions: [forged], isKnown });
    expect(run(() => false)).toMatchObject({ code: 'TX_SIGNATURE' });
    expect(run((known) => known !== id)).toMatchObject({ code: 'TX_SIGNATURE' });
    expect(isViolation(run((known) => known === id))).toBe(false);
  });
});

/** A short chain that trades, meters and settles step 0. */
function tradingChain() {
  const bodies = new Map([
    [1, [buy(0, 1000), buy(4, 500), sell(1, 900), sell(3, 700)]],
    [10, [observation(1, 0, 90_000), observation(1, 1, 91_000), observation(1, 2, 92_000)]],
    [23, [reading(0, 0, 1100), reading(0, 1, 0, 900), reading(0, 3, 0, 650), reading(0, 4, 10)]],
  ]);
  let parent = genesisNode;
  let state = genesisState;
  const blocks: { block: Block; parent: HeaderNode; parentState: typeof state }[] = [];
  for (let height = 1; height <= 30; height++) {
    const candidates = (bodies.get(height) ?? []).map(sign);
    const { block, node, execution } = mineBlock(rules, { parent, state, author: height % 10 }, candidates);
    expect(block.transactions).toHaveLength(candidates.length);
    blocks.push({ block, parent, parentState: state });
    parent = node;
    state = execution.state;
  }
  return { blocks, state, tip: parent };
}

/** What a node says to a block that it received as bytes. */
function judge(
  bytes: Uint8Array,
  on: { parent: HeaderNode; parentState: typeof genesisState },
): string | null {
  const block = decode(Block, bytes);
  if (block === null) return 'undecodable';
  const refused = checkHeader(rules, on.parent, on.parentState.miners(), block.signedHeader);
  if (refused) return refused.code;
  const { author } = block.signedHeader.header.body;
  const result = executeBody(
    rules,
    { parentState: on.parentState, clockMs: marketClockMs(on.parent), author },
    { transactions: block.transactions, isKnown: () => false },
  );
  if (isViolation(result)) return result.code;
  return checkExecution(block, result)?.code ?? null;
}

describe('a chain', () => {
  const { blocks, state } = tradingChain();

  it('trades, settles, and pays: every block passes all rules', () => {
    for (const { block, ...on } of blocks) expect(judge(encode(Block, block), on)).toBeNull();
    expect(state.market()).toMatchObject({ nextToSettle: 1 });
    expect(state.account(0)).toMatchObject({ importRegisterWh: 1100, p2pSteps: 1 });
    expect(balanceOf(state, 1) > 0n).toBe(true);
  });

  it('refuses a block with any one byte changed', () => {
    const { block, ...on } = blocks.find((entry) => entry.block.transactions.length === 4)!;
    const good = encode(Block, block);
    const codes = new Set<string>();
    for (let at = 0; at < good.length; at++) {
      const bad = good.slice();
      bad[at]! ^= 1 << (at % 8);
      const verdict = judge(bad, on);
      expect(verdict, `byte ${at}`).not.toBeNull();
      codes.add(verdict!);
    }
    for (const code of ['undecodable', 'BLOCK_PARENT', 'BLOCK_WORK', 'BLOCK_SIGNATURE', 'TX_SIGNATURE']) {
      expect([...codes]).toContain(code);
    }
  });

  it('refuses a body that lacks, adds or exchanges a transaction under a good header', () => {
    const { block, ...on } = blocks.find((entry) => entry.block.transactions.length === 4)!;
    const { transactions } = block;
    const other = [
      transactions.slice(1),
      [],
      [...transactions, sign(observation(0, 0, 1))],
      [sign(buy(0, 1001)), ...transactions.slice(1)],
    ];
    const sorted = (list: Transaction[]) =>
      [...list].sort((a, b) => a.body.payload.selector - b.body.payload.selector);
    for (const list of other) {
      expect(judge(encode(Block, { ...block, transactions: sorted(list) }), on)).toBe(
        'BLOCK_TRANSACTIONS_ROOT',
      );
    }
  });

  it('gives the author of the clearing block its share: another author, another state', () => {
    const cleared = blocks.find(({ block, parent, parentState }) => {
      const { author } = block.signedHeader.header.body;
      const given = { parentState, clockMs: marketClockMs(parent), author };
      return buildBody(rules, given, []).execution.receipts.trades.some((trade) => trade.feeNanoEur > 0n);
    })!;
    const clockMs = marketClockMs(cleared.parent);
    const roots = [5, 6].map((author) =>
      toHex(buildBody(rules, { parentState: cleared.parentState, clockMs, author }, []).execution.stateRoot),
    );
    expect(roots[0]).not.toBe(roots[1]);
  });
});
