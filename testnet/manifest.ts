/** The plan of a testnet: which nodes there are and everything that their genesis and data folders follow from. */
import { z } from 'zod';
import { ROLES } from '../node/config/node-config.ts';
import type { Preset } from '../node/protocol/presets/interface.ts';
import { findPreset, PRESETS } from '../node/protocol/presets/presets.ts';
import { WattmeshError } from '../node/util/errors.ts';
import { drawHashPowers, drawHomes } from './community.ts';

const port = z.int().min(1).max(65_535);
const count = z.int().min(0);

const ManifestNode = z.strictObject({
  name: z.string(),
  roles: z.array(z.enum(ROLES)),
  /** Member number: position in the genesis; null: a node that joined later, without a household. */
  member: count.nullable(),
  oracle: count.nullable(),
  hashPower: z.number().min(0.1).max(1),
  p2pPort: port,
  rpcPort: port,
  home: z
    .strictObject({
      neighbourhood: count,
      latitudeMicroDeg: z.int(),
      longitudeMicroDeg: z.int(),
      connectionW: count,
      pvWp: count,
      batteryWh: count,
      heating: count,
      residents: count,
      areaM2: count,
      yearBuilt: count,
    })
    .nullable(),
});
export type ManifestNode = z.infer<typeof ManifestNode>;

export const Manifest = z.strictObject({
  version: z.literal(1),
  preset: z.string(),
  /** Keys, homes, weather and hash powers follow from it. */
  seed: z.string().regex(/^\d{1,19}$/),
  /** Genesis time, UTC ms. */
  timeMs: count,
  prices: z.strictObject({ file: z.string(), date: z.string(), fromMs: z.int() }).nullable(),
  nodes: z.array(ManifestNode).min(1),
});
export type Manifest = z.infer<typeof Manifest>;

export interface ManifestOptions {
  preset: string;
  seed: string;
  timeMs: number;
  /** First of 2 x nodes contiguous ports: first those of RPC, then those of peers. */
  portBase: number;
  prices?: Manifest['prices'];
}

/** Finds a preset; throws PRESET_UNKNOWN with the list of those there are. */
export function requirePreset(name: string): Preset {
  const preset = findPreset(name);
  if (preset !== null) return preset;
  const names = PRESETS.map((known) => known.name).join(', ');
  throw new WattmeshError({
    code: 'PRESET_UNKNOWN',
    message: `there is no preset "${name}"`,
    remedy: `choose one of: ${names}`,
    details: { preset: name, presets: PRESETS.map((known) => known.name) },
  });
}

/** Names that sort as the nodes count: n01 .. n12, n001 .. n100. */
function nodeName(index: number, total: number): string {
  return `n${String(index + 1).padStart(Math.max(2, String(total).length), '0')}`;
}

/** The number of the oracle that node `index` is, null if none: they are spread, no two on one node. */
function oracleAt(index: number, total: number, oracles: number): number | null {
  for (let k = 0; k < oracles; k++) {
    if (Math.floor(((k + 1) * total) / (oracles + 1)) === index) return k;
  }
  return null;
}

/** Plans a testnet; the same options give the same manifest. The first nodes mine, the last one regulates. */
export function createManifest(options: ManifestOptions): Manifest {
  const { community } = requirePreset(options.preset);
  const seed = BigInt(options.seed);
  const homes = drawHomes(community, seed);
  const powers = drawHashPowers(community.miners, seed);
  const total = homes.length;
  const nodes = homes.map((home, i): ManifestNode => {
    const oracle = oracleAt(i, total, community.oracles);
    const roles: ManifestNode['roles'] = ['prosumer'];
    if (i < community.miners) roles.unshift('miner');
    if (i === total - 1) roles.push('regulator');
    if (oracle !== null) roles.push('oracle');
    return {
      name: nodeName(i, total),
      roles,
      member: i,
      oracle,
      hashPower: powers[i] ?? 1,
      p2pPort: options.portBase + total + i,
      rpcPort: options.portBase + i,
      home,
    };
  });
  return {
    version: 1,
    preset: options.preset,
    seed: options.seed,
    timeMs: options.timeMs,
    prices: options.prices ?? null,
    nodes,
  };
}

/** Reads a stored manifest; throws MANIFEST_DAMAGED. */
export function parseManifest(text: string, path: string): Manifest {
  try {
    return Manifest.parse(JSON.parse(text));
  } catch (cause) {
    throw new WattmeshError({
      code: 'MANIFEST_DAMAGED',
      message: `${path} is not the manifest of a testnet`,
      remedy: 'remove the folder, or choose another one with --dir',
      details: { path },
      cause,
    });
  }
}
