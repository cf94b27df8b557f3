/** The outcome of a scenario, for programs and for people. */
import { type Calibration, quantile } from './calibrate.ts';
import type { Violation } from './ledger.ts';
import type { Bar, Figures } from './scenario.ts';
import type { Settled } from './settle.ts';

interface JudgedBar extends Bar {
  /** `inconclusive`: too slow on a machine that was too slow to judge. */
  verdict: 'ok' | 'failed' | 'inconclusive';
}

export interface ChaosReport {
  scenario: string;
  seed: string;
  dir: string;
  ok: boolean;
  durationMs: number;
  violations: Violation[];
  bars: JudgedBar[];
  figures: {
    faults: Record<string, number>;
    killsSurvived: number;
    transactions: number;
    final: number;
    confirmed: number;
    finalLost: number;
    confirmedLost: number;
    reincluded: number;
    expired: number;
    pending: number;
    unaccounted: number;
    backAtTipMs: { p50: number; p95: number; p99: number; max: number } | null;
    oneTipMs: { p50: number; p99: number; max: number } | null;
    staleRate: number;
  };
  calibration: Calibration;
  /** The last lines of the nodes that a violation names. */
  logLines: string[];
}

/** A bar that is passed is passed on any machine; one that is missed counts only on a sane one. */
export function judgeBar(bar: Bar, { sane }: Pick<Calibration, 'sane'>): JudgedBar {
  if (bar.valueMs <= bar.limitMs) return { ...bar, verdict: 'ok' };
  return { ...bar, verdict: sane ? 'failed' : 'inconclusive' };
}

export interface ReportParts {
  scenario: string;
  seed: bigint;
  dir: string;
  durationMs: number;
  violations: readonly Violation[];
  bars: readonly Bar[];
  figures: Figures;
  settled: Settled;
  calibration: Calibration;
}

export function makeReport(parts: ReportParts): ChaosReport {
  const { figures, settled, calibration } = parts;
  const { accounts } = settled;
  const bars = parts.bars.map((bar) => judgeBar(bar, calibration));
  const round = (values: readonly number[], q: number) => Math.round(quantile(values, q));
  const { backAtTipMs: back, oneTipMs: tips } = figures;
  return {
    scenario: parts.scenario,
    seed: String(parts.seed),
    dir: parts.dir,
    ok: parts.violations.length === 0 && bars.every(({ verdict }) => verdict !== 'failed'),
    durationMs: Math.round(parts.durationMs),
    violations: [...parts.violations],
    bars,
    figures: {
      faults: figures.faults,
      killsSurvived: back.length,
      transactions: accounts.transactions,
      final: accounts.final,
      confirmed: accounts.confirmed,
      finalLost: accounts.finalLost.length,
      confirmedLost: accounts.confirmedLost.length,
      reincluded: accounts.reincluded.length,
      expired: settled.expired,
      pending: settled.pending,
      unaccounted: settled.silent,
      backAtTipMs:
        back.length === 0
          ? null
          : { p50: round(back, 0.5), p95: round(back, 0.95), p99: round(back, 0.99), max: round(back, 1) },
      oneTipMs:
        tips.length === 0 ? null : { p50: round(tips, 0.5), p99: round(tips, 0.99), max: round(tips, 1) },
      staleRate: accounts.blocks === 0 ? 0 : Math.round((1e4 * accounts.staleBlocks) / accounts.blocks) / 1e4,
    },
    calibration,
    logLines: [],
  };
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

export function reportLines(report: ChaosReport): string[] {
  const { figures, calibration } = report;
  const { backAtTipMs: back, oneTipMs: tips } = figures;
  const faults = Object.entries(figures.faults).map(([name, times]) => `${times} x ${name}`);
  const fitness = calibration.sane ? '' : '  (too slow: seconds are inconclusive)';
  return [
    `Scenario ${report.scenario}, seed ${report.seed}: ${report.ok ? 'ok' : 'FAILED'} after ${seconds(report.durationMs)}`,
    `  faults                ${faults.length === 0 ? 'none' : faults.join(', ')}`,
    `  kills survived        ${figures.killsSurvived} of ${figures.faults.kill ?? 0}`,
    `  transactions          ${figures.transactions} seen, ${figures.confirmed} confirmed, ${figures.final} final`,
    `  lost                  ${figures.finalLost} final, ${figures.confirmedLost} confirmed`,
    `  after reorganisation  ${figures.reincluded} included again, ${figures.expired} expired, ${figures.pending} waiting, ${figures.unaccounted} unknown to their owner`,
    ...(back === null
      ? []
      : [
          `  back at the tip       p50 ${seconds(back.p50)}  p95 ${seconds(back.p95)}  p99 ${seconds(back.p99)}  max ${seconds(back.max)}`,
        ]),
    ...(tips === null
      ? []
      : [
          `  one tip after heal    p50 ${seconds(tips.p50)}  p99 ${seconds(tips.p99)}  max ${seconds(tips.max)}`,
        ]),
    `  stale blocks          ${(100 * figures.staleRate).toFixed(1)} % of those seen`,
    `  machine               disk sync p99 ${calibration.diskSyncP99Ms} ms, timer lag p99 ${calibration.timerLagP99Ms} ms${fitness}`,
    ...report.bars.map(
      (bar) =>
        `  ${bar.verdict.padEnd(12)} ${bar.name}: ${seconds(bar.valueMs)}, at most ${seconds(bar.limitMs)}`,
    ),
    ...report.violations.flatMap(({ invariant, nodes, heights, detail }) => [
      `  VIOLATED     ${invariant}: ${detail}`,
      `               nodes ${nodes.join(' ') || '-'}, heights ${heights.join(' ') || '-'}`,
    ]),
  ];
}
