/** The regulator's policy: counters of a step become bonus and penalty factors of the next. */

import type { Account } from '../protocol/state.ts';
import type { Policy } from '../protocol/types.ts';
import { BPS_ONE } from '../protocol/units.ts';
import { type Violation, violation } from './violation.ts';

export const OBJECTIVES = [
  'none',
  'maximise-p2p',
  'maximise-renewables',
  'maximise-community-profit',
  'maximum-chaos',
] as const;

/** Largest fixed fee of a zone: 10 EUR/kWh. */
export const MAX_ZONE_FEE_MICRO_EUR_PER_KWH = 10_000_000;

/** Whether a policy can be applied without a negative payment or a number out of range. */
export function checkPolicy(policy: Policy): Violation | null {
  const shares = [policy.aggregatorFeeBps, policy.networkFeeBps, policy.minerFeeShareBps];
  const tiers = [...policy.bonusTiers, ...policy.penaltyTiers];
  const sound =
    policy.objective < OBJECTIVES.length &&
    shares.every((bps) => bps <= BPS_ONE) &&
    tiers.every((tier) => tier.factorBps >= BPS_ONE) &&
    policy.zoneFeeMicroEurPerKwh.every((fee) => fee <= MAX_ZONE_FEE_MICRO_EUR_PER_KWH);
  return sound ? null : violation('POLICY_RANGE', 'a share above 1, a factor below 1, or a fee out of range');
}

/** What a member did in one step, as far as the regulator counts it. */
export interface StepActivity {
  /** Any trade between members: contract or auction fill. */
  tradedWithMember: boolean;
  /** Any purchase from the aggregator. */
  boughtFromAggregator: boolean;
}

/** The factor of the highest tier whose threshold is reached; 1.00 below the first. */
export function tierFactorBps(
  tiers: readonly { threshold: number; factorBps: number }[],
  count: number,
): number {
  let best = { threshold: -1, factorBps: BPS_ONE };
  for (const tier of tiers) if (count >= tier.threshold && tier.threshold > best.threshold) best = tier;
  return best.factorBps;
}

/**
 * Counters and factors after a step, as the Prosumers project counts: one per step with any trade between members, one
 * per step with any purchase from the aggregator; cumulative, without decay.
 */
export function regulate(
  policy: Policy,
  account: Pick<Account, 'p2pSteps' | 'gridSteps'>,
  activity: StepActivity,
): Pick<Account, 'p2pSteps' | 'gridSteps' | 'bonusBps' | 'penaltyBps'> {
  const p2pSteps = account.p2pSteps + (activity.tradedWithMember ? 1 : 0);
  const gridSteps = account.gridSteps + (activity.boughtFromAggregator ? 1 : 0);
  const active = OBJECTIVES[policy.objective] === 'maximise-p2p';
  return {
    p2pSteps,
    gridSteps,
    bonusBps: active ? tierFactorBps(policy.bonusTiers, p2pSteps) : BPS_ONE,
    penaltyBps: active ? tierFactorBps(policy.penaltyTiers, gridSteps) : BPS_ONE,
  };
}
