import type { Policy } from '../types.ts';

/** The regulator of the Prosumers project: bonus 1.02/1.05/1.10 at 1/5/10, penalty 1.05/1.10 at 5/10, its fees. */
export const SEED_POLICY: Policy = {
  objective: 1,
  aggregatorFeeBps: 500,
  networkFeeBps: 200,
  minerFeeShareBps: 5000,
  bonusTiers: [
    { threshold: 1, factorBps: 10_200 },
    { threshold: 5, factorBps: 10_500 },
    { threshold: 10, factorBps: 11_000 },
  ],
  penaltyTiers: [
    { threshold: 5, factorBps: 10_500 },
    { threshold: 10, factorBps: 11_000 },
  ],
  zoneFeeMicroEurPerKwh: [],
};
