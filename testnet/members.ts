/** Nodes that join a testnet after its genesis, and nodes that leave it. */
import { randomBytes } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { dataFolder } from '../node/config/data-folder.ts';
import { NodeConfig, NodeKeys } from '../node/config/node-config.ts';
import { toHex } from '../node/util/bytes.ts';
import { WattmeshError } from '../node/util/errors.ts';
import { requireNode } from './control.ts';
import { nodeFolder, readManifest, seedAddresses, writeManifest, writeNodeFolder } from './folders.ts';
import type { Manifest, ManifestNode } from './manifest.ts';
import { reservePorts } from './ports.ts';
import { stopProcesses } from './processes.ts';
import { runningNodes, type Testnet } from './state.ts';

const STOP_GRACE_MS = 10_000;

/** The first of x01, x02, ... that the testnet does not have. */
export function newNodeName({ nodes }: Manifest): string {
  const taken = new Set(nodes.map(({ name }) => name));
  for (let i = 1; ; i++) {
    const name = `x${String(i).padStart(2, '0')}`;
    if (!taken.has(name)) return name;
  }
}

/**
 * Writes the folder of one more full node with a fresh identity that belongs to no member; it is not started. The
 * testnet given is out of date afterwards: the one returned has the node.
 */
export async function addNode(testnet: Testnet): Promise<{ testnet: Testnet; node: ManifestNode }> {
  const { dir } = testnet;
  const manifest = readManifest(dir) ?? testnet.manifest;
  const ports = await reservePorts(2);
  await ports.releaseAll();
  const node: ManifestNode = {
    name: newNodeName(manifest),
    roles: [],
    member: null,
    oracle: null,
    hashPower: 1,
    p2pPort: ports.base + 1,
    rpcPort: ports.base,
    home: null,
  };
  const [other] = manifest.nodes;
  writeNodeFolder(nodeFolder(dir, node.name), {
    genesis: readFileSync(dataFolder(nodeFolder(dir, other!.name)).genesis, 'utf8'),
    config: NodeConfig.parse({
      name: node.name,
      roles: [],
      member: null,
      p2p: { port: node.p2pPort, seeds: [...(await seedAddresses(manifest)).values()].slice(0, 3) },
      rpc: { port: node.rpcPort },
      mining: { enabled: false },
      feeds: {},
      log: {},
      dev: true,
    }),
    keys: NodeKeys.parse({
      peer: toHex(new Uint8Array(randomBytes(32))),
      account: null,
      meter: null,
      oracle: null,
      regulator: null,
    }),
  });
  const next = { ...manifest, nodes: [...manifest.nodes, node] };
  writeManifest(dir, next);
  return { testnet: { dir, manifest: next }, node };
}

/** Ends a node and deletes its folder; throws NODE_UNKNOWN, NODE_LAST. */
export async function removeNode(testnet: Testnet, name: string): Promise<Testnet> {
  const { dir } = testnet;
  requireNode(testnet, name);
  const manifest = readManifest(dir) ?? testnet.manifest;
  const nodes = manifest.nodes.filter((node) => node.name !== name);
  if (nodes.length === 0) {
    throw new WattmeshError({
      code: 'NODE_LAST',
      message: `node ${name} is the last one of this testnet`,
      remedy: 'end the testnet instead: wattmesh testnet down',
      details: { node: name },
    });
  }
  const record = runningNodes(dir, manifest).get(name);
  if (record !== undefined) await stopProcesses([record], STOP_GRACE_MS);
  const next = { ...manifest, nodes };
  writeManifest(dir, next);
  rmSync(nodeFolder(dir, name), { recursive: true, force: true });
  return { dir, manifest: next };
}
