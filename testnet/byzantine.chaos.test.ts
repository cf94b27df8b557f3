/** Every named attack of a hostile peer at a real node among honest ones. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NodeConfig } from '../node/config/node-config.ts';
import { genesisFromJson } from '../node/protocol/genesis-file.ts';
import type { Genesis } from '../node/protocol/types.ts';
import { toHex } from '../node/util/bytes.ts';
import type { AttackReport } from './byzantine/attack.ts';
import { ATTACKS, runByzantinePeer } from './byzantine/index.ts';
import { drawHomes } from './community.ts';
import { genesisFileText, writeNodeFolder } from './folders.ts';
import { deriveKeySeed, publicKeyOf } from './keys.ts';
import { requirePreset } from './manifest.ts';
import { build, type Daemon, startDaemon, until } from './test-daemon.ts';

const NODES = 4;
/** One more miner than there are nodes: its key is the attacker's. */
const MINERS = NODES + 1;
const LIMIT_MS = 900_000;

let home: string;
let genesisText: string;
const daemons: Daemon[] = [];
const seedOf = (index: number, purpose: string) => deriveKeySeed('7', `byzantine ${index} ${purpose}`);

function communityGenesis(): Genesis {
  const preset = requirePreset('demo');
  const homes = drawHomes({ ...preset.community, prosumers: MINERS }, 7n);
  const members = homes.map((house, i) => ({
    key: publicKeyOf(seedOf(i, 'account')),
    meterKey: publicKeyOf(seedOf(i, 'meter')),
    ...house,
    status: 0,
    suspendedUntilStep: 0,
    creditLimitNanoEur: preset.community.creditLimitNanoEur,
  }));
  return {
    name: new TextEncoder().encode('byzantine'),
    timeMs: Date.now(),
    params: preset.params,
    policy: preset.policy,
    members,
    miners: members.map(({ key }, member) => ({ member, key })),
    regulatorThreshold: 1,
    regulators: [publicKeyOf(seedOf(0, 'regulator'))],
    oracles: [publicKeyOf(seedOf(0, 'oracle'))],
    grantNanoEur: preset.grantNanoEur,
  };
}

async function startNode(index: number): Promise<void> {
  const root = join(home, `n${index}`);
  writeNodeFolder(root, {
    genesis: genesisText,
    config: NodeConfig.parse({
      name: `n${index}`,
      roles: ['miner', 'prosumer'],
      member: index,
      p2p: { port: 0, seeds: daemons.map(({ address }) => address) },
      rpc: { port: 0 },
      mining: { hashPower: 0.1 },
      feeds: {},
      household: { seed: String(index) },
      log: {},
      dev: true,
    }),
    keys: {
      peer: toHex(seedOf(index, 'peer')),
      account: toHex(seedOf(index, 'account')),
      meter: toHex(seedOf(index, 'meter')),
      oracle: null,
      regulator: null,
    },
  });
  daemons.push(await startDaemon(root));
}

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'wattmesh-byzantine-'));
  await build();
  genesisText = genesisFileText(communityGenesis(), { development: true });
  for (let i = 0; i < NODES; i++) await startNode(i);
  await until('everybody linked, and blocks that are final', async () => {
    const views = await Promise.all(
      daemons.map(async ({ call }) => ({
        peers: (await call('net_peers', {})).length,
        final: (await call('chain_getInfo', {})).finalHeight,
      })),
    );
    return views.every(({ peers, final }) => peers === NODES - 1 && final > 0);
  });
});
afterAll(async () => {
  const exits = await Promise.all(daemons.map((daemon) => daemon.stop()));
  expect(exits.map(({ code, err }) => ({ code, err }))).toEqual(daemons.map(() => ({ code: 0, err: '' })));
  rmSync(home, { recursive: true, force: true });
});

describe('a hostile peer', () => {
  it('names every attack once, and at least forty', () => {
    expect(new Set(ATTACKS.map(({ name }) => name)).size).toBe(ATTACKS.length);
    expect(ATTACKS.length).toBeGreaterThanOrEqual(40);
  });

  it(
    'does no harm by any of its attacks',
    async () => {
      const [target, ...others] = daemons as [Daemon, ...Daemon[]];
      const reports: AttackReport[] = await runByzantinePeer({
        target: { p2p: target.address, rpc: target.url },
        honest: others.map(({ url }, i) => ({ name: `n${i + 1}`, url })),
        genesis: genesisFromJson(genesisText),
        keys: { memberSeed: seedOf(MINERS - 1, 'account') },
        seed: 1n,
        signal: AbortSignal.timeout(LIMIT_MS),
        log() {},
      });
      expect(reports.map(({ attack }) => attack)).toEqual(ATTACKS.map(({ name }) => name));
      expect(reports.filter(({ outcome }) => outcome === 'skipped')).toEqual([]);
      expect(reports.filter(({ ok }) => !ok)).toEqual([]);
    },
    LIMIT_MS,
  );
});
