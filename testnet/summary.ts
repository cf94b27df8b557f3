/** What a run of a testnet amounted to, as a document and as text. */
import { TRADE_KINDS, type TradeKind } from '../node/protocol/receipts.ts';
import type { BlockSeen, ChainData } from './collect.ts';
import { eurText } from './csv.ts';
import type { Check, NodeVerdict, Verdict } from './verify.ts';

export interface TierSummary {
  trades: number;
  energyWh: number;
  /** Energy times price, decimal. */
  valueNanoEur: string;
  feesNanoEur: string;
}

export interface StepSummary {
  step: number;
  wholesaleMicroEurPerKwh: number | null;
  /** Zone prices of the auction. */
  pricesMicroEurPerKwh: number[];
  orders: number;
  tradedBetweenMembersWh: number;
}

export interface Summary {
  ok: boolean;
  preset: string;
  seed: string;
  steps: number;
  checks: Check[];
  nodes: Omit<NodeVerdict, 'problem'>[];
  tiers: Record<TradeKind, TierSummary>;
  priceByStep: StepSummary[];
  blocks: number;
  blocksPerMiner: Record<string, number>;
  blocksMined: number;
  blocksStale: number;
  /** Stale blocks over all blocks mined, as the miners count them. */
  staleRate: number;
  /** Mean time between the blocks counted; null for fewer than two. */
  meanBlockMs: number | null;
}

function tiersOf(trades: ChainData['trades']): Record<TradeKind, TierSummary> {
  const tier = (kind: TradeKind): TierSummary => {
    const mine = trades.filter((trade) => trade.kind === kind);
    const value = mine.reduce(
      (sum, trade) => sum + BigInt(trade.energyWh) * BigInt(trade.priceMicroEurPerKwh),
      0n,
    );
    return {
      trades: mine.length,
      energyWh: mine.reduce((sum, trade) => sum + trade.energyWh, 0),
      valueNanoEur: String(value),
      feesNanoEur: String(mine.reduce((sum, trade) => sum + BigInt(trade.feeNanoEur), 0n)),
    };
  };
  return Object.fromEntries(TRADE_KINDS.map((kind) => [kind, tier(kind)])) as Record<TradeKind, TierSummary>;
}

function stepsOf(data: ChainData): StepSummary[] {
  const rows = data.clearings.map((clearing) => ({
    step: clearing.step,
    wholesaleMicroEurPerKwh: clearing.wholesaleMicroEurPerKwh,
    pricesMicroEurPerKwh: clearing.zonePrices.map((zone) => zone.priceMicroEurPerKwh),
    orders: clearing.orders,
    tradedBetweenMembersWh: clearing.tradedWh,
  }));
  return rows.sort((a, b) => a.step - b.step);
}

function blocksPerAuthor(blocks: readonly BlockSeen[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const { author } of blocks) counts.set(author, (counts.get(author) ?? 0) + 1);
  return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
}

export interface SummaryInput {
  preset: string;
  seed: string;
  steps: number;
  verdict: Verdict;
  data: ChainData;
  blocksMined: number;
  blocksStale: number;
}

export function summarise(input: SummaryInput): Summary {
  const { verdict, data, blocksMined, blocksStale } = input;
  const [first] = data.blocks;
  const last = data.blocks.at(-1);
  const spans = data.blocks.length - 1;
  return {
    ok: verdict.checks.every((check) => check.ok),
    preset: input.preset,
    seed: input.seed,
    steps: input.steps,
    checks: verdict.checks,
    nodes: verdict.nodes.map(({ problem: _, ...node }) => node),
    tiers: tiersOf(data.trades),
    priceByStep: stepsOf(data),
    blocks: data.blocks.length,
    blocksPerMiner: blocksPerAuthor(data.blocks),
    blocksMined,
    blocksStale,
    staleRate: blocksMined === 0 ? 0 : blocksStale / blocksMined,
    meanBlockMs:
      first && last && spans > 0 ? Math.round((last.timestampMs - first.timestampMs) / spans) : null,
  };
}

const kwh = (wh: number): string => (wh / 1000).toFixed(3);
const eurPerKwh = (micro: number): string => (micro / 1_000_000).toFixed(4);
const TIER_NAMES: Record<TradeKind, string> = {
  P2P: 'contracts between members',
  AUCTION: 'local market',
  GRID_BUY: 'bought from the aggregator',
  GRID_SELL: 'sold to the aggregator',
};

function priceText(step: StepSummary): string {
  const prices = step.pricesMicroEurPerKwh;
  if (step.tradedBetweenMembersWh === 0 || prices.length === 0) return 'no trade';
  const [low, high] = [Math.min(...prices), Math.max(...prices)];
  return low === high ? eurPerKwh(low) : `${eurPerKwh(low)}-${eurPerKwh(high)}`;
}

/** Lines for people. */
export function summaryLines(summary: Summary): string[] {
  const tiers = TRADE_KINDS.map((kind) => {
    const { trades, energyWh, valueNanoEur } = summary.tiers[kind];
    const eur = eurText(BigInt(valueNanoEur)).slice(0, -5);
    return `  ${TIER_NAMES[kind].padEnd(28)}${String(trades).padStart(6)} trades ${kwh(energyWh).padStart(11)} kWh ${eur.padStart(11)} EUR`;
  });
  const steps = summary.priceByStep.map((step) => {
    const wholesale = step.wholesaleMicroEurPerKwh === null ? '-' : eurPerKwh(step.wholesaleMicroEurPerKwh);
    return `  step ${String(step.step).padStart(3)}  wholesale ${wholesale.padStart(8)}  local ${priceText(step).padStart(15)} EUR/kWh  ${kwh(step.tradedBetweenMembersWh).padStart(8)} kWh between members`;
  });
  const miners = Object.entries(summary.blocksPerMiner).map(([member, blocks]) => `${member} ${blocks}`);
  const spacing =
    summary.meanBlockMs === null ? '' : `, one every ${(summary.meanBlockMs / 1000).toFixed(2)} s`;
  return [
    'Energy and money by tier',
    ...tiers,
    'Price per step',
    ...steps,
    `Blocks: ${summary.blocks}${spacing}; stale rate ${(100 * summary.staleRate).toFixed(1)} % (${summary.blocksStale} of ${summary.blocksMined} mined)`,
    `  ${miners.join('  ')}`,
  ];
}
