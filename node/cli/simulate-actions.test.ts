import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeFolder, readManifest, writeDataFolders } from '../../testnet/folders.ts';
import { buildGenesis } from '../../testnet/genesis.ts';
import { createManifest } from '../../testnet/manifest.ts';
import { dataFolder } from '../config/data-folder.ts';
import { NodeConfig, NodeKeys } from '../config/node-config.ts';
import { signerFromSeed } from '../host/crypto.ts';
import { installHasher } from '../host/hasher.ts';
import { createHouseholdRun } from '../host/simulation/household-run.ts';
import { identityFromSeed } from '../p2p/identity.ts';
import { fromHex, toHex } from '../util/bytes.ts';
import { communityOf, type SimulatedBooks, simulateCommunity } from './simulate-actions.ts';

const SEED = '42';
const STEPS = 2;
const LIMIT_MS = 300_000;

let home: string;
beforeAll(async () => {
  await installHasher();
  home = mkdtempSync(join(tmpdir(), 'wattmesh-simulate-'));
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

const simulate = (seed: string, steps = STEPS): Promise<SimulatedBooks> =>
  simulateCommunity({ preset: 'demo', steps, seed }, new AbortController().signal);

let shared: Promise<SimulatedBooks> | null = null;
const books = (): Promise<SimulatedBooks> => (shared ??= simulate(SEED));

describe('the community of a simulation', () => {
  it('is that of a testnet of the same preset and seed: households, weather, keys, hash powers', async () => {
    const dir = join(home, 'net');
    const options = { preset: 'demo', seed: SEED, timeMs: 1_760_000_000_000, portBase: 20_000 };
    await writeDataFolders(dir, createManifest(options));
    const { nodes, document, manifest } = communityOf('demo', SEED);
    const testnet = readManifest(dir)!;
    expect(nodes).toHaveLength(12);
    for (const [i, node] of testnet.nodes.entries()) {
      const folder = dataFolder(nodeFolder(dir, node.name));
      const { p2p: _, rpc: __, dev: ___, ...config } = nodes[i]!.config;
      expect(NodeConfig.parse(JSON.parse(readFileSync(folder.config, 'utf8')))).toMatchObject(config);
      const keys = NodeKeys.parse(JSON.parse(readFileSync(folder.keys, 'utf8')));
      const publicKeyOf = (hex: string | null) =>
        hex === null ? null : toHex(signerFromSeed(fromHex(hex)!).publicKey);
      for (const purpose of ['account', 'meter', 'oracle'] as const) {
        const signer = nodes[i]!.keys[purpose];
        expect(signer === null ? null : toHex(signer.publicKey)).toBe(publicKeyOf(keys[purpose]));
      }
      expect(nodes[i]!.peerId).toBe(identityFromSeed(fromHex(keys.peer)!).peerId);
    }
    expect({ ...document.genesis, timeMs: 0 }).toEqual({ ...buildGenesis(testnet), timeMs: 0 });
    expect(document.genesis.timeMs).toBe(manifest.timeMs);
  });

  it('does not depend on the time of day', () => {
    expect(communityOf('demo', SEED).document).toEqual(communityOf('demo', SEED).document);
    expect(communityOf('demo', '43').document).not.toEqual(communityOf('demo', SEED).document);
  });

  it('is refused where the preset has rules that this version lacks, or does not exist', () => {
    expect(() => communityOf('pilot-15min', SEED)).toThrowError(
      expect.objectContaining({ code: 'GENESIS_UNSUPPORTED' }),
    );
    expect(() => communityOf('nowhere', SEED)).toThrowError(
      expect.objectContaining({ code: 'PRESET_UNKNOWN' }),
    );
  });
});

describe('the books of a simulation', () => {
  it(
    'are the same for the same seed and others for another',
    async () => {
      const first = await books();
      expect((await simulate(SEED)).files).toEqual(first.files);
      const other = await simulate('43');
      expect(other.summary.simulation.traceHash).not.toBe(first.summary.simulation.traceHash);
      expect(other.files['prosumer_stats.csv']).not.toBe(first.files['prosumer_stats.csv']);
    },
    LIMIT_MS,
  );

  it(
    'settle every step on one final chain of real work, with nothing left over',
    async () => {
      const { summary, files } = await books();
      expect(summary.checks.filter((check) => !check.ok)).toEqual([]);
      expect(summary.checks.map((check) => check.name)).toContain('every block executed again on one node');
      expect(summary.nodes.map((node) => node.verified)).toEqual([true, ...Array(11).fill(false)]);
      expect(new Set(summary.nodes.map((node) => `${node.hash} ${node.stateRoot}`)).size).toBe(1);
      expect(summary.priceByStep.map(({ step }) => step)).toEqual([0, 1]);
      const { simulation, blocks, blocksMined } = summary;
      expect([simulation.residualWh, simulation.residualNanoEur]).toEqual([0, '0']);
      expect(blocks).toBeGreaterThan(12);
      expect(blocksMined).toBeGreaterThanOrEqual(blocks);
      // A block at the floor takes 4 096 hashes on average; its search ends after one at the least.
      expect(simulation.hashes).toBeGreaterThan(1000 * blocksMined);
      const rows = (name: string) =>
        files[name]!.trimEnd()
          .split('\n')
          .slice(1)
          .map((line) => line.split(','));
      expect(rows('prosumer_stats.csv')).toHaveLength(12 * STEPS);
      expect(rows('blockchain_stats.csv')).toHaveLength(STEPS);
      const hashes = [...files['blockchain_stats.csv']!.matchAll(/\b[0-9a-f]{64}\b/g)].map(([hash]) => hash);
      expect(hashes).toHaveLength(STEPS);
      for (const hash of hashes) expect(hash).toMatch(/^000/);
    },
    LIMIT_MS,
  );
});

describe('a simulated node', () => {
  it('answers what it is, and refuses what would change it', async () => {
    const { document, nodes } = communityOf('demo', SEED);
    const run = await createHouseholdRun({ seed: 1n, document, nodes, hashesPerSecond: 4000 });
    await run.simulation.run(20_000);
    const { call } = run.nodes[0]!;
    const info = await call('node_info');
    expect([info.name, info.peerId]).toEqual(['n01', nodes[0]!.peerId]);
    const mining = await call('mining_getInfo');
    expect(mining.declaredHashesPerSecond).toBe(
      Math.round(nodes[0]!.config.mining.hashPower * document.genesis.params.hashUnit),
    );
    const totals = await Promise.all(run.nodes.map((node) => node.call('mining_getInfo')));
    expect(totals.reduce((sum, { hashesTotal }) => sum + hashesTotal, 0)).toBe(run.hashes());
    expect(totals.reduce((sum, { blocksMined }) => sum + blocksMined, 0)).toBeGreaterThan(0);
    expect(totals.filter(({ member }) => member !== null)).toHaveLength(10);
    await expect(call('chain_getReorgs', {})).rejects.toMatchObject({ code: 'SIMULATED_NODE' });
    await expect(call('chain_getBlock', { height: 9999 })).rejects.toMatchObject({ code: 'BLOCK_NOT_FOUND' });
  });
});
