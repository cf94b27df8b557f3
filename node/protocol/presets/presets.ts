/** The shipped communities. Dates: 15 August 2025, a summer day in Turin (UTC+2). */
import type { Params } from '../types.ts';
import type { Preset } from './interface.ts';
import { SEED_POLICY } from './seed-policy.ts';

const HOUR_MS = 3_600_000;
/** 2025-08-15T00:00 in Turin. */
const SUMMER_MIDNIGHT_MS = 1_755_208_800_000;
const EUR = 1_000_000_000n;

/** Hashes per second of hash power 1.0: 45 000 per second of spacing, rounded up. */
function hashUnit(spacingMs: number): number {
  return Math.ceil(45_000_000 / spacingMs);
}

const BASE: Params = {
  spacingMs: 5000,
  finalityDepth: 36,
  confirmationDepth: 12,
  authorSpacing: 0,
  hashUnit: hashUnit(5000),
  stepMs: 30_000,
  stepNominalMs: HOUR_MS,
  calendarStartMs: SUMMER_MIDNIGHT_MS,
  firstStepDelayMs: 60_000,
  orderWindowMs: 60_000,
  readingWindowMs: 30_000,
  trueUpMs: 600_000,
  orderQuota: 4,
  clearingRule: 0,
  sealedOrders: false,
  maxBlockBytes: 262_144,
  maxBlockTransactions: 1000,
  defaultWholesaleMicroEurPerKwh: 115_000,
  defaultTemperatureCentiC: 2400,
  observationMaxAgeSteps: 24,
};

const TURIN_COMMUNITY = {
  prosumers: 100,
  miners: 10,
  oracles: 3,
  neighbourhoods: 5,
  panels: { min: 0, max: 20 },
  panelWp: 250,
  batteryWh: [0, 10_000, 15_000],
  connectionW: 6000,
  creditLimitNanoEur: 200n * EUR,
} as const;

export const PRESETS: readonly Preset[] = [
  {
    name: 'demo',
    description:
      '12 prosumers, ten of them mining; a step of one hour lasts 12 s, from 09:00 of a summer day',
    params: {
      ...BASE,
      spacingMs: 2000,
      finalityDepth: 12,
      hashUnit: hashUnit(2000),
      stepMs: 12_000,
      calendarStartMs: SUMMER_MIDNIGHT_MS + 9 * HOUR_MS,
      firstStepDelayMs: 24_000,
      orderWindowMs: 24_000,
      readingWindowMs: 12_000,
      trueUpMs: 240_000,
    },
    policy: SEED_POLICY,
    community: { ...TURIN_COMMUNITY, prosumers: 12, neighbourhoods: 3 },
    grantNanoEur: EUR,
    steps: 24,
  },
  {
    name: 'turin-100',
    description:
      '100 prosumers in 5 of 10 neighbourhoods of Turin, ten mining; a step of one hour lasts 30 s',
    params: BASE,
    policy: SEED_POLICY,
    community: TURIN_COMMUNITY,
    grantNanoEur: 5n * EUR,
    steps: 24,
  },
  {
    name: 'polito-2025',
    description: 'turin-100 with the exact rules of the Prosumers project (rule pairwise-midpoint)',
    params: { ...BASE, clearingRule: 1 },
    policy: SEED_POLICY,
    community: TURIN_COMMUNITY,
    grantNanoEur: 5n * EUR,
    steps: 24,
  },
  {
    name: 'pilot-15min',
    description: 'template of a real community: 15-minute steps in real time, sealed orders',
    params: {
      ...BASE,
      stepMs: HOUR_MS / 4,
      stepNominalMs: HOUR_MS / 4,
      firstStepDelayMs: HOUR_MS,
      orderWindowMs: HOUR_MS,
      readingWindowMs: HOUR_MS / 4,
      trueUpMs: 14 * 24 * HOUR_MS,
      sealedOrders: true,
    },
    policy: { ...SEED_POLICY, objective: 0 },
    community: { ...TURIN_COMMUNITY, prosumers: 20 },
    grantNanoEur: 0n,
    steps: 96,
  },
];

export function findPreset(name: string): Preset | null {
  return PRESETS.find((preset) => preset.name === name) ?? null;
}
