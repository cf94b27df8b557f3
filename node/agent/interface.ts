/** The prosumer's agent: what it knows, what happens to it, what it does. Pure: `step(event) -> effects`. */
import type { HomeAttributes } from '../forecast/load-profile.ts';
import type { TransactionBody } from '../protocol/types.ts';

/** What a member knows of its own home. */
export interface Home {
  readonly attributes: HomeAttributes;
  readonly latitudeMicroDeg: number;
  readonly longitudeMicroDeg: number;
  readonly pvWp: number;
  readonly batteryWh: number;
  readonly batteryPowerW: number;
  readonly connectionW: number;
}

/** What the chain shows to everybody when its tip moves. Nothing in it lies in the future. */
export interface MarketView {
  clockMs: number;
  /** Last accepted reference price and temperature. */
  wholesaleMicroEurPerKwh: number;
  temperatureCentiC: number;
  aggregatorFeeBps: number;
  /** The member's penalty factor on purchases from the aggregator. */
  penaltyBps: number;
}

/** What the member's own meter and battery said of a delivered step. */
export interface DeliveredStep {
  step: number;
  loadWh: number;
  pvWh: number;
  /** At the end of the step. */
  storedWh: number;
}

export type AgentEvent = { type: 'tip'; view: MarketView } | { type: 'delivered'; delivered: DeliveredStep };

/** One decision with its reasons, for people to inspect. */
export interface Decision {
  step: number;
  /** Forecast of load, PV and battery for the step. */
  loadWh: number;
  pvWh: number;
  storedBeforeWh: number;
  storedAfterWh: number;
  /** Load minus PV after the battery: what is left to trade; negative: surplus. */
  imbalanceWh: number;
  side: 'bid' | 'ask' | 'none';
  energyWh: number;
  limitMicroEurPerKwh: number;
  reason: string;
}

export type AgentEffect = { type: 'order'; body: TransactionBody; decision: Decision };

export interface Agent {
  step(event: AgentEvent): AgentEffect[];
  /** The latest decisions, oldest first, bounded. */
  decisions(): readonly Decision[];
}
