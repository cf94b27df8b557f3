import { describe, expect, it } from 'vitest';
import { createBook } from './book.ts';
import { MAX_BOOK_ROWS } from './curves.ts';
import { ASK, BID } from './interface.ts';
import { clearKda } from './kda.ts';
import type { RowTuple } from './test-rows.ts';
import { clearRows, rowsOf } from './test-rows.ts';

const MAX_WH = 2 ** 32 - 1;

describe('kda in one zone', () => {
  it('prices between accepted limits where rejected ones lie outside', () => {
    const result = clearRows(
      [
        [0, BID, 10, 200],
        [0, BID, 10, 100],
        [0, ASK, 10, 120],
        [0, ASK, 10, 300],
      ],
      [5],
    );
    expect(result).toEqual({
      fills: [10, 0, 10, 0],
      zonePriceMicroEurPerKwh: [160],
      hubPriceMicroEurPerKwh: null,
      zoneNetImportWh: [0],
      tradedWh: 10,
    });
  });

  it('takes rejected orders into the price interval', () => {
    const rows: RowTuple[] = [
      [0, BID, 10, 200],
      [0, BID, 10, 150],
      [0, ASK, 10, 120],
      [0, ASK, 10, 171],
    ];
    expect(clearRows(rows, [0]).zonePriceMicroEurPerKwh).toEqual([160]);
  });

  it('prices at the rationed order', () => {
    const result = clearRows(
      [
        [0, BID, 10, 200],
        [0, ASK, 4, 100],
        [0, ASK, 20, 120],
      ],
      [0],
    );
    expect(result.fills).toEqual([10, 4, 6]);
    expect(result.zonePriceMicroEurPerKwh).toEqual([120]);
  });

  it('trades where bid equals ask, not one microEUR apart', () => {
    expect(
      clearRows(
        [
          [0, BID, 7, 100],
          [0, ASK, 9, 100],
        ],
        [0],
      ),
    ).toMatchObject({
      fills: [7, 7],
      zonePriceMicroEurPerKwh: [100],
    });
    expect(
      clearRows(
        [
          [0, BID, 7, 99],
          [0, ASK, 9, 100],
        ],
        [0],
      ),
    ).toMatchObject({
      fills: [0, 0],
      zonePriceMicroEurPerKwh: [null],
    });
  });

  it('floors prices toward minus infinity', () => {
    expect(
      clearRows(
        [
          [0, BID, 1, -2],
          [0, ASK, 1, -5],
        ],
        [0],
      ).zonePriceMicroEurPerKwh,
    ).toEqual([-4]);
    expect(
      clearRows(
        [
          [0, BID, 1, 2],
          [0, ASK, 1, -5],
        ],
        [0],
      ).zonePriceMicroEurPerKwh,
    ).toEqual([-2]);
    expect(
      clearRows(
        [
          [0, BID, 1, 5],
          [0, ASK, 1, 2],
        ],
        [0],
      ).zonePriceMicroEurPerKwh,
    ).toEqual([3]);
  });

  it('accepts the extreme limits', () => {
    const result = clearRows(
      [
        [0, BID, MAX_WH, 2 ** 31 - 1],
        [0, ASK, MAX_WH, -(2 ** 31)],
      ],
      [2 ** 31 - 1],
    );
    expect(result).toMatchObject({
      fills: [MAX_WH, MAX_WH],
      zonePriceMicroEurPerKwh: [-1],
      tradedWh: MAX_WH,
    });
  });

  it('rations a plateau pro rata, largest remainder first, ties by rank', () => {
    // 10 Wh over 7 + 7 + 6: shares 3.5, 3.5, 3.0, so the first rank gets the odd Wh.
    const asks: RowTuple[] = [
      [0, ASK, 7, 100],
      [0, ASK, 7, 100],
      [0, ASK, 6, 100],
    ];
    expect(clearRows([...asks, [0, BID, 10, 100]], [0]).fills).toEqual([4, 3, 3, 10]);
    // 10 Wh over 5 + 8 + 7: shares 2.5, 4.0, 3.5.
    const bids: RowTuple[] = [
      [0, BID, 5, 100],
      [0, BID, 8, 100],
      [0, BID, 7, 100],
    ];
    expect(clearRows([...bids, [0, ASK, 10, 90]], [0]).fills).toEqual([3, 4, 3, 10]);
    const swapped = rowsOf([...bids, [0, ASK, 10, 90]]);
    swapped[0]!.rank = 2;
    swapped[2]!.rank = 0;
    expect(Array.from(clearKda(createBook(swapped), { feeMicroEurPerKwh: [0] }).filledWh)).toEqual([
      2, 4, 4, 10,
    ]);
  });

  it('prefers the larger remainder to the lower rank', () => {
    // 5 Wh over 1 + 2 + 5: shares 0.625, 1.25, 3.125.
    const rows: RowTuple[] = [
      [0, ASK, 5, 100],
      [0, ASK, 2, 100],
      [0, ASK, 1, 100],
      [0, BID, 5, 100],
    ];
    expect(clearRows(rows, [0]).fills).toEqual([3, 1, 1, 5]);
  });
});

describe('kda without trade', () => {
  const nothing = (orders: number, zones: number) => ({
    fills: new Array(orders).fill(0),
    zonePriceMicroEurPerKwh: new Array(zones).fill(null),
    hubPriceMicroEurPerKwh: null,
    zoneNetImportWh: new Array(zones).fill(0),
    tradedWh: 0,
  });

  it('leaves empty and one-sided books alone', () => {
    expect(clearRows([], [])).toEqual(nothing(0, 0));
    expect(clearRows([], [1, 2])).toEqual(nothing(0, 2));
    expect(
      clearRows(
        [
          [0, BID, 5, 9],
          [1, BID, 5, 9],
        ],
        [1, 2],
      ),
    ).toEqual(nothing(2, 2));
    expect(
      clearRows(
        [
          [0, ASK, 5, 9],
          [1, ASK, 5, -9],
        ],
        [1, 2],
      ),
    ).toEqual(nothing(2, 2));
  });

  it('fills rows without energy with nothing, whatever their limit', () => {
    expect(
      clearRows(
        [
          [0, BID, 0, 999],
          [0, ASK, 5, 9],
        ],
        [1],
      ),
    ).toEqual(nothing(2, 1));
    const result = clearRows(
      [
        [0, BID, 0, 999],
        [0, ASK, 0, 50],
        [0, BID, 4, 100],
        [0, ASK, 4, 40],
      ],
      [1],
    );
    expect(result).toMatchObject({ fills: [0, 0, 4, 4], zonePriceMicroEurPerKwh: [70] });
  });

  it('ignores array positions past the count', () => {
    const book = createBook(
      rowsOf([
        [0, BID, 5, 9],
        [0, ASK, 5, 1],
      ]),
    );
    const result = clearKda({ ...book, count: 1 }, { feeMicroEurPerKwh: [0] });
    expect(result.tradedWh).toBe(0);
    expect(result.filledWh).toHaveLength(1);
  });
});

describe('kda at the bounds', () => {
  it('is exact for products far above 2^53', () => {
    // 3 asks of the greatest energy for 2 bids of it: every ask gets two thirds, 2 863 311 530 exactly.
    const rows: RowTuple[] = [
      [0, ASK, MAX_WH, 10],
      [0, ASK, MAX_WH, 10],
      [0, ASK, MAX_WH, 10],
      [0, BID, MAX_WH, 20],
      [0, BID, MAX_WH, 20],
    ];
    expect(clearRows(rows, [0]).fills).toEqual([2863311530, 2863311530, 2863311530, MAX_WH, MAX_WH]);
    const odd = clearRows([...rows, [0, BID, 1, 20]], [0]);
    expect(odd.fills).toEqual([2863311531, 2863311530, 2863311530, MAX_WH, MAX_WH, 1]);
  });

  /** Rows of the greatest energy at one limit: the first half in zone 0, the rest in zone 1. */
  const plateau = (count: number) => ({
    count,
    zone: new Uint8Array(count).fill(1, count / 2),
    side: new Uint8Array(count),
    energyWh: new Uint32Array(count).fill(MAX_WH),
    limitMicroEurPerKwh: new Int32Array(count).fill(5),
    rank: Uint32Array.from({ length: count }, (_, i) => i),
  });

  it('sums the greatest book exactly', () => {
    const half = MAX_BOOK_ROWS / 2;
    const book = plateau(MAX_BOOK_ROWS);
    book.side.fill(ASK, half);
    expect(clearKda(book, { feeMicroEurPerKwh: [0, 0] })).toMatchObject({
      tradedWh: half * MAX_WH,
      zoneNetImportWh: [half * MAX_WH, -half * MAX_WH],
      zonePriceMicroEurPerKwh: [5, 5],
    });
  });

  it('hands out the last Wh of a large plateau by rank', () => {
    const rows = 2 ** 14 + 2;
    const book = plateau(rows);
    book.side.fill(ASK, rows - 2);
    const result = clearKda(book, { feeMicroEurPerKwh: [0, 0] });
    expect(result.tradedWh).toBe(2 * MAX_WH);
    expect(result.filledWh[rows - 1]).toBe(MAX_WH);
    // 2 (2^32 - 1) Wh over 2^14 equal bids: 2^19 each would be 2 Wh too many.
    expect(Array.from(result.filledWh.subarray(2 ** 14 - 3, 2 ** 14))).toEqual([
      2 ** 19,
      2 ** 19 - 1,
      2 ** 19 - 1,
    ]);
  });

  it('refuses what it cannot clear exactly', () => {
    const big = createBook([]);
    expect(() => clearKda({ ...big, count: MAX_BOOK_ROWS + 1 }, { feeMicroEurPerKwh: [0] })).toThrow('2^21');
    expect(() => clearRows([[1, BID, 1, 1]], [0])).toThrow('zone');
    expect(() => clearRows([[0, 2, 1, 1]], [0])).toThrow('side');
    expect(() => clearRows([], [-1])).toThrow('fee');
    expect(() => clearRows([], [0.5])).toThrow('fee');
    expect(() => clearRows([], [2 ** 31])).toThrow('fee');
    expect(clearRows([], [2 ** 31 - 1]).tradedWh).toBe(0);
  });
});
