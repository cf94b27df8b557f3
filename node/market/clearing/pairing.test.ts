import { describe, expect, it } from 'vitest';
import { createBook } from './book.ts';
import { ASK, BID } from './interface.ts';
import { clearKda } from './kda.ts';
import { pairFills } from './pairing.ts';

describe('pairFills', () => {
  it('pairs at home by rank, then the rests across zones by rank', () => {
    const book = createBook([
      { zone: 0, side: BID, energyWh: 4, limitMicroEurPerKwh: 90, rank: 5 },
      { zone: 0, side: ASK, energyWh: 3, limitMicroEurPerKwh: 10, rank: 4 },
      { zone: 0, side: ASK, energyWh: 6, limitMicroEurPerKwh: 20, rank: 1 },
      { zone: 1, side: BID, energyWh: 2, limitMicroEurPerKwh: 80, rank: 3 },
      { zone: 1, side: BID, energyWh: 3, limitMicroEurPerKwh: 95, rank: 2 },
      { zone: 1, side: BID, energyWh: 3, limitMicroEurPerKwh: 1, rank: 0 },
    ]);
    const clearing = clearKda(book, { feeMicroEurPerKwh: [1, 1] });
    expect(Array.from(clearing.filledWh)).toEqual([4, 3, 6, 2, 3, 0]);
    expect(pairFills(book, clearing)).toEqual([
      { sellerIndex: 2, buyerIndex: 0, energyWh: 4 },
      { sellerIndex: 2, buyerIndex: 4, energyWh: 2 },
      { sellerIndex: 1, buyerIndex: 4, energyWh: 1 },
      { sellerIndex: 1, buyerIndex: 3, energyWh: 2 },
    ]);
  });

  it('gives nothing for nothing', () => {
    const empty = createBook([]);
    expect(pairFills(empty, clearKda(empty, { feeMicroEurPerKwh: [] }))).toEqual([]);
  });
});
