/** The program that a planted bug is bundled into: runs seeds one after the other, one line of JSON each. */
import { installHasher } from '../../node/host/hasher.ts';
import { drawPlan } from '../../node/host/simulation/draw-plan.ts';
import { runPlan } from '../../node/host/simulation/run-plan.ts';
import type { SeedResult } from './interface.ts';

/** Arguments: first seed, last seed, nodes (0: as drawn), and 'all' to go on after a violation. */
async function main([first, last, nodes, mode]: string[]): Promise<void> {
  await installHasher();
  for (let seed = Number(first); seed <= Number(last); seed++) {
    const result = await runSeed(seed, Number(nodes));
    process.stdout.write(`${JSON.stringify(result)}\n`);
    if (mode !== 'all' && result.violations.length > 0) return;
  }
}

async function runSeed(seed: number, nodes: number): Promise<SeedResult> {
  const before = process.cpuUsage();
  const found = new Map<string, string>();
  let traceHash = '';
  try {
    const plan = drawPlan(BigInt(seed), nodes === 0 ? {} : { nodes });
    const result = await runPlan(plan);
    traceHash = result.traceHash;
    for (const { checker, detail } of result.violations) if (!found.has(checker)) found.set(checker, detail);
  } catch (error) {
    found.set('throws', (error as Error).stack ?? String(error));
  }
  const { user, system } = process.cpuUsage(before);
  const violations = [...found].map(([checker, detail]) => ({ checker, detail: detail.slice(0, 400) }));
  return { seed, cpuSeconds: (user + system) / 1e6, violations, traceHash };
}

await main(process.argv.slice(2));
