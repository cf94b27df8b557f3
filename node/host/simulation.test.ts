import { beforeAll, describe, expect, it } from 'vitest';
import { ancestorAt, type HeaderNode } from '../consensus/header-chain.ts';
import { totalBalanceNanoEur } from '../market/ledger.ts';
import { toHex } from '../util/bytes.ts';
import { createRng, deriveSeed } from '../util/rng.ts';
import { loadVerifier, signerFromSeed } from './crypto.ts';
import { installHasher } from './hasher.ts';
import { createSimCommunity } from './sim-community.ts';
import { createSimulation, type Simulation } from './simulation.ts';

/** Seeds of faulty runs that every test run covers. */
const SEEDS = 20;
const NODES = 5;
const SPACING_MS = 2000;

beforeAll(async () => void (await installHasher()));

interface Harness {
  simulation: Simulation;
  trades: () => number;
  /** Final blocks that a node reported and later left. */
  revoked: string[];
}

function build(seed: number, loss = 0): Harness {
  const community = createSimCommunity({ seed: BigInt(seed), members: NODES, miners: NODES, signerFromSeed });
  const finals = Array.from({ length: NODES }, (): HeaderNode | null => null);
  const revoked: string[] = [];
  const traded = new Map<string, number>();
  const simulation = createSimulation({
    seed: BigInt(seed),
    document: community.document,
    verifier: loadVerifier().verifier,
    nodes: community.members.map(({ account }, member) => ({
      miner: { member, signer: account },
      hashesPerSecond: 4096 / (SPACING_MS / 1000) / NODES,
    })),
    conditions: { delayMs: [5, 60], loss },
    degree: 3,
    diskMs: 5,
    traffic: community.traffic,
    onNotice(node, notice) {
      if (notice.type !== 'tip') return;
      for (const { node: block, execution } of notice.connected) {
        traded.set(block.idHex, execution.receipts.trades.length);
      }
      const before = finals[node];
      const { chain } = simulation.nodes[node]!.core()!;
      if (before && chain.mainChainAt(before.height)?.idHex !== before.idHex) revoked.push(before.idHex);
      finals[node] = chain.final();
    },
  });
  const trades = () => {
    let sum = 0;
    let at: HeaderNode | null = simulation.nodes[0]!.core()!.chain.tip();
    for (; at !== null; at = at.parent) sum += traded.get(at.idHex) ?? 0;
    return sum;
  };
  return { simulation, trades, revoked };
}

const tips = (simulation: Simulation) => simulation.nodes.map((node) => node.core()!.chain.tip());

function checkAgreement({ simulation, revoked }: Harness): void {
  const chains = simulation.nodes.map((node) => node.core()!.chain);
  const low = Math.min(...chains.map((chain) => chain.tip().height)) - 2;
  const at = chains.map((chain) => ancestorAt(chain.tip(), low)!);
  expect(new Set(at.map((node) => node.idHex)).size, `one chain at height ${low}`).toBe(1);
  for (const chain of chains) {
    const execution = chain.execution(chain.tip());
    expect(toHex(execution.state.root())).toBe(toHex(chain.tip().signed.header.body.stateRoot));
    expect(totalBalanceNanoEur(execution.state)).toBe(0n);
  }
  expect(revoked, 'final blocks that were revoked').toEqual([]);
  expect(
    simulation.nodes.flatMap((node) => node.bans()),
    'honest nodes banned by honest ones',
  ).toEqual([]);
}

describe('simulation', () => {
  it('reaches one chain on which members trade and every step settles', () => {
    const harness = build(1);
    harness.simulation.run(180_000);
    checkAgreement(harness);
    const { chain } = harness.simulation.nodes[0]!.core()!;
    const market = chain.execution(chain.tip()).state.market();
    expect(chain.tip().height).toBeGreaterThan(60);
    expect(chain.final().height).toBeGreaterThan(0);
    expect(market.nextToSettle).toBeGreaterThan(8);
    expect(harness.trades()).toBeGreaterThan(market.nextToSettle * NODES);
  });

  it('repeats a seed exactly', () => {
    const run = (seed: number) => {
      const { simulation } = build(seed, 0.05);
      simulation.run(40_000);
      return { trace: simulation.traceHash(), tips: tips(simulation).map((tip) => tip.idHex) };
    };
    expect(run(7)).toEqual(run(7));
    expect(run(7).trace).not.toBe(run(8).trace);
  });

  it.each(Array.from({ length: SEEDS }, (_, i) => i + 100))(
    'converges after crashes, partitions and loss (seed %i)',
    (seed) => {
      const harness = build(seed, 0.1);
      const { simulation } = harness;
      const rng = createRng(deriveSeed(BigInt(seed), 'faults'));
      const down = new Set<number>();
      for (let round = 0; round < 8; round++) {
        simulation.run(2000 + rng.below(8000));
        const node = rng.below(NODES);
        const fault = rng.below(4);
        if (fault === 0 && down.size < NODES - 1 && !down.has(node)) {
          simulation.crash(node);
          down.add(node);
        } else if (fault === 1) {
          for (const dead of down) simulation.restart(dead);
          down.clear();
        } else if (fault === 2) {
          const cut = 1 + rng.below(NODES - 1);
          const everyone = Array.from({ length: NODES }, (_, i) => i);
          simulation.network.partition([everyone.slice(0, cut), everyone.slice(cut)]);
        } else {
          simulation.network.heal();
        }
      }
      simulation.network.heal();
      simulation.network.setConditions({ delayMs: [5, 60], loss: 0 });
      for (const dead of down) simulation.restart(dead);
      simulation.run(15 * SPACING_MS);
      checkAgreement(harness);
    },
  );

  it('keeps what was synced when every node crashes at once', () => {
    const harness = build(3);
    const { simulation } = harness;
    simulation.run(60_000);
    const commits = simulation.nodes.map((node) => node.disk.commit()!);
    for (const node of simulation.nodes) simulation.crash(node.index);
    for (const node of simulation.nodes) simulation.restart(node.index);
    for (const [i, node] of simulation.nodes.entries()) {
      expect(node.core()!.chain.tip().height).toBe(commits[i]!.tipHeight);
      expect(node.core()!.chain.tip().idHex).toBe(toHex(commits[i]!.tipId));
    }
    simulation.run(30_000);
    checkAgreement(harness);
  });

  it('finalises nothing without a quorum of authors', () => {
    const { simulation } = build(4);
    simulation.network.partition([
      [0, 1],
      [2, 3, 4],
    ]);
    simulation.run(300_000);
    for (const node of simulation.nodes) expect(node.core()!.chain.final().height).toBe(0);
    simulation.network.heal();
    simulation.run(60_000);
    expect(simulation.nodes[0]!.core()!.chain.final().height).toBeGreaterThan(0);
  });
});
