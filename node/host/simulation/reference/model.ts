/**
 * A second, deliberately simple execution of blocks after docs/protocol.md. It shares types, encodings and ids with
 * the node and none of its rules, so that a defect of one shows as a difference of roots.
 */
import { encode, kindOf } from '../../../protocol/codec.ts';
import { Receipts } from '../../../protocol/receipts.ts';
import { Genesis, STEP_RING, Transaction, type TransactionBody } from '../../../protocol/types.ts';
import { brokenBounds } from './invariants.ts';
import { duePhases } from './phases.ts';
import { referenceStateRoot } from './roots.ts';
import { emptyBook, type Progress, type ReferenceResult, type ReferenceState } from './state.ts';
import { applied, brokenRules } from './transactions.ts';
import { ReferenceViolation } from './violation.ts';

export { referenceInvariants } from './invariants.ts';
export type { ReferenceResult, ReferenceState } from './state.ts';
export { ReferenceViolation } from './violation.ts';

/** Blocks whose timestamps make the market clock. */
const CLOCK_BLOCKS = 5;
const BLOCK_OVERHEAD_BYTES = 512;

/** The state of block 0; docs/protocol.md, section 6. Does not judge the genesis. */
export function referenceGenesis(genesis: Genesis): ReferenceState {
  const nothing = { creditNanoEur: 0n, debitNanoEur: 0n };
  return {
    genesisRoot: Genesis.hashTreeRoot(genesis),
    nextToClear: 0,
    nextToSettle: 0,
    wholesaleMicroEurPerKwh: BigInt(genesis.params.defaultWholesaleMicroEurPerKwh),
    wholesaleStepPlus1: 0,
    temperatureCentiC: BigInt(genesis.params.defaultTemperatureCentiC),
    temperatureStepPlus1: 0,
    members: genesis.members,
    miners: genesis.miners,
    policy: genesis.policy,
    accounts: genesis.members.map(() => ({
      ...nothing,
      p2pSteps: 0,
      gridSteps: 0,
      bonusBps: 10_000n,
      penaltyBps: 10_000n,
      importRegisterWh: 0n,
      exportRegisterWh: 0n,
      substitutedWh: 0n,
      nextMeteredStep: 0,
    })),
    reservedNanoEur: genesis.members.map(() => 0n),
    systemBalances: [
      nothing,
      nothing,
      { creditNanoEur: genesis.grantNanoEur, debitNanoEur: 0n },
      { creditNanoEur: 0n, debitNanoEur: genesis.grantNanoEur },
    ],
    books: Array.from({ length: STEP_RING }, () => emptyBook(0)),
    usageWh: [],
  };
}

/**
 * The market clock of the block after a chain, from the chain's timestamps in ms, genesis first: the lower median of
 * the last five. Throws where there is none.
 */
export function referenceClockMs(timestamps: readonly number[]): number {
  const last = timestamps.slice(-CLOCK_BLOCKS);
  // The lower median: as many are below it as above, or one fewer.
  const ascending = [...last].sort((a, b) => a - b);
  while (ascending.length > 2) {
    ascending.pop();
    ascending.shift();
  }
  const [clockMs] = ascending;
  if (clockMs === undefined) throw new Error('reference: a chain without blocks has no clock');
  return clockMs;
}

function ascends(before: TransactionBody, after: TransactionBody): boolean {
  const key = (body: TransactionBody) => [body.payload.selector, body.step, body.account, body.sequence];
  const [a, b] = [key(before), key(after)];
  const different = a.findIndex((part, i) => part !== b[i]);
  return different >= 0 && a[different]! < b[different]!;
}

/** The rules of section 8 on a block's transactions as a whole. */
function checkTransactions(genesis: Genesis, transactions: readonly Transaction[]): void {
  const { maxBlockTransactions, maxBlockBytes } = genesis.params;
  const sizes = transactions.map((transaction) => encode(Transaction, transaction).length + 4);
  const bytes = sizes.reduce((sum, size) => sum + size, BLOCK_OVERHEAD_BYTES);
  const sorted = transactions.every(({ body }, i) => i === 0 || ascends(transactions[i - 1]!.body, body));
  const codes: string[] = [];
  if (transactions.length > maxBlockTransactions) codes.push('BLOCK_TOO_MANY');
  if (bytes > maxBlockBytes) codes.push('BLOCK_BYTES');
  if (!sorted) codes.push('BLOCK_ORDER');
  const [first, ...more] = codes;
  if (first !== undefined) throw new ReferenceViolation([first, ...more], 'the block');
}

function applyAll(begun: Progress, transactions: readonly Transaction[]): ReferenceState {
  let { state } = begun;
  for (const [i, { body }] of transactions.entries()) {
    const [first, ...more] = brokenRules({ ...begun, state }, body);
    if (first !== undefined) {
      throw new ReferenceViolation([first, ...more], `transaction ${i} (${kindOf(body)})`);
    }
    state = applied(state, body);
  }
  return state;
}

/**
 * Executes one block's transactions at its market clock (ms); signatures and header are not its business.
 *
 * @throws ReferenceViolation where the transactions break a rule; Error where the receipts outgrow their lists
 */
export function referenceBlock(
  genesis: Genesis,
  parent: ReferenceState,
  block: { clockMs: number; author: number; transactions: readonly Transaction[] },
): ReferenceResult {
  const { clockMs, author, transactions } = block;
  checkTransactions(genesis, transactions);
  const nothing = {
    trades: [],
    clearings: [],
    settlements: [],
    predictions: [],
    actions: [],
    emptyRanges: [],
  };
  const begun = duePhases({ genesis, clockMs, author, state: parent, receipts: nothing });
  const { receipts } = begun;
  const tooLong = brokenBounds(receipts);
  if (tooLong.length > 0) throw new Error(`reference: ${tooLong.join(', ')}`);
  const state = applyAll(begun, transactions);
  return {
    state,
    stateRoot: referenceStateRoot(state),
    receiptsRoot: Receipts.hashTreeRoot(receipts),
    receipts,
    parent,
    author,
  };
}
