import * as z from 'zod';
import {
  accountParam,
  asOf,
  bareHex,
  hash,
  hashParam,
  limitParam,
  MAX_TRANSACTION_BYTES,
  ms,
  uint,
  uint32,
} from './common.ts';
import { method } from './method.ts';
import { SAMPLE_AS_OF, SAMPLE_HASH, SAMPLE_ID, SAMPLE_TRANSACTION } from './samples.ts';
import { transaction } from './shared.ts';

/** pending: waits for a block; included: in the main chain; confirmed: deep enough to rely on; final: for ever. */
export const TRANSACTION_STATUSES = ['pending', 'included', 'confirmed', 'final'] as const;

export const txMethods = {
  tx_submit: method({
    summary: 'Takes a signed transaction, checks it and publishes it',
    access: 'member',
    params: () =>
      z.strictObject({
        transaction: z
          .string()
          .max(2 * MAX_TRANSACTION_BYTES + 2)
          .regex(/^(?:0[xX])?(?:[0-9a-fA-F]{2})+$/, 'expected the hex of SSZ bytes')
          .overwrite(bareHex)
          .describe('hex of the SSZ bytes of the signed transaction'),
      }),
    result: () => z.strictObject({ id: hash(), status: z.enum(TRANSACTION_STATUSES) }),
    example: () => ({
      params: { transaction: '0800' },
      result: { id: SAMPLE_ID, status: 'pending' as const },
    }),
  }),
  tx_get: method({
    summary: 'A transaction and where it stands',
    access: 'read',
    params: () => z.strictObject({ id: hashParam() }),
    result: () =>
      transaction().extend({
        status: z.enum(TRANSACTION_STATUSES),
        blockHash: hash().nullable(),
        blockHeight: uint32().nullable(),
        confirmations: uint32(),
        asOf: asOf(),
      }),
    example: () => ({
      params: { id: SAMPLE_ID },
      result: {
        ...SAMPLE_TRANSACTION,
        status: 'included' as const,
        blockHash: SAMPLE_HASH,
        blockHeight: 42,
        confirmations: 1,
        asOf: SAMPLE_AS_OF,
      },
    }),
  }),
  tx_getPending: method({
    summary: 'Transactions that wait for a block, in block order',
    access: 'read',
    params: () => z.strictObject({ limit: limitParam(), account: accountParam().optional() }),
    result: () =>
      z.strictObject({
        items: z.array(transaction()),
        count: uint32().describe('all that wait, beyond the limit too'),
        bytes: uint(),
        oldestMs: ms().nullable(),
        asOf: asOf(),
      }),
    example: () => ({
      params: { limit: 10 },
      result: {
        items: [SAMPLE_TRANSACTION],
        count: 1,
        bytes: 121,
        oldestMs: 1_723_712_483_000,
        asOf: SAMPLE_AS_OF,
      },
    }),
  }),
};
