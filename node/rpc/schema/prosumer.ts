import * as z from 'zod';
import {
  accountName,
  accountParam,
  asOf,
  bps,
  cursorParam,
  hash,
  int32,
  limitParam,
  nanoEur,
  uint,
  uint32,
} from './common.ts';
import { method } from './method.ts';
import { SAMPLE_AS_OF, SAMPLE_ID } from './samples.ts';

export const MEMBER_STATUSES = ['active', 'suspended', 'expelled'] as const;

function prosumer() {
  return z.strictObject({
    id: accountName(),
    neighbourhood: uint(255),
    connectionW: uint32(),
    pvWp: uint32(),
    batteryWh: uint32(),
    miner: z.boolean(),
    status: z.enum(MEMBER_STATUSES),
    suspendedUntilStep: uint32(),
    balanceNanoEur: nanoEur(),
    reservedNanoEur: nanoEur().describe('worst case of open orders and contracts'),
    creditLimitNanoEur: nanoEur(),
    p2pSteps: uint32(),
    gridSteps: uint32(),
    bonusBps: bps(),
    penaltyBps: bps(),
    importWh: uint().describe('register up to which energy is settled'),
    exportWh: uint(),
  });
}

const SAMPLE_PROSUMER = {
  id: 'p-0003',
  neighbourhood: 1,
  connectionW: 6000,
  pvWp: 3000,
  batteryWh: 10_000,
  miner: true,
  status: 'active' as const,
  suspendedUntilStep: 0,
  balanceNanoEur: '-106875000',
  reservedNanoEur: '135000000',
  creditLimitNanoEur: '50000000000',
  p2pSteps: 1,
  gridSteps: 0,
  bonusBps: 10_000,
  penaltyBps: 10_000,
  importWh: 1830,
  exportWh: 0,
};

export const prosumerMethods = {
  prosumer_list: method({
    summary: 'Members with their equipment, balances and counters, by number',
    access: 'read',
    params: () =>
      z.strictObject({
        neighbourhood: uint(255).optional(),
        limit: limitParam(),
        cursor: cursorParam(),
      }),
    result: () =>
      z.strictObject({ items: z.array(prosumer()), nextCursor: z.string().nullable(), asOf: asOf() }),
    example: () => ({
      params: { limit: 1 },
      result: { items: [SAMPLE_PROSUMER], nextCursor: 'p-0004', asOf: SAMPLE_AS_OF },
    }),
  }),
  prosumer_get: method({
    summary: 'One member in full',
    access: 'read',
    params: () => z.strictObject({ id: accountParam() }),
    result: () =>
      prosumer().extend({
        key: hash(),
        meterKey: hash(),
        latitudeMicroDeg: int32(),
        longitudeMicroDeg: int32(),
        heating: uint(255),
        residents: uint(255),
        areaM2: uint(0xffff),
        yearBuilt: uint(0xffff),
        creditNanoEur: nanoEur(),
        debitNanoEur: nanoEur(),
        substitutedWh: uint(),
        nextMeteredStep: uint32(),
        asOf: asOf(),
      }),
    example: () => ({
      params: { id: 'p-0003' },
      result: {
        ...SAMPLE_PROSUMER,
        key: SAMPLE_ID,
        meterKey: SAMPLE_ID,
        latitudeMicroDeg: 45_070_000,
        longitudeMicroDeg: 7_690_000,
        heating: 1,
        residents: 3,
        areaM2: 90,
        yearBuilt: 1975,
        creditNanoEur: '0',
        debitNanoEur: '106875000',
        substitutedWh: 0,
        nextMeteredStep: 3,
        asOf: SAMPLE_AS_OF,
      },
    }),
  }),
};
