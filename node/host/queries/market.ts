/** Handlers of `market_*`. */
import { ASK, BID } from '../../market/transactions.ts';
import { accountName } from '../../protocol/accounts.ts';
import { createBody, kindOf } from '../../protocol/codec.ts';
import { transactionMessage } from '../../protocol/signing.ts';
import type { OrderEntry } from '../../protocol/state.ts';
import { rejected } from '../../rpc/errors.ts';
import type { Params, Result, RpcHandlers } from '../../rpc/schema/methods.ts';
import { WattmeshError } from '../../util/errors.ts';
import { getOrInsert } from '../../util/maps.ts';
import type { NodeAccess } from '../access.ts';
import { asOf, genesisOf, type Queries, tipState } from './queries.ts';
import { deliveringStep, stepStateOf } from './steps.ts';
import { submitChecked } from './submit.ts';
import { listTrades } from './trades.ts';

type MarketHandlers = Pick<
  RpcHandlers,
  'market_getStep' | 'market_getOrderBook' | 'market_submitOrder' | 'market_listTrades'
>;
type Level = Result<'market_getOrderBook'>['bids'][number];

/** Orders of one side by price, best first: bids from the highest, asks from the lowest. */
function levelsOf(orders: readonly OrderEntry[], side: number): Level[] {
  const levels = new Map<number, Level>();
  for (const order of orders) {
    if (order.side !== side || order.energyWh === 0) continue;
    const priceMicroEurPerKwh = order.limitMicroEurPerKwh;
    const level = getOrInsert(levels, priceMicroEurPerKwh, () => ({
      priceMicroEurPerKwh,
      energyWh: 0,
      orders: 0,
    }));
    level.energyWh += order.energyWh;
    level.orders++;
  }
  const sign = side === BID ? -1 : 1;
  return [...levels.values()].sort((a, b) => sign * (a.priceMicroEurPerKwh - b.priceMicroEurPerKwh));
}

/** The least sequence that neither the chain nor a waiting transaction has taken. */
function freeSequence(access: NodeAccess, account: number, step: number): number {
  const { orderQuota } = genesisOf(access).params;
  const taken = new Set<number>();
  for (const order of tipState(access).orders(step)) {
    if (order.account === account) taken.add(order.sequence);
  }
  for (const { transaction } of access.core.mempool.list()) {
    const { body } = transaction;
    if (kindOf(body) === 'order' && body.step === step && body.account === account) taken.add(body.sequence);
  }
  for (let sequence = 0; sequence < orderQuota; sequence++) if (!taken.has(sequence)) return sequence;
  throw rejected(
    { code: 'TX_OVER_QUOTA', message: `all ${orderQuota} orders of step ${step} are used` },
    'order for another step',
  );
}

async function submitOrder(
  access: NodeAccess,
  given: Params<'market_submitOrder'>,
): Promise<Result<'market_submitOrder'>> {
  const { signer } = access;
  const account = access.config.member;
  if (signer === null || account === null) {
    throw new WattmeshError({
      code: 'MEMBER_DISABLED',
      message: 'this node has no member account to order for',
      remedy: 'ask the node of the member; node_info names it',
    });
  }
  const { step, energyWh, limitMicroEurPerKwh } = given;
  const sequence = freeSequence(access, account, step);
  const payload = { side: given.side === 'buy' ? BID : ASK, energyWh, limitMicroEurPerKwh };
  const body = createBody({ kind: 'order', step, account, sequence, payload });
  const message = transactionMessage(access.core.chain.rules.genesisRoot, body);
  const id = await submitChecked(access, { body, signatures: [signer.sign(message)] });
  return { id, status: 'pending', step, account: accountName(account), sequence };
}

export function marketHandlers(queries: Queries): MarketHandlers {
  const { access } = queries;
  return {
    async market_getStep({ step }) {
      const state = await stepStateOf(access, step ?? Math.max(0, deliveringStep(access)));
      return { ...state, asOf: asOf(access) };
    },
    market_getOrderBook({ step, depth }) {
      const state = tipState(access);
      const wanted = step ?? state.market().nextToClear;
      // The state keeps a book until its step is settled: after the gate, what the auction met.
      const orders = state.orders(wanted);
      return {
        step: wanted,
        bids: levelsOf(orders, BID).slice(0, depth),
        asks: levelsOf(orders, ASK).slice(0, depth),
        asOf: asOf(access),
      };
    },
    market_submitOrder: (params) => submitOrder(access, params),
    market_listTrades: (params) => listTrades(queries, params),
  };
}
