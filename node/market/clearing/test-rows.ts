/** Rows of hand-written books for the tests of this folder. */
import type { BookRow } from './book.ts';
import { createBook } from './book.ts';
import { clearKda } from './kda.ts';

/** A row as a tuple; energy in Wh, limit in microEUR/kWh. */
export type RowTuple = readonly [zone: number, side: number, energyWh: number, limit: number];

/** Rows ranked in their order. */
export function rowsOf(rows: readonly RowTuple[]): BookRow[] {
  return rows.map(([zone, side, energyWh, limitMicroEurPerKwh], rank) => ({
    zone,
    side,
    energyWh,
    limitMicroEurPerKwh,
    rank,
  }));
}

/** Clears rows ranked in their order; the outcome with plain fills. */
export function clearRows(rows: readonly RowTuple[], fees: number[]) {
  const { filledWh, ...rest } = clearKda(createBook(rowsOf(rows)), { feeMicroEurPerKwh: fees });
  return { fills: Array.from(filledWh), ...rest };
}
