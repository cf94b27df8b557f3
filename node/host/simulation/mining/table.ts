/** The published table: every figure of this chain beside the published one. */
import {
  blocksAfterSleep,
  type DifficultyCell,
  meanSpacing,
  onOffMining,
  recoverySeconds,
  spacingUnderLies,
  warmUp,
} from './difficulty-cells.ts';
import { finalAfterHeal, finalityLag, searchConflicts } from './finality-cells.ts';
import { oneQuorum, oneQuorumWithConflicts, twoQuorums } from './finality-rules.ts';
import { catchUp, selfishMining, staleRate } from './fork-cells.ts';
import { RETARGETS, WTEMA } from './retargets.ts';
import {
  BY_RECENT_AUTHORS,
  byAdmittedMiners,
  deaths,
  insider,
  NO_SPACING,
  type SpacingForm,
  secretBranch,
} from './spacing-cells.ts';
import type { Summary } from './statistics.ts';

export interface Row {
  section: string;
  cell: string;
  figure: string;
  value: number | null;
  /** Standard error where the value is a mean over seeds. */
  error: number | null;
  /** What theory says, where there is a closed form. */
  expected: number | null;
}

export const SECTIONS = [
  'difficulty',
  'forks',
  'selfish',
  'catch-up',
  'insider',
  'deaths',
  'finality',
] as const;
export type Section = (typeof SECTIONS)[number];

type Add = (cell: string, figure: string, value: Summary | number | null, expected?: number) => void;

const SPACINGS_MS = [2000, 5000] as const;

/** Measures a section with so many seeds per cell; the same seeds give the same rows. */
export function measure(section: Section, seeds: number): Row[] {
  const rows: Row[] = [];
  const add: Add = (cell, figure, value, expected) => {
    const isSummary = value !== null && typeof value !== 'number';
    rows.push({
      section,
      cell,
      figure,
      value: isSummary ? value.mean : value,
      error: isSummary ? value.error : null,
      expected: expected ?? null,
    });
  };
  MEASURES[section](add, seeds);
  return rows;
}

const MEASURES: Record<Section, (add: Add, seeds: number) => void> = {
  difficulty(add, seeds) {
    for (const spacingMs of SPACINGS_MS) {
      for (const retarget of RETARGETS) shocks(add, { retarget, spacingMs, seeds });
      lies(add, { retarget: WTEMA, spacingMs, seeds });
    }
  },
  forks(add, seeds) {
    const cells = [
      ...[10, 100].flatMap((miners) =>
        [50, 200, 500].map((delayMs) => ({ miners, delayMs, spacingMs: 5000 })),
      ),
      { miners: 10, delayMs: 50, spacingMs: 2000 },
      { miners: 10, delayMs: 200, spacingMs: 2000 },
    ];
    for (const given of cells) {
      const { stale, expected, byDepth, deepest } = staleRate({ ...given, seeds });
      const cell = `${given.miners} miners, d = ${given.delayMs} ms, T = ${given.spacingMs} ms`;
      add(cell, 'stale share', stale, expected);
      byDepth.slice(0, 3).forEach((share, i) => {
        add(cell, `reorganisations of depth ${i + 1} per block and node`, share);
      });
      add(cell, 'deepest reorganisation', deepest);
    }
  },
  selfish(add, seeds) {
    for (const alpha of [0.25, 0.33, 0.4, 0.45]) {
      for (const fast of [0, 10]) {
        const { share, expected, gamma } = selfishMining({ alpha, fast, spacingMs: 5000, seeds });
        add(`alpha ${alpha}, gamma ${gamma}`, "pool's share of the chain", share, expected);
      }
      const spaced = selfishMining({
        alpha,
        fast: 10,
        spacingMs: 5000,
        seeds,
        authorRule: byAdmittedMiners().rule,
      });
      add(
        `alpha ${alpha}, gamma ${spaced.gamma}, one key, author spacing`,
        "pool's share of the chain",
        spaced.share,
      );
    }
  },
  'catch-up'(add, seeds) {
    const cells = [
      { q: 0.2, confirmations: 12 },
      { q: 0.3, confirmations: 12 },
      { q: 0.3, confirmations: 36 },
      { q: 0.4, confirmations: 36 },
    ];
    for (const { q, confirmations } of cells) {
      for (const stamp of ['clock', 'earliest'] as const) {
        const races = 100 * seeds;
        const { probability, error, expected } = catchUp({ q, confirmations, spacingMs: 5000, races, stamp });
        const mean = { mean: probability, error, median: probability, p95: probability };
        add(`q ${q}, ${confirmations} blocks, stamps ${stamp}`, 'probability', mean, expected);
      }
    }
  },
  insider: insiders,
  deaths(add, seeds) {
    for (const form of [NO_SPACING, BY_RECENT_AUTHORS, byAdmittedMiners()]) {
      for (const dead of [5, 7, 8, 9]) {
        const result = deaths({ spacingMs: 5000, form, dead }, seeds);
        const cell = `${form.name}: ${dead} of 10 die, T = 5 s`;
        add(cell, 'blocks in the first 10 min (nominal 120)', result.firstTenMinutes);
        add(cell, 'blocks in the next hour (nominal 720)', result.nextHour);
        add(cell, 's to ten blocks at twice the nominal spacing (never: 4 200)', result.recoverySeconds);
        add(cell, 'longest wait, s (p95)', result.longestWaitSeconds);
      }
    }
  },
  finality: conflicts,
};

function shocks(add: Add, cell: DifficultyCell): void {
  const name = `${cell.retarget.name}, T = ${cell.spacingMs} ms`;
  const { spacingMs, wavering } = meanSpacing(cell);
  add(name, 'mean spacing over 1 000 blocks, ms', spacingMs);
  add(name, 'variation of the difficulty', wavering);
  add(name, 's after hash rate x10', recoverySeconds(cell, 10));
  add(name, 's after hash rate /10 (9 of 10 killed)', recoverySeconds(cell, 0.1));
  add(name, 's after half the miners are killed', recoverySeconds(cell, 0.5));
  add(
    name,
    `blocks in 300 s after 8 h of sleep (nominal ${300_000 / cell.spacingMs})`,
    blocksAfterSleep(cell),
  );
  const warm = warmUp(cell);
  add(name, 'warm-up, blocks', warm.blocks);
  add(name, 'warm-up, s', warm.seconds);
}

function lies(add: Add, cell: DifficultyCell): void {
  const name = `${cell.retarget.name}, T = ${cell.spacingMs} ms`;
  add(name, 'mean spacing, half stamp the future limit, ms', spacingUnderLies(cell, 0.5, 'latest'));
  add(name, 'mean spacing, half stamp the minimum, ms', spacingUnderLies(cell, 0.5, 'earliest'));
  for (const power of [1, 5]) {
    const { spacingMs, advantage, p99SpacingMs } = onOffMining(cell, power);
    const miner = `on-off miner of ${power} x the steady rate`;
    add(name, `mean spacing, ${miner}, ms`, spacingMs);
    add(name, `blocks per hash, ${miner}, over a steady one's`, advantage);
    add(name, `99th percentile of the spacing, ${miner}, ms`, p99SpacingMs);
  }
}

function insiders(add: Add, seeds: number): void {
  const one = { finalityDepth: 36, share: 0.995 };
  const show = (
    form: SpacingForm,
    rest: Omit<Parameters<typeof insider>[0], 'form' | 'finalityDepth' | 'share'>,
  ) => {
    const { share, spacing, finalLag, finalWithin60 } = insider({ ...one, form, ...rest }, seeds);
    const { insiders: count, from = 'settled', stamp, spacingMs } = rest;
    const cell = `${form.name}: ${count} of 10 with 99.5 %, ${from}, stamps ${stamp}, T = ${spacingMs} ms`;
    add(cell, "insiders' share of blocks", share);
    add(cell, 'spacing over nominal', spacing);
    add(cell, 'blocks to the final one', finalLag);
    add(cell, 'share of blocks with a final one within 60', finalWithin60);
  };
  const safe = byAdmittedMiners();
  for (const from of ['settled', 'genesis', 'night'] as const) {
    for (const form of [NO_SPACING, BY_RECENT_AUTHORS, safe]) {
      show(form, { spacingMs: 5000, insiders: 1, stamp: 'clock', from });
    }
  }
  for (const spacingMs of SPACINGS_MS) {
    for (const form of [byAdmittedMiners(9), safe]) show(form, { spacingMs, insiders: 1, stamp: 'forger' });
  }
  for (const count of [2, 3]) show(safe, { spacingMs: 5000, insiders: count, stamp: 'forger' });
  for (const form of [BY_RECENT_AUTHORS, safe]) {
    for (const count of [1, 2, 3]) {
      const found = secretBranch({ spacingMs: 5000, insiders: count, power: 199, form });
      const cell = `${form.name}: secret branch of ${count}`;
      add(cell, 'spacings until it has more work (none within 720: null)', found?.afterSpacings ?? null);
    }
  }
}

function conflicts(add: Add, seeds: number): void {
  const depth = 12;
  for (const rule of [oneQuorum, oneQuorumWithConflicts, twoQuorums]) {
    const { name } = rule({ depth, minerCount: 10 });
    for (const equivocators of [0, 1, 2, 3, 4]) {
      const given = { rule, depth, miners: 10, equivocators, seeds };
      const moving = searchConflicts({ ...given, firstSide: null, blocks: 1500 });
      const cell = `${name}: ${equivocators} of 10 sign on both sides`;
      add(cell, `runs with a conflict, moving partitions and sleepers (of ${seeds})`, moving.conflicts);
      add(cell, 'final heights per 100 blocks', moving.finalPer100);
      for (const firstSide of [1, 2, 3, 4, 5]) {
        if (firstSide > (10 - equivocators) / 2) continue;
        const fixed = searchConflicts({ ...given, firstSide, blocks: 600 });
        const split = `${firstSide} | ${10 - equivocators - firstSide} honest`;
        add(cell, `runs with a conflict, partition ${split} (of ${seeds})`, fixed.conflicts);
      }
    }
    const calm = finalityLag(rule, { depth, miners: 10, seeds });
    add(`${name}: calm`, 'blocks to the final one, depth 12', calm.blocks);
    for (const firstSide of [3, 5]) {
      const healed = finalAfterHeal(rule, { depth, firstSide, splitBlocks: 60, seeds });
      add(
        `${name}: partition ${firstSide} | ${10 - firstSide} of 60 blocks heals`,
        'spacings to finality for all',
        healed,
      );
    }
  }
}

/** The rows as text, one line each. */
export function formatRows(rows: readonly Row[]): string {
  const number = (value: number | null) => (value === null ? 'none' : String(Number(value.toPrecision(4))));
  const lines = rows.map(({ cell, figure, value, error, expected }) => {
    const spread = error === null ? '' : ` +- ${number(error)}`;
    const theory = expected === null ? '' : ` (theory ${number(expected)})`;
    return `${cell}: ${figure}: ${number(value)}${spread}${theory}`;
  });
  return `${lines.join('\n')}\n`;
}
