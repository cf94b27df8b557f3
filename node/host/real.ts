/** The composition root of the daemon: one process, one node. Started in this order, stopped in the reverse. */
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { dataFolder } from '../config/data-folder.ts';
import { NodeConfig, NodeKeys } from '../config/node-config.ts';
import type { Notice } from '../core/events.ts';
import type { Core } from '../core/node.ts';
import { createLogger, type Logger } from '../log/logger.ts';
import { violation } from '../market/violation.ts';
import { createMiner, type Miner } from '../miner/miner.ts';
import { identityFromSeed } from '../p2p/identity.ts';
import type { Network } from '../p2p/interface.ts';
import { type LinkRule, policyOf } from '../p2p/link-rules.ts';
import { createNetwork } from '../p2p/network.ts';
import { transactionIdHex } from '../protocol/codec.ts';
import { MAX_ANSWER_BYTES, PROTOCOLS, type Protocol, TOPICS, type Topic } from '../protocol/wire.ts';
import { createRpcServer } from '../rpc/server.ts';
import { addressesKey } from '../storage/layout.ts';
import { fromHex } from '../util/bytes.ts';
import type { DevControls, NodeAccess } from './access.ts';
import { loadVerifier, signerFromSeed } from './crypto.ts';
import { readJsonFile, writeFileAtomic } from './files.ts';
import { installHasher } from './hasher.ts';
import { createHistory } from './history.ts';
import { createHouseholdFile } from './household-file.ts';
import { createMemberServices, type MemberServices } from './member-services.ts';
import { type OpenChain, openChain } from './open-chain.ts';
import { createHandlers } from './queries/index.ts';
import { healthOf } from './queries/node.ts';
import { createRepair, type Repair } from './repair.ts';
import { createRuntime, MAX_RESPONSE_BYTES, type Runtime } from './runtime.ts';
import { createEvents } from './subscriptions.ts';

export const VERSION = '0.1.0';

export interface StartOptions {
  dataDir: string;
  workerUrl: URL;
  /** An operator asked this node to end. */
  onShutdown: () => void;
  /** Called when the node cannot go on, after it has stopped. */
  onFatal: (error: unknown) => void;
}

export interface RunningNode {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts a node from its data folder. Throws WattmeshErrors that name cause and remedy; what was started is stopped. */
export async function startNode(options: StartOptions): Promise<RunningNode> {
  const folder = dataFolder(options.dataDir);
  const config = readJsonFile(folder.config, NodeConfig);
  const keys = readJsonFile(folder.keys, NodeKeys);
  const log = createLogger({ path: folder.log, level: config.log.level, node: config.name });
  const stack: { name: string; stop: () => unknown }[] = [];
  const unwind = async (): Promise<void> => {
    for (const { name, stop } of stack.splice(0).reverse()) {
      try {
        await stop();
      } catch (error) {
        log.error({ part: name, err: error }, 'a part did not stop cleanly');
      }
    }
  };
  try {
    const url = await assemble({ options, folder, config, keys, log, stack, unwind });
    return { url, stop: unwind };
  } catch (error) {
    log.fatal({ err: error }, 'the node cannot start');
    await unwind();
    throw error;
  }
}

interface Assembly {
  options: StartOptions;
  folder: ReturnType<typeof dataFolder>;
  config: NodeConfig;
  keys: NodeKeys;
  log: Logger;
  stack: { name: string; stop: () => unknown }[];
  unwind: () => Promise<void>;
}

const seedOf = (hex: string | null) => (hex === null ? null : signerFromSeed(fromHex(hex)!));

async function assemble(assembly: Assembly): Promise<string> {
  const { options, folder, config, keys, log, stack } = assembly;
  const hasher = await installHasher();
  const { name: verifierName, verifier } = loadVerifier();
  const account = seedOf(keys.account);
  const randomSeed = BigInt(`0x${randomBytes(8).toString('hex')}`);
  const chain = await openChain({ config, folder, account, verifier, randomSeed, log });
  stack.push({ name: 'store', stop: () => chain.store.raw.close() });
  log.info({ hasher, verifier: verifierName, height: chain.core.chain.tip().height }, 'chain opened');

  const services = createMemberServices({
    config,
    genesis: chain.document.genesis,
    keys: { account, meter: seedOf(keys.meter), oracle: seedOf(keys.oracle) },
    file: createHouseholdFile(folder.household),
  });
  const node: LiveNode = {
    assembly,
    chain,
    services,
    history: createHistory(),
    repair: createRepair(chain.damage, {
      core: chain.core,
      store: chain.store,
      log,
      dispatch: (event) => node.runtime.dispatch(event),
    }),
    runtime: null as unknown as Runtime,
    clock: { skewMs: 0 },
    onTip: () => {},
  };
  const miner = config.roles.includes('miner') ? createWorkerMiner(node, options.workerUrl) : null;
  const network = await createPeerNetwork(node, identityFromSeed(fromHex(keys.peer)!));
  node.runtime = createRuntime({
    core: chain.core,
    store: chain.store,
    network,
    miner,
    log,
    wallMs: () => wallMs(node),
    onNotice: (notice) => onNotice(node, notice),
    onRepaired: node.repair.onRepaired,
    onFatal: (error) => fail(node, error),
  });
  stack.push({ name: 'runtime', stop: () => node.runtime.stop() });
  await network.start();
  stack.push({ name: 'network', stop: () => network.stop() });
  const url = await serve(node, { network, miner, account });
  if (miner !== null) {
    await miner.start();
    stack.push({ name: 'miner', stop: () => miner.stop() });
  }
  node.runtime.dispatch({ type: 'wake' });
  node.repair.start();
  stack.push({ name: 'repair', stop: () => node.repair.stop() });
  return url;
}

interface LiveNode {
  assembly: Assembly;
  chain: OpenChain;
  services: MemberServices;
  history: ReturnType<typeof createHistory>;
  repair: Repair;
  runtime: Runtime;
  clock: { skewMs: number };
  onTip: (notice: Extract<Notice, { type: 'tip' }>) => void;
}

const wallMs = ({ clock }: LiveNode): number => Date.now() + clock.skewMs;

function createWorkerMiner(node: LiveNode, workerUrl: URL): Miner {
  const { config, log } = node.assembly;
  const { hashUnit } = node.chain.document.genesis.params;
  return createMiner({
    workerUrl,
    hashesPerSecond: Math.round(config.mining.hashPower * hashUnit),
    randomBytes: (length) => randomBytes(length),
    now: () => wallMs(node),
    onFound: (found) => node.runtime.dispatch({ type: 'mined', ...found }),
    onError: (error) => log.error({ err: error }, 'miner'),
  });
}

/** Requests are small: a locator, a list of ids. */
const MAX_REQUEST_BYTES = 16_384;

async function createPeerNetwork(node: LiveNode, identity: { privateKey: Uint8Array }): Promise<Network> {
  const { config, log } = node.assembly;
  const { core, store, document } = node.chain;
  const addressKey = addressesKey();
  const saved = await store.raw.get(addressKey).catch((error: unknown) => {
    log.warn({ err: error }, 'the address book is damaged and starts anew');
    return null;
  });
  return createNetwork(
    {
      privateKey: identity.privateKey,
      listen: `/ip4/${config.p2p.host}/tcp/${config.p2p.port}`,
      seeds: config.p2p.seeds,
      chain: core.chain.genesis.idHex.slice(0, 16),
      topics: [...TOPICS],
      protocols: PROTOCOLS.map((name) => ({
        name,
        maxRequestBytes: MAX_REQUEST_BYTES,
        maxResponseBytes: MAX_RESPONSE_BYTES,
      })),
      maxMessageBytes: Math.max(document.genesis.params.maxBlockBytes, MAX_ANSWER_BYTES / 4) + 4096,
      targetPeers: config.p2p.targetPeers,
      addressBook: {
        load: () => (saved === null ? [] : (JSON.parse(new TextDecoder().decode(saved)) as string[])),
        save: (addresses) => {
          const value = new TextEncoder().encode(JSON.stringify(addresses));
          store.raw
            .write([{ type: 'put', key: addressKey, value }], { sync: false })
            .catch((error: unknown) => log.warn({ err: error }, 'the address book cannot be saved'));
        },
      },
      log: (level, message, fields) => log[level](fields, message),
      now: Date.now,
      agent: `wattmesh/${VERSION} ${config.name}`,
      linkFaults: config.dev,
    },
    {
      onMessage: ({ topic, messageId, from, bytes }) =>
        node.runtime.dispatch({ type: 'gossip', topic: topic as Topic, messageId, from, bytes }),
      onRequest: ({ protocol, from, bytes }) =>
        node.runtime.answer({ from, protocol: protocol as Protocol, bytes }),
      onPeerUp: (peer) => node.runtime.dispatch({ type: 'peerUp', peer }),
      onPeerDown: (peer) => node.runtime.dispatch({ type: 'peerDown', peer }),
    },
  );
}

/** The core is silent about what left the chain and may not wait again; its owner must be able to hear of it. */
function noteLost({ history, chain: { core } }: LiveNode, notice: Extract<Notice, { type: 'tip' }>): void {
  const lost = violation(
    'TX_EXPIRED',
    'its block left the chain, and its window is closed or its slot taken',
  );
  for (const { idHex: blockHash } of notice.disconnected) {
    for (const transaction of core.chain.block(blockHash)?.transactions ?? []) {
      const idHex = transactionIdHex(transaction);
      if (core.mempool.get(idHex) !== undefined || history.status(core, idHex).status !== 'pending') continue;
      history.onNotice(core, { type: 'dropped', transaction, violation: lost }, Date.now());
    }
  }
}

function onNotice(node: LiveNode, notice: Notice): void {
  const { log } = node.assembly;
  const { core } = node.chain;
  node.history.onNotice(core, notice, Date.now());
  if (notice.type === 'tip') noteLost(node, notice);
  if (notice.type === 'dropped') {
    log.debug({ code: notice.violation.code, step: notice.transaction.body.step }, 'transaction dropped');
    return;
  }
  if (notice.type === 'invalid') {
    const { height, idHex, author } = notice.node;
    log.warn({ height, hash: idHex, author, violation: notice.violation }, 'block refused');
    return;
  }
  if (notice.type === 'safeMode') {
    log.error({ reason: notice.reason }, 'safe mode: an operator must decide');
    return;
  }
  const tip = core.chain.tip();
  log.info(
    { event: 'tip', height: tip.height, hash: tip.idHex, author: tip.author, final: notice.finalHeight },
    notice.disconnected.length > 0 ? 'chain reorganised' : 'block connected',
  );
  node.onTip(notice);
  // Effects of this event are still being performed: what the member does now is the next event.
  setImmediate(() => {
    for (const transaction of node.services.onTip(core)) {
      node.runtime.submit(transaction).then(
        ({ violation }) => {
          if (violation === null) return;
          // After a restart the member does again what the chain may hold already.
          const level = violation.code === 'TX_DUPLICATE' ? 'debug' : 'warn';
          log[level]({ violation, step: transaction.body.step }, 'own transaction refused');
        },
        (error: unknown) => log.error({ err: error }, 'own transaction failed'),
      );
    }
  });
}

async function serve(
  node: LiveNode,
  parts: { network: Network; miner: Miner | null; account: NodeAccess['signer'] },
): Promise<string> {
  const { folder, config, log, stack } = node.assembly;
  const startedMs = Date.now();
  const access = createAccess(node, parts, startedMs);
  const handlers = createHandlers(access);
  const server = createRpcServer({
    host: config.rpc.host,
    port: config.rpc.port,
    tokenPath: folder.token,
    handlers,
    metrics: async () => (await import('./metrics.ts')).renderMetrics(access),
    health: () => healthOf(access),
    log: (level, message, fields) => log[level](fields, message),
  });
  const { url } = await server.start();
  stack.push({ name: 'rpc', stop: () => server.stop() });
  const events = createEvents(access, server, (error) =>
    log.warn({ err: error }, 'subscribers missed events'),
  );
  node.onTip = events.onTip;
  const running = {
    url,
    p2p: parts.network.addresses(),
    pid: process.pid,
    startedMs,
    peerId: parts.network.peerId,
  };
  writeFileAtomic(folder.running, `${JSON.stringify(running)}\n`);
  stack.push({ name: 'running file', stop: () => rmSync(folder.running, { force: true }) });
  log.info({ url, p2p: running.p2p }, 'node is up');
  return url;
}

function createAccess(
  node: LiveNode,
  parts: { network: Network; miner: Miner | null; account: NodeAccess['signer'] },
  startedMs: number,
): NodeAccess {
  const { core, store } = node.chain;
  return {
    config: node.assembly.config,
    dataDir: node.assembly.folder.root,
    version: VERSION,
    startedMs,
    nowMs: Date.now,
    core,
    store,
    network: parts.network,
    miner: parts.miner,
    agent: node.services.agent,
    signer: parts.account,
    submit: (transaction) => node.runtime.submit(transaction),
    transactionStatus: (idHex) => node.history.status(core, idHex),
    setMining: (on) => node.runtime.dispatch({ type: 'setMining', on }),
    reorgs: () => node.history.reorgs(),
    damage: node.repair.damage,
    verify: node.repair.verify,
    unready: () => unready(core, parts.network),
    shutdown: node.assembly.options.onShutdown,
    ...(node.assembly.config.dev ? { dev: createDevControls(node, parts.network) } : {}),
  };
}

function createDevControls({ clock, assembly }: LiveNode, network: Network): DevControls {
  let rules: readonly LinkRule[] = [];
  return {
    links: () => rules,
    setLinks(next) {
      rules = next;
      network.setLinkPolicy(policyOf(next));
      assembly.log.warn({ rules: next }, 'link rules of development set');
    },
    clockSkewMs: () => clock.skewMs,
    setClockSkew(ms) {
      clock.skewMs = ms;
      assembly.log.warn({ skewMs: ms }, 'clock skewed');
    },
  };
}

/** A node is ready with peers in its mesh and nothing known to catch up with. */
function unready(core: Core, network: Network): string[] {
  const reasons: string[] = [];
  if (network.peers().length === 0) reasons.push('no peers');
  else if (network.meshPeers('block').length === 0) reasons.push('no peers in the gossip mesh');
  const behind = core.chain.bestHeader().height - core.chain.tip().height;
  if (behind > 2) reasons.push(`${behind} blocks behind the best known header`);
  const unsafe = core.chain.safeMode();
  if (unsafe !== null) reasons.push(`safe mode: ${unsafe}`);
  return reasons;
}

function fail(node: LiveNode, error: unknown): void {
  node.assembly.log.fatal({ err: error }, 'the node cannot go on');
  void node.assembly.unwind().then(() => node.assembly.options.onFatal(error));
}
