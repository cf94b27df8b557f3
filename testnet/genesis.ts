/** The genesis that a manifest stands for. */
import type { Genesis, Member } from '../node/protocol/types.ts';
import { deriveKeySeed, publicKeyOf } from './keys.ts';
import { type Manifest, type ManifestNode, requirePreset } from './manifest.ts';

/** The keys of a node's data folder, as 32-byte seeds; null where the node has no such role. */
export interface NodeKeySeeds {
  peer: Uint8Array;
  account: Uint8Array;
  meter: Uint8Array;
  oracle: Uint8Array | null;
  regulator: Uint8Array | null;
}

/** All keys of one node; they follow from the testnet's seed and the node's name. */
export function keySeedsOf(manifest: Manifest, node: ManifestNode): NodeKeySeeds {
  const derive = (purpose: string) => deriveKeySeed(manifest.seed, `${node.name} ${purpose}`);
  return {
    peer: derive('peer'),
    account: derive('account'),
    meter: derive('meter'),
    oracle: node.roles.includes('oracle') ? derive('oracle') : null,
    regulator: node.roles.includes('regulator') ? derive('regulator') : null,
  };
}

/** The genesis of a testnet: a function of its manifest alone. Throws PRESET_UNKNOWN. */
export function buildGenesis(manifest: Manifest): Genesis {
  const preset = requirePreset(manifest.preset);
  const households = manifest.nodes.flatMap((node) => {
    const { member, home } = node;
    return member === null || home === null ? [] : [{ node, member, home }];
  });
  const keys = households.map(({ node }) => keySeedsOf(manifest, node));
  const members = households.map(
    ({ home }, i): Member => ({
      key: publicKeyOf(keys[i]!.account),
      meterKey: publicKeyOf(keys[i]!.meter),
      ...home,
      status: 0,
      suspendedUntilStep: 0,
      creditLimitNanoEur: preset.community.creditLimitNanoEur,
    }),
  );
  const holders = (purpose: 'oracle' | 'regulator') =>
    keys.flatMap((seeds) => (seeds[purpose] === null ? [] : [publicKeyOf(seeds[purpose])]));
  return {
    name: new TextEncoder().encode(`${manifest.preset}-${manifest.seed}`),
    timeMs: manifest.timeMs,
    params: preset.params,
    policy: preset.policy,
    members,
    miners: households
      .filter(({ node }) => node.roles.includes('miner'))
      .map(({ member }) => ({ member, key: members[member]!.key })),
    regulatorThreshold: 1,
    regulators: holders('regulator'),
    oracles: holders('oracle'),
    grantNanoEur: preset.grantNanoEur,
  };
}
