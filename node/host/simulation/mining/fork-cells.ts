/** Stale blocks, selfish mining and catching up, each beside its closed form. */
import { earliestTimestampMs, targetAfter } from '../../../consensus/header.ts';
import type { HeaderNode } from '../../../consensus/header-chain.ts';
import { workOf } from '../../../consensus/target.ts';
import { communityRate, equilibriumTarget, IN_USE } from './difficulty-cells.ts';
import { overSeeds, rngOf, type Summary, summarise } from './statistics.ts';
import { type AuthorRule, createWorld, linkSerial, type SimMiner } from './world.ts';

export interface StaleResult {
  /** Share of found blocks that are not on the main chain. */
  stale: Summary;
  /** 1 - exp(-d (1 - 1/N) / T). */
  expected: number;
  /** Reorganisations per block and node, by depth from 1. */
  byDepth: number[];
  deepest: number;
}

/** N equal miners whose links all take `delayMs`; 1 000 blocks per seed. */
export function staleRate(given: {
  miners: number;
  delayMs: number;
  spacingMs: number;
  seeds: number;
  authorRule?: AuthorRule | null;
}): StaleResult {
  const { miners: count, delayMs, spacingMs, seeds, authorRule = null } = given;
  const rate = communityRate(spacingMs);
  const byDepth: number[] = [];
  let blocks = 0;
  const stale = overSeeds(`stale ${count} ${delayMs} ${spacingMs} ${authorRule !== null}`, seeds, (seed) => {
    const world = createWorld({
      seed,
      spacingMs,
      authorRule,
      retarget: IN_USE,
      miners: Array.from({ length: count }, (_, author) => ({ author, hashesPerSecond: rate / count })),
      startTarget: equilibriumTarget(rate, spacingMs),
      delayMs: () => delayMs,
    });
    world.runBlocks(1000);
    const found = world.blocks();
    for (const miner of world.miners) miner.hashesPerSecond = 0;
    world.redraw();
    world.runFor(10 * delayMs);
    blocks += found;
    for (const { reorganisations } of world.miners) {
      for (const [depth, times] of reorganisations.entries()) {
        if (times !== undefined) byDepth[depth] = (byDepth[depth] ?? 0) + times;
      }
    }
    return 1 - Math.max(...world.miners.map((miner) => miner.tip.height)) / found;
  });
  return {
    stale: summarise(stale),
    expected: 1 - Math.exp((-delayMs * (1 - 1 / count)) / spacingMs),
    byDepth: Array.from({ length: 4 }, (_, i) => (byDepth[i + 1] ?? 0) / blocks / count),
    deepest: Math.max(0, byDepth.length - 1),
  };
}

/** Share of the chain that a selfish pool gets (Eyal and Sirer 2014, equation 8). */
export function eyalSirer(alpha: number, gamma: number): number {
  const honest = 1 - alpha;
  const above = alpha * honest ** 2 * (4 * alpha + gamma * (1 - 2 * alpha)) - alpha ** 3;
  return above / (1 - alpha * (1 + (2 - alpha) * alpha));
}

const HONEST_MINERS = 20;
/** Small against the spacing, so that nothing is stale but by the attack. */
const SELFISH_DELAY_MS = 2;

export interface SelfishResult {
  share: Summary;
  expected: number;
  /** Share of the honest hash power that mines on the pool's block in a tie. */
  gamma: number;
}

/**
 * A pool of one key withholds what it finds (Eyal and Sirer 2014, algorithm 1) against 20 honest miners. Its blocks
 * reach `fast` of these before any honest block does, the others after.
 */
export function selfishMining(given: {
  alpha: number;
  fast: number;
  spacingMs: number;
  seeds: number;
  authorRule?: AuthorRule | null;
}): SelfishResult {
  const { alpha, fast, seeds } = given;
  const label = `selfish ${alpha} ${fast} ${given.spacingMs} ${given.authorRule !== undefined}`;
  const shares = overSeeds(label, seeds, (seed) => selfishShare(given, seed));
  // The finder of the honest block never changes over.
  const gamma = (fast / HONEST_MINERS) * (1 - 1 / HONEST_MINERS);
  return { share: summarise(shares), expected: eyalSirer(alpha, gamma), gamma };
}

function selfishShare(given: Parameters<typeof selfishMining>[0], seed: bigint): number {
  const { alpha, fast, spacingMs, authorRule = null } = given;
  const rate = communityRate(spacingMs);
  const honest = Array.from({ length: HONEST_MINERS }, (_, i) => ({
    author: i + 1,
    hashesPerSecond: (rate * (1 - alpha)) / HONEST_MINERS,
  }));
  const pool = createPool();
  const world = createWorld({
    seed,
    spacingMs,
    authorRule,
    retarget: IN_USE,
    miners: [{ author: 0, hashesPerSecond: rate * alpha }, ...honest],
    startTarget: equilibriumTarget(rate, spacingMs),
    delayMs(from, to) {
      if (to.index === 0) return 0;
      if (from.index === 0) return to.index <= fast ? 0 : 2 * SELFISH_DELAY_MS;
      return SELFISH_DELAY_MS;
    },
    onFound(miner, node) {
      if (miner.index !== 0) return false;
      pool.found(miner, node, (block) => world.publish(miner, block));
      world.redraw();
      return true;
    },
    onReceived: (miner, node) => {
      if (miner.index === 0) pool.heard(miner, node, (block) => world.publish(miner, block));
    },
  });
  world.runBlocks(1000);
  let own = 0;
  const { tip } = world.miners[1]!;
  for (let node = tip; node.parent !== null; node = node.parent) if (node.author === 0) own++;
  return own / tip.height;
}

/** The pool's private branch: its unpublished blocks, oldest first, and the public chain's tip as it knows it. */
function createPool() {
  const secret: HeaderNode[] = [];
  let open: HeaderNode | null = null;
  let isTied = false;
  type Publish = (node: HeaderNode) => void;
  const publishFirst = (count: number, publish: Publish): void => {
    for (const node of secret.splice(0, count)) publish(node);
  };
  return {
    found(miner: SimMiner, node: HeaderNode, publish: Publish): void {
      miner.tip = node;
      secret.push(node);
      if (isTied) publishFirst(secret.length, publish);
      isTied = false;
    },
    heard(miner: SimMiner, node: HeaderNode, publish: Publish): void {
      if (open !== null && node.work <= open.work) return;
      open = node;
      const lead = miner.tip.height - node.height;
      if (secret.length === 0 || lead < 0) {
        // Nothing to lose, or lost.
        secret.length = 0;
        isTied = false;
        return;
      }
      isTied = lead === 0;
      publishFirst(lead <= 1 ? secret.length : 1, publish);
    },
  };
}

/** Probability that an attacker with share q overtakes k confirmations (Rosenfeld 2014, one block ahead to begin). */
export function rosenfeld(q: number, k: number): number {
  const p = 1 - q;
  let sum = 0;
  let coefficient = 1;
  for (let m = 0; m <= k; m++) {
    if (m > 0) coefficient = (coefficient * (m + k - 1)) / m;
    sum += coefficient * (p ** k * q ** m - p ** m * q ** k);
  }
  return 1 - sum;
}

export interface CatchUpResult {
  probability: number;
  /** Standard error. */
  error: number;
  expected: number;
}

/** So many honest blocks behind an attacker gives up. */
const HOPELESS_BLOCKS = 50;

/**
 * Share of races that an attacker wins by work after `confirmations` honest blocks, one block ahead at the start, both
 * branches with the real retarget. `earliest`: it stamps its branch so that the difficulty, and with it the work of a
 * lucky run, grows as fast as the rule allows.
 */
export function catchUp(given: {
  q: number;
  confirmations: number;
  spacingMs: number;
  races: number;
  stamp: 'clock' | 'earliest';
}): CatchUpResult {
  const { q, confirmations, spacingMs, races, stamp } = given;
  const fork = trunk(spacingMs);
  const rng = rngOf(1n, `catch-up ${q} ${confirmations} ${spacingMs} ${stamp}`);
  const rate = communityRate(spacingMs) / 1000;
  let serial = 1_000_000;
  const extend = (parent: HeaderNode, author: number, timestampMs: number) =>
    linkSerial(
      parent,
      targetAfter(parent, spacingMs),
      {
        author,
        timestampMs: Math.max(timestampMs, earliestTimestampMs(parent, spacingMs)),
        conflictHeight: 0,
      },
      ++serial,
    );
  const nextWork = (tip: HeaderNode) => Number(workOf(targetAfter(tip, spacingMs)));
  let won = 0;
  for (let race = 0; race < races; race++) {
    let nowMs = fork.timestampMs + spacingMs;
    let honest = fork;
    let attacker = extend(fork, 1, stamp === 'clock' ? nowMs : 0);
    for (;;) {
      const honestRate = (rate * (1 - q)) / nextWork(honest);
      const attackRate = (rate * q) / nextWork(attacker);
      nowMs += -Math.log(1 - rng.next()) / (honestRate + attackRate);
      if (rng.next() * (honestRate + attackRate) < honestRate) honest = extend(honest, 0, Math.floor(nowMs));
      else attacker = extend(attacker, 1, stamp === 'clock' ? Math.floor(nowMs) : 0);
      if (honest.height - fork.height < confirmations) continue;
      if (attacker.work > honest.work) {
        won++;
        break;
      }
      if (Number(honest.work - attacker.work) > HOPELESS_BLOCKS * nextWork(honest)) break;
    }
  }
  const probability = won / races;
  const error = Math.sqrt((probability * (1 - probability)) / races);
  return { probability, error, expected: rosenfeld(q, confirmations) };
}

/** A settled branch at nominal spacing. */
function trunk(spacingMs: number): HeaderNode {
  const target = equilibriumTarget(communityRate(spacingMs), spacingMs);
  let node = linkSerial(null, target, { author: 0, timestampMs: 1_000_000, conflictHeight: 0 }, 0);
  for (let i = 1; i <= 100; i++) {
    const timestampMs = node.timestampMs + spacingMs;
    node = linkSerial(node, targetAfter(node, spacingMs), { author: 0, timestampMs, conflictHeight: 0 }, i);
  }
  return node;
}
