/**
 * The prosumer's three decisions for every step: balance with the own battery, say how much to trade at which price in
 * the community, and leave the rest to the aggregator, which the settlement does by itself.
 */
import { centralEuropeanTime } from '../forecast/calendar.ts';
import { expectedLoadW } from '../forecast/load-profile.ts';
import { clearSkyPvWh } from '../forecast/solar.ts';
import { calendarMs, connectionLimitWh, openSteps, orderWindow, stepAt } from '../market/windows.ts';
import { createBody } from '../protocol/codec.ts';
import type { Genesis } from '../protocol/types.ts';
import { BPS_ONE } from '../protocol/units.ts';
import type { Rng } from '../util/rng.ts';
import { greedyBattery } from './battery.ts';
import type { Agent, AgentEffect, Decision, DeliveredStep, Home, MarketView } from './interface.ts';
import type { PricingStrategy } from './pricing.ts';

/** Round-trip efficiency that the forecast assumes. */
const EFFICIENCY_BPS = 9000;
/** Clear sky never quite comes: the share expected before anything was metered. */
const FIRST_CLEARNESS_BPS = 7500;
/** Weight of the newest step in the running estimates. */
const LEARNING = 0.3;
/** Below this PV says nothing about the sky. */
const CLEARNESS_MIN_WH = 50;
/** Imbalances below this are not worth a transaction. */
const MIN_ORDER_WH = 10;
const MAX_DECISIONS = 512;
const HOUR_MS = 3_600_000;

export interface ProsumerOptions {
  genesis: Genesis;
  account: number;
  home: Home;
  pricing: PricingStrategy;
  rng: Rng;
}

interface Beliefs {
  /** Running estimates from own meter readings. */
  clearnessBps: number;
  loadFactor: number;
  storedWh: number;
  /** First step that the stored energy does not include yet. */
  nextStep: number;
}

export function createProsumer(options: ProsumerOptions): Agent {
  const { genesis } = options;
  const beliefs: Beliefs = { clearnessBps: FIRST_CLEARNESS_BPS, loadFactor: 1, storedWh: 0, nextStep: 0 };
  const decisions: Decision[] = [];
  let decidedUntil = 0;

  const decide = (view: MarketView): AgentEffect[] => {
    const { first, end } = openSteps(genesis, view.clockMs);
    const effects: AgentEffect[] = [];
    for (let step = Math.max(first, decidedUntil); step < end; step++) {
      // The later half of the window: by then the newest reading is in.
      const { fromMs, untilMs } = orderWindow(genesis, step);
      if (view.clockMs < fromMs + (untilMs - fromMs) / 4) break;
      decidedUntil = step + 1;
      const decision = decideStep(options, beliefs, step, view);
      decisions.push(decision);
      if (decisions.length > MAX_DECISIONS) decisions.shift();
      if (decision.side === 'none') continue;
      const payload = {
        side: decision.side === 'bid' ? 0 : 1,
        energyWh: decision.energyWh,
        limitMicroEurPerKwh: decision.limitMicroEurPerKwh,
      };
      const body = createBody({ kind: 'order', step, account: options.account, sequence: 0, payload });
      effects.push({ type: 'order', body, decision });
    }
    return effects;
  };

  return {
    step(event) {
      if (event.type === 'tip') return decide(event.view);
      learn(options, beliefs, event.delivered);
      return [];
    },
    decisions: () => decisions,
  };
}

/** Cloudless PV and expected load of a step, before what was learnt. */
function baseForecast(options: ProsumerOptions, step: number, temperatureCentiC: number) {
  const { genesis, home } = options;
  const startMs = calendarMs(genesis, step);
  const durationMs = genesis.params.stepNominalMs;
  const clearWh = clearSkyPvWh({ ...home, temperatureCentiC, startMs, durationMs });
  const local = centralEuropeanTime(startMs);
  const moment = { localHour: local.hour, weekday: local.weekday, month: local.month, temperatureCentiC };
  const loadWh = Math.round((expectedLoadW(home.attributes, moment) * durationMs) / HOUR_MS);
  return { clearWh, loadWh };
}

function learn(options: ProsumerOptions, beliefs: Beliefs, delivered: DeliveredStep): void {
  const base = baseForecast(options, delivered.step, options.genesis.params.defaultTemperatureCentiC);
  if (base.clearWh >= CLEARNESS_MIN_WH) {
    const seenBps = Math.min(BPS_ONE, (delivered.pvWh * BPS_ONE) / base.clearWh);
    beliefs.clearnessBps += LEARNING * (seenBps - beliefs.clearnessBps);
  }
  if (base.loadWh > 0) {
    const factor = Math.min(3, delivered.loadWh / base.loadWh);
    beliefs.loadFactor += LEARNING * (factor - beliefs.loadFactor);
  }
  if (delivered.step >= beliefs.nextStep) {
    beliefs.storedWh = delivered.storedWh;
    beliefs.nextStep = delivered.step + 1;
  }
}

/** Forecast of one step with the battery at a given charge. */
function forecastStep(
  options: ProsumerOptions,
  beliefs: Beliefs,
  given: { step: number; storedWh: number; view: MarketView },
) {
  const { home, genesis } = options;
  const { clearWh, loadWh: baseLoadWh } = baseForecast(options, given.step, given.view.temperatureCentiC);
  const pvWh = Math.floor((clearWh * beliefs.clearnessBps) / BPS_ONE);
  const loadWh = Math.round(baseLoadWh * beliefs.loadFactor);
  const battery = greedyBattery({
    netLoadWh: loadWh - pvWh,
    storedWh: given.storedWh,
    capacityWh: home.batteryWh,
    powerW: home.batteryPowerW,
    durationMs: genesis.params.stepNominalMs,
    efficiencyBps: EFFICIENCY_BPS,
  });
  return { pvWh, loadWh, ...battery };
}

function decideStep(options: ProsumerOptions, beliefs: Beliefs, step: number, view: MarketView): Decision {
  const { genesis, home, pricing, rng } = options;
  // The battery's charge is known up to the last metered step; the steps between are forecast.
  let storedWh = Math.min(beliefs.storedWh, home.batteryWh);
  const from = Math.max(beliefs.nextStep, Math.max(0, stepAt(genesis, view.clockMs) - 1));
  for (let s = from; s < step; s++)
    storedWh = forecastStep(options, beliefs, { step: s, storedWh, view }).storedWh;
  const forecast = forecastStep(options, beliefs, { step, storedWh, view });
  const imbalanceWh = forecast.gridImportWh - forecast.gridExportWh;
  const energyWh = Math.min(Math.abs(imbalanceWh), connectionLimitWh(genesis, home.connectionW));
  const base = {
    step,
    loadWh: forecast.loadWh,
    pvWh: forecast.pvWh,
    storedBeforeWh: storedWh,
    storedAfterWh: forecast.storedWh,
    imbalanceWh,
  };
  if (energyWh < MIN_ORDER_WH) {
    const reason = `the battery balances all but ${energyWh} Wh`;
    return { ...base, side: 'none', energyWh: 0, limitMicroEurPerKwh: 0, reason };
  }
  const side = imbalanceWh > 0 ? 'bid' : 'ask';
  const limitMicroEurPerKwh = pricing.limit(side, view, rng);
  const reason = `${side === 'bid' ? 'deficit' : 'surplus'} of ${energyWh} Wh after the battery, priced by ${pricing.name}`;
  return { ...base, side, energyWh, limitMicroEurPerKwh, reason };
}
