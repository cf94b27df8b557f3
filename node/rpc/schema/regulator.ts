import * as z from 'zod';
import { asOf, bps, hash, nanoEur, uint, uint32 } from './common.ts';
import { method } from './method.ts';
import { SAMPLE_AS_OF, SAMPLE_ID } from './samples.ts';

const OBJECTIVE_NAMES = [
  'none',
  'maximise-p2p',
  'maximise-renewables',
  'maximise-community-profit',
  'maximum-chaos',
] as const;

function tiers() {
  return z.array(z.strictObject({ threshold: uint32(), factorBps: bps() }));
}

export const regulatorMethods = {
  regulator_getPolicy: method({
    summary: 'The policy in force, who may change it, and the fund it draws on',
    access: 'read',
    params: () => z.strictObject({}),
    result: () =>
      z.strictObject({
        objective: z.enum(OBJECTIVE_NAMES),
        aggregatorFeeBps: bps(),
        networkFeeBps: bps(),
        minerFeeShareBps: bps(),
        bonusTiers: tiers(),
        penaltyTiers: tiers(),
        zoneFeeMicroEurPerKwh: z.array(uint32()),
        fundNanoEur: nanoEur(),
        regulatorThreshold: uint(255),
        regulators: z.array(hash()),
        asOf: asOf(),
      }),
    example: () => ({
      params: {},
      result: {
        objective: 'maximise-p2p' as const,
        aggregatorFeeBps: 1000,
        networkFeeBps: 200,
        minerFeeShareBps: 500,
        bonusTiers: [{ threshold: 5, factorBps: 10_500 }],
        penaltyTiers: [{ threshold: 5, factorBps: 10_500 }],
        zoneFeeMicroEurPerKwh: [],
        fundNanoEur: '1000000000',
        regulatorThreshold: 1,
        regulators: [SAMPLE_ID],
        asOf: SAMPLE_AS_OF,
      },
    }),
  }),
};
