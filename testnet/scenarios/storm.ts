/** Random faults, one every few seconds, several standing at a time. */
import { between, type ChaosContext, draw, type Scenario } from '../chaos/scenario.ts';
import { halves } from '../faults.ts';
import { healToOneTip } from './links.ts';

const GAP_MS = [2000, 6000] as const;
/** Nodes that are dead, paused or damaged at one time. */
const MAX_DOWN = 4;

/** A fault that stands until its end is due. */
interface Standing {
  node: string | null;
  untilMs: number;
  end(): Promise<void>;
}

interface Storm {
  context: ChaosContext;
  standing: Standing[];
}

function stand(
  { context, standing }: Storm,
  node: string | null,
  rangeMs: readonly [number, number],
  end: () => Promise<void>,
): void {
  standing.push({ node, untilMs: performance.now() + between(context.rng, ...rangeMs), end });
}

const killOne = async (storm: Storm, name: string): Promise<void> => {
  await storm.context.actions.kill(name);
  stand(storm, name, [0, 8000], () => storm.context.actions.start(name));
};

const pauseOne = async (storm: Storm, name: string): Promise<void> => {
  await storm.context.actions.pause(name);
  stand(storm, name, [2000, 15_000], () => storm.context.actions.resume(name));
};

const slowOne = async ({ context }: Storm, name: string): Promise<void> => {
  const { rng } = context;
  const kbitPerSecond = rng.below(3) === 0 ? between(rng, 256, 2048) : null;
  await context.actions.slow(name, {
    delayMs: between(rng, 20, 800),
    jitterMs: between(rng, 0, 200),
    kbitPerSecond,
  });
};

const skewOne = async (storm: Storm, name: string): Promise<void> => {
  const { context } = storm;
  await context.actions.skew(name, between(context.rng, -9000, 9000));
  stand(storm, name, [5000, 20_000], () => context.actions.skew(name, 0));
};

const corruptOne = async (storm: Storm, name: string): Promise<void> => {
  const { actions } = storm.context;
  await actions.corrupt(name, 2);
  stand(storm, name, [0, 3000], async () => void (await actions.startDamaged(name)));
};

const cutLinks = async (storm: Storm): Promise<void> => {
  const { context } = storm;
  const { rng } = context;
  const set =
    rng.below(2) === 0
      ? halves(context.testnet.manifest)[0]!
      : draw(rng, context.names(), between(rng, 1, 4));
  await context.actions.partition([set], { oneWay: rng.below(3) === 0 });
  stand(storm, null, [5000, 20_000], () => context.actions.heal());
};

const ON_NODES = [killOne, killOne, killOne, pauseOne, slowOne, skewOne, corruptOne] as const;

async function oneFault(storm: Storm): Promise<void> {
  const { context, standing } = storm;
  const { rng } = context;
  const touched = new Set(standing.flatMap(({ node }) => node ?? []));
  const isCut = standing.some(({ node }) => node === null);
  const fault = rng.below(ON_NODES.length + 1);
  if (fault === ON_NODES.length) return isCut ? undefined : cutLinks(storm);
  if (touched.size >= MAX_DOWN) return;
  const [name] = draw(
    rng,
    context.names().filter((candidate) => !touched.has(candidate)),
    1,
  );
  await ON_NODES[fault]!(storm, name!);
}

/** Ends faults whose time has come; all of them once `nowMs` is infinite. */
async function endDue({ standing }: Storm, nowMs: number): Promise<void> {
  const due = standing.filter(({ untilMs }) => untilMs <= nowMs);
  for (const entry of due) {
    standing.splice(standing.indexOf(entry), 1);
    await entry.end();
  }
}

export const storm: Scenario = {
  name: 'storm',
  describe: 'random faults of every kind every few seconds, for --minutes N (default 5)',
  partitions: true,
  accounting: false,
  async run(context) {
    await context.waitConfirmed();
    const state: Storm = { context, standing: [] };
    const endMs = performance.now() + context.minutes * 60_000;
    while (performance.now() < endMs) {
      await oneFault(state);
      await context.sleep(between(context.rng, ...GAP_MS));
      await endDue(state, performance.now());
    }
    await endDue(state, Number.POSITIVE_INFINITY);
    await healToOneTip(context, () => context.actions.heal());
  },
};
