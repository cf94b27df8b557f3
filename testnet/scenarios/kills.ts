/** Scenarios in which processes die and come back. */
import { quantile } from '../chaos/calibrate.ts';
import { type ChaosContext, draw, type Scenario } from '../chaos/scenario.ts';

/** Back at the tip after a SIGKILL: 95 of 100 within the first, all within the second. */
const BACK_P95_MS = 15_000;
const BACK_MAX_MS = 60_000;
/** Most nodes that are down at one time: with three of ten miners gone the quorum still stands. */
const MINORITY = 3;

/** Kills nodes together, starts them at once, and waits for each at the tip; the time counts from the kill. */
async function killAndReturn(context: ChaosContext, names: readonly string[]): Promise<void> {
  const { actions, figures } = context;
  const startMs = performance.now();
  for (const name of names) await actions.kill(name);
  await Promise.all(names.map((name) => actions.start(name)));
  const deadMs = performance.now() - startMs;
  const times = await context.waitOneTip({ names, limitMs: 2 * BACK_MAX_MS });
  for (const ms of times.values()) figures.backAtTipMs.push(deadMs + ms);
}

function killBars({ bar, figures }: ChaosContext): void {
  const { backAtTipMs: times } = figures;
  bar({ name: 'back at the tip, p95', valueMs: quantile(times, 0.95), limitMs: BACK_P95_MS });
  bar({ name: 'back at the tip, worst', valueMs: quantile(times, 1), limitMs: BACK_MAX_MS });
}

export const killMinority: Scenario = {
  name: 'kill-minority',
  describe: 'SIGKILL of one to three nodes at a time, again and again; --kills in all (default 12)',
  partitions: false,
  accounting: false,
  async run(context) {
    await context.waitConfirmed();
    const total = context.kills;
    while (context.figures.kills < total) {
      const most = Math.min(MINORITY, total - context.figures.kills);
      await killAndReturn(context, draw(context.rng, context.names(), 1 + context.rng.below(most)));
      if (!context.quick) await context.sleep(context.rng.below(2000));
    }
    killBars(context);
  },
};

export const killNineOfTen: Scenario = {
  name: 'kill-9-of-10',
  describe: 'SIGKILL of all miners but one for half a minute; the last one goes on alone',
  partitions: false,
  accounting: false,
  async run(context) {
    await context.waitConfirmed();
    const victims = draw(context.rng, context.miners(), context.miners().length - 1);
    const before = await context.topHeight();
    for (const name of victims) await context.actions.kill(name);
    await context.sleep(30_000);
    context.log(`the last miner made ${(await context.topHeight()) - before} blocks alone`);
    const startMs = performance.now();
    // As many at a time as one would start by hand; all at once they would wait for the processor.
    for (let i = 0; i < victims.length; i += 2) {
      await Promise.all(victims.slice(i, i + 2).map((name) => context.actions.start(name)));
    }
    const startedMs = performance.now() - startMs;
    const times = await context.waitOneTip({ names: victims, limitMs: 2 * BACK_MAX_MS });
    for (const ms of times.values()) context.figures.backAtTipMs.push(startedMs + ms);
    context.bar({
      name: 'one tip after the last start',
      valueMs: quantile([...times.values()], 1),
      limitMs: BACK_MAX_MS,
    });
  },
};

export const rollingRestart: Scenario = {
  name: 'rolling-restart',
  describe: 'every node in turn ends in order and starts again, as for an upgrade',
  partitions: false,
  accounting: false,
  async run(context) {
    await context.waitConfirmed();
    for (const name of context.names()) {
      const startMs = performance.now();
      await context.actions.stop(name);
      await context.actions.start(name);
      const downMs = performance.now() - startMs;
      const times = await context.waitOneTip({ names: [name], limitMs: BACK_MAX_MS });
      for (const ms of times.values()) context.figures.backAtTipMs.push(downMs + ms);
    }
    killBars(context);
  },
};

export const corruptAndHeal: Scenario = {
  name: 'corrupt-and-heal',
  describe:
    'bytes of the databases of three nodes are flipped; they say so and fetch from peers what is damaged',
  partitions: false,
  accounting: false,
  async run(context) {
    await context.waitConfirmed();
    for (const name of draw(context.rng, context.names(), 3)) {
      await context.actions.corrupt(name, 4);
      const refused = await context.actions.startDamaged(name);
      const times = await context.waitOneTip({ names: [name], limitMs: 60_000 });
      const ms = times.get(name);
      if (ms !== undefined)
        context.log(`${name} is back after ${Math.round(ms)} ms${refused ? ', from nothing' : ''}`);
    }
  },
};
