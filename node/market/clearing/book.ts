import type { Book } from './interface.ts';

/** One row of a book. */
export interface BookRow {
  zone: number;
  side: number;
  energyWh: number;
  limitMicroEurPerKwh: number;
  rank: number;
}

/** Packs rows into a book, in their order. Values must fit the arrays' integer types: nothing is checked here. */
export function createBook(rows: readonly BookRow[]): Book {
  return {
    count: rows.length,
    zone: Uint8Array.from(rows, (row) => row.zone),
    side: Uint8Array.from(rows, (row) => row.side),
    energyWh: Uint32Array.from(rows, (row) => row.energyWh),
    limitMicroEurPerKwh: Int32Array.from(rows, (row) => row.limitMicroEurPerKwh),
    rank: Uint32Array.from(rows, (row) => row.rank),
  };
}
