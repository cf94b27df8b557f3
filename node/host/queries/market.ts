/** Handlers of `market_*`. */
import { ASK, BID } from '../../market/transactions.ts';
import { openSteps } from '../../market/windows.ts';
import { accountName } from '../../protocol/accounts.ts';
import { createBody, kindOf, payloadOf } from '../../protocol/codec.ts';
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

/** The member's orders for a step, on the chain and on their way to it. */
function ownOrders(access: NodeAccess, account: number, step: number): { sequence: number; side: number }[] {
  const own = tipState(access)
    .orders(step)
    .filter((order) => order.account === account)
    .map(({ sequence, side }) => ({ sequence, side }));
  for (const { transaction } of access.core.mempool.list()) {
    const { body } = transaction;
    if (kindOf(body) !== 'order' || body.step !== step || body.account !== account) continue;
    own.push({ sequence: body.sequence, side: payloadOf(body, 'order').side });
  }
  return own;
}

/** The last open step on whose book the member does not stand on the other side; its window stays open longest. */
function openStep(access: NodeAccess, account: number, side: number): number {
  const { first, end } = openSteps(genesisOf(access), access.core.clockMs());
  for (let step = end - 1; step >= first; step--) {
    if (ownOrders(access, account, step).every((order) => order.side === side)) return step;
  }
  throw rejected(
    { code: 'ORDER_WINDOW_CLOSED', message: 'no open step takes an order on this side of the book' },
    'try again in the next step, or name a step',
  );
}

/** The least sequence that neither the chain nor a waiting transaction has taken. */
function freeSequence(access: NodeAccess, account: number, step: number): number {
  const { orderQuota } = genesisOf(access).params;
  const taken = new Set(ownOrders(access, account, step).map((order) => order.sequence));
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
  const { energyWh, limitMicroEurPerKwh } = given;
  const side = given.side === 'buy' ? BID : ASK;
  const step = given.step ?? openStep(access, account, side);
  const sequence = freeSequence(access, account, step);
  const payload = { side, energyWh, limitMicroEurPerKwh };
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
