/** A hostile peer that speaks the protocol, against one node of a community that goes on trading. */
import { readFileSync } from 'node:fs';
import { dataFolder } from '../../node/config/data-folder.ts';
import { genesisFromJson } from '../../node/protocol/genesis-file.ts';
import { type ChaosContext, count, draw, type Scenario } from '../chaos/scenario.ts';
import { nodeFolder, peerAddress } from '../folders.ts';
import { keySeedsOf } from '../genesis.ts';

/** One of each sort, where a short run is asked for. */
const QUICK_ATTACKS = 4;

async function attackOne(context: ChaosContext): Promise<void> {
  const { manifest, dir } = context.testnet;
  // The attacker holds the key of a miner; that miner itself is not the target.
  const [targetName, traitorName] = draw(context.rng, context.miners(), 2);
  const target = manifest.nodes.find(({ name }) => name === targetName)!;
  const traitor = manifest.nodes.find(({ name }) => name === traitorName)!;
  const { ATTACKS, runByzantinePeer } = await import('../byzantine/index.ts');
  const url = context.addresses().find(({ name }) => name === target.name)!.url;
  const reports = await runByzantinePeer({
    target: { p2p: await peerAddress(manifest, target), rpc: url },
    honest: context.addresses().filter(({ name }) => name !== target.name),
    genesis: genesisFromJson(readFileSync(dataFolder(nodeFolder(dir, target.name)).genesis, 'utf8')),
    keys: { memberSeed: keySeedsOf(manifest, traitor).account },
    ...(context.quick ? { attacks: draw(context.rng, ATTACKS, QUICK_ATTACKS).map(({ name }) => name) } : {}),
    seed: context.seed,
    signal: context.signal,
    log: context.log,
  });
  const height = await context.topHeight();
  for (const report of reports) {
    count(context.figures, `attack ${report.outcome}`);
    if (report.ok) continue;
    context.violate({
      invariant: `the community withstands: ${report.attack}`,
      nodes: [target.name],
      heights: [height],
      detail: `${report.outcome}: ${report.detail}`,
    });
  }
}

export const byzantinePeer: Scenario = {
  name: 'byzantine-peer',
  describe: 'a hostile peer sends every attack that we know to one node, with the key of an admitted miner',
  // A stolen key makes blocks that compete with honest ones; they may win for a moment, and nothing final may change.
  partitions: true,
  accounting: false,
  async run(context) {
    await context.waitConfirmed();
    await attackOne(context);
  },
};
