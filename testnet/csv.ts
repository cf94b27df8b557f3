/**
 * `prosumer_stats.csv` and `blockchain_stats.csv` with the columns of the Prosumers project, then ours with their units.
 * Everything comes from the chain: what a household keeps private (production, load, battery level) stays empty.
 */
import { localTimeAt } from '../node/feeds/local-time.ts';
import { NEIGHBOURHOODS } from '../node/protocol/presets/neighbourhoods.ts';
import type { ChainData, TradeReceipt } from './collect.ts';

export const PROSUMER_COLUMNS = [
  'hour',
  'id',
  'pv_capacity',
  'pv_generation',
  'load',
  'battery_capacity',
  'battery_level',
  'imbalance',
  'money_balance',
  'trading_price',
  'neighbourhood',
  'bonus',
  'penalty',
  'p2p_exchanges',
  'agg_exchanges',
  'market_price',
  'transactions',
  'step',
  'step_start_utc',
  'pv_capacity_wp',
  'battery_capacity_wh',
  'import_wh',
  'export_wh',
  'bought_from_members_wh',
  'sold_to_members_wh',
  'bought_from_aggregator_wh',
  'sold_to_aggregator_wh',
  'money_balance_nano_eur',
  'trading_price_micro_eur_per_kwh',
  'market_price_micro_eur_per_kwh',
  'bonus_bps',
  'penalty_bps',
  'reading_substituted',
] as const;

export const BLOCKCHAIN_COLUMNS = [
  'hour',
  'all_competitors',
  'all_powers',
  'winner_miner',
  'winner_power',
  'num_pending_transactions',
  'step',
  'step_start_utc',
  'settled_at_height',
  'block_hash',
  'block_time_utc',
  'leading_zeros_hex',
  'blocks_since_previous_step',
  'market_price_micro_eur_per_kwh',
  'traded_between_members_wh',
] as const;

/** The calendar of the steps. */
export interface StepCalendar {
  startMs: number;
  stepMs: number;
}

export interface MinerPower {
  member: string;
  /** Null: unknown. */
  hashPower: number | null;
}

const TIME_ZONE = 'Europe/Rome';
const KINDS = { P2P: 'P2P', AUCTION: 'AUCTION', GRID_BUY: 'GRID_buy', GRID_SELL: 'GRID_sell' } as const;

type Cell = string | number | null;

function cellText(cell: Cell): string {
  if (cell === null) return '';
  const text = String(cell);
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function table(columns: readonly string[], rows: readonly Record<string, Cell>[]): string {
  const lines = rows.map((row) => columns.map((column) => cellText(row[column] ?? null)).join(','));
  return `${[columns.join(','), ...lines].join('\n')}\n`;
}

const kilo = (value: number): number => value / 1000;
const eurPerKwh = (micro: number): number => micro / 1_000_000;
const hourOf = (utcMs: number): number => localTimeAt(utcMs, TIME_ZONE).hour;

/** EUR with all nine decimals that nanoEUR have. */
export function eurText(nanoEur: bigint): string {
  const digits = String(nanoEur < 0n ? -nanoEur : nanoEur).padStart(10, '0');
  return `${nanoEur < 0n ? '-' : ''}${digits.slice(0, -9)}.${digits.slice(-9)}`;
}

/** What a trade changes on a member's account, nanoEUR. */
export function balanceChange(trade: TradeReceipt, member: string): bigint {
  const value = BigInt(trade.energyWh) * BigInt(trade.priceMicroEurPerKwh);
  let change = 0n;
  if (trade.seller === member) change += value + BigInt(trade.sellerBonusNanoEur);
  if (trade.buyer === member) {
    change -= value + BigInt(trade.feeNanoEur) + BigInt(trade.penaltyNanoEur);
    change += BigInt(trade.buyerBonusNanoEur);
  }
  return change;
}

function transactionsCell(trades: readonly TradeReceipt[], hour: number): string {
  const list = trades.map((trade) => ({
    sender: trade.seller,
    receiver: trade.buyer,
    amount: kilo(trade.energyWh),
    price_per_kWh: eurPerKwh(trade.priceMicroEurPerKwh),
    type: KINDS[trade.kind],
    hour,
  }));
  return JSON.stringify(list);
}

function sumWh(
  trades: readonly TradeReceipt[],
  kinds: readonly string[],
  side: 'buyer' | 'seller',
  id: string,
): number {
  const matching = trades.filter((trade) => kinds.includes(trade.kind) && trade[side] === id);
  return matching.reduce((sum, trade) => sum + trade.energyWh, 0);
}

const BETWEEN_MEMBERS = ['P2P', 'AUCTION'];

function groupByStep<T extends { step: number }>(entries: readonly T[]): Map<number, T[]> {
  const groups = new Map<number, T[]>();
  for (const entry of entries) groups.set(entry.step, [...(groups.get(entry.step) ?? []), entry]);
  return groups;
}

/** One row per settled step and member, in the order of steps, then members. */
export function prosumerCsv(data: ChainData, calendar: StepCalendar): string {
  const trades = groupByStep(data.trades);
  const orders = groupByStep(data.orders);
  const clearings = new Map(data.clearings.map((clearing) => [clearing.step, clearing]));
  const members = new Map(data.prosumers.map((prosumer) => [prosumer.id, prosumer]));
  const balances = new Map<string, bigint>();
  const lines = [...data.settlements].sort((a, b) => a.step - b.step || (a.member < b.member ? -1 : 1));
  const rows = lines.map((line) => {
    const startMs = calendar.startMs + line.step * calendar.stepMs;
    const mine = (trades.get(line.step) ?? []).filter(
      (trade) => trade.seller === line.member || trade.buyer === line.member,
    );
    const before = balances.get(line.member) ?? 0n;
    const balance = mine.reduce((sum, trade) => sum + balanceChange(trade, line.member), before);
    balances.set(line.member, balance);
    const order = (orders.get(line.step) ?? []).find((entry) => entry.account === line.member);
    const limit = order?.limitMicroEurPerKwh ?? null;
    const wholesale = clearings.get(line.step)?.wholesaleMicroEurPerKwh ?? null;
    const prosumer = members.get(line.member);
    return {
      hour: hourOf(startMs),
      id: line.member,
      pv_capacity: prosumer === undefined ? null : kilo(prosumer.pvWp),
      battery_capacity: prosumer === undefined ? null : kilo(prosumer.batteryWh),
      imbalance: kilo(line.importWh - line.exportWh),
      money_balance: eurText(balance),
      trading_price: limit === null ? 0 : eurPerKwh(limit),
      neighbourhood: prosumer === undefined ? null : (NEIGHBOURHOODS[prosumer.neighbourhood]?.name ?? null),
      bonus: line.bonusBps / 10_000,
      penalty: line.penaltyBps / 10_000,
      p2p_exchanges: line.p2pSteps,
      agg_exchanges: line.gridSteps,
      market_price: wholesale === null ? null : eurPerKwh(wholesale),
      transactions: transactionsCell(mine, hourOf(startMs)),
      step: line.step,
      step_start_utc: new Date(startMs).toISOString(),
      pv_capacity_wp: prosumer?.pvWp ?? null,
      battery_capacity_wh: prosumer?.batteryWh ?? null,
      import_wh: line.importWh,
      export_wh: line.exportWh,
      bought_from_members_wh: sumWh(mine, BETWEEN_MEMBERS, 'buyer', line.member),
      sold_to_members_wh: sumWh(mine, BETWEEN_MEMBERS, 'seller', line.member),
      bought_from_aggregator_wh: sumWh(mine, ['GRID_BUY'], 'buyer', line.member),
      sold_to_aggregator_wh: sumWh(mine, ['GRID_SELL'], 'seller', line.member),
      money_balance_nano_eur: String(balance),
      trading_price_micro_eur_per_kwh: limit,
      market_price_micro_eur_per_kwh: wholesale,
      bonus_bps: line.bonusBps,
      penalty_bps: line.penaltyBps,
      reading_substituted: line.substituted ? 1 : 0,
    };
  });
  return table(PROSUMER_COLUMNS, rows);
}

/** One row per settled step: the block that settled it, and who competed for it. */
export function blockchainCsv(
  data: ChainData,
  calendar: StepCalendar,
  miners: readonly MinerPower[],
): string {
  const blocks = new Map(data.blocks.map((block) => [block.height, block]));
  const clearings = new Map(data.clearings.map((clearing) => [clearing.step, clearing]));
  const settledAt = new Map(data.settlements.map((line) => [line.step, line.height]));
  let previous = 0;
  const rows = [...settledAt]
    .sort(([a], [b]) => a - b)
    .map(([step, height]) => {
      const block = blocks.get(height)!;
      const startMs = calendar.startMs + step * calendar.stepMs;
      const between = data.blocks.filter((entry) => entry.height > previous && entry.height <= height);
      previous = height;
      return {
        hour: hourOf(startMs),
        all_competitors: JSON.stringify(miners.map((miner) => miner.member)),
        all_powers: JSON.stringify(miners.map((miner) => miner.hashPower)),
        winner_miner: block.author,
        winner_power: miners.find((miner) => miner.member === block.author)?.hashPower ?? null,
        num_pending_transactions: between.reduce((sum, entry) => sum + entry.transactions, 0),
        step,
        step_start_utc: new Date(startMs).toISOString(),
        settled_at_height: height,
        block_hash: block.hash,
        block_time_utc: new Date(block.timestampMs).toISOString(),
        leading_zeros_hex: block.leadingZeros,
        blocks_since_previous_step: between.length,
        market_price_micro_eur_per_kwh: clearings.get(step)?.wholesaleMicroEurPerKwh ?? null,
        traded_between_members_wh: data.trades
          .filter((trade) => trade.step === step && BETWEEN_MEMBERS.includes(trade.kind))
          .reduce((sum, trade) => sum + trade.energyWh, 0),
      };
    });
  return table(BLOCKCHAIN_COLUMNS, rows);
}
