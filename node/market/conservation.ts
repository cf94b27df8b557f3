/** Exact conservation of energy in receipts that fit their lists, checked at every block in production. */
import { AGGREGATOR } from '../protocol/accounts.ts';
import { type Receipts, TRADE_KINDS } from '../protocol/receipts.ts';
import { assert } from '../util/errors.ts';
import { checkReceiptBounds } from './limits.ts';

/**
 * Every settled member's injection minus consumption equals what it sold minus what it bought, trade by trade; what
 * members sold each other is what they bought from each other. Throws when a receipt breaks it, and when a list of
 * them is longer than its type.
 */
export function checkEnergyConservation(receipts: Receipts): void {
  checkReceiptBounds(receipts);
  const auctionWh = new Map<number, number>();
  const gridWh = new Map<string, number>();
  for (const trade of receipts.trades) {
    assert(trade.energyWh > 0 && trade.seller !== trade.buyer, 'a trade of nothing, or with oneself');
    const kind = TRADE_KINDS[trade.kind];
    if (kind === 'GRID_BUY' || kind === 'GRID_SELL') {
      const member = kind === 'GRID_BUY' ? trade.buyer : trade.seller;
      assert(
        (kind === 'GRID_BUY' ? trade.seller : trade.buyer) === AGGREGATOR,
        'a grid trade without the aggregator',
      );
      const signedWh = kind === 'GRID_BUY' ? trade.energyWh : -trade.energyWh;
      gridWh.set(`${trade.step}/${member}`, (gridWh.get(`${trade.step}/${member}`) ?? 0) + signedWh);
    } else {
      auctionWh.set(trade.step, (auctionWh.get(trade.step) ?? 0) + trade.energyWh);
    }
  }
  for (const clearing of receipts.clearings) {
    assert(
      (auctionWh.get(clearing.step) ?? 0) === clearing.tradedWh,
      `step ${clearing.step}: fills are not the traded Wh`,
    );
  }
  const perStep = new Map<number, { boughtWh: number; soldWh: number }>();
  for (const line of receipts.settlements) {
    const sums = perStep.get(line.step) ?? { boughtWh: 0, soldWh: 0 };
    sums.boughtWh += line.boughtWh;
    sums.soldWh += line.soldWh;
    perStep.set(line.step, sums);
    const grid = gridWh.get(`${line.step}/${line.member}`) ?? 0;
    const residualWh =
      line.importWh - line.exportWh - line.correctedWh - (line.boughtWh - line.soldWh) - grid;
    assert(residualWh === 0, `step ${line.step}, member ${line.member}: ${residualWh} Wh without a trade`);
  }
  for (const [step, sums] of perStep)
    assert(sums.boughtWh === sums.soldWh, `step ${step}: bought is not sold`);
}
