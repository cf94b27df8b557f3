/** When a simulated miner succeeds: drawn from its hash rate and the target; what it then proves, the work port says. */
import { earliestTimestampMs, targetAfter } from '../../consensus/header.ts';
import { workOf } from '../../consensus/target.ts';
import { later, type Machine, wallMs } from './world.ts';

/** Draws anew when this node's hashing succeeds; hashing has no memory, so this may be done at any time. */
export function scheduleMining(machine: Machine): void {
  const { world, core, options } = machine;
  if (world.eager || options.miner === null || core === null) return;
  world.scheduler.cancel(machine.miningId);
  if (options.hashesPerSecond === 0) return;
  const tip = core.chain.tip();
  const { spacingMs } = world.rules.genesis.params;
  const waitMs = waitUntil(machine, earliestTimestampMs(tip, spacingMs));
  const foundMs = drawMs(machine, targetAfter(tip, spacingMs));
  machine.miningId = later(machine, waitMs + foundMs, () => findBlock(machine));
}

/** The template is made when it is needed: the same block, without the work for those that are never found. */
function findBlock(machine: Machine): void {
  machine.deliver({ type: 'setMining', on: true });
  const { job } = machine;
  const isDue = job !== null && wallMs(machine) >= job.earliestMs;
  if (isDue) seal(machine);
  machine.deliver({ type: 'setMining', on: false });
  // A found block moved the tip, which draws anew; otherwise this parent may not be built on by this node yet.
  if (!isDue) scheduleMining(machine);
}

/** Hashes for the present job, as the daemon's miner does. */
export function mine(machine: Machine): void {
  const { world, job } = machine;
  world.scheduler.cancel(machine.miningId);
  if (job === null || machine.options.hashesPerSecond === 0) return;
  const foundMs = drawMs(machine, job.body.target);
  machine.miningId = later(machine, waitUntil(machine, job.earliestMs) + foundMs, () => seal(machine));
}

function seal(machine: Machine): void {
  const { world, job, rng, options } = machine;
  if (job === null) return;
  const honestMs = Math.max(job.earliestMs, wallMs(machine));
  const timestampMs = options.adversary?.timestampMs?.(machine, job.earliestMs) ?? honestMs;
  const nonce = world.work.find({ ...job.body, timestampMs }, rng);
  machine.deliver({ type: 'mined', jobId: job.jobId, timestampMs, nonce });
}

function drawMs(machine: Machine, target: bigint): number {
  const meanMs = (Number(workOf(target)) / machine.options.hashesPerSecond) * 1000;
  return -Math.log(1 - machine.rng.next()) * meanMs;
}

function waitUntil(machine: Machine, wallTimeMs: number): number {
  return Math.max(0, machine.clock.virtualMs(wallTimeMs - wallMs(machine)));
}
