import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseOffset } from '../node/cli/testnet-fault-actions.ts';
import { dataFolder } from '../node/config/data-folder.ts';
import { NodeConfig } from '../node/config/node-config.ts';
import { corruptFiles, drawFlips } from './corrupt.ts';
import { halves, healLinks, partition, partitionSets, readFaults } from './faults.ts';
import { nodeFolder, readManifest, writeDataFolders } from './folders.ts';
import { createManifest } from './manifest.ts';
import { addNode, newNodeName, removeNode } from './members.ts';
import type { Testnet } from './state.ts';

let home: string;
let testnet: Testnet;
const NODES = 12;
const codeOf = (code: string) => expect.objectContaining({ code });

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'wattmesh-faults-'));
  testnet = {
    dir: join(home, 'net'),
    manifest: createManifest({ preset: 'demo', seed: '7', timeMs: Date.now(), portBase: 21_000 }),
  };
  await writeDataFolders(testnet.dir, testnet.manifest);
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

describe('partitions', () => {
  it('gather everybody else in one more set', () => {
    const sets = partitionSets(testnet, [['n01', 'n02'], ['n03']]);
    expect(sets.slice(0, 2)).toEqual([['n01', 'n02'], ['n03']]);
    expect(sets.flat()).toHaveLength(NODES);
    expect(partitionSets(testnet, halves(testnet.manifest))).toHaveLength(2);
  });

  it('refuse a node in two sets, an unknown one, and a single side', () => {
    const all = testnet.manifest.nodes.map(({ name }) => name);
    for (const sets of [[['n01'], ['n01']], [all], []]) {
      expect(() => partitionSets(testnet, sets)).toThrow(codeOf('PARTITION_INVALID'));
    }
    expect(() => partitionSets(testnet, [['n99']])).toThrow(codeOf('NODE_UNKNOWN'));
  });

  it('halve the miners', () => {
    const miners = new Set(
      testnet.manifest.nodes.filter(({ roles }) => roles.includes('miner')).map(({ name }) => name),
    );
    const sides = halves(testnet.manifest);
    expect(sides.map((side) => side.filter((name) => miners.has(name)).length)).toEqual([5, 5]);
    expect(sides.flat()).toHaveLength(NODES);
  });

  it('are kept for nodes that start later, until they are healed', async () => {
    expect(await partition(testnet, [['n01']], { oneWay: false })).toMatchObject({ silent: [] });
    const { links } = readFaults(testnet.dir);
    expect(Object.keys(links)).toHaveLength(NODES);
    expect(links.n01).toMatchObject([{ name: 'partition', drop: true, swallow: false }]);
    expect([links.n01![0]!.peers.length, links.n02![0]!.peers.length]).toEqual([NODES - 1, 1]);
    await partition(testnet, [['n02']], { oneWay: true });
    expect(readFaults(testnet.dir).links).toEqual({
      n02: [expect.objectContaining({ drop: false, swallow: true })],
    });
    await healLinks(testnet);
    expect(readFaults(testnet.dir)).toEqual({ links: {}, skewsMs: {} });
  });
});

describe('damage', () => {
  it('is a function of the seed and stays inside the files', () => {
    const files = [
      { name: 'a.ldb', bytes: 3 },
      { name: 'b.log', bytes: 5 },
    ];
    const flips = drawFlips(files, { seed: 4n, count: 200 });
    expect(drawFlips(files, { seed: 4n, count: 200 })).toEqual(flips);
    expect(drawFlips(files, { seed: 5n, count: 200 })).not.toEqual(flips);
    const places = new Set(flips.map(({ file, offset }) => `${file} ${offset}`));
    expect(places.size).toBe(8);
    expect(flips.every(({ file, offset }) => offset < (file === 'a.ldb' ? 3 : 5))).toBe(true);
  });

  it('flips one bit of tables and logs alone, and refuses an empty database', () => {
    expect(() => corruptFiles(testnet, 'n01', { seed: 1n, count: 1 })).toThrow(codeOf('NODE_EMPTY'));
    const folder = join(dataFolder(nodeFolder(testnet.dir, 'n01')).chain, 'data');
    mkdirSync(folder, { recursive: true });
    for (const name of ['000003.log', 'CURRENT']) writeFileSync(join(folder, name), Buffer.alloc(64));
    const [flip] = corruptFiles(testnet, 'n01', { seed: 1n, count: 1 });
    expect(flip!.file).toBe('000003.log');
    const bytes = readFileSync(join(folder, '000003.log'));
    expect([...bytes].filter((byte) => byte !== 0)).toEqual([0x10]);
    expect(readFileSync(join(folder, 'CURRENT')).every((byte) => byte === 0)).toBe(true);
  });
});

describe('nodes that come and go', () => {
  it('join with an identity of no member and leave without a trace', async () => {
    const { testnet: larger, node } = await addNode(testnet);
    expect(node).toMatchObject({ name: 'x01', member: null, roles: [] });
    expect(readManifest(testnet.dir)).toEqual(larger.manifest);
    expect(newNodeName(larger.manifest)).toBe('x02');
    const folder = dataFolder(nodeFolder(testnet.dir, 'x01'));
    const config = NodeConfig.parse(JSON.parse(readFileSync(folder.config, 'utf8')));
    expect(config).toMatchObject({ member: null, dev: true, p2p: { seeds: { length: 3 } } });
    expect(readFileSync(folder.genesis, 'utf8')).toBe(
      readFileSync(dataFolder(nodeFolder(testnet.dir, 'n01')).genesis, 'utf8'),
    );
    const smaller = await removeNode(larger, 'x01');
    expect(smaller.manifest).toEqual(testnet.manifest);
    expect(() => readFileSync(folder.config)).toThrow(/ENOENT/);
    await expect(removeNode(smaller, 'x01')).rejects.toThrow(codeOf('NODE_UNKNOWN'));
  });
});

describe('offsets of clocks', () => {
  it.each([
    ['+14s', 14_000],
    ['14', 14_000],
    ['300ms', 300],
    ['2m', 120_000],
    ['0', 0],
    ['24h', 86_400_000],
  ])('reads %s', (text, ms) => expect(parseOffset(text)).toBe(ms));

  it.each(['', '-14s', '1.5s', '25h', 'soon', '14 s'])('refuses "%s"', (text) => {
    expect(() => parseOffset(text)).toThrow(codeOf('USAGE'));
  });
});
