/** From a seed to a plan: every feature is on in some seeds and off in others. */
import { createRng, deriveSeed, type Rng } from '../../util/rng.ts';
import { ADVERSARIES, type Fault, type Plan, toleratedMiners } from './plan.ts';

export interface DrawOptions {
  /** Default: drawn from 3 to 40. */
  nodes?: number | undefined;
  /** Default 8. */
  repeatOneIn?: number | undefined;
  /** All fault classes, adversaries aside, in every seed; spacing 5 s: what the speed is measured at. */
  everything?: boolean | undefined;
}

interface Dice {
  readonly rng: Rng;
  chance(probability: number): boolean;
  between(least: number, most: number): number;
  pick<T>(values: readonly T[]): T;
  /** Some of the numbers below n, in order. */
  some(n: number, count: number): number[];
}

function createDice(seed: bigint): Dice {
  const rng = createRng(deriveSeed(seed, 'plan'));
  const dice: Dice = {
    rng,
    chance: (probability) => rng.next() < probability,
    between: (least, most) => least + rng.next() * (most - least),
    pick: (values) => values[rng.below(values.length)]!,
    some(n, count) {
      const left = Array.from({ length: n }, (_, i) => i);
      const taken: number[] = [];
      while (taken.length < count && left.length > 0) taken.push(...left.splice(rng.below(left.length), 1));
      return taken.sort((a, b) => a - b);
    },
  };
  return dice;
}

export function drawPlan(seed: bigint, options: DrawOptions = {}): Plan {
  const dice = createDice(seed);
  const { rng } = dice;
  const everything = options.everything ?? false;
  const nodes = options.nodes ?? (dice.chance(0.8) ? 3 + rng.below(10) : 3 + rng.below(38));
  const miners =
    everything || dice.chance(0.6) ? nodes : Math.max(3, Math.ceil(nodes * dice.between(0.4, 1)));
  const spacingMs = everything ? 5000 : dice.pick([2000, 2000, 5000, 5000, 10_000]);
  const spacings = everything ? 360 : dice.pick([120, 120, 240, 480]);
  const safetyMs = spacings * spacingMs;
  const realKeys = !everything && dice.chance(0.05);
  const adversaries = everything ? [] : drawAdversaries(dice, miners);
  const realWork = !everything && nodes <= 12 && adversaries.length === 0 && dice.chance(0.08);
  const calm = !everything && dice.chance(0.1);
  const plan: Omit<Plan, 'faults' | 'core'> = {
    version: 1,
    seed: String(seed),
    spacingMs,
    finalityDepth: dice.pick([1, 6, 12, 12, 36]),
    authorSpacing: !everything && dice.chance(0.15),
    nodes,
    miners,
    hashShares: drawShares(dice, miners),
    topology: nodes > 20 ? 'random' : dice.pick(['random', 'random', 'ring', 'star', 'full', 'clusters']),
    degree: 3 + rng.below(4),
    links: {
      delayMs: dice.pick([
        [1, 20],
        [5, 60],
        [20, 300],
        [100, 1000],
      ]),
      loss: everything ? 0.05 : dice.pick([0, 0, 0.02, 0.1, 0.3]),
      duplication: everything ? 0.05 : dice.pick([0, 0, 0.1, 0.5]),
      reordering: everything ? 0.05 : dice.pick([0, 0, 0.05, 0.3]),
      bytesPerMs: null,
    },
    diskMs: dice.pick([1, 5, 5, 40, 200]),
    clocks: drawClocks(dice, nodes, spacingMs, everything || dice.chance(0.5)),
    adversaries,
    tinyLimits: !everything && dice.chance(0.15),
    realWork,
    realKeys,
    eager: !everything && nodes <= 12 && dice.chance(0.15),
    repeatOneIn: options.repeatOneIn ?? 8,
    safetyMs,
  };
  return { ...plan, core: drawCore(dice, plan), faults: calm ? [] : drawFaults(dice, plan) };
}

function drawShares(dice: Dice, miners: number): number[] {
  const shape = dice.pick(['equal', 'equal', 'harmonic', 'one']);
  const raw = Array.from({ length: miners }, (_, i) => {
    if (shape === 'harmonic') return 1 / (i + 1);
    return shape === 'one' && i === 0 ? 0.8 * miners : dice.between(0.6, 1.4);
  });
  const sum = raw.reduce((a, b) => a + b, 0);
  // Some communities hash far more than the floor asks for, so that the target has to find its place.
  const total = dice.pick([1.2, 2, 2, 20]);
  return raw.map((share) => (share / sum) * total);
}

/** Within half of the tolerance for clocks that run ahead: no two of these differ by more than it. */
function drawClocks(dice: Dice, nodes: number, spacingMs: number, isOff: boolean): Plan['clocks'] {
  const tolerance = Math.max(2 * spacingMs, 10_000) / 2 - 1000;
  return Array.from({ length: nodes }, () => ({
    offsetMs: isOff ? 0 + Math.round(dice.between(-tolerance, tolerance) / 2) : 0,
    driftPpm: isOff ? 0 + Math.round(dice.between(-50, 50)) : 0,
  }));
}

function drawAdversaries(dice: Dice, miners: number): Plan['adversaries'] {
  const most = Math.min(3, toleratedMiners(miners));
  if (most === 0 || dice.chance(0.5)) return [];
  const nodes = dice.some(miners, 1 + dice.rng.below(most));
  return nodes.map((node) => ({ node, kind: dice.pick(ADVERSARIES) }));
}

function drawCore(dice: Dice, plan: Omit<Plan, 'faults' | 'core'>): number[] {
  const bad = new Set(plan.adversaries.map(({ node }) => node));
  const honest = Array.from({ length: plan.nodes }, (_, i) => i).filter((i) => !bad.has(i));
  const miners = honest.filter((i) => i < plan.miners);
  const least = Math.min(miners.length, Math.floor(plan.miners / 2) + 1);
  const chosen = dice.some(miners.length, least + dice.rng.below(miners.length - least + 1));
  const others = honest.filter((i) => i >= plan.miners && dice.chance(0.5));
  return [...chosen.map((i) => miners[i]!), ...others];
}

function drawFaults(dice: Dice, plan: Omit<Plan, 'faults' | 'core'>): Fault[] {
  const { nodes, safetyMs, spacingMs } = plan;
  const everyone = Array.from({ length: nodes }, (_, i) => i);
  const { rng } = dice;
  const faults: Fault[] = [];
  const meanMs = dice.pick([2, 6, 20, 60]) * spacingMs;
  // A single miner that lost its own block may never sign on that parent again, and nobody else would.
  const isAlone = plan.miners - plan.adversaries.length < 2;
  const kinds = (Object.keys(DRAW) as (keyof typeof DRAW)[]).filter((kind) => !isAlone || kind !== 'flip');
  const wanted = kinds.filter(() => dice.chance(0.5));
  for (let atMs = meanMs; atMs < safetyMs; atMs += -Math.log(1 - rng.next()) * meanMs) {
    const kind = dice.pick(wanted.length === 0 ? kinds : wanted);
    faults.push(DRAW[kind](dice, { atMs: Math.round(atMs), everyone, plan }));
  }
  return faults;
}

type DrawFault = (
  dice: Dice,
  given: { atMs: number; everyone: number[]; plan: Omit<Plan, 'faults' | 'core'> },
) => Fault;

const CRASHES = ['prefix', 'subset', 'torn'] as const;

const DRAW: Readonly<Record<Fault['kind'] | 'crashAll' | 'sleep', DrawFault>> = {
  crash: (dice, { atMs, everyone, plan }) => ({
    kind: 'crash',
    atMs,
    nodes: dice.some(everyone.length, 1 + dice.rng.below(Math.ceil(everyone.length / 3))),
    mode: dice.pick(CRASHES),
    downMs: Math.round(dice.between(0, 20 * plan.spacingMs)),
    again: dice.chance(0.3) ? 1 + dice.rng.below(4) : 0,
  }),
  crashAll: (dice, { atMs, everyone, plan }) => ({
    kind: 'crash',
    atMs,
    nodes: everyone,
    mode: dice.pick(CRASHES),
    downMs: Math.round(dice.between(0, 10 * plan.spacingMs)),
    again: dice.chance(0.3) ? 1 : 0,
  }),
  pause: (dice, { atMs, everyone, plan }) => ({
    kind: 'pause',
    atMs,
    nodes: dice.some(everyone.length, 1 + dice.rng.below(2)),
    forMs: Math.round(dice.between(1000, 24 * plan.spacingMs)),
  }),
  sleep: (dice, { atMs, everyone }) => ({
    kind: 'pause',
    atMs,
    nodes: everyone,
    forMs: Math.round(dice.pick([60_000, 600_000, 8 * 3_600_000])),
  }),
  cut: (dice, { atMs, everyone, plan }) => {
    const cut = dice.chance(0.25) ? 1 : 1 + dice.rng.below(everyone.length - 1);
    const from = dice.some(everyone.length, cut);
    return {
      kind: 'cut',
      atMs,
      from,
      to: everyone.filter((i) => !from.includes(i)),
      bothWays: dice.chance(0.7),
      forMs: Math.round(dice.between(2, dice.pick([10, 40, 100])) * plan.spacingMs),
    };
  },
  links: (dice, { atMs, plan }) => ({
    kind: 'links',
    atMs,
    links: {
      delayMs: [10, dice.pick([100, 1000, 3000])],
      loss: dice.between(0, 0.4),
      duplication: dice.between(0, 0.5),
      reordering: dice.between(0, 0.3),
      bytesPerMs: dice.chance(0.3) ? 8 : null,
    },
    forMs: Math.round(dice.between(4, 20) * plan.spacingMs),
  }),
  slow: (dice, { atMs, everyone, plan }) => ({
    kind: 'slow',
    atMs,
    node: dice.pick(everyone),
    links: {
      delayMs: [200, dice.pick([500, 2000])],
      loss: 0,
      duplication: 0,
      reordering: 0,
      bytesPerMs: dice.pick([1, 8]),
    },
    forMs: Math.round(dice.between(4, 40) * plan.spacingMs),
  }),
  flip: (dice, { atMs, everyone }) => ({
    kind: 'flip',
    atMs,
    node: dice.pick(everyone),
    downMs: Math.round(dice.between(0, 5000)),
  }),
  full: (dice, { atMs, everyone, plan }) => ({
    kind: 'full',
    atMs,
    node: dice.pick(everyone),
    forMs: Math.round(dice.between(1, 20) * plan.spacingMs),
  }),
  disk: (dice, { atMs, everyone, plan }) => ({
    kind: 'disk',
    atMs,
    node: dice.pick(everyone),
    syncMs: dice.pick([500, 2000, 5000]),
    forMs: Math.round(dice.between(2, 20) * plan.spacingMs),
  }),
  clock: (dice, { atMs, everyone, plan }) => {
    const most = (Math.max(2 * plan.spacingMs, 10_000) / 2 - 1000) / 2;
    return {
      kind: 'clock',
      atMs,
      node: dice.pick(everyone),
      offsetMs: Math.round(dice.between(-most, most)),
    };
  },
  power: (dice, { atMs, plan }) => ({
    kind: 'power',
    atMs,
    nodes: dice.some(plan.miners, dice.chance(0.5) ? plan.miners : 1 + dice.rng.below(plan.miners)),
    factor: dice.pick([0.1, 0.3, 3, 10]),
  }),
};
