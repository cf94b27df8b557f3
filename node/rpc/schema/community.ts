import * as z from 'zod';
import { accountName, asOf, bps, nanoEur, uint, uint32 } from './common.ts';
import { method } from './method.ts';
import { SAMPLE_AS_OF } from './samples.ts';
import { tiersWh } from './shared.ts';

function kpis() {
  return z.strictObject({
    fromStep: uint32(),
    toStep: uint32().describe('last step counted'),
    settledSteps: uint32(),
    trades: uint32(),
    energy: tiersWh(),
    importWh: uint().describe("sum of the members' settled imports"),
    exportWh: uint(),
    residualWh: z.int().describe('energy without a trade: 0 in a sound ledger'),
    localShareBps: bps().nullable().describe('(P2P + auction) / all bought; null: nothing was bought'),
    communityPriceMicroEurPerKwh: z
      .int()
      .nullable()
      .describe('Wh-weighted mean that buying members paid over all tiers; null: nobody bought'),
    feesNanoEur: nanoEur(),
    bonusesNanoEur: nanoEur(),
    penaltiesNanoEur: nanoEur(),
    balances: z.strictObject({
      membersNanoEur: nanoEur(),
      aggregatorNanoEur: nanoEur(),
      networkOperatorNanoEur: nanoEur(),
      fundNanoEur: nanoEur(),
      treasuryNanoEur: nanoEur(),
      residualNanoEur: nanoEur().describe('the sum of all balances: 0 in a sound ledger'),
    }),
    blocksPerMiner: z.array(z.strictObject({ member: accountName(), blocks: uint32() })),
    asOf: asOf(),
  });
}

export const communityMethods = {
  community_getKpis: method({
    summary: 'Energy, money and blocks of the community over a range of steps; all of them by default',
    access: 'read',
    params: () =>
      z
        .strictObject({ fromStep: uint32().optional(), toStep: uint32().optional() })
        .refine(
          ({ fromStep, toStep }) => fromStep === undefined || toStep === undefined || fromStep <= toStep,
          { message: 'fromStep is above toStep' },
        ),
    result: kpis,
    example: () => ({
      params: { fromStep: 0, toStep: 3 },
      result: {
        fromStep: 0,
        toStep: 3,
        settledSteps: 3,
        trades: 14,
        energy: { p2pWh: 0, auctionWh: 2300, gridBuyWh: 5100, gridSellWh: 400 },
        importWh: 7400,
        exportWh: 2700,
        residualWh: 0,
        localShareBps: 3108,
        communityPriceMicroEurPerKwh: 221_300,
        feesNanoEur: '4137500',
        bonusesNanoEur: '0',
        penaltiesNanoEur: '0',
        balances: {
          membersNanoEur: '-1106875000',
          aggregatorNanoEur: '1104737500',
          networkOperatorNanoEur: '2137500',
          fundNanoEur: '1000000000',
          treasuryNanoEur: '-1000000000',
          residualNanoEur: '0',
        },
        blocksPerMiner: [{ member: 'p-0003', blocks: 5 }],
        asOf: SAMPLE_AS_OF,
      },
    }),
  }),
};
