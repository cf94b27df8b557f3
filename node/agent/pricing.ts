/** At which price to trade: strategies as plug-ins. */
import { aggregatorPrices, penalisedPrice } from '../market/settle.ts';
import type { Rng } from '../util/rng.ts';
import type { MarketView } from './interface.ts';

export interface PricingStrategy {
  readonly name: string;
  /** Limit price of an order, microEUR/kWh. */
  limit(side: 'bid' | 'ask', view: MarketView, rng: Rng): number;
}

/**
 * Zero intelligence within the tariffs (Gode and Sunder 1993): uniform between what the aggregator pays and what it
 * asks of this member, so that no order can be worse than the tariff.
 */
const zeroIntelligence: PricingStrategy = {
  name: 'zero-intelligence',
  limit(side, view, rng) {
    const { buyMicroEurPerKwh, sellMicroEurPerKwh } = aggregatorPrices(
      view.wholesaleMicroEurPerKwh,
      view.aggregatorFeeBps,
    );
    const ceiling = penalisedPrice(buyMicroEurPerKwh, view.penaltyBps);
    const width = Math.max(0, ceiling - sellMicroEurPerKwh);
    // Sellers stay in the lower half, buyers in the upper: both gain against the tariff and mostly meet.
    const share = rng.next() / 2;
    const offset = Math.round(width * (side === 'ask' ? share : 1 - share));
    return sellMicroEurPerKwh + offset;
  },
};

/** The Prosumers project's rule: asks at 70-90 %, bids at 90-110 % of the reference price. */
const seed: PricingStrategy = {
  name: 'seed',
  limit(side, view, rng) {
    const [least, most] = side === 'ask' ? [0.7, 0.9] : [0.9, 1.1];
    return Math.round(view.wholesaleMicroEurPerKwh * (least + rng.next() * (most - least)));
  },
};

/** The shipped strategies by name; the first is the default. */
export const PRICING = { 'zero-intelligence': zeroIntelligence, seed } as const;
