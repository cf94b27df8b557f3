/** Runs a plan: a safety phase in which anything may fail, then a liveness phase in which a core of nodes must agree. */
import type { CoreLimits } from '../../core/limits.ts';
import type { Verifier } from '../../protocol/signing.ts';
import { createRng, deriveSeed } from '../../util/rng.ts';
import { loadVerifier, signerFromSeed } from '../crypto.ts';
import { createSimulation, type Simulation } from '../simulation.ts';
import { createAdversary } from './adversaries.ts';
import { type Checkers, createCheckers, type Violation } from './checkers.ts';
import { createSimCommunity } from './community.ts';
import { type FaultCounts, hashRate, playFaults } from './faults.ts';
import { rememberingVerifier, simulatedSigner, simulatedVerifier } from './keys.ts';
import { drawLinks } from './network.ts';
import type { Plan } from './plan.ts';
import { claimedWork, realWork } from './work.ts';
import type { SimNodeOptions } from './world.ts';

export interface RunResult {
  seed: string;
  /** Virtual hours summed over the nodes. */
  nodeHours: number;
  faults: FaultCounts;
  violations: readonly Violation[];
  /** Distinct blocks that the reference model executed. */
  blocks: number;
  transactions: number;
  deepestReorganisation: number;
  finalHeight: number;
  traceHash: string;
}

const TINY: Partial<CoreLimits> = {
  mempoolCount: 12,
  mempoolBytes: 4000,
  knownTransactions: 20,
  laterBlocks: 2,
  sideHeaders: 200,
  statusMs: 1000,
  bodyRequests: 1,
};

let sodium: Verifier | null = null;

/** The same plan gives the same result, trace hash included. */
export async function runPlan(plan: Plan): Promise<RunResult> {
  const seed = BigInt(plan.seed);
  const twins = plan.adversaries.filter(({ kind }) => kind === 'twin').map(({ node }) => node);
  const bad = new Set(plan.adversaries.map(({ node }) => node));
  const size = plan.nodes + twins.length;
  let transactions = 0;
  let simulation: Simulation | null = null;
  const checkers = createCheckers({
    isHonest: (node) => node < plan.nodes && !bad.has(node),
    world: () => simulation!.world,
  });
  const community = createSimCommunity({
    seed,
    members: plan.nodes,
    miners: plan.miners,
    params: marketParams(plan),
    signerFromSeed: plan.realKeys ? signerFromSeed : simulatedSigner,
  });
  if (plan.realKeys) sodium ??= loadVerifier().verifier;
  const links = drawLinks(size, plan.topology, plan.degree, createRng(deriveSeed(seed, 'links')));
  simulation = await createSimulation({
    seed,
    document: community.document,
    verifier: plan.realKeys ? rememberingVerifier(sodium!) : simulatedVerifier,
    nodes: nodesOf(plan, community, twins),
    links,
    conditions: plan.links,
    work: plan.realWork ? realWork : claimedWork,
    repeatOneIn: plan.repeatOneIn,
    eager: plan.eager,
    ...(plan.tinyLimits ? { limits: TINY } : {}),
    traffic: (node, core) => {
      const made = node < plan.nodes ? community.traffic(node, core) : [];
      transactions += made.length;
      return made;
    },
    observer: checkers.observer,
  });
  for (const machine of simulation.machines) machine.diskMs = plan.diskMs;
  for (const { kind, node } of plan.faults.flatMap((fault) => (fault.kind === 'flip' ? [fault] : []))) {
    if (kind === 'flip') checkers.damage(node);
  }
  const player = playFaults(simulation, plan);
  await simulation.run(plan.safetyMs);
  player.end();
  await checkLiveness(simulation, plan, checkers);
  return {
    seed: plan.seed,
    nodeHours: (simulation.nowMs() * size) / 3_600_000,
    faults: player.counts,
    violations: checkers.violations,
    blocks: checkers.blocksChecked(),
    transactions,
    deepestReorganisation: Math.max(
      0,
      ...simulation.machines.map(({ core }) => core?.stats().deepestReorganisation ?? 0),
    ),
    finalHeight: Math.max(0, ...simulation.machines.map(({ core }) => core?.chain.final().height ?? 0)),
    traceHash: simulation.traceHash(),
  };
}

/** Steps short enough that every run sees many of them whole. */
function marketParams({ spacingMs, finalityDepth, authorSpacing }: Plan) {
  return {
    spacingMs,
    finalityDepth,
    authorSpacing: authorSpacing ? 1 : 0,
    stepMs: 6 * spacingMs,
    orderWindowMs: 12 * spacingMs,
    readingWindowMs: 6 * spacingMs,
    firstStepDelayMs: 12 * spacingMs,
  };
}

function nodesOf(
  plan: Plan,
  community: ReturnType<typeof createSimCommunity>,
  twins: readonly number[],
): SimNodeOptions[] {
  const kinds = new Map(plan.adversaries.map(({ node, kind }) => [node, kind]));
  const nodeAt = (member: number, clock: number): SimNodeOptions => {
    const kind = kinds.get(member);
    const isMiner = member < plan.miners;
    return {
      miner: isMiner ? { member, signer: community.members[member]!.account } : null,
      hashesPerSecond: hashRate(plan, member),
      clock: plan.clocks[clock] ?? { offsetMs: 0, driftPpm: 0 },
      adversary: kind === undefined ? undefined : createAdversary(kind),
    };
  };
  return [
    ...Array.from({ length: plan.nodes }, (_, member) => nodeAt(member, member)),
    ...twins.map((member) => nodeAt(member, plan.nodes)),
  ];
}

/** Blocks that the core makes before it must agree. */
const HEALING_SPACINGS = 4;
/** Time for requests that were lost to time out and be made again. */
const SETTLE_MS = 40_000;
/** Looks at whether all agree, a block apart, before it counts as a failure. */
const TIE_ROUNDS = 3;
/** So long may the core be without a block while the target falls to what is left of the hash rate. */
const PATIENCE_SPACINGS = 4000;

async function checkLiveness(simulation: Simulation, plan: Plan, checkers: Checkers): Promise<void> {
  const { machines } = simulation;
  const core = new Set(plan.core);
  for (const machine of machines) if (!core.has(machine.index)) simulation.crash(machine.index);
  for (const node of plan.core) {
    await simulation.restart(node);
    simulation.setHashRate(node, hashRate(plan, node));
  }
  simulation.network.setLinks(linksAmong(plan, machines.length));
  const heights = () => plan.core.map((node) => machines[node]!.core?.chain.tip().height ?? -1);
  const begin = Math.max(...heights());
  const endMs = simulation.nowMs() + PATIENCE_SPACINGS * plan.spacingMs;
  while (Math.max(...heights()) < begin + HEALING_SPACINGS && simulation.nowMs() < endMs) {
    await simulation.run(plan.spacingMs);
  }
  // Blocks found at the same time may stand side by side until the next one: a single miner makes it.
  for (let round = 0; round < TIE_ROUNDS; round++) {
    await stopMining(simulation, plan);
    if (isAgreed(simulation, plan)) break;
    if (round === TIE_ROUNDS - 1) break;
    const height = Math.max(...heights());
    const [one] = plan.core;
    simulation.setHashRate(one!, hashRate(plan, one!));
    while (Math.max(...heights()) === height && simulation.nowMs() < endMs) {
      await simulation.run(plan.spacingMs / 4);
    }
  }
  const first = machines[plan.core[0]!]!;
  if (Math.max(...heights()) < begin + HEALING_SPACINGS) {
    checkers.report('liveness', first, `no ${HEALING_SPACINGS} blocks after healing, tip ${begin}`);
  }
  checkAgreement(simulation, plan, checkers);
}

/** The living find each other: what they were linked to may be dead. */
function linksAmong(plan: Plan, size: number): number[][] {
  const { core, degree } = plan;
  const links = Array.from({ length: size }, (): number[] => []);
  const rng = createRng(deriveSeed(BigInt(plan.seed), 'links of the core'));
  for (const [i, neighbours] of drawLinks(core.length, 'random', degree, rng).entries()) {
    links[core[i]!] = neighbours.map((k) => core[k]!);
  }
  return links;
}

/** Nobody mines until the last block has reached everybody. */
async function stopMining(simulation: Simulation, plan: Plan): Promise<void> {
  for (const node of plan.core) simulation.setHashRate(node, 0);
  await simulation.run(2 * SETTLE_MS);
}

function isAgreed({ machines }: Simulation, plan: Plan): boolean {
  return new Set(plan.core.map((node) => machines[node]!.core?.chain.tip().idHex)).size === 1;
}

function checkAgreement({ machines }: Simulation, plan: Plan, checkers: Checkers): void {
  const tips = plan.core.map((node) => machines[node]!.core?.chain.tip());
  const best = tips.reduce((a, b) => (a !== undefined && (b === undefined || a.work >= b.work) ? a : b));
  for (const [i, tip] of tips.entries()) {
    const machine = machines[plan.core[i]!]!;
    if (tip === undefined) {
      checkers.report('liveness', machine, 'is down after healing');
      continue;
    }
    if (tip.idHex !== best!.idHex) {
      checkers.report(
        'liveness',
        machine,
        `at ${tip.height} ${tip.idHex}, another node at ${best!.height} ${best!.idHex}`,
      );
    }
    const { safeMode } = machine.core!.chain;
    if (safeMode() !== null) checkers.report('liveness', machine, `safe mode: ${safeMode()}`);
  }
}
