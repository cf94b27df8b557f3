/** Prints the table of difficulty, forks, author spacing and finality (docs/difficulty.md), section by section. */
import { cpus } from 'node:os';
import { formatRows, measure, type Row, SECTIONS } from '../../node/host/simulation/mining/table.ts';

/** Seeds per cell of the published table. */
const SEEDS = 200;

/** `only`: `difficulty` for the whole table, `difficulty:forks` for the sections whose name contains `forks`. */
export function benchDifficulty(options: { json: boolean; only: string; seeds?: number }): void {
  const { json, only, seeds = SEEDS } = options;
  const wanted = only.split(':')[1] ?? '';
  const rows: Row[] = [];
  for (const section of SECTIONS) {
    if (!section.includes(wanted)) continue;
    const measured = measure(section, seeds);
    rows.push(...measured);
    if (!json) process.stdout.write(`\n# ${section}\n${formatRows(measured)}`);
  }
  const machine = { node: process.versions.node, cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length };
  if (json) process.stdout.write(`${JSON.stringify({ seeds, machine, rows })}\n`);
  else process.stdout.write(`\n${seeds} seeds per cell, Node ${machine.node}, ${machine.cpu}\n`);
}
