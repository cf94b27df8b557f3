/** What must hold after every block whatever the market did, from the state and the receipts alone. */
import { AGGREGATOR, FUND, NETWORK_OPERATOR, TREASURY } from '../../../protocol/accounts.ts';
import type { Receipts, SettlementLine, Trade } from '../../../protocol/receipts.ts';
import { type Genesis, MAX_STEP_ENTRIES } from '../../../protocol/types.ts';
import { balanceNanoEur } from './money.ts';
import { quotientDown, sumOf } from './numbers.ts';
import { type ReferenceResult, type ReferenceState, worstCaseNanoEur } from './state.ts';

const SYSTEM_ACCOUNTS = [AGGREGATOR, NETWORK_OPERATOR, FUND, TREASURY];
const AUCTION = 1;
const GRID_BUY = 2;
const GRID_SELL = 3;

function accountsOf(state: ReferenceState): number[] {
  return [...state.members.keys(), ...SYSTEM_ACCOUNTS];
}

/** What the trades of a block change in the balance of an account. */
function changeByReceipts(result: ReferenceResult, genesis: Genesis, account: number): bigint {
  const of = (who: number, amount: bigint) => (who === account ? amount : 0n);
  return sumOf(
    result.receipts.trades.flatMap((trade) => {
      const value = BigInt(trade.energyWh) * BigInt(trade.priceMicroEurPerKwh);
      const share = quotientDown(trade.feeNanoEur * BigInt(genesis.policy.minerFeeShareBps), 10_000n);
      const bonuses = trade.sellerBonusNanoEur + trade.buyerBonusNanoEur;
      return [
        of(trade.seller, value + trade.sellerBonusNanoEur),
        of(trade.buyer, trade.buyerBonusNanoEur - value - trade.feeNanoEur - trade.penaltyNanoEur),
        of(NETWORK_OPERATOR, trade.feeNanoEur - share),
        of(result.author, share),
        of(FUND, trade.penaltyNanoEur - bonuses),
      ];
    }),
  );
}

function brokenMoney(genesis: Genesis, result: ReferenceResult): string[] {
  const { state, parent } = result;
  const broken: string[] = [];
  for (const account of accountsOf(state)) {
    const due = balanceNanoEur(parent, account) + changeByReceipts(result, genesis, account);
    const found = balanceNanoEur(state, account);
    if (found !== due) broken.push(`account ${account} has ${found} nanoEUR, the receipts make it ${due}`);
  }
  const total = sumOf(accountsOf(state).map((account) => balanceNanoEur(state, account)));
  if (total !== 0n) broken.push(`all balances sum to ${total} nanoEUR, not 0`);
  const fund = balanceNanoEur(state, FUND);
  if (fund < 0n) broken.push(`the fund has ${fund} nanoEUR`);
  for (const member of state.members.keys()) {
    const open = state.books
      .filter((book) => book.step >= state.nextToClear)
      .flatMap((book) => book.orders.filter((order) => order.account === member));
    const worst = sumOf(open.map(worstCaseNanoEur));
    const found = state.reservedNanoEur[member]!;
    if (found !== worst) broken.push(`member ${member} has ${found} nanoEUR reserved for orders of ${worst}`);
  }
  return broken;
}

/** Energy that a member took from others less what it gave, over some trades. */
function takenWh(trades: readonly Trade[], member: number): bigint {
  return sumOf(
    trades.map((trade) => {
      const energyWh = BigInt(trade.energyWh);
      return (trade.buyer === member ? energyWh : 0n) - (trade.seller === member ? energyWh : 0n);
    }),
  );
}

function brokenTrades({ trades }: Receipts): string[] {
  return trades.flatMap((trade) => {
    const name = `trade ${trade.step}/${trade.sequence}`;
    const broken: string[] = [];
    if (trade.energyWh <= 0) broken.push(`${name} moves ${trade.energyWh} Wh`);
    if (trade.seller === trade.buyer) broken.push(`${name} is with oneself`);
    const sellsGrid = trade.seller === AGGREGATOR;
    const buysGrid = trade.buyer === AGGREGATOR;
    if (sellsGrid !== (trade.kind === GRID_BUY) || buysGrid !== (trade.kind === GRID_SELL)) {
      broken.push(`${name} of kind ${trade.kind} is between ${trade.seller} and ${trade.buyer}`);
    }
    return broken;
  });
}

function brokenLine(receipts: Receipts, line: SettlementLine): string[] {
  const grid = receipts.trades.filter((trade) => trade.step === line.step && trade.kind !== AUCTION);
  const metered = BigInt(line.importWh) - BigInt(line.exportWh) - BigInt(line.correctedWh);
  const agreed = BigInt(line.boughtWh) - BigInt(line.soldWh);
  const traded = takenWh(grid, line.member);
  if (metered - agreed === traded) return [];
  return [
    `step ${line.step}, member ${line.member}: ${metered} Wh metered, ${agreed} agreed, ${traded} with the grid`,
  ];
}

/** Per member, what the block's lines took in is what its registers and substitutions moved by. */
function brokenRegisters({ state, parent, receipts }: ReferenceResult): string[] {
  return [...state.members.keys()].flatMap((member) => {
    const settledWh = (at: ReferenceState) => {
      const account = at.accounts[member]!;
      return account.importRegisterWh - account.exportRegisterWh + account.substitutedWh;
    };
    const moved = settledWh(state) - settledWh(parent);
    const lines = receipts.settlements.filter((line) => line.member === member);
    const settled = sumOf(
      lines.map((line) => BigInt(line.importWh) - BigInt(line.exportWh) - BigInt(line.correctedWh)),
    );
    return moved === settled
      ? []
      : [`member ${member}: the registers moved by ${moved} Wh, ${settled} were settled`];
  });
}

function brokenEnergy(result: ReferenceResult): string[] {
  const { receipts } = result;
  const broken = [
    ...brokenTrades(receipts),
    ...receipts.settlements.flatMap((line) => brokenLine(receipts, line)),
    ...brokenRegisters(result),
  ];
  for (const clearing of receipts.clearings) {
    const fills = receipts.trades.filter((trade) => trade.step === clearing.step && trade.kind === AUCTION);
    const filledWh = sumOf(fills.map((trade) => BigInt(trade.energyWh)));
    if (filledWh !== BigInt(clearing.tradedWh)) {
      broken.push(`step ${clearing.step}: ${filledWh} Wh filled, ${clearing.tradedWh} Wh said to be traded`);
    }
  }
  for (const step of new Set(receipts.settlements.map((line) => line.step))) {
    const lines = receipts.settlements.filter((line) => line.step === step);
    const boughtWh = sumOf(lines.map((line) => BigInt(line.boughtWh)));
    const soldWh = sumOf(lines.map((line) => BigInt(line.soldWh)));
    if (boughtWh !== soldWh) broken.push(`step ${step}: ${boughtWh} Wh bought, ${soldWh} Wh sold`);
  }
  return broken;
}

/** Lists longer than their type have no root that others agree on; the library hashes them without a word. */
export function brokenBounds(receipts: Receipts): string[] {
  const bounds = {
    trades: MAX_STEP_ENTRIES,
    clearings: 8,
    settlements: MAX_STEP_ENTRIES,
    predictions: MAX_STEP_ENTRIES,
    actions: 1024,
    emptyRanges: 8,
  };
  const names = ['trades', 'clearings', 'settlements', 'predictions', 'actions', 'emptyRanges'] as const;
  return names.flatMap((name) => {
    const { length } = receipts[name];
    return length > bounds[name] ? [`${length} ${name} in a list of at most ${bounds[name]}`] : [];
  });
}

/**
 * The identities of money and energy, and the bounds of lists, that a block's result breaks, in words; none for a sound one. That balances
 * follow from receipts is checked against the parent, so over a chain it holds from the genesis on.
 */
export function referenceInvariants(genesis: Genesis, result: ReferenceResult): string[] {
  return [...brokenMoney(genesis, result), ...brokenEnergy(result), ...brokenBounds(result.receipts)];
}
