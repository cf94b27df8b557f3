import { beforeAll, describe, expect, it } from 'vitest';
import { ancestorAt } from '../consensus/header-chain.ts';
import { totalBalanceNanoEur } from '../market/ledger.ts';
import { toHex } from '../util/bytes.ts';
import { loadVerifier, signerFromSeed } from './crypto.ts';
import { installHasher } from './hasher.ts';
import { createSimCommunity } from './simulation/community.ts';
import { GOOD_LINKS } from './simulation/network.ts';
import { createSimulation, type Simulation } from './simulation.ts';

const NODES = 5;
const SPACING_MS = 2000;

beforeAll(async () => void (await installHasher()));

interface Harness {
  simulation: Simulation;
  trades: () => number;
}

/** Real signatures, real work at the floor, every node executing, templates as the daemon makes them. */
async function build(seed: number, loss = 0): Promise<Harness> {
  const community = createSimCommunity({ seed: BigInt(seed), members: NODES, miners: NODES, signerFromSeed });
  const traded = new Map<string, number>();
  const simulation = await createSimulation({
    seed: BigInt(seed),
    document: community.document,
    verifier: loadVerifier().verifier,
    nodes: community.members.map(({ account }, member) => ({
      miner: { member, signer: account },
      hashesPerSecond: 4096 / (SPACING_MS / 1000) / NODES,
    })),
    conditions: { ...GOOD_LINKS, loss },
    eager: true,
    traffic: community.traffic,
    observer: {
      onNotice(_, notice) {
        if (notice.type !== 'tip') return;
        for (const { node, execution } of notice.connected) {
          traded.set(node.idHex, execution.receipts.trades.length);
        }
      },
    },
  });
  const trades = () => {
    let sum = 0;
    for (const node of chainOf(simulation, 0)) sum += traded.get(node.idHex) ?? 0;
    return sum;
  };
  return { simulation, trades };
}

function chainOf(simulation: Simulation, index: number) {
  const { chain } = simulation.machines[index]!.core!;
  return Array.from({ length: chain.tip().height + 1 }, (_, height) => chain.mainChainAt(height)!);
}

const tips = (simulation: Simulation) => simulation.machines.map(({ core }) => core!.chain.tip());

function checkAgreement({ simulation }: Harness): void {
  const chains = simulation.machines.map(({ core }) => core!.chain);
  const low = Math.min(...chains.map((chain) => chain.tip().height)) - 2;
  const at = chains.map((chain) => ancestorAt(chain.tip(), low)!);
  expect(new Set(at.map((node) => node.idHex)).size, `one chain at height ${low}`).toBe(1);
  for (const chain of chains) {
    const execution = chain.execution(chain.tip());
    expect(toHex(execution.state.root())).toBe(toHex(chain.tip().signed.header.body.stateRoot));
    expect(totalBalanceNanoEur(execution.state)).toBe(0n);
  }
  const bans = simulation.machines.flatMap((machine) => machine.bans);
  expect(bans, 'honest nodes banned by honest ones').toEqual([]);
}

describe('simulation', () => {
  it('reaches one chain on which members trade and every step settles', async () => {
    const harness = await build(1);
    await harness.simulation.run(180_000);
    checkAgreement(harness);
    const { chain } = harness.simulation.machines[0]!.core!;
    const market = chain.execution(chain.tip()).state.market();
    expect(chain.tip().height).toBeGreaterThan(60);
    expect(chain.final().height).toBeGreaterThan(0);
    expect(market.nextToSettle).toBeGreaterThan(8);
    expect(harness.trades()).toBeGreaterThan(market.nextToSettle * NODES);
  });

  it('repeats a seed exactly', async () => {
    const run = async (seed: number) => {
      const { simulation } = await build(seed, 0.05);
      await simulation.run(40_000);
      return { trace: simulation.traceHash(), tips: tips(simulation).map((tip) => tip.idHex) };
    };
    expect(await run(7)).toEqual(await run(7));
    expect((await run(7)).trace).not.toBe((await run(8)).trace);
  });

  it('keeps what was synced when every node crashes at once', async () => {
    const harness = await build(3);
    const { simulation } = harness;
    const synced: string[] = [];
    for (const machine of simulation.machines) {
      machine.world.observer.onPersisted = ({ index }, { commit }) => {
        synced[index] = toHex(commit.tipId);
      };
    }
    await simulation.run(60_000);
    for (const { index } of simulation.machines) simulation.crash(index, 'torn');
    for (const { index } of simulation.machines) await simulation.restart(index);
    for (const { index, core } of simulation.machines) {
      expect(core!.chain.node(synced[index]!), `tip of ${index}`).toBeDefined();
      expect(ancestorAt(core!.chain.tip(), core!.chain.node(synced[index]!)!.height)!.idHex).toBe(
        synced[index],
      );
    }
    await simulation.run(30_000);
    checkAgreement(harness);
  });

  it('finalises nothing without a quorum of authors', async () => {
    const { simulation } = await build(4);
    simulation.network.cut([0, 1], [2, 3, 4]);
    simulation.network.cut([2, 3, 4], [0, 1]);
    await simulation.run(300_000);
    for (const { core } of simulation.machines) expect(core!.chain.final().height).toBe(0);
    simulation.network.heal();
    await simulation.run(90_000);
    expect(simulation.machines[0]!.core!.chain.final().height).toBeGreaterThan(0);
  });
});
