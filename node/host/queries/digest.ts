/** What a block's receipts add to the totals of steps: small enough to keep for every block. */
import { type ClearingReceipt, type Receipts, TRADE_KINDS, type Trade } from '../../protocol/receipts.ts';
import { valueNanoEur } from '../../protocol/units.ts';
import { getOrInsert } from '../../util/maps.ts';

/** Sums over one step; those of several blocks or steps add up. */
export interface Totals {
  trades: number;
  p2pWh: number;
  auctionWh: number;
  gridBuyWh: number;
  gridSellWh: number;
  /** Settled by meter or substitution. */
  importWh: number;
  exportWh: number;
  /** Energy between members as the settlement lines say it. */
  lineBoughtWh: number;
  lineSoldWh: number;
  /** Sum of |import - export - corrected - (bought - sold) - (grid bought - grid sold)| over settlement lines. */
  lineResidualWh: number;
  /** What buying members got and paid: price, fee and penalty, less their bonus. */
  purchasedWh: number;
  paidNanoEur: bigint;
  feesNanoEur: bigint;
  bonusesNanoEur: bigint;
  penaltiesNanoEur: bigint;
}

export interface StepDigest extends Totals {
  settled: boolean;
  clearing: ClearingReceipt | null;
}

export interface BlockDigest {
  tradeCount: number;
  tradedWh: number;
  steps: ReadonlyMap<number, StepDigest>;
  emptyRanges: readonly { first: number; end: number }[];
}

export function zeroTotals(): Totals {
  return {
    trades: 0,
    p2pWh: 0,
    auctionWh: 0,
    gridBuyWh: 0,
    gridSellWh: 0,
    importWh: 0,
    exportWh: 0,
    lineBoughtWh: 0,
    lineSoldWh: 0,
    lineResidualWh: 0,
    purchasedWh: 0,
    paidNanoEur: 0n,
    feesNanoEur: 0n,
    bonusesNanoEur: 0n,
    penaltiesNanoEur: 0n,
  };
}

const FIELDS = Object.keys(zeroTotals()) as (keyof Totals)[];

export function addTotals(sum: Totals, part: Totals): void {
  const target = sum as unknown as Record<string, number | bigint>;
  for (const field of FIELDS) {
    const value = part[field];
    target[field] =
      typeof value === 'bigint' ? (target[field] as bigint) + value : (target[field] as number) + value;
  }
}

/** Energy without a trade, in Wh: 0 in a sound ledger. Covers steps of which all blocks are summed. */
export function residualWh(totals: Totals): number {
  const betweenMembersWh = totals.p2pWh + totals.auctionWh;
  return (
    totals.lineResidualWh +
    Math.abs(totals.lineBoughtWh - betweenMembersWh) +
    Math.abs(totals.lineSoldWh - betweenMembersWh)
  );
}

const NOTHING: BlockDigest = { tradeCount: 0, tradedWh: 0, steps: new Map(), emptyRanges: [] };
const TIER_FIELDS = ['p2pWh', 'auctionWh', 'gridBuyWh', 'gridSellWh'] as const;

export function digestOf(receipts: Receipts): BlockDigest {
  const { trades, clearings, settlements, emptyRanges } = receipts;
  if (trades.length + clearings.length + settlements.length + emptyRanges.length === 0) return NOTHING;
  const steps = new Map<number, StepDigest>();
  const at = (step: number): StepDigest =>
    getOrInsert(steps, step, () => ({ ...zeroTotals(), settled: false, clearing: null }));
  for (const trade of trades) addTrade(at(trade.step), trade);
  for (const clearing of clearings) at(clearing.step).clearing = clearing;
  addSettlements(receipts, at);
  return {
    tradeCount: trades.length,
    tradedWh: trades.reduce((sum, trade) => sum + trade.energyWh, 0),
    steps,
    emptyRanges,
  };
}

function addTrade(totals: StepDigest, trade: Trade): void {
  const { energyWh, feeNanoEur, buyerBonusNanoEur, sellerBonusNanoEur, penaltyNanoEur } = trade;
  totals.trades++;
  totals[TIER_FIELDS[trade.kind]!] += energyWh;
  totals.feesNanoEur += feeNanoEur;
  totals.bonusesNanoEur += buyerBonusNanoEur + sellerBonusNanoEur;
  totals.penaltiesNanoEur += penaltyNanoEur;
  if (TRADE_KINDS[trade.kind] === 'GRID_SELL') return;
  totals.purchasedWh += energyWh;
  totals.paidNanoEur +=
    valueNanoEur(energyWh, trade.priceMicroEurPerKwh) + feeNanoEur + penaltyNanoEur - buyerBonusNanoEur;
}

function addSettlements(receipts: Receipts, at: (step: number) => StepDigest): void {
  const gridWh = new Map<string, number>();
  for (const { step, kind, seller, buyer, energyWh } of receipts.trades) {
    const isPurchase = TRADE_KINDS[kind] === 'GRID_BUY';
    if (!isPurchase && TRADE_KINDS[kind] !== 'GRID_SELL') continue;
    const key = `${step}/${isPurchase ? buyer : seller}`;
    gridWh.set(key, (gridWh.get(key) ?? 0) + (isPurchase ? energyWh : -energyWh));
  }
  for (const line of receipts.settlements) {
    const totals = at(line.step);
    const { importWh, exportWh, correctedWh, boughtWh, soldWh } = line;
    const netGridWh = gridWh.get(`${line.step}/${line.member}`) ?? 0;
    totals.settled = true;
    totals.importWh += importWh;
    totals.exportWh += exportWh;
    totals.lineBoughtWh += boughtWh;
    totals.lineSoldWh += soldWh;
    totals.lineResidualWh += Math.abs(importWh - exportWh - correctedWh - (boughtWh - soldWh) - netGridWh);
  }
}

/** Whether a block settled the step, or closed it within an outage. */
export function closes(digest: BlockDigest, step: number): boolean {
  if (digest.steps.get(step)?.settled === true) return true;
  return digest.emptyRanges.some(({ first, end }) => first <= step && step < end);
}
