/** Random communities and traffic for the comparison of the reference model with the node. */
import { createTestGenesis, EUR } from '../../../market/testing.ts';
import { compareTransactions, createBody } from '../../../protocol/codec.ts';
import type { Genesis, Params, Policy, Transaction, TransactionBody } from '../../../protocol/types.ts';
import type { Rng } from '../../../util/rng.ts';

function pick<V>(rng: Rng, values: readonly V[]): V {
  return values[rng.below(values.length)]!;
}

const chance = (rng: Rng, percent: number): boolean => rng.below(100) < percent;

function randomParams(rng: Rng): Partial<Params> {
  const orderWindowMs = pick(rng, [24_000, 36_000]);
  return {
    stepMs: pick(rng, [2000, 6000, 12_000, 12_000, 30_000]),
    stepNominalMs: pick(rng, [900_000, 900_000, 3_600_000, 7_200_000, 21_600_000, 86_400_000]),
    calendarStartMs: 1_755_208_800_000 + pick(rng, [0, 1_800_000, 5_000_000]),
    orderWindowMs,
    readingWindowMs: pick(rng, [12_000, 25_000]),
    firstStepDelayMs: orderWindowMs + pick(rng, [0, 5000]),
    orderQuota: pick(rng, [2, 4, 9]),
    maxBlockBytes: pick(rng, [262_144, 262_144, 4000]),
    maxBlockTransactions: pick(rng, [1000, 1000, 20]),
    defaultWholesaleMicroEurPerKwh: pick(rng, [115_000, 115_001, 0, -40_001]),
    observationMaxAgeSteps: pick(rng, [0, 2, 24]),
  };
}

function randomPolicy(rng: Rng, zones: number): Partial<Policy> {
  const tiers = () =>
    Array.from({ length: rng.below(5) }, () => ({
      threshold: rng.below(8),
      factorBps: 10_000 + rng.below(2000),
    }));
  return {
    objective: pick(rng, [1, 1, 1, 0]),
    aggregatorFeeBps: pick(rng, [0, 333, 500, 10_000]),
    networkFeeBps: pick(rng, [0, 200, 999]),
    minerFeeShareBps: pick(rng, [0, 3333, 5000, 10_000]),
    bonusTiers: tiers(),
    penaltyTiers: tiers(),
    zoneFeeMicroEurPerKwh: Array.from({ length: rng.below(zones + 1) }, () => rng.below(4) * 500),
  };
}

/** A community of 1 to 14 members in up to 5 zones, some of them suspended, expelled, poor or weakly connected. */
export function randomGenesis(rng: Rng): Genesis {
  const members = pick(rng, [1, 5, 9, 12, 12, 14]);
  const zones = pick(rng, [1, 2, 3, 5]);
  const stride = pick(rng, [1, 1, 6]);
  const genesis = createTestGenesis({
    members,
    miners: Math.min(members, 3),
    oracles: pick(rng, [0, 3, 3, 4, 5]),
    params: randomParams(rng),
    policy: randomPolicy(rng, zones),
    grantNanoEur: pick(rng, [0n, 1000n, 3_000_000n, EUR]),
  });
  return {
    ...genesis,
    members: genesis.members.map((member) => ({
      ...member,
      neighbourhood: rng.below(zones) * stride,
      connectionW: pick(rng, [6000, 6000, 3001, 100]),
      status: chance(rng, 4) ? 1 : 0,
      suspendedUntilStep: chance(rng, 15) ? rng.below(30) : 0,
      creditLimitNanoEur: pick(rng, [100_000n * EUR, 100_000n * EUR, 100_000n * EUR, EUR, 0n]),
    })),
  };
}

/**
 * Timestamps of blocks, the genesis's first: mostly about 2 s apart, with pauses of up to 100 steps. In every second
 * community they are whole seconds, so that clocks meet the edges of windows exactly.
 */
export function randomTimestamps(rng: Rng, genesis: Genesis, blocks: number): number[] {
  const { stepMs } = genesis.params;
  const timestamps = [genesis.timeMs];
  const gridMs = pick(rng, [1, 1000]);
  for (let i = 0; i < blocks; i++) {
    const gapMs = chance(rng, 2) ? stepMs * rng.below(100) : 200 + rng.below(chance(rng, 5) ? 20_000 : 3600);
    timestamps.push(timestamps.at(-1)! + Math.ceil((200 + gapMs) / gridMs) * gridMs);
  }
  return timestamps;
}

/** An unsigned transaction: signatures are not what is compared. */
export function unsigned(body: TransactionBody): Transaction {
  return { body, signatures: [new Uint8Array(64)] };
}

/** Candidates for the next block at a market clock, in canonical order and without equal slots; many break a rule. */
export type Traffic = (clockMs: number) => Transaction[];

export function randomTraffic(rng: Rng, genesis: Genesis): Traffic {
  const { params, members, oracles } = genesis;
  const centre = params.defaultWholesaleMicroEurPerKwh + pick(rng, [0, 0, 5000, -150_000]);
  const stepAt = (ms: number) => Math.floor((ms - genesis.timeMs - params.firstStepDelayMs) / params.stepMs);
  const meters = createMeters(rng, genesis);
  const ordersPerBlock = pick(rng, [4, 12, 24]);
  const readsPercent = pick(rng, [15, 60, 150]);
  let quietUntilMs = 0;

  const orderStep = (clockMs: number): number => {
    const first = stepAt(clockMs) + 1;
    const last = stepAt(clockMs + params.orderWindowMs);
    // Mostly the next steps, so that books fill; now and then any open one, or one beside the windows.
    const nearest = first + rng.below(Math.max(1, Math.min(3, last - first + 1)));
    const any = first - 1 + rng.below(last - first + 3);
    return Math.max(0, chance(rng, 85) ? nearest : any);
  };
  const order = (clockMs: number): TransactionBody => {
    const limit = centre + (rng.below(13) - 6) * pick(rng, [500, 500, 7919]);
    const payload = {
      side: chance(rng, 1) ? 2 : rng.below(2),
      energyWh: chance(rng, 2) ? rng.below(2) * 200_000 : pick(rng, [1, 7, 100, 1000, 1 + rng.below(3000)]),
      limitMicroEurPerKwh: chance(rng, 1) ? pick(rng, [2 ** 31 - 1, -(2 ** 31)]) : limit,
    };
    const account = chance(rng, 2) ? members.length : rng.below(members.length);
    const sequence = rng.below(params.orderQuota + (chance(rng, 5) ? 1 : 0));
    return createBody({ kind: 'order', step: orderStep(clockMs), account, sequence, payload });
  };
  const cancel = (clockMs: number): TransactionBody => {
    const sequence = rng.below(params.orderQuota);
    const payload = { orderSequence: chance(rng, 3) ? sequence + 1 : sequence };
    const account = chance(rng, 2) ? members.length : rng.below(members.length);
    return createBody({ kind: 'cancel', step: orderStep(clockMs), account, sequence, payload });
  };
  const observation = (clockMs: number): TransactionBody => {
    const lie = pick(rng, [10_000_000, -10_000_000, -90_000, chance(rng, 10) ? 10_000_001 : 0]);
    const payload = {
      temperatureCentiC: chance(rng, 2) ? -10_001 : rng.below(3000) - 500,
      wholesaleMicroEurPerKwh: chance(rng, 10) ? lie : centre + rng.below(20_001) - 10_000,
    };
    const account = rng.below(oracles.length + (chance(rng, 5) || oracles.length === 0 ? 1 : 0));
    const sequence = chance(rng, 1) ? 1 : 0;
    return createBody({ kind: 'observation', step: orderStep(clockMs), account, sequence, payload });
  };
  const readings = (clockMs: number): TransactionBody[] => {
    const last = stepAt(clockMs) - 1;
    const first = Math.max(0, stepAt(clockMs - params.readingWindowMs) - 1);
    const bodies: TransactionBody[] = [];
    for (let step = first; step <= Math.min(last, first + 8); step++) {
      for (const member of members.keys()) {
        if (chance(rng, readsPercent / 3)) bodies.push(meters.reading(step, member));
      }
    }
    return bodies;
  };
  const expulsion = (): TransactionBody =>
    createBody({
      kind: 'expel',
      step: 0,
      account: 0,
      sequence: 0,
      payload: { member: 0, evidence: new Uint8Array(32) },
    });

  return (clockMs) => {
    if (clockMs < quietUntilMs) return [];
    if (chance(rng, 2)) quietUntilMs = clockMs + params.stepMs * rng.below(12);
    const bodies = readings(clockMs);
    for (let i = rng.below(ordersPerBlock); i > 0; i--) bodies.push(order(clockMs));
    for (let i = rng.below(2); i > 0; i--) bodies.push(cancel(clockMs));
    for (let i = rng.below(6); i > 0; i--) bodies.push(observation(clockMs));
    if (chance(rng, 1)) bodies.push(expulsion());
    const sorted = bodies.map(unsigned).sort(compareTransactions);
    return sorted.filter((tx, i) => i === 0 || compareTransactions(sorted[i - 1]!, tx) < 0);
  };
}

/** Meters whose registers grow from step to step, and owners who now and then misreport them. */
function createMeters(rng: Rng, genesis: Genesis) {
  const { params, members } = genesis;
  const ends = members.map(() => new Map<number, { importWh: number; exportWh: number }>());
  const known = members.map(() => ({ step: -1, importWh: 0, exportWh: 0 }));

  const registers = (step: number, member: number) => {
    const limitWh = Math.floor((members[member]!.connectionW * params.stepNominalMs) / 3_600_000);
    const meter = known[member]!;
    if (step - meter.step > 200) meter.step = step - 200;
    while (meter.step < step) {
      meter.step++;
      if (chance(rng, 70)) meter.importWh += chance(rng, 10) ? limitWh : rng.below(limitWh + 1);
      if (chance(rng, 30)) meter.exportWh += rng.below(limitWh + 1);
      ends[member]!.set(meter.step, { importWh: meter.importWh, exportWh: meter.exportWh });
    }
    return ends[member]!.get(step) ?? { importWh: 0, exportWh: 0 };
  };
  return {
    reading(step: number, member: number): TransactionBody {
      const { importWh, exportWh } = registers(step, member);
      const error = chance(rng, 94) ? 0 : pick(rng, [1, -1, -5000, 10 ** 9]);
      const payload = {
        importRegisterWh: Math.max(0, importWh + error),
        exportRegisterWh: Math.max(0, exportWh + (chance(rng, 50) ? error : 0)),
        telemetryRoot: new Uint8Array(32),
        attested: true,
      };
      const account = chance(rng, 1) ? members.length : member;
      const sequence = chance(rng, 1) ? 1 : 0;
      return createBody({ kind: 'reading', step, account, sequence, payload });
    },
  };
}
