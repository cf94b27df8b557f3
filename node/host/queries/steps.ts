/** Where a market step stands and what it brought. */
import { calendarMs, deliveryStartMs, orderWindow, readingWindow, stepAt } from '../../market/windows.ts';
import type { ClearingReceipt } from '../../protocol/receipts.ts';
import { invalidParams } from '../../rpc/errors.ts';
import type { TopicData } from '../../rpc/schema/rpc.ts';
import type { StepPhase } from '../../rpc/schema/shared.ts';
import type { NodeAccess } from '../access.ts';
import { addTotals, zeroTotals } from './digest.ts';
import { genesisOf, queriesOf, tipState } from './queries.ts';

export type StepState = TopicData<'newStep'>;

/** The step that delivers now; -1 before the first. */
export function deliveringStep(access: NodeAccess): number {
  return Math.max(-1, stepAt(genesisOf(access), access.core.clockMs()));
}

/** By the market clock of the next block and by what the tip's state has settled. */
export function phaseOf(access: NodeAccess, step: number): StepPhase {
  const genesis = genesisOf(access);
  const clockMs = access.core.clockMs();
  if (step < tipState(access).market().nextToSettle) return 'settled';
  const orders = orderWindow(genesis, step);
  const readings = readingWindow(genesis, step);
  if (clockMs < orders.fromMs) return 'waiting';
  if (clockMs < orders.untilMs) return 'orders';
  if (clockMs < readings.fromMs) return 'delivery';
  return clockMs < readings.untilMs ? 'readings' : 'settlement';
}

/** Throws RPC_INVALID_PARAMS for a step whose instants lie outside the integers that JSON keeps. */
export async function stepStateOf(access: NodeAccess, step: number): Promise<StepState> {
  const genesis = genesisOf(access);
  const readings = readingWindow(genesis, step);
  if (!Number.isSafeInteger(readings.untilMs) || !Number.isSafeInteger(calendarMs(genesis, step))) {
    throw invalidParams(`step: ${step} lies too far in the future`);
  }
  const state = tipState(access);
  const market = state.market();
  const openOrders = state.orders(step).filter((order) => order.energyWh > 0).length;
  const phase = phaseOf(access, step);
  const { totals, clearing } = await totalsOf(access, step);
  const { p2pWh, auctionWh, gridBuyWh, gridSellWh } = totals;
  return {
    step,
    phase,
    calendarMs: calendarMs(genesis, step),
    ordersFromMs: orderWindow(genesis, step).fromMs,
    deliveryFromMs: deliveryStartMs(genesis, step),
    deliveryUntilMs: readings.fromMs,
    readingsUntilMs: readings.untilMs,
    cleared: step < market.nextToClear,
    settled: step < market.nextToSettle,
    orders: clearing?.orders ?? openOrders,
    trades: totals.trades,
    energy: { p2pWh, auctionWh, gridBuyWh, gridSellWh },
    wholesaleMicroEurPerKwh: clearing?.wholesaleMicroEurPerKwh ?? null,
    temperatureCentiC: clearing?.temperatureCentiC ?? null,
    zonePrices: (clearing?.zonePrices ?? []).map((price) => ({ ...price })),
  };
}

async function totalsOf(access: NodeAccess, step: number) {
  const { walk } = queriesOf(access);
  const totals = zeroTotals();
  let clearing: ClearingReceipt | null = null;
  for (const node of await walk.blocksOfStep(step)) {
    const part = (await walk.digest(node)).steps.get(step);
    if (part === undefined) continue;
    addTotals(totals, part);
    clearing ??= part.clearing;
  }
  return { totals, clearing };
}
