/** Author spacing against an insider with nearly all hash power, against dead miners, and its waiver against forgery. */
import { admittedSpacing, mayAuthor } from '../../../consensus/author-spacing.ts';
import { earliestTimestampMs, latestTimestampMs, targetAfter } from '../../../consensus/header.ts';
import type { HeaderNode } from '../../../consensus/header-chain.ts';
import { workOf } from '../../../consensus/target.ts';
import { communityRate, equilibriumTarget } from './difficulty-cells.ts';
import { twoQuorums } from './finality-rules.ts';
import { overSeeds, type Summary, summarise } from './statistics.ts';
import { type AuthorRule, createWorld, linkSerial, type MiningWorld, type Stamp } from './world.ts';

const MINERS = 10;
const LINK_MS = 50;

/** A form of the rule. */
export interface SpacingForm {
  readonly name: string;
  /** Null: no author spacing. */
  readonly rule: AuthorRule | null;
}

export const NO_SPACING: SpacingForm = { name: 'none', rule: null };

/** Spacing by the authors of the last 60 blocks, waived after nine spacings. */
export const BY_RECENT_AUTHORS: SpacingForm = {
  name: 'by recent authors, waiver 9 T',
  rule: (parent, block, spacingMs) => mayAuthor(parent, block, spacingMs),
};

/** Spacing by the admitted miners, whoever is seen; another waiver on demand. */
export function byAdmittedMiners(waiverSpacings?: number): SpacingForm {
  return {
    name: `by admitted miners, waiver ${waiverSpacings === undefined ? '6 T and the future limit' : `${waiverSpacings} T`}`,
    rule(parent, block, spacingMs) {
      const form = admittedSpacing(MINERS, spacingMs);
      const waiverMs = waiverSpacings === undefined ? form.waiverMs : waiverSpacings * spacingMs;
      return mayAuthor(parent, block, spacingMs, { ...form, waiverMs });
    },
  };
}

export interface CommunityOptions {
  spacingMs: number;
  finalityDepth: number;
  form: SpacingForm;
  /** Registered miners whose rate together is `share` of all; the rest are equal and capped. */
  insiders: number;
  share: number;
  stamp: Stamp;
  /** The insiders keep the cap for 200 blocks; never do; or are alone for an hour at the start. */
  from?: 'settled' | 'genesis' | 'night';
}

function community(options: CommunityOptions, seed: bigint): MiningWorld {
  const { spacingMs, finalityDepth, form, insiders, share, stamp } = options;
  const each = communityRate(spacingMs) / MINERS;
  const honest = MINERS - insiders;
  const insiderRate = insiders === 0 ? 0 : (each * honest * share) / (1 - share) / insiders;
  return createWorld({
    seed,
    spacingMs,
    authorRule: form.rule,
    finality: twoQuorums({ depth: finalityDepth, minerCount: MINERS }),
    miners: Array.from({ length: MINERS }, (_, author) =>
      author < insiders ? { author, hashesPerSecond: insiderRate, stamp } : { author, hashesPerSecond: each },
    ),
    startTarget: equilibriumTarget(communityRate(spacingMs), spacingMs),
    delayMs: () => LINK_MS,
  });
}

export interface InsiderResult {
  /** Insiders' share of the blocks of the main chain. */
  share: Summary;
  /** Spacing of the main chain over the nominal one. */
  spacing: number;
  /** Blocks between the tip and the final block, mean over the run. */
  finalLag: number;
  /** Share of the blocks at which the final block was at most 60 deep. */
  finalWithin60: number;
  stale: number;
}

const NIGHT_MS = 3_600_000;

/** How the insiders come to their power. */
function begin(world: MiningWorld, { insiders, from = 'settled' }: CommunityOptions): void {
  const { miners } = world;
  const rates = miners.map((miner) => miner.hashesPerSecond);
  const stamps = miners.map((miner) => miner.stamp);
  if (from === 'night') for (const miner of miners.slice(insiders)) miner.hashesPerSecond = 0;
  if (from === 'settled') {
    for (const miner of miners.slice(0, insiders)) {
      miner.hashesPerSecond = rates[MINERS - 1]!;
      miner.stamp = 'clock';
    }
  }
  world.redraw();
  if (from === 'night') world.runFor(NIGHT_MS);
  else world.runBlocks(200);
  for (const miner of miners) {
    miner.hashesPerSecond = rates[miner.index]!;
    miner.stamp = stamps[miner.index]!;
  }
  world.redraw();
  world.runBlocks(200, world.scheduler.nowMs() + NIGHT_MS);
}

/** 600 blocks after 200 in which difficulty and authors settle. */
export function insider(options: CommunityOptions, seeds: number): InsiderResult {
  const { spacingMs, form, insiders, stamp, from: start = 'settled' } = options;
  const label = `insider ${spacingMs} ${form.name} ${insiders} ${stamp} ${start}`;
  const runs = overSeeds(label, seeds, (seed) => {
    const world = community(options, seed);
    begin(world, options);
    const watcher = world.miners[MINERS - 1]!;
    const from = watcher.tip;
    const fromMs = world.scheduler.nowMs();
    const fromBlocks = world.blocks();
    let lag = 0;
    let within = 0;
    for (let i = 0; i < 600; i++) {
      world.runBlocks(1, world.scheduler.nowMs() + NIGHT_MS);
      const behind = watcher.tip.height - watcher.final.height;
      lag += behind;
      if (behind <= 60) within++;
    }
    const blocks = watcher.tip.height - from.height;
    let own = 0;
    for (let node = watcher.tip; node.height > from.height; node = node.parent!)
      if (node.author < insiders) own++;
    return {
      share: own / blocks,
      spacing: (world.scheduler.nowMs() - fromMs) / blocks / spacingMs,
      lag: lag / 600,
      within: within / 600,
      stale: Math.max(0, 1 - blocks / (world.blocks() - fromBlocks)),
    };
  });
  const mean = (pick: (run: (typeof runs)[0]) => number) => summarise(runs.map(pick)).mean;
  return {
    share: summarise(runs.map((run) => run.share)),
    spacing: mean((run) => run.spacing),
    finalLag: mean((run) => run.lag),
    finalWithin60: mean((run) => run.within),
    stale: mean((run) => run.stale),
  };
}

export interface DeathResult {
  /** Blocks in the first ten minutes after the deaths, and in the hour after these. */
  firstTenMinutes: Summary;
  nextHour: Summary;
  /** Seconds until ten blocks in a row took at most twice the nominal time; 4 200 where that never came. */
  recoverySeconds: Summary;
  /** Longest wait for a block in seconds, 95th percentile over the seeds. */
  longestWaitSeconds: number;
}

const TEN_MINUTES_MS = 600_000;
const LIMIT_MS = TEN_MINUTES_MS + 3_600_000;

/** `dead` of ten equal miners stop at once. */
export function deaths(
  given: { spacingMs: number; form: SpacingForm; dead: number },
  seeds: number,
): DeathResult {
  const { spacingMs, form, dead } = given;
  const runs = overSeeds(`deaths ${dead} ${spacingMs} ${form.name}`, seeds, (seed) => {
    const options = {
      spacingMs,
      form,
      finalityDepth: 36,
      insiders: 0,
      share: 0,
      stamp: 'clock',
    } as const;
    const world = community(options, seed);
    world.runBlocks(200);
    for (const miner of world.miners.slice(MINERS - dead)) miner.hashesPerSecond = 0;
    world.redraw();
    const fromMs = world.scheduler.nowMs();
    const times: number[] = [fromMs];
    // Whoever found the last block stands on it at once; the others follow a link later.
    const highest = () => Math.max(...world.miners.map((miner) => miner.tip.height));
    let height = highest();
    while (times[times.length - 1]! - fromMs < LIMIT_MS) {
      const before = world.blocks();
      world.runBlocks(1, fromMs + LIMIT_MS);
      if (world.blocks() === before) break;
      const now = highest();
      if (now > height) times.push(world.scheduler.nowMs());
      height = now;
    }
    return judge(times, spacingMs);
  });
  return {
    firstTenMinutes: summarise(runs.map((run) => run.first)),
    nextHour: summarise(runs.map((run) => run.hour)),
    recoverySeconds: summarise(runs.map((run) => run.recovery)),
    longestWaitSeconds: summarise(runs.map((run) => run.longest)).p95,
  };
}

function judge(times: readonly number[], spacingMs: number) {
  const fromMs = times[0]!;
  const between = (a: number, b: number) => times.filter((at) => at > fromMs + a && at <= fromMs + b).length;
  let longest = 0;
  for (let i = 1; i < times.length; i++) longest = Math.max(longest, times[i]! - times[i - 1]!);
  const at = times.findIndex((time, i) => i >= 10 && time - times[i - 10]! <= 20 * spacingMs);
  return {
    first: between(0, TEN_MINUTES_MS),
    hour: between(TEN_MINUTES_MS, TEN_MINUTES_MS + 3_600_000),
    recovery: ((at < 0 ? fromMs + LIMIT_MS : times[at]!) - fromMs) / 1000,
    longest: longest / 1000,
  };
}

/** Depth from which taking a branch over is worth the name. */
const CONFIRMED = 12;

/**
 * A colluding minority leaves the chain in secret: each block as early as author spacing and the future limit let it,
 * by waiver where it must, hashing without limit but `power` times what the honest do. Says when its branch has more
 * work than the honest one, which grows one block per spacing; null when it does not within 720 honest blocks.
 */
export function secretBranch(given: {
  spacingMs: number;
  insiders: number;
  power: number;
  form: SpacingForm;
}): { afterSpacings: number; honestDepth: number } | null {
  const { spacingMs, insiders, power, form } = given;
  const trunk = spread(spacingMs);
  const futureMs = latestTimestampMs(0, spacingMs);
  const honestWork = Number(workOf(trunk.target));
  let tip = trunk;
  let nowMs = trunk.timestampMs;
  for (let serial = 1; ; serial++) {
    const { author, timestampMs } = nextSecret(tip, { spacingMs, insiders, rule: form.rule! });
    const target = targetAfter(tip, spacingMs);
    const hashing = (Number(workOf(target)) / honestWork / power) * spacingMs;
    nowMs = Math.max(nowMs + hashing, timestampMs - futureMs);
    tip = linkSerial(tip, target, { author, timestampMs, conflictHeight: 0 }, 100_000 + serial);
    const passed = (nowMs - trunk.timestampMs) / spacingMs;
    if (passed > 720) return null;
    if (passed >= CONFIRMED && Number(tip.work - trunk.work) > honestWork * passed) {
      return { afterSpacings: passed, honestDepth: Math.ceil(passed) };
    }
  }
}

/** Who of the insiders may author soonest, and with which timestamp. */
function nextSecret(tip: HeaderNode, given: { spacingMs: number; insiders: number; rule: AuthorRule }) {
  const { spacingMs, insiders, rule } = given;
  const soon = earliestTimestampMs(tip, spacingMs);
  for (let timestampMs = soon; ; timestampMs += spacingMs / 2) {
    for (let author = 0; author < insiders; author++) {
      if (rule(tip, { author, timestampMs }, spacingMs)) return { author, timestampMs };
    }
  }
}

/** A settled branch on which ten authors take turns. */
function spread(spacingMs: number): HeaderNode {
  const target = equilibriumTarget(communityRate(spacingMs), spacingMs);
  let node = linkSerial(null, target, { author: 0xffff, timestampMs: 1_000_000, conflictHeight: 0 }, 0);
  for (let i = 1; i <= 100; i++) {
    const by = { author: i % MINERS, timestampMs: node.timestampMs + spacingMs, conflictHeight: 0 };
    node = linkSerial(node, targetAfter(node, spacingMs), by, i);
  }
  return node;
}
