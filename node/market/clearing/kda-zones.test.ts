import { describe, expect, it } from 'vitest';
import { ASK, BID } from './interface.ts';
import type { RowTuple } from './test-rows.ts';
import { clearRows } from './test-rows.ts';

describe('kda across zones', () => {
  // Zone 0 sells at 100, zone 1 buys at 200; the legs cost 30 and 40.
  const exchange = (fees: number[]) =>
    clearRows(
      [
        [0, ASK, 10, 100],
        [1, BID, 10, 200],
      ],
      fees,
    );

  it('splits the fees over the legs and centres the hub price', () => {
    expect(exchange([30, 40])).toEqual({
      fills: [10, 10],
      zonePriceMicroEurPerKwh: [115, 185],
      hubPriceMicroEurPerKwh: 145,
      zoneNetImportWh: [-10, 10],
      tradedWh: 10,
    });
  });

  it('trades across at fees equal to the spread, not above', () => {
    expect(exchange([60, 40])).toMatchObject({
      fills: [10, 10],
      zonePriceMicroEurPerKwh: [100, 200],
      hubPriceMicroEurPerKwh: 160,
    });
    expect(exchange([61, 40])).toMatchObject({ fills: [0, 0], hubPriceMicroEurPerKwh: null });
  });

  it('lets zones clear alone where the fee keeps them apart', () => {
    const rows: RowTuple[] = [
      [0, BID, 10, 120],
      [0, ASK, 20, 100],
      [1, BID, 20, 180],
      [1, ASK, 10, 160],
    ];
    expect(clearRows(rows, [50, 50])).toEqual({
      fills: [10, 10, 10, 10],
      zonePriceMicroEurPerKwh: [100, 180],
      hubPriceMicroEurPerKwh: null,
      zoneNetImportWh: [0, 0],
      tradedWh: 20,
    });
    // Cheaper legs: zone 0 keeps 10 and sends 10. Its bid caps P at 140, the ask of zone 1 holds it there.
    expect(clearRows(rows, [20, 20])).toEqual({
      fills: [10, 20, 20, 10],
      zonePriceMicroEurPerKwh: [120, 160],
      hubPriceMicroEurPerKwh: 140,
      zoneNetImportWh: [-10, 10],
      tradedWh: 30,
    });
  });

  it('keeps prices of lone zones within the fees between them', () => {
    // Own midpoints 20 and 2 lie 18 apart, the legs cost 10: no energy moves, prices do.
    const rows: RowTuple[] = [
      [0, BID, 10, 30],
      [0, ASK, 10, 10],
      [1, BID, 10, 4],
      [1, ASK, 10, 0],
    ];
    expect(clearRows(rows, [5, 5])).toMatchObject({
      zoneNetImportWh: [0, 0],
      hubPriceMicroEurPerKwh: null,
      zonePriceMicroEurPerKwh: [14, 4],
    });
    expect(clearRows(rows, [9, 9]).zonePriceMicroEurPerKwh).toEqual([20, 2]);
  });

  it('shares a margin pro rata over zones', () => {
    // Bids at the hub are worth 90 in both zones; 10 Wh for 20 + 10 + 10.
    const rows: RowTuple[] = [
      [0, ASK, 10, 50],
      [1, BID, 20, 100],
      [1, BID, 10, 100],
      [2, BID, 10, 95],
    ];
    expect(clearRows(rows, [0, 10, 5])).toEqual({
      fills: [10, 5, 3, 2],
      zonePriceMicroEurPerKwh: [90, 100, 95],
      hubPriceMicroEurPerKwh: 90,
      zoneNetImportWh: [-10, 8, 2],
      tradedWh: 10,
    });
  });

  it('never rations below what the own zone can serve', () => {
    // Equal shares of 12 Wh would be 6 and 6; the 10 Wh at home in zone 1 stay there, for exporting them would not pay.
    const rows: RowTuple[] = [
      [0, ASK, 2, 50],
      [1, ASK, 10, 50],
      [1, BID, 12, 100],
      [2, BID, 12, 100],
    ];
    expect(clearRows(rows, [0, 10, 10])).toEqual({
      fills: [2, 10, 10, 2],
      zonePriceMicroEurPerKwh: [90, 100, 100],
      hubPriceMicroEurPerKwh: 90,
      zoneNetImportWh: [-2, 0, 2],
      tradedWh: 12,
    });
  });

  it('reaches the greatest volume at the margin', () => {
    // Bid 100 in zone 1 equals ask 90 in zone 0 plus both legs; bids are full, asks rationed.
    const rows: RowTuple[] = [
      [0, ASK, 30, 90],
      [1, BID, 12, 100],
      [1, ASK, 6, 100],
    ];
    expect(clearRows(rows, [5, 5])).toMatchObject({
      fills: [10, 12, 2],
      zonePriceMicroEurPerKwh: [90, 100],
      hubPriceMicroEurPerKwh: 95,
      tradedWh: 12,
    });
  });

  it('is exact at negative prices', () => {
    expect(
      clearRows(
        [
          [0, ASK, 3, -100],
          [1, BID, 3, -49],
        ],
        [10, 10],
      ),
    ).toMatchObject({
      fills: [3, 3],
      hubPriceMicroEurPerKwh: -75,
      zonePriceMicroEurPerKwh: [-85, -65],
    });
  });

  it('fills identical orders evenly', () => {
    const rows = Array.from({ length: 40 }, (_, i): RowTuple => [i % 4, (i >> 2) % 2, 10, 77]);
    const result = clearRows(rows, [0, 0, 0, 0]);
    expect(result.fills).toEqual(rows.map(() => 10));
    expect(result.zonePriceMicroEurPerKwh).toEqual([77, 77, 77, 77]);
  });
});
