/** The RPC handlers over a simulated node: reading only. */
import type { Agent } from '../../agent/interface.ts';
import type { Miner } from '../../miner/miner.ts';
import type { Network } from '../../p2p/interface.ts';
import type { RpcClient } from '../../rpc/client.ts';
import { answerOf } from '../../rpc/client-errors.ts';
import { createDispatcher } from '../../rpc/dispatch.ts';
import { DEFAULT_LIMITS } from '../../rpc/limits.ts';
import { assert, WattmeshError } from '../../util/errors.ts';
import type { NodeAccess } from '../access.ts';
import { createHandlers } from '../queries/index.ts';
import { verifyChain } from '../verify-chain.ts';
import type { HouseholdNode } from './household-run.ts';
import { type Machine, wallMs } from './world.ts';

/** What such a node says that it is. */
const AGENT = 'simulation';

function refuse(): never {
  throw new WattmeshError({
    code: 'SIMULATED_NODE',
    message: 'a simulated node only answers what its chain, its miner and its peers are',
    remedy: 'start real nodes for everything else: wattmesh testnet up',
  });
}

/** What the handlers may see of a machine that is up; what would change it throws SIMULATED_NODE. */
export function createAccess(given: {
  machine: Machine;
  node: HouseholdNode;
  agent: Agent | null;
  /** Hashes that this node has performed. */
  hashesTotal: () => number;
}): NodeAccess {
  const { machine, node, agent, hashesTotal } = given;
  const { core, store, world } = machine;
  assert(core !== null && store !== null, 'the machine is up');
  const isMiner = machine.options.miner !== null;
  return {
    config: node.config,
    dataDir: '',
    version: AGENT,
    startedMs: world.startMs,
    nowMs: () => wallMs(machine),
    core,
    store,
    network: networkOf(machine, node.peerId),
    miner: isMiner ? minerOf(given, hashesTotal) : null,
    agent,
    signer: node.keys.account,
    submit: refuse,
    transactionStatus: refuse,
    setMining: refuse,
    reorgs: refuse,
    damage: () => [],
    verify: ({ to }) => verifyChain(core.chain, store, { to, mend: false }),
    unready: () => [],
    shutdown: refuse,
  };
}

function networkOf(machine: Machine, peerId: string): Network {
  const names = () => [...machine.peers].map(String);
  return {
    peerId,
    addresses: () => [],
    peers: () =>
      names().map((name) => ({
        peerId: name,
        address: '',
        direction: 'outbound',
        connectedAtMs: machine.world.startMs,
        agent: AGENT,
        meshTopics: ['block', 'tx'],
        score: 0,
        rttMs: null,
      })),
    meshPeers: names,
    bans: refuse,
    start: refuse,
    stop: refuse,
    publish: refuse,
    report: refuse,
    request: refuse,
    penalise: refuse,
    setLinkPolicy: refuse,
  };
}

function minerOf({ machine, node }: { machine: Machine; node: HouseholdNode }, total: () => number): Miner {
  const { scheduler, rules } = machine.world;
  return {
    start: refuse,
    stop: refuse,
    mine: refuse,
    cancel: refuse,
    setHashesPerSecond: refuse,
    stats: () => ({
      running: true,
      hashesTotal: total(),
      hashesPerSecond: (1000 * total()) / Math.max(1, scheduler.nowMs()),
      // As the daemon declares it.
      declaredHashesPerSecond: Math.round(node.config.mining.hashPower * rules.genesis.params.hashUnit),
      hasher: 'as-sha256',
      hashersPassedOver: [],
    }),
  };
}

const PLACE = 'a simulated node';

/** Calls by JSON text, as over the wire: parameters and results pass the schemas. Throws the node's own errors. */
export function createCall(access: NodeAccess): RpcClient['call'] {
  const dispatcher = createDispatcher({
    handlers: createHandlers(access),
    limits: DEFAULT_LIMITS,
    // What fails is answered as an error and thrown below.
    log: () => {},
    checkResults: true,
  });
  return async (method, ...[params]) => {
    const text = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: params ?? {} });
    const answer = await dispatcher.handle(text, { access: 'read', subscriptions: null });
    const outcome = answerOf(JSON.parse(answer!), PLACE);
    if (outcome.ok) return outcome.result as never;
    throw outcome.error;
  };
}
