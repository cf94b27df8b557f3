/** When a step takes orders, delivers, takes readings and settles, on the market clock (DESIGN: a market step). */
import type { Genesis } from '../protocol/types.ts';

/** Market clock at which `step` begins to deliver. */
export function deliveryStartMs(genesis: Genesis, step: number): number {
  return genesis.timeMs + genesis.params.firstStepDelayMs + step * genesis.params.stepMs;
}

/** Gate closure: orders lie in [start - order window, start), clearing is due at the start. */
export function orderWindow(genesis: Genesis, step: number): { fromMs: number; untilMs: number } {
  const start = deliveryStartMs(genesis, step);
  return { fromMs: start - genesis.params.orderWindowMs, untilMs: start };
}

/** Readings lie in [end of delivery, + reading window); settlement is due at its end. */
export function readingWindow(genesis: Genesis, step: number): { fromMs: number; untilMs: number } {
  const end = deliveryStartMs(genesis, step) + genesis.params.stepMs;
  return { fromMs: end, untilMs: end + genesis.params.readingWindowMs };
}

/** The step that delivers at a clock; negative before step 0. */
export function stepAt(genesis: Genesis, clockMs: number): number {
  return Math.floor((clockMs - genesis.timeMs - genesis.params.firstStepDelayMs) / genesis.params.stepMs);
}

/** Steps whose order window contains a clock, as [first, end); empty before the first window. */
export function openSteps(genesis: Genesis, clockMs: number): { first: number; end: number } {
  const first = Math.max(0, stepAt(genesis, clockMs) + 1);
  const end = Math.max(first, stepAt(genesis, clockMs + genesis.params.orderWindowMs) + 1);
  return { first, end };
}

/** Calendar instant (UTC) at which a step begins: what loads, weather and prices follow. */
export function calendarMs(genesis: Genesis, step: number): number {
  return genesis.params.calendarStartMs + step * genesis.params.stepNominalMs;
}

/** The most energy a connection can carry in one step, rounded down. */
export function connectionLimitWh(genesis: Genesis, connectionW: number): number {
  return Math.floor((connectionW * genesis.params.stepNominalMs) / 3_600_000);
}
