import { describe, expect, it } from 'vitest';
import type { ChainData, TradeReceipt } from './collect.ts';
import {
  BLOCKCHAIN_COLUMNS,
  balanceChange,
  blockchainCsv,
  eurText,
  PROSUMER_COLUMNS,
  prosumerCsv,
} from './csv.ts';
import { summarise, summaryLines } from './summary.ts';

/** The header lines of the Prosumers project's files. */
const SEED_PROSUMER_COLUMNS =
  'hour,id,pv_capacity,pv_generation,load,battery_capacity,battery_level,imbalance,money_balance,trading_price,neighbourhood,bonus,penalty,p2p_exchanges,agg_exchanges,market_price,transactions';
const SEED_BLOCKCHAIN_COLUMNS =
  'hour,all_competitors,all_powers,winner_miner,winner_power,num_pending_transactions';

const trade = (change: Partial<TradeReceipt>): TradeReceipt => ({
  id: 'aa',
  step: 0,
  sequence: 0,
  kind: 'AUCTION',
  seller: 'p-0000',
  buyer: 'p-0001',
  energyWh: 1500,
  priceMicroEurPerKwh: 120_000,
  feeNanoEur: '1000',
  sellerBonusNanoEur: '20',
  buyerBonusNanoEur: '3',
  penaltyNanoEur: '0',
  marketTimeMs: 0,
  ...change,
});

const settlement = (
  member: string,
  importWh: number,
  exportWh: number,
): ChainData['settlements'][number] => ({
  step: 0,
  member,
  importWh,
  exportWh,
  boughtWh: 0,
  soldWh: 0,
  correctedWh: 0,
  substituted: false,
  p2pSteps: 1,
  gridSteps: 0,
  bonusBps: 10_200,
  penaltyBps: 10_000,
  height: 7,
});

const prosumer = (id: string): ChainData['prosumers'][number] => ({
  id,
  neighbourhood: 1,
  connectionW: 6000,
  pvWp: 3250,
  batteryWh: 10_000,
  miner: true,
  status: 'active',
  suspendedUntilStep: 0,
  balanceNanoEur: '0',
  reservedNanoEur: '0',
  creditLimitNanoEur: '0',
  p2pSteps: 0,
  gridSteps: 0,
  bonusBps: 10_000,
  penaltyBps: 10_000,
  importWh: 0,
  exportWh: 0,
});

const block = (height: number, author: string): ChainData['blocks'][number] => ({
  height,
  hash: `000${height}`,
  author,
  timestampMs: 1_760_000_000_000 + 2000 * height,
  marketClockMs: 0,
  transactions: height,
  leadingZeros: 3,
});

const DATA: ChainData = {
  url: '',
  blocks: [block(6, 'p-0002'), block(7, 'p-0000'), block(8, 'p-0000')],
  orders: [{ step: 0, account: 'p-0000', side: 'sell', energyWh: 1500, limitMicroEurPerKwh: 100_000 }],
  trades: [
    trade({}),
    trade({ kind: 'GRID_BUY', seller: 'aggregator', energyWh: 500, sequence: 1, feeNanoEur: '0' }),
  ],
  clearings: [
    {
      step: 0,
      wholesaleMicroEurPerKwh: 115_000,
      temperatureCentiC: 2400,
      wholesaleStale: false,
      temperatureStale: false,
      tradedWh: 1500,
      orders: 2,
      zonePrices: [{ zone: 0, priceMicroEurPerKwh: 120_000 }],
    },
  ],
  settlements: [settlement('p-0000', 0, 1500), settlement('p-0001', 2000, 0)],
  emptyRanges: [],
  prosumers: [prosumer('p-0000'), prosumer('p-0001')],
  complete: true,
};

/** 09:00 in Turin on 15 August 2025. */
const CALENDAR = { startMs: Date.UTC(2025, 7, 15, 7), stepMs: 3_600_000 };

/** A minimal reader of CSV with quoted cells. */
function parseCsv(text: string): Record<string, string>[] {
  const lines = text.trimEnd().split('\n');
  const cells = (line: string) =>
    [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
      (m) => m[1]?.replaceAll('""', '"') ?? m[2] ?? '',
    );
  const names = cells(lines[0]!);
  return lines.slice(1).map((line) => Object.fromEntries(cells(line).map((cell, i) => [names[i]!, cell])));
}

describe('the CSV files', () => {
  it("begin with the seed's columns and name the units of ours", () => {
    expect(prosumerCsv(DATA, CALENDAR).split('\n')[0]!.startsWith(`${SEED_PROSUMER_COLUMNS},`)).toBe(true);
    expect(blockchainCsv(DATA, CALENDAR, []).split('\n')[0]!.startsWith(`${SEED_BLOCKCHAIN_COLUMNS},`)).toBe(
      true,
    );
    for (const column of [
      'import_wh',
      'money_balance_nano_eur',
      'trading_price_micro_eur_per_kwh',
    ] as const) {
      expect(PROSUMER_COLUMNS).toContain(column);
    }
    expect(BLOCKCHAIN_COLUMNS).toContain('traded_between_members_wh');
  });

  it('hold one row per member and step with its energy and money', () => {
    const [seller, buyer] = parseCsv(prosumerCsv(DATA, CALENDAR));
    expect(seller).toMatchObject({
      hour: '9',
      id: 'p-0000',
      pv_capacity: '3.25',
      pv_generation: '',
      battery_capacity: '10',
      imbalance: '-1.5',
      money_balance: '0.180000020',
      trading_price: '0.1',
      neighbourhood: 'San_Salvario',
      bonus: '1.02',
      penalty: '1',
      p2p_exchanges: '1',
      agg_exchanges: '0',
      market_price: '0.115',
      step: '0',
      step_start_utc: '2025-08-15T07:00:00.000Z',
      export_wh: '1500',
      sold_to_members_wh: '1500',
      bought_from_aggregator_wh: '0',
    });
    expect(buyer).toMatchObject({
      id: 'p-0001',
      trading_price: '0',
      bought_from_members_wh: '1500',
      bought_from_aggregator_wh: '500',
    });
    expect(JSON.parse(buyer!.transactions!)).toEqual([
      { sender: 'p-0000', receiver: 'p-0001', amount: 1.5, price_per_kWh: 0.12, type: 'AUCTION', hour: 9 },
      {
        sender: 'aggregator',
        receiver: 'p-0001',
        amount: 0.5,
        price_per_kWh: 0.12,
        type: 'GRID_buy',
        hour: 9,
      },
    ]);
  });

  it('hold one row per step with the block that settled it', () => {
    const miners = [
      { member: 'p-0000', hashPower: 0.4 },
      { member: 'p-0002', hashPower: 1 },
    ];
    const [row] = parseCsv(blockchainCsv(DATA, CALENDAR, miners));
    expect(row).toMatchObject({
      hour: '9',
      all_competitors: '["p-0000","p-0002"]',
      all_powers: '[0.4,1]',
      winner_miner: 'p-0000',
      winner_power: '0.4',
      num_pending_transactions: '13',
      settled_at_height: '7',
      blocks_since_previous_step: '2',
      traded_between_members_wh: '1500',
    });
  });

  it('count money as the ledger does: what one side pays the others receive', () => {
    const one = trade({ penaltyNanoEur: '7' });
    expect(balanceChange(one, 'p-0000')).toBe(180_000_000n + 20n);
    expect(balanceChange(one, 'p-0001')).toBe(-180_000_000n - 1000n - 7n + 3n);
    expect(balanceChange(one, 'p-0002')).toBe(0n);
    expect([0n, -1n, 1_234_567_890n].map(eurText)).toEqual(['0.000000000', '-0.000000001', '1.234567890']);
  });
});

describe('the summary', () => {
  const verdict = { nodes: [], checks: [{ name: 'a', ok: true, detail: '' }] };
  const given = { preset: 'demo', seed: '1', steps: 1, data: DATA, blocksMined: 4, blocksStale: 1 };

  it('adds up trades, energy and money by tier, blocks by miner, and the stale rate', () => {
    const summary = summarise({ ...given, verdict });
    expect(summary).toMatchObject({
      ok: true,
      tiers: {
        AUCTION: { trades: 1, energyWh: 1500, valueNanoEur: '180000000', feesNanoEur: '1000' },
        GRID_BUY: { trades: 1, energyWh: 500, valueNanoEur: '60000000', feesNanoEur: '0' },
        P2P: { trades: 0, energyWh: 0, valueNanoEur: '0', feesNanoEur: '0' },
      },
      blocks: 3,
      blocksPerMiner: { 'p-0000': 2, 'p-0002': 1 },
      staleRate: 0.25,
      meanBlockMs: 2000,
    });
    const text = summaryLines(summary).join('\n');
    expect(text).toContain('0.1800 EUR');
    expect(text).toContain('stale rate 25.0 % (1 of 4 mined)');
  });

  it('is not ok when one check failed', () => {
    const checks = [...verdict.checks, { name: 'b', ok: false, detail: '' }];
    expect(summarise({ ...given, verdict: { nodes: [], checks } }).ok).toBe(false);
  });
});
