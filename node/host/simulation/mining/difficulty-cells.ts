/** What the retarget does under shocks, pauses, lies and miners that come and go. */
import type { HeaderNode } from '../../../consensus/header-chain.ts';
import { FLOOR_TARGET, workOf } from '../../../consensus/target.ts';
import { type Retarget, WTEMA } from './retargets.ts';
import { overSeeds, quantile, type Summary, summarise } from './statistics.ts';
import { createWorld, type MinerOptions, type MiningWorld, type Stamp } from './world.ts';

/** Hashes that ten miners at full power make in one spacing, by the hash unit of the presets. */
const WORK_PER_SPACING = 450_000;
const WARM_UP_BLOCKS = 200;
const HOUR_MS = 3_600_000;
/** A shock that has no end within this time is reported as this time. */
const PATIENCE_MS = 4 * HOUR_MS;

export interface DifficultyCell {
  retarget: Retarget;
  spacingMs: number;
  seeds: number;
}

/** All hash power of ten miners of the presets, in hashes per second. */
export function communityRate(spacingMs: number): number {
  return (WORK_PER_SPACING * 1000) / spacingMs;
}

/** Target at which this hash rate finds a block per spacing. */
export function equilibriumTarget(hashesPerSecond: number, spacingMs: number): bigint {
  const target = 2n ** 256n / BigInt(Math.round((hashesPerSecond * spacingMs) / 1000)) - 1n;
  return target < FLOOR_TARGET ? target : FLOOR_TARGET;
}

/** A chain that has run long enough to have forgotten how it began. */
export function settledWorld(
  { retarget, spacingMs }: Omit<DifficultyCell, 'seeds'>,
  seed: bigint,
  miners?: readonly MinerOptions[],
): MiningWorld {
  const rate = communityRate(spacingMs);
  const world = createWorld({
    seed,
    spacingMs,
    retarget,
    miners: miners ?? [{ author: 0, hashesPerSecond: rate }],
    startTarget: equilibriumTarget(rate, spacingMs),
  });
  world.runBlocks(WARM_UP_BLOCKS);
  return world;
}

const difficultyOf = (node: HeaderNode) => Number(workOf(node.target));

/** Mean spacing in ms over 1 000 blocks of virtual time, one value per seed, and how much the difficulty wavers. */
export function meanSpacing(cell: DifficultyCell): { spacingMs: Summary; wavering: number } {
  const runs = overSeeds(`mean ${cell.retarget.name} ${cell.spacingMs}`, cell.seeds, (seed) => {
    const world = settledWorld(cell, seed);
    const fromMs = world.scheduler.nowMs();
    const from = world.miners[0]!.tip;
    world.runBlocks(1000);
    const elapsedMs = world.scheduler.nowMs() - fromMs;
    const values: number[] = [];
    for (let node = world.miners[0]!.tip; node !== from; node = node.parent!) values.push(difficultyOf(node));
    const { mean } = summarise(values);
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    return { elapsedMs, wavering: Math.sqrt(variance) / mean };
  });
  return {
    spacingMs: summarise(runs.map((run) => run.elapsedMs / 1000)),
    wavering: summarise(runs.map((run) => run.wavering)).mean,
  };
}

/** Seconds until the difficulty is within 25 % of its new equilibrium, after the hash rate was multiplied. */
export function recoverySeconds(cell: DifficultyCell, factor: number): Summary {
  const label = `recovery ${factor} ${cell.retarget.name} ${cell.spacingMs}`;
  const times = overSeeds(label, cell.seeds, (seed) => {
    const world = settledWorld(cell, seed);
    const miner = world.miners[0]!;
    const aim = WORK_PER_SPACING * factor;
    miner.hashesPerSecond *= factor;
    world.redraw();
    const fromMs = world.scheduler.nowMs();
    const isReached = () => {
      const difficulty = Number(workOf(cell.retarget.after(miner.tip, cell.spacingMs)));
      return factor > 1 ? difficulty >= 0.75 * aim : difficulty <= 1.25 * aim;
    };
    while (!isReached() && world.scheduler.nowMs() - fromMs < PATIENCE_MS) world.runBlocks(1);
    return (world.scheduler.nowMs() - fromMs) / 1000;
  });
  return summarise(times);
}

/** Blocks in the 300 s after all miners slept for 8 hours. */
export function blocksAfterSleep(cell: DifficultyCell): Summary {
  const counts = overSeeds(`sleep ${cell.retarget.name} ${cell.spacingMs}`, cell.seeds, (seed) => {
    const world = settledWorld(cell, seed);
    const miner = world.miners[0]!;
    const rate = miner.hashesPerSecond;
    miner.hashesPerSecond = 0;
    world.redraw();
    world.runFor(8 * HOUR_MS);
    miner.hashesPerSecond = rate;
    world.redraw();
    const before = world.blocks();
    world.runFor(300_000);
    return world.blocks() - before;
  });
  return summarise(counts);
}

/** From the floor with full hash power: blocks and seconds until the difficulty reaches 75 % of its equilibrium. */
export function warmUp(cell: DifficultyCell): { blocks: Summary; seconds: Summary } {
  const runs = overSeeds(`warm-up ${cell.retarget.name} ${cell.spacingMs}`, cell.seeds, (seed) => {
    const world = createWorld({
      seed,
      spacingMs: cell.spacingMs,
      retarget: cell.retarget,
      miners: [{ author: 0, hashesPerSecond: communityRate(cell.spacingMs) }],
      startTarget: FLOOR_TARGET,
    });
    const fromMs = world.scheduler.nowMs();
    const miner = world.miners[0]!;
    const difficulty = () => Number(workOf(cell.retarget.after(miner.tip, cell.spacingMs)));
    while (difficulty() < 0.75 * WORK_PER_SPACING && world.blocks() < 20_000) world.runBlocks(1);
    return { blocks: world.blocks(), seconds: (world.scheduler.nowMs() - fromMs) / 1000 };
  });
  return {
    blocks: summarise(runs.map((run) => run.blocks)),
    seconds: summarise(runs.map((run) => run.seconds)),
  };
}

/** Mean spacing in ms over 1 000 blocks while a share of the hash power lies about the time. */
export function spacingUnderLies(cell: DifficultyCell, share: number, stamp: Stamp): Summary {
  const rate = communityRate(cell.spacingMs);
  const label = `lies ${share} ${stamp} ${cell.retarget.name} ${cell.spacingMs}`;
  const spacings = overSeeds(label, cell.seeds, (seed) => {
    const world = settledWorld(cell, seed, [
      { author: 0, hashesPerSecond: rate * (1 - share) },
      { author: 1, hashesPerSecond: rate * share, stamp },
    ]);
    const fromMs = world.scheduler.nowMs();
    world.runBlocks(1000);
    return (world.scheduler.nowMs() - fromMs) / 1000;
  });
  return summarise(spacings);
}

export interface OnOffResult {
  spacingMs: Summary;
  /** Blocks per hash of the miner that comes and goes, over that of the steady ones. */
  advantage: Summary;
  /** 99th percentile of the spacing in ms, median over the seeds. */
  p99SpacingMs: number;
}

/**
 * A miner with `power` times the steady hash rate, on while a block costs at most 1.1 times what the steady miners
 * alone would make it cost, off from 1.5 times.
 */
export function onOffMining(cell: DifficultyCell, power: number): OnOffResult {
  const rate = communityRate(cell.spacingMs);
  const runs = overSeeds(`on-off ${power} ${cell.retarget.name} ${cell.spacingMs}`, cell.seeds, (seed) => {
    const world = settledWorld(cell, seed, [
      { author: 0, hashesPerSecond: rate },
      { author: 1, hashesPerSecond: 0 },
    ]);
    const [steady, hopper] = world.miners as [(typeof world.miners)[0], (typeof world.miners)[0]];
    const startMs = world.scheduler.nowMs();
    const startFound = steady.found;
    const spacings: number[] = [];
    let onMs = 0;
    for (let i = 0; i < 1000; i++) {
      const fromMs = world.scheduler.nowMs();
      world.runBlocks(1);
      const elapsedMs = world.scheduler.nowMs() - fromMs;
      spacings.push(elapsedMs);
      if (hopper.hashesPerSecond > 0) onMs += elapsedMs;
      const cost = Number(workOf(cell.retarget.after(steady.tip, cell.spacingMs))) / WORK_PER_SPACING;
      if (cost <= 1.1) hopper.hashesPerSecond = rate * power;
      else if (cost >= 1.5) hopper.hashesPerSecond = 0;
      world.redraw();
    }
    const elapsedMs = world.scheduler.nowMs() - startMs;
    const perHash = hopper.found / Math.max(1, onMs * power) / ((steady.found - startFound) / elapsedMs);
    spacings.sort((a, b) => a - b);
    return { spacingMs: elapsedMs / 1000, advantage: perHash, p99: quantile(spacings, 0.99) };
  });
  return {
    spacingMs: summarise(runs.map((run) => run.spacingMs)),
    advantage: summarise(runs.map((run) => run.advantage)),
    p99SpacingMs: summarise(runs.map((run) => run.p99)).median,
  };
}

export const IN_USE = WTEMA;
