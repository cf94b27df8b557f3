/** Plants one bug after the other and says which checker found it, and by which seed. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { BuildOptions } from 'esbuild';
import { hunt } from './hunt.ts';
import type { Mutant, MutantResult, SeedResult } from './interface.ts';
import { MUTANTS } from './mutants.ts';
import { bundleRunner } from './plant.ts';

export interface MutantsOptions {
  readonly root: string;
  readonly bundleOptions: BuildOptions;
  /** Where the bundles go. */
  readonly outdir: string;
  /** Mutants whose name is this; empty: all. */
  readonly only: readonly string[];
  readonly seeds: number;
  /** 0: as each seed draws them. */
  readonly nodes: number;
  readonly json: boolean;
  readonly write: (text: string) => void;
}

const LIMIT_MS = 300_000;

/**
 * Hunts every chosen mutant with seeds 1 to `seeds`, then runs the unchanged code on the seeds that were used. Exit
 * code: 1 when a mutant survives or the unchanged code shows a violation, 2 for an unknown name.
 */
export async function main(options: MutantsOptions): Promise<number> {
  const chosen = MUTANTS.filter(({ name }) => options.only.length === 0 || options.only.includes(name));
  const unknown = options.only.find((name) => MUTANTS.every((mutant) => mutant.name !== name));
  if (unknown !== undefined) {
    options.write(`error: no mutant is called ${unknown}; their names: scripts/mutants/*.ts\n`);
    return 2;
  }
  mkdirSync(options.outdir, { recursive: true });
  const results: MutantResult[] = [];
  for (const mutant of chosen) {
    const result = await huntMutant(options, mutant);
    results.push(result);
    if (!options.json) options.write(row(result));
  }
  const used = Math.max(0, ...results.map(({ seeds }) => seeds));
  const baseline = await runBaseline(options, used);
  const wrong = baseline.filter(({ violations }) => violations.length > 0);
  if (options.json) {
    const sound = { seeds: used, violations: wrong };
    options.write(`${JSON.stringify({ mutants: results, baseline: sound })}\n`);
  } else {
    options.write(summary(results, used, wrong));
  }
  return exitCode(results, wrong);
}

/** 0: every mutant was caught, and the unchanged code showed no violation; otherwise 1. */
export function exitCode(
  results: readonly Pick<MutantResult, 'caughtBySeed'>[],
  wrong: readonly SeedResult[],
): number {
  return results.every(({ caughtBySeed }) => caughtBySeed !== null) && wrong.length === 0 ? 0 : 1;
}

async function huntMutant(options: MutantsOptions, mutant: Mutant): Promise<MutantResult> {
  const { seeds, nodes } = options;
  const bundle = join(options.outdir, `${mutant.name}.mjs`);
  await bundleRunner({ ...options, outfile: bundle }, mutant);
  const found = await hunt({ bundle, first: 1, last: seeds, nodes, all: false, limitMs: LIMIT_MS });
  const last = found.at(-1);
  const violation = last?.violations[0];
  return {
    name: mutant.name,
    class: mutant.class,
    caughtBySeed: violation === undefined ? null : last!.seed,
    checker: violation?.checker ?? null,
    detail: violation?.detail ?? null,
    seeds: found.length,
    cpuSeconds: Math.round(10 * found.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0)) / 10,
  };
}

/** A violation that shows without a planted bug says nothing about the bug. */
async function runBaseline(options: MutantsOptions, used: number): Promise<SeedResult[]> {
  if (used === 0) return [];
  const bundle = join(options.outdir, 'baseline.mjs');
  await bundleRunner({ ...options, outfile: bundle }, null);
  return hunt({ bundle, first: 1, last: used, nodes: options.nodes, all: true, limitMs: LIMIT_MS });
}

function row({ name, caughtBySeed, checker, cpuSeconds, seeds }: MutantResult): string {
  const verdict = caughtBySeed === null ? `SURVIVES ${seeds} seeds` : `seed ${caughtBySeed}`;
  return `${name.padEnd(30)} ${verdict.padEnd(20)} ${(checker ?? '').padEnd(16)} ${cpuSeconds} s\n`;
}

function summary(results: readonly MutantResult[], used: number, wrong: readonly SeedResult[]): string {
  const caught = results.filter(({ caughtBySeed }) => caughtBySeed !== null).length;
  const lines = [`${caught} of ${results.length} mutants caught; unchanged code on seeds 1 to ${used}: `];
  lines.push(
    wrong.length === 0 ? 'no violation\n' : `violations by seeds ${wrong.map(({ seed }) => seed)}\n`,
  );
  return lines.join('');
}
