/** Writes what the nodes of a testnet start from: genesis, configuration and keys in one data folder per node. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setHasher } from '@chainsafe/persistent-merkle-tree';
import { hasher } from '@chainsafe/persistent-merkle-tree/hasher/as-sha256';
import { dataFolder } from '../node/config/data-folder.ts';
import { NodeConfig, NodeKeys } from '../node/config/node-config.ts';
import { createGenesisBlock, createGenesisState, requireGenesis } from '../node/consensus/genesis.ts';
import { identityFromSeed } from '../node/p2p/identity.ts';
import { genesisToJson } from '../node/protocol/genesis-file.ts';
import type { Genesis } from '../node/protocol/types.ts';
import { toHex } from '../node/util/bytes.ts';
import { WattmeshError } from '../node/util/errors.ts';
import { deriveSeed } from '../node/util/rng.ts';
import { buildGenesis, keySeedsOf } from './genesis.ts';
import { type Manifest, type ManifestNode, parseManifest } from './manifest.ts';

/** How many nodes everybody knows from the start; the others are found through them. */
const SEED_NODES = 3;

export function manifestPath(dir: string): string {
  return join(dir, 'manifest.json');
}

/** The data folder of one node of the testnet in `dir`. */
export function nodeFolder(dir: string, name: string): string {
  return join(dir, 'nodes', name);
}

/** Reads the manifest of the testnet in `dir`; null where there is none; throws MANIFEST_DAMAGED. */
export function readManifest(dir: string): Manifest | null {
  const path = manifestPath(dir);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw cause;
  }
  return parseManifest(text, path);
}

/** The text of `genesis.json`: the genesis with the nonce of its block. Throws the genesis rule that is broken. */
export function genesisFileText(genesis: Genesis, options: { development: boolean }): string {
  requireGenesis(genesis, options);
  setHasher(hasher);
  const block = createGenesisBlock(genesis, createGenesisState(genesis));
  return genesisToJson({ genesis, nonce: block.signedHeader.header.nonce });
}

/** Where a node of the testnet is dialled, with its peer id. */
export async function peerAddress(manifest: Manifest, node: ManifestNode): Promise<string> {
  const { peerId } = identityFromSeed(keySeedsOf(manifest, node).peer);
  return `/ip4/127.0.0.1/tcp/${node.p2pPort}/p2p/${peerId}`;
}

/** Where the first nodes are dialled, by name. */
export async function seedAddresses(manifest: Manifest): Promise<Map<string, string>> {
  const first = manifest.nodes.slice(0, SEED_NODES + 1);
  const entries = first.map(async (node) => [node.name, await peerAddress(manifest, node)] as const);
  return new Map(await Promise.all(entries));
}

function configOf(manifest: Manifest, node: ManifestNode, seeds: readonly string[]): NodeConfig {
  return NodeConfig.parse({
    name: node.name,
    roles: node.roles,
    member: node.member,
    oracle: node.oracle,
    p2p: { port: node.p2pPort, seeds },
    rpc: { port: node.rpcPort },
    mining: { enabled: node.roles.includes('miner'), hashPower: node.hashPower },
    feeds: {
      prices: manifest.prices?.file ?? null,
      pricesFromMs: manifest.prices?.fromMs ?? null,
      seed: String(deriveSeed(BigInt(manifest.seed), 'weather')),
    },
    household: { seed: String(deriveSeed(BigInt(manifest.seed), `household ${node.name}`)) },
    log: {},
    // Its keys are no secret: a testnet is for play, and its faults are part of the play.
    dev: true,
  });
}

function keysOf(manifest: Manifest, node: ManifestNode): NodeKeys {
  const hex = (seed: Uint8Array | null) => (seed === null ? null : toHex(seed));
  const { peer, account, meter, oracle, regulator } = keySeedsOf(manifest, node);
  return NodeKeys.parse({
    peer: toHex(peer),
    account: hex(account),
    meter: hex(meter),
    oracle: hex(oracle),
    regulator: hex(regulator),
  });
}

export interface NodeFiles {
  genesis: string;
  config: NodeConfig;
  keys: NodeKeys;
}

/** Makes one data folder; throws DATA_FOLDER_IN_USE where a genesis stands already. */
export function writeNodeFolder(root: string, files: NodeFiles): void {
  const folder = dataFolder(root);
  mkdirSync(root, { recursive: true });
  const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
  try {
    writeFileSync(folder.genesis, files.genesis, { flag: 'wx' });
    writeFileSync(folder.config, json(files.config), { flag: 'wx' });
    writeFileSync(folder.keys, json(files.keys), { flag: 'wx', mode: 0o600 });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
    throw new WattmeshError({
      code: 'DATA_FOLDER_IN_USE',
      message: `${root} already holds a node`,
      remedy: 'choose an empty folder, or start the node that is there',
      details: { path: root },
      cause,
    });
  }
}

/** Writes the manifest and every node's data folder below `dir`; the manifest last, so that it means "complete". */
export async function writeDataFolders(dir: string, manifest: Manifest): Promise<void> {
  const genesis = genesisFileText(buildGenesis(manifest), { development: false });
  const seeds = await seedAddresses(manifest);
  for (const node of manifest.nodes) {
    const others = [...seeds].filter(([name]) => name !== node.name).slice(0, SEED_NODES);
    writeNodeFolder(nodeFolder(dir, node.name), {
      genesis,
      config: configOf(
        manifest,
        node,
        others.map(([, address]) => address),
      ),
      keys: keysOf(manifest, node),
    });
  }
  writeFileSync(manifestPath(dir), `${JSON.stringify(manifest, null, 2)}\n`, { flag: 'wx' });
}

/** Replaces the manifest of the testnet in `dir`: a reader sees the old one or the new one. */
export function writeManifest(dir: string, manifest: Manifest): void {
  const path = manifestPath(dir);
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, `${JSON.stringify(manifest, null, 2)}\n`);
  renameSync(temporary, path);
}
