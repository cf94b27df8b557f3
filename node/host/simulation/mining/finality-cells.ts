/** Attacks on finality: partitions that move, sleepers that come back, miners that sign on both sides. */
import { ancestorAt, type HeaderNode } from '../../../consensus/header-chain.ts';
import { communityRate, equilibriumTarget } from './difficulty-cells.ts';
import type { FinalityGiven, FinalityRule } from './finality-rules.ts';
import { meanOf, overSeeds, rngOf, type Summary, summarise } from './statistics.ts';
import { createWorld, type MinerOptions, type MiningWorld, type SimMiner } from './world.ts';

const SPACING_MS = 5000;

export interface SplitOptions {
  rule: (given: FinalityGiven) => FinalityRule;
  depth: number;
  miners: number;
  /** Miners that sign on both sides of every partition and deny it. */
  equivocators: number;
  /** Honest miners on the first side for good; null: partitions that move, heal, and let miners sleep. */
  firstSide: number | null;
  blocks: number;
  seeds: number;
}

export interface SplitResult {
  /** Runs in which two conflicting blocks became final. */
  conflicts: number;
  runs: number;
  /** Blocks until the first conflict, median over the runs that had one. */
  blocksToConflict: number | null;
  /** Mean number of final heights per 100 blocks of a run: a rule that finalises nothing is safe, and useless. */
  finalPer100: number;
  /** Virtual node-hours. */
  nodeHours: number;
}

/** Remembers the highest final block of all miners and whether another one ever conflicted with it. */
function createWitness() {
  let highest: HeaderNode | null = null;
  let conflict = false;
  return {
    highest: () => highest?.height ?? 0,
    conflict: () => conflict,
    see(node: HeaderNode): void {
      if (highest === null) highest = node;
      const [low, high] = node.height < highest.height ? [node, highest] : [highest, node];
      if (ancestorAt(high, low.height) !== low) conflict = true;
      highest = high;
    },
  };
}

/** Searches for conflicting final blocks. */
export function searchConflicts(options: SplitOptions): SplitResult {
  const { rule, depth, miners, equivocators, firstSide, blocks, seeds } = options;
  const finality = { depth, minerCount: miners };
  const label = `splits ${depth} ${miners} ${equivocators} ${firstSide}`;
  const runs = overSeeds(label, seeds, (seed) => {
    const witness = createWitness();
    const { world, move } = splitWorld(options, rule(finality), seed, witness.see);
    let done = 0;
    while (done < blocks && !witness.conflict()) {
      if (firstSide === null) move();
      const some = firstSide === null ? 1 + Math.floor(-Math.log(1 - world.rng.next()) * 15) : 50;
      const before = world.blocks();
      world.runBlocks(some, world.scheduler.nowMs() + 100 * SPACING_MS);
      world.runFor(0);
      done += Math.max(1, world.blocks() - before);
    }
    return { conflict: witness.conflict(), final: witness.highest(), done, ms: world.scheduler.nowMs() };
  });
  const hit = runs.filter((run) => run.conflict).map((run) => run.done);
  const hours = runs.reduce((sum, run) => sum + (run.ms - 1_000_000_000) / 3_600_000, 0);
  return {
    conflicts: hit.length,
    runs: runs.length,
    blocksToConflict: hit.length === 0 ? null : summarise(hit).median,
    finalPer100: meanOf(runs.map((run) => (100 * run.final) / run.done)),
    nodeHours: hours * miners,
  };
}

/** Side of each miner; an equivocator is two miners of one author, one on each side for good. */
function splitWorld(
  options: SplitOptions,
  finality: FinalityRule,
  seed: bigint,
  onFinal: (node: HeaderNode) => void,
): { world: MiningWorld; move: () => void } {
  const { miners, equivocators, firstSide } = options;
  const rng = rngOf(seed, 'sides');
  const honest = miners - equivocators;
  const each = communityRate(SPACING_MS) / miners;
  const powers = Array.from({ length: honest }, () => each * (0.1 + 0.9 * rng.next()));
  const specs: MinerOptions[] = powers.map((hashesPerSecond, author) => ({ author, hashesPerSecond }));
  for (let author = honest; author < miners; author++) {
    for (let twin = 0; twin < 2; twin++) specs.push({ author, hashesPerSecond: each, lies: true });
  }
  const sides = specs.map((_, i) => (i < honest ? Number(i >= (firstSide ?? honest)) : (i - honest) % 2));
  const world = createWorld({
    seed,
    spacingMs: SPACING_MS,
    finality,
    miners: specs,
    startTarget: equilibriumTarget(communityRate(SPACING_MS), SPACING_MS),
    delayMs: (from, to) => (sides[from.index] === sides[to.index] ? 0 : null),
    onFinal: (_, node) => onFinal(node),
  });
  const settle = (miner: SimMiner, side: number): void => {
    sides[miner.index] = side;
    miner.hashesPerSecond = side > 1 ? 0 : powers[miner.index]!;
  };
  const move = (): void => {
    const heals = rng.next() < 0.15;
    const cut = rng.next();
    for (const miner of world.miners.slice(0, honest)) {
      const isAsleep = rng.next() < 0.08;
      const stays = rng.next() < 0.5 && sides[miner.index]! <= 1;
      if (isAsleep) settle(miner, 2 + miner.index);
      else if (heals) settle(miner, 0);
      else if (!stays) settle(miner, Number(rng.next() < cut));
    }
    world.exchangeTips();
    world.redraw();
  };
  return { world, move };
}

/** Blocks and seconds from a block to its being final at one miner, without faults, one value per seed. */
export function finalityLag(
  rule: (given: FinalityGiven) => FinalityRule,
  given: { depth: number; miners: number; seeds: number },
): { blocks: Summary } {
  const { depth, miners, seeds } = given;
  const each = communityRate(SPACING_MS) / miners;
  const lags = overSeeds(`lag ${depth} ${miners}`, seeds, (seed) => {
    const world = createWorld({
      seed,
      spacingMs: SPACING_MS,
      finality: rule({ depth, minerCount: miners }),
      miners: Array.from({ length: miners }, (_, author) => ({ author, hashesPerSecond: each })),
      startTarget: equilibriumTarget(communityRate(SPACING_MS), SPACING_MS),
      delayMs: () => 50,
    });
    world.runBlocks(100);
    let sum = 0;
    for (let i = 0; i < 300; i++) {
      world.runBlocks(1);
      sum += world.miners[0]!.tip.height - world.miners[0]!.final.height;
    }
    return sum / 300;
  });
  return { blocks: summarise(lags) };
}

/** Spacings from the end of a partition until every miner has a final block above the fork, one value per seed. */
export function finalAfterHeal(
  rule: (given: FinalityGiven) => FinalityRule,
  given: { depth: number; firstSide: number; splitBlocks: number; seeds: number },
): Summary {
  const { depth, firstSide, splitBlocks, seeds } = given;
  const times = overSeeds(`heal ${depth} ${firstSide} ${splitBlocks}`, seeds, (seed) => {
    let split = true;
    const each = communityRate(SPACING_MS) / 10;
    const world = createWorld({
      seed,
      spacingMs: SPACING_MS,
      finality: rule({ depth, minerCount: 10 }),
      miners: Array.from({ length: 10 }, (_, author) => ({ author, hashesPerSecond: each })),
      startTarget: equilibriumTarget(communityRate(SPACING_MS), SPACING_MS),
      delayMs: (from, to) => (split && from.index < firstSide !== to.index < firstSide ? null : 50),
    });
    world.runBlocks(splitBlocks);
    split = false;
    world.exchangeTips();
    const fromMs = world.scheduler.nowMs();
    const goal = Math.max(...world.miners.map((miner) => miner.tip.height));
    while (world.miners.some((miner) => miner.final.height < goal) && world.blocks() < splitBlocks + 2000) {
      world.runBlocks(1);
    }
    return (world.scheduler.nowMs() - fromMs) / SPACING_MS;
  });
  return summarise(times);
}
