/**
 * An order book as a struct of arrays: position i of every array is one order; rows from `count` on are ignored.
 *
 * A book holds at most 2^21 rows (`MAX_BOOK_ROWS`), so that every sum of energies stays below 2^53.
 */
export interface Book {
  count: number;
  /** Index into the tariff's zones. */
  zone: Uint8Array;
  /** 0 bid, 1 ask. */
  side: Uint8Array;
  energyWh: Uint32Array;
  limitMicroEurPerKwh: Int32Array;
  /** Ascending rank that breaks ties of remainders verifiably; distinct within a book. */
  rank: Uint32Array;
}

/** The `side` of a bid. */
export const BID = 0;
/** The `side` of an ask. */
export const ASK = 1;

/** A tree tariff: every zone is joined to one hub by a leg. Trade inside a zone is free of fee. */
export interface ZoneTariff {
  /** Per zone: fee of the leg zone <-> hub, an integer in 0..2^31-1; a trade across zones pays both legs. */
  feeMicroEurPerKwh: number[];
}

/** The outcome of a call auction. Buyers pay and sellers get the price of their own zone. */
export interface Clearing {
  /** Per order of the book. */
  filledWh: Uint32Array;
  /** Per zone; null where nothing traded in that zone. */
  zonePriceMicroEurPerKwh: (number | null)[];
  /** Null where no energy crossed zones. */
  hubPriceMicroEurPerKwh: number | null;
  /** Per zone: bought less sold; sums to exactly 0. */
  zoneNetImportWh: number[];
  /** Energy bought, which is the energy sold. */
  tradedWh: number;
}

/** A pure clearing rule: the same book and tariff give the same clearing on every machine. */
export type ClearingRule = (book: Book, tariff: ZoneTariff) => Clearing;
