/** A single development node: a chain whose only miner it is. */
import { randomBytes } from 'node:crypto';
import { NodeConfig } from '../node/config/node-config.ts';
import type { Genesis } from '../node/protocol/types.ts';
import { toHex } from '../node/util/bytes.ts';
import { drawHomes } from './community.ts';
import { genesisFileText, writeNodeFolder } from './folders.ts';
import { publicKeyOf } from './keys.ts';
import { requirePreset } from './manifest.ts';

export interface InitOptions {
  preset: string;
  dataDir: string;
  rpcPort: number;
  p2pPort: number;
}

const NAME = 'dev';

/** Writes the folder with fresh random keys; throws PRESET_UNKNOWN, DATA_FOLDER_IN_USE. */
export async function initNode(options: InitOptions): Promise<{ dataDir: string; preset: string }> {
  const preset = requirePreset(options.preset);
  const key = () => new Uint8Array(randomBytes(32));
  const seeds = { peer: key(), account: key(), meter: key(), oracle: key(), regulator: key() };
  const seed = randomBytes(7).readUIntBE(0, 6);
  const [home] = drawHomes({ ...preset.community, prosumers: 1 }, BigInt(seed));
  const member = {
    key: publicKeyOf(seeds.account),
    meterKey: publicKeyOf(seeds.meter),
    ...home!,
    status: 0,
    suspendedUntilStep: 0,
    creditLimitNanoEur: preset.community.creditLimitNanoEur,
  };
  const genesis: Genesis = {
    name: new TextEncoder().encode(`${preset.name}-dev`),
    timeMs: Date.now(),
    params: preset.params,
    policy: preset.policy,
    members: [member],
    miners: [{ member: 0, key: member.key }],
    regulatorThreshold: 1,
    regulators: [publicKeyOf(seeds.regulator)],
    oracles: [publicKeyOf(seeds.oracle)],
    grantNanoEur: preset.grantNanoEur,
  };
  const config = NodeConfig.parse({
    name: NAME,
    roles: ['miner', 'prosumer', 'regulator', 'oracle'],
    member: 0,
    oracle: 0,
    p2p: { port: options.p2pPort },
    rpc: { port: options.rpcPort },
    mining: {},
    feeds: { seed: String(seed) },
    household: { seed: String(seed) },
    log: {},
    dev: true,
  });
  writeNodeFolder(options.dataDir, {
    genesis: genesisFileText(genesis, { development: true }),
    config,
    keys: {
      peer: toHex(seeds.peer),
      account: toHex(seeds.account),
      meter: toHex(seeds.meter),
      oracle: toHex(seeds.oracle),
      regulator: toHex(seeds.regulator),
    },
  });
  return { dataDir: options.dataDir, preset: preset.name };
}
