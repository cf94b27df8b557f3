/**
 * The community of a testnet in one process: the daemon's households and oracles on every node, real signatures, real
 * work, a virtual clock. What is known of a node afterwards comes from its own RPC handlers.
 */
import type { NodeConfig } from '../../config/node-config.ts';
import type { GenesisDocument } from '../../protocol/genesis-file.ts';
import type { RpcClient } from '../../rpc/client.ts';
import type { Rng } from '../../util/rng.ts';
import { loadVerifier } from '../crypto.ts';
import { installHasher } from '../hasher.ts';
import type { HouseholdFile, SavedHousehold } from '../household-file.ts';
import { createMemberServices, type MemberKeys, type MemberServices } from '../member-services.ts';
import { createSimulation, type Simulation } from '../simulation.ts';
import { createAccess, createCall } from './household-access.ts';
import { recognisingVerifier } from './household-keys.ts';
import { rememberingVerifier } from './keys.ts';
import { GOOD_LINKS } from './network.ts';
import { realWork, type WorkPort } from './work.ts';

/** One node as the daemon would find it in its data folder. */
export interface HouseholdNode {
  config: NodeConfig;
  keys: MemberKeys;
  peerId: string;
}

export interface HouseholdRunOptions {
  /** Links, delays and the times at which work succeeds follow from it. */
  seed: bigint;
  document: GenesisDocument;
  nodes: readonly HouseholdNode[];
  /** Hashes per second of all miners together; each has the share that its hash power gives it. */
  hashesPerSecond: number;
}

export interface HouseholdRun {
  readonly simulation: Simulation;
  /** Asks a node as its RPC would be asked. Throws the node's own errors. */
  readonly nodes: readonly { name: string; call: RpcClient['call'] }[];
  /** Hashes really performed so far, over all miners. */
  hashes(): number;
}

/** Links per node, at least. */
const DEGREE = 3;
/** Nothing is lost on these links, so peers ask each other how far they are less often than over a network, ms. */
const STATUS_MS = 15_000;
/** Of the nodes to which a block comes, one in so many executes it again instead of taking the result of another. */
const REPEAT_ONE_IN = 16;

/** The same options give the same events, blocks and answers. */
export async function createHouseholdRun(options: HouseholdRunOptions): Promise<HouseholdRun> {
  await installHasher();
  const { seed, document, nodes } = options;
  const services = nodes.map(({ config, keys }) =>
    createMemberServices({ config, genesis: document.genesis, keys, file: createMemoryFile() }),
  );
  const work = createCountingWork();
  const simulation = await createSimulation({
    seed,
    document,
    verifier: recognisingVerifier(rememberingVerifier(loadVerifier().verifier)),
    nodes: minersOf(options),
    conditions: GOOD_LINKS,
    degree: DEGREE,
    work: work.port,
    repeatOneIn: REPEAT_ONE_IN,
    limits: { statusMs: STATUS_MS },
    traffic: (node, core) => services[node]!.onTip(core),
  });
  return {
    simulation,
    nodes: nodes.map((node, index) => callerOf({ simulation, services, work }, node, index)),
    hashes: work.total,
  };
}

/** A meter's memory that lasts as long as the simulation. */
function createMemoryFile(): HouseholdFile {
  let saved: SavedHousehold | null = null;
  return {
    load: () => saved,
    save(next) {
      saved = next;
    },
  };
}

function minersOf({ nodes, document, hashesPerSecond }: HouseholdRunOptions) {
  const isMiner = ({ config }: HouseholdNode) => config.roles.includes('miner');
  const power = nodes.filter(isMiner).reduce((sum, { config }) => sum + config.mining.hashPower, 0);
  return nodes.map((node) => {
    const { config, keys } = node;
    const { member } = config;
    if (!isMiner(node) || member === null || keys.account === null)
      return { miner: null, hashesPerSecond: 0 };
    const isAdmitted = document.genesis.miners.some((miner) => miner.member === member);
    return {
      miner: isAdmitted ? { member, signer: keys.account } : null,
      hashesPerSecond: (hashesPerSecond * config.mining.hashPower) / power,
    };
  });
}

/** Real work that is counted: the search of a node begins at 0 and stands in the last bytes of the nonce. */
function createCountingWork(): { port: WorkPort; of(rng: Rng): number; total(): number } {
  const hashes = new Map<Rng, number>();
  return {
    port: {
      find(body, rng) {
        const nonce = realWork.find(body, rng);
        const tried = new DataView(nonce.buffer).getUint32(28) + 1;
        hashes.set(rng, (hashes.get(rng) ?? 0) + tried);
        return nonce;
      },
    },
    of: (rng) => hashes.get(rng) ?? 0,
    total: () => [...hashes.values()].reduce((sum, count) => sum + count, 0),
  };
}

function callerOf(
  parts: {
    simulation: Simulation;
    services: readonly MemberServices[];
    work: ReturnType<typeof createCountingWork>;
  },
  node: HouseholdNode,
  index: number,
): HouseholdRun['nodes'][number] {
  const { simulation, services, work } = parts;
  const machine = simulation.machines[index]!;
  const access = createAccess({
    machine,
    node,
    agent: services[index]!.agent,
    hashesTotal: () => work.of(machine.rng),
  });
  return { name: node.config.name, call: createCall(access) };
}
