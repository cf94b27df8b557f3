/** What runs beside the core on a member's node: the agent, the meter of the simulated household, the oracle. */

import { greedyBattery } from '../agent/battery.ts';
import type { Agent } from '../agent/interface.ts';
import { PRICING } from '../agent/pricing.ts';
import { createProsumer } from '../agent/prosumer.ts';
import type { NodeConfig } from '../config/node-config.ts';
import { genesisRoot } from '../consensus/genesis.ts';
import type { Core } from '../core/node.ts';
import { createClearness } from '../feeds/clearness.ts';
import { createClimate } from '../feeds/climate.ts';
import { loadWholesalePrices } from '../feeds/prices.ts';
import { createSyntheticYear } from '../feeds/synthetic-year.ts';
import { centralEuropeanTime } from '../forecast/calendar.ts';
import { expectedLoadW } from '../forecast/load-profile.ts';
import { clearSkyPvW } from '../forecast/solar.ts';
import { calendarMs, openSteps, readingWindow, stepAt } from '../market/windows.ts';
import { createHousehold, type Household } from '../metering/household.ts';
import { createBody } from '../protocol/codec.ts';
import { batteryPowerW, HEATING_TYPES } from '../protocol/households.ts';
import { type Signer, transactionMessage } from '../protocol/signing.ts';
import type { Genesis, Member, Transaction, TransactionBody } from '../protocol/types.ts';
import { createRng, deriveSeed } from '../util/rng.ts';
import type { HouseholdFile } from './household-file.ts';

export interface MemberServices {
  readonly agent: Agent | null;
  /** What the member's node submits now that the tip has moved. */
  onTip(core: Core): Transaction[];
}

export interface MemberKeys {
  account: Signer | null;
  meter: Signer | null;
  oracle: Signer | null;
}

/** Throws the price file's errors before anything runs. */
export function createMemberServices(given: {
  config: NodeConfig;
  genesis: Genesis;
  keys: MemberKeys;
  file: HouseholdFile;
}): MemberServices {
  const { config, genesis, keys } = given;
  const root = genesisRoot(genesis);
  const sign = (signer: Signer, body: TransactionBody): Transaction => ({
    body,
    signatures: [signer.sign(transactionMessage(root, body))],
  });
  const { member: account, household } = config;
  const isMember = account !== null && household !== null && keys.account !== null && keys.meter !== null;
  const agent = isMember ? createAgent(config, genesis, account) : null;
  const meter = isMember ? createMeter({ ...given, account, agent: agent! }) : null;
  const observe =
    config.oracle !== null && keys.oracle !== null ? createOracle(config, genesis, config.oracle) : null;

  return {
    agent,
    onTip(core) {
      const out: Transaction[] = [];
      for (const body of meter?.onTip(core) ?? []) out.push(sign(keys.meter!, body));
      if (agent !== null && account !== null) {
        const effects = agent.step({ type: 'tip', view: viewOf(core, account) });
        for (const effect of effects) out.push(sign(keys.account!, effect.body));
      }
      for (const body of observe?.(core) ?? []) out.push(sign(keys.oracle!, body));
      return out;
    },
  };
}

function homeOf(member: Member) {
  return {
    attributes: {
      residents: member.residents,
      areaM2: member.areaM2,
      heating: HEATING_TYPES[member.heating] ?? 'other',
      yearBuilt: member.yearBuilt,
    },
    latitudeMicroDeg: member.latitudeMicroDeg,
    longitudeMicroDeg: member.longitudeMicroDeg,
    pvWp: member.pvWp,
    batteryWh: member.batteryWh,
    batteryPowerW: batteryPowerW(member.batteryWh),
    connectionW: member.connectionW,
  };
}

function createAgent(config: NodeConfig, genesis: Genesis, account: number): Agent {
  return createProsumer({
    genesis,
    account,
    home: homeOf(genesis.members[account]!),
    pricing: PRICING[config.household!.pricing],
    rng: createRng(deriveSeed(BigInt(config.household!.seed), 'agent')),
  });
}

/** What the chain shows of the market to a member. */
function viewOf(core: Core, account: number) {
  const { state } = core.chain.execution(core.chain.tip());
  const { wholesaleMicroEurPerKwh, temperatureCentiC } = state.market();
  return {
    clockMs: core.clockMs(),
    wholesaleMicroEurPerKwh,
    temperatureCentiC,
    aggregatorFeeBps: state.policy().aggregatorFeeBps,
    penaltyBps: state.account(account).penaltyBps,
  };
}

function buildHousehold(config: NodeConfig, member: Member): Household {
  const community = BigInt(config.feeds.seed);
  const {
    attributes,
    latitudeMicroDeg,
    longitudeMicroDeg,
    pvWp,
    batteryWh,
    batteryPowerW: powerW,
  } = homeOf(member);
  const location = { latitudeMicroDeg, longitudeMicroDeg };
  return createHousehold(
    { attributes, location, pvWp, batteryWh, batteryPowerW: powerW, seed: BigInt(config.household!.seed) },
    {
      expectedLoadW,
      clearSkyPvW,
      localTime: centralEuropeanTime,
      battery: greedyBattery,
      clearnessBpsAt: createClearness(community).clearnessBpsAt,
      temperatureAt: createClimate(community).temperatureAt,
    },
  );
}

/** Reads the household's meter for every step that the market clock has left behind. */
function createMeter(given: {
  config: NodeConfig;
  genesis: Genesis;
  account: number;
  agent: Agent;
  file: HouseholdFile;
}) {
  const { config, genesis, account, agent, file } = given;
  const household = buildHousehold(config, genesis.members[account]!);
  const saved = file.load();
  if (saved !== null) household.restore(saved.snapshot);
  let readUntil = saved === null ? 0 : saved.step + 1;
  let unsent = saved;

  const reading = (step: number, registers: { importRegisterWh: number; exportRegisterWh: number }) => {
    const payload = { ...registers, telemetryRoot: new Uint8Array(32), attested: true };
    return createBody({ kind: 'reading', step, account, sequence: 0, payload });
  };

  return {
    onTip(core: Core): TransactionBody[] {
      const clockMs = core.clockMs();
      const delivered = stepAt(genesis, clockMs);
      const bodies: TransactionBody[] = [];
      // A node that was killed may have read its meter without telling anybody.
      if (unsent !== null && clockMs < readingWindow(genesis, unsent.step).untilMs) {
        bodies.push(reading(unsent.step, unsent.snapshot));
      }
      unsent = null;
      if (delivered <= readUntil) return bodies;
      // After an outage the house lives through the gap; its registers hold what nobody read.
      const step = delivered - 1;
      const startMs = calendarMs(genesis, step);
      const delivery = household.deliver({ startMs, durationMs: genesis.params.stepNominalMs });
      readUntil = delivered;
      file.save({ step, snapshot: household.snapshot() });
      agent.step({ type: 'delivered', delivered: { step, ...delivery } });
      bodies.push(reading(step, delivery));
      return bodies;
    },
  };
}

/** Observes temperature and wholesale price of every step whose order window is open. */
function createOracle(config: NodeConfig, genesis: Genesis, oracle: number) {
  const { feeds } = config;
  const climate = createClimate(BigInt(feeds.seed));
  const prices =
    feeds.prices === null ? createSyntheticYear(BigInt(feeds.seed)) : loadWholesalePrices(feeds.prices);
  const shiftMs = feeds.pricesFromMs === null ? 0 : feeds.pricesFromMs - genesis.params.calendarStartMs;
  let observedUntil = 0;
  return (core: Core): TransactionBody[] => {
    const { first, end } = openSteps(genesis, core.clockMs());
    const bodies: TransactionBody[] = [];
    for (let step = Math.max(first, observedUntil); step < end; step++) {
      observedUntil = step + 1;
      const atMs = calendarMs(genesis, step);
      const wholesaleMicroEurPerKwh = prices.at(atMs + shiftMs);
      // Past the end of a price file the oracle is silent, and the chain falls back to the last accepted value.
      if (wholesaleMicroEurPerKwh === null) continue;
      const payload = { temperatureCentiC: climate.temperatureAt(atMs), wholesaleMicroEurPerKwh };
      bodies.push(createBody({ kind: 'observation', step, account: oracle, sequence: 0, payload }));
    }
    return bodies;
  };
}
