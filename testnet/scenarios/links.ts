/** Scenarios in which processes live and cannot hear each other, or stand still. */
import { quantile } from '../chaos/calibrate.ts';
import type { ChaosContext, Scenario } from '../chaos/scenario.ts';
import { draw } from '../chaos/scenario.ts';
import { halves } from '../faults.ts';

const ONE_TIP_MS = 10_000;
const ONE_TIP_LIMIT_MS = 120_000;

/** Ends the faults and waits until all nodes share one tip; the time counts from before, the bar is on the slowest. */
export async function healToOneTip(context: ChaosContext, endFaults: () => Promise<void>): Promise<void> {
  const startMs = performance.now();
  await endFaults();
  const endedMs = performance.now() - startMs;
  const waited = await context.waitOneTip({ limitMs: ONE_TIP_LIMIT_MS });
  const times = [...waited.values()].map((ms) => endedMs + ms);
  context.figures.oneTipMs.push(...times);
  const slowest = quantile(times, 1);
  context.log(`one tip after ${(slowest / 1000).toFixed(1)} s`);
  context.bar({ name: 'one tip after heal', valueMs: slowest, limitMs: ONE_TIP_MS });
}

export const splitInHalves: Scenario = {
  name: 'split-5-5',
  describe: 'five miners on either side of a partition for a minute, then healed',
  partitions: true,
  accounting: true,
  async run(context) {
    await context.waitConfirmed();
    const sides = halves(context.testnet.manifest);
    const before = await context.topHeight();
    await context.actions.partition([sides[0]!]);
    await context.sleep(context.quick ? 15_000 : 60_000);
    context.log(`the longer side grew by ${(await context.topHeight()) - before} blocks`);
    await healToOneTip(context, () => context.actions.heal());
  },
};

export const pauseMiner: Scenario = {
  name: 'pause-miner',
  describe: 'a miner stands still for half a minute with its connections open (SIGSTOP), then goes on',
  partitions: true,
  accounting: true,
  async run(context) {
    await context.waitConfirmed();
    const [name] = draw(context.rng, context.miners(), 1);
    await context.actions.pause(name!);
    await context.sleep(30_000);
    await healToOneTip(context, () => context.actions.resume(name!));
  },
};

export const hashrateShock: Scenario = {
  name: 'hashrate-shock',
  describe:
    'seven of ten miners stop mining for 40 seconds and start again: blocks become rare, then frequent',
  partitions: false,
  accounting: true,
  async run(context) {
    await context.waitConfirmed();
    const stopped = draw(context.rng, context.miners(), 7);
    const before = await context.topHeight();
    for (const name of stopped) await context.actions.setMining(name, false);
    await context.sleep(40_000);
    const slow = await context.topHeight();
    for (const name of stopped) await context.actions.setMining(name, true);
    await context.sleep(20_000);
    const fast = await context.topHeight();
    context.log(`${slow - before} blocks in 40 s by three miners, then ${fast - slow} in 20 s by all`);
    if (fast === slow) {
      const detail = 'no block within 20 s after the miners were back';
      context.violate({ invariant: 'the chain goes on', nodes: stopped, heights: [fast], detail });
    }
  },
};
