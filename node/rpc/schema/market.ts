import * as z from 'zod';
import {
  accountName,
  accountParam,
  asOf,
  cursorParam,
  hash,
  int32,
  limitParam,
  ms,
  orderParam,
  uint,
  uint32,
} from './common.ts';
import { method } from './method.ts';
import { SAMPLE_AS_OF, SAMPLE_ID, SAMPLE_TRADE } from './samples.ts';
import { stepPhase, TRADE_KIND_NAMES, tiersWh, trade, zonePrices } from './shared.ts';
import { TRANSACTION_STATUSES } from './tx.ts';

/** A step as `market_getStep` and the topic `newStep` show it. */
export function stepState() {
  return z.strictObject({
    step: uint32(),
    phase: stepPhase(),
    calendarMs: ms().describe('instant of the calendar that loads, weather and prices follow'),
    ordersFromMs: ms().describe('market clock: the order window, up to deliveryFromMs'),
    deliveryFromMs: ms(),
    deliveryUntilMs: ms(),
    readingsUntilMs: ms(),
    cleared: z.boolean(),
    settled: z.boolean(),
    orders: uint32(),
    trades: uint32(),
    energy: tiersWh(),
    wholesaleMicroEurPerKwh: int32().nullable(),
    temperatureCentiC: int32().nullable(),
    zonePrices: zonePrices(),
  });
}

export const SAMPLE_STEP = {
  step: 3,
  phase: 'delivery' as const,
  calendarMs: 1_723_716_000_000,
  ordersFromMs: 1_723_712_456_000,
  deliveryFromMs: 1_723_712_480_000,
  deliveryUntilMs: 1_723_712_492_000,
  readingsUntilMs: 1_723_712_504_000,
  cleared: true,
  settled: false,
  orders: 9,
  trades: 4,
  energy: { p2pWh: 0, auctionWh: 2300, gridBuyWh: 0, gridSellWh: 0 },
  wholesaleMicroEurPerKwh: 118_400,
  temperatureCentiC: 2650,
  zonePrices: [{ zone: 0, priceMicroEurPerKwh: 142_500 }],
};

function levels() {
  return z.array(z.strictObject({ priceMicroEurPerKwh: int32(), energyWh: uint(), orders: uint32() }));
}

const ENERGY_LIMIT = 0xffff_ffff;

export const marketMethods = {
  market_getStep: method({
    summary: 'Windows, phase, prices and energy of one step; the delivering one by default',
    access: 'read',
    params: () => z.strictObject({ step: uint32().optional() }),
    result: () => stepState().extend({ asOf: asOf() }),
    example: () => ({ params: { step: 3 }, result: { ...SAMPLE_STEP, asOf: SAMPLE_AS_OF } }),
  }),
  market_getOrderBook: method({
    summary: 'Open orders of a step by price; the next step to clear by default',
    access: 'read',
    params: () =>
      z.strictObject({
        step: uint32().optional(),
        depth: limitParam().describe('price levels per side, best first'),
      }),
    result: () => z.strictObject({ step: uint32(), bids: levels(), asks: levels(), asOf: asOf() }),
    example: () => ({
      params: { step: 4 },
      result: {
        step: 4,
        bids: [{ priceMicroEurPerKwh: 180_000, energyWh: 750, orders: 1 }],
        asks: [{ priceMicroEurPerKwh: 120_000, energyWh: 1200, orders: 2 }],
        asOf: SAMPLE_AS_OF,
      },
    }),
  }),
  market_submitOrder: method({
    summary: "Signs an order with this node's member key and publishes it",
    access: 'member',
    params: () =>
      z.strictObject({
        side: z.enum(['buy', 'sell']),
        energyWh: z.int().min(1).max(ENERGY_LIMIT),
        limitMicroEurPerKwh: int32(),
        step: uint32()
          .optional()
          .describe('default: the last open step without own orders on the other side'),
      }),
    result: () =>
      z.strictObject({
        id: hash(),
        status: z.enum(TRANSACTION_STATUSES),
        step: uint32(),
        account: accountName(),
        sequence: uint(0xffff),
      }),
    example: () => ({
      params: { side: 'buy' as const, energyWh: 750, limitMicroEurPerKwh: 180_000, step: 4 },
      result: { id: SAMPLE_ID, status: 'pending' as const, step: 4, account: 'p-0003', sequence: 0 },
    }),
  }),
  market_listTrades: method({
    summary: 'Trades of the main chain, newest first unless told otherwise',
    access: 'read',
    params: () =>
      z.strictObject({
        step: uint32().optional(),
        kind: z.enum(TRADE_KIND_NAMES).optional(),
        member: accountParam().optional().describe('seller or buyer'),
        limit: limitParam(),
        cursor: cursorParam(),
        order: orderParam(),
      }),
    result: () =>
      z.strictObject({ items: z.array(trade()), nextCursor: z.string().nullable(), asOf: asOf() }),
    example: () => ({
      params: { step: 3, limit: 1 },
      result: { items: [SAMPLE_TRADE], nextCursor: null, asOf: SAMPLE_AS_OF },
    }),
  }),
};
