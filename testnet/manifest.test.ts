import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dataFolder } from '../node/config/data-folder.ts';
import { NodeConfig, NodeKeys } from '../node/config/node-config.ts';
import {
  checkGenesis,
  createGenesisBlock,
  createGenesisState,
  genesisRoot,
} from '../node/consensus/genesis.ts';
import { genesisFromJson } from '../node/protocol/genesis-file.ts';
import { NEIGHBOURHOODS } from '../node/protocol/presets/neighbourhoods.ts';
import { PRESETS } from '../node/protocol/presets/presets.ts';
import { fromHex, toHex } from '../node/util/bytes.ts';
import { drawHashPowers } from './community.ts';
import { nodeFolder, readManifest, writeDataFolders } from './folders.ts';
import { buildGenesis } from './genesis.ts';
import { publicKeyOf } from './keys.ts';
import { createManifest, parseManifest } from './manifest.ts';

const OPTIONS = { preset: 'demo', seed: '42', timeMs: 1_760_000_000_000, portBase: 20_000 };

describe('the manifest of a testnet', () => {
  it('is the same for the same options and differs by seed', () => {
    expect(createManifest(OPTIONS)).toEqual(createManifest(OPTIONS));
    const other = createManifest({ ...OPTIONS, seed: '43' });
    expect(other.nodes.map((node) => node.home)).not.toEqual(
      createManifest(OPTIONS).nodes.map((node) => node.home),
    );
  });

  it('has the roles of the demo: 12 prosumers, n01 to n10 mine, three oracles, a regulator on the last', () => {
    const { nodes } = createManifest(OPTIONS);
    const names = (role: string) =>
      nodes.filter((node) => node.roles.some((r) => r === role)).map((n) => n.name);
    expect(nodes).toHaveLength(12);
    expect(names('prosumer')).toHaveLength(12);
    expect(names('miner')).toEqual(nodes.slice(0, 10).map((node) => node.name));
    expect(names('regulator')).toEqual(['n12']);
    expect(names('oracle')).toHaveLength(3);
    expect(nodes.flatMap((node) => (node.oracle === null ? [] : [node.oracle]))).toEqual([0, 1, 2]);
  });

  it('uses every port of its range once', () => {
    const { nodes } = createManifest(OPTIONS);
    const ports = nodes.flatMap((node) => [node.rpcPort, node.p2pPort]).sort((a, b) => a - b);
    expect(ports).toEqual(Array.from({ length: 24 }, (_, i) => 20_000 + i));
  });

  it('draws homes inside their neighbourhood and the ranges of the preset', () => {
    const { nodes } = createManifest({ ...OPTIONS, preset: 'turin-100' });
    expect(nodes).toHaveLength(100);
    expect(nodes[0]!.name).toBe('n001');
    expect(new Set(nodes.map((node) => node.home!.neighbourhood)).size).toBe(5);
    for (const node of nodes) {
      const home = node.home!;
      const box = NEIGHBOURHOODS[home.neighbourhood]!;
      expect(home.latitudeMicroDeg).toBeGreaterThanOrEqual(box.latitude[0]);
      expect(home.latitudeMicroDeg).toBeLessThanOrEqual(box.latitude[1]);
      expect(home.longitudeMicroDeg).toBeGreaterThanOrEqual(box.longitude[0]);
      expect(home.longitudeMicroDeg).toBeLessThanOrEqual(box.longitude[1]);
      expect(home.pvWp % 250).toBe(0);
      expect(home.pvWp).toBeLessThanOrEqual(5000);
      expect([0, 10_000, 15_000]).toContain(home.batteryWh);
      expect(home.heating).toBeGreaterThanOrEqual(0);
      expect(home.heating).toBeLessThanOrEqual(4);
    }
  });

  it('never draws a community of tiny miners', () => {
    for (let seed = 0n; seed < 200n; seed++) {
      const powers = drawHashPowers(10, seed);
      expect(powers.reduce((sum, power) => sum + power, 0)).toBeGreaterThanOrEqual(4 - 1e-9);
      expect(Math.min(...powers)).toBeGreaterThanOrEqual(0.1);
      expect(Math.max(...powers)).toBeLessThanOrEqual(1);
    }
  });

  it('names the presets when there is none of that name', () => {
    expect(() => createManifest({ ...OPTIONS, preset: 'demp' })).toThrowError(
      expect.objectContaining({
        code: 'PRESET_UNKNOWN',
        remedy: expect.stringMatching(/demo.*turin-100.*polito-2025/),
      }),
    );
  });

  it('survives being written and refuses a damaged file', () => {
    const manifest = createManifest(OPTIONS);
    expect(parseManifest(JSON.stringify(manifest), 'm')).toEqual(manifest);
    for (const text of ['', '{}', JSON.stringify({ ...manifest, nodes: [] })]) {
      expect(() => parseManifest(text, 'm')).toThrowError(
        expect.objectContaining({ code: 'MANIFEST_DAMAGED' }),
      );
    }
  });
});

describe('the genesis of a manifest', () => {
  it('is a function of the manifest', () => {
    const root = () => toHex(genesisRoot(buildGenesis(createManifest(OPTIONS))));
    expect(root()).toBe(root());
    const later = buildGenesis(createManifest({ ...OPTIONS, timeMs: OPTIONS.timeMs + 1 }));
    expect(toHex(genesisRoot(later))).not.toBe(root());
  });

  it.each(PRESETS.map((preset) => preset.name))(
    'passes the genesis rules that this version has: %s',
    (preset) => {
      const genesis = buildGenesis(createManifest({ ...OPTIONS, preset }));
      const unsupported = genesis.params.clearingRule !== 0 || genesis.params.sealedOrders;
      const refused = checkGenesis(genesis, { development: false });
      expect(refused?.code ?? null).toBe(unsupported ? 'GENESIS_UNSUPPORTED' : null);
      const keys = genesis.members.flatMap((member) => [toHex(member.key), toHex(member.meterKey)]);
      expect(new Set(keys).size).toBe(2 * genesis.members.length);
    },
  );

  it('knows the public key of the first vector of RFC 8032', () => {
    const seed = fromHex('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60')!;
    expect(toHex(publicKeyOf(seed))).toBe('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a');
  });
});

describe('the data folders', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'wattmesh-manifest-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it('hold genesis, configuration and keys that fit together', async () => {
    const manifest = createManifest(OPTIONS);
    await writeDataFolders(dir, manifest);
    expect(readManifest(dir)).toEqual(manifest);
    const texts = new Set<string>();
    for (const node of manifest.nodes) {
      const folder = dataFolder(nodeFolder(dir, node.name));
      texts.add(readFileSync(folder.genesis, 'utf8'));
      const config = NodeConfig.parse(JSON.parse(readFileSync(folder.config, 'utf8')));
      const keys = NodeKeys.parse(JSON.parse(readFileSync(folder.keys, 'utf8')));
      const { genesis } = genesisFromJson(readFileSync(folder.genesis, 'utf8'));
      const member = genesis.members[config.member!]!;
      expect(toHex(publicKeyOf(fromHex(keys.account!)!))).toBe(toHex(member.key));
      expect(toHex(publicKeyOf(fromHex(keys.meter!)!))).toBe(toHex(member.meterKey));
      if (config.oracle !== null) {
        expect(toHex(publicKeyOf(fromHex(keys.oracle!)!))).toBe(toHex(genesis.oracles[config.oracle]!));
      }
      expect(keys.regulator === null).toBe(!config.roles.includes('regulator'));
      expect(statSync(folder.keys).mode & 0o777).toBe(0o600);
      expect(config.p2p.seeds).toHaveLength(3);
      expect(config.p2p.seeds.join()).not.toContain(`/tcp/${config.p2p.port}/`);
    }
    expect(texts.size).toBe(1);
    const { genesis, nonce } = genesisFromJson([...texts][0]!);
    expect(() => createGenesisBlock(genesis, createGenesisState(genesis), nonce)).not.toThrow();
  });

  it('are never overwritten', async () => {
    const manifest = createManifest(OPTIONS);
    await writeDataFolders(dir, manifest);
    await expect(writeDataFolders(dir, manifest)).rejects.toMatchObject({ code: 'DATA_FOLDER_IN_USE' });
  });
});
