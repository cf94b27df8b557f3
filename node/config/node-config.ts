/** Configuration of one node: the file `node.json` in its data folder. One schema gives validation, types and docs. */
import { z } from 'zod';

export const ROLES = ['miner', 'prosumer', 'regulator', 'oracle'] as const;

const seed = z.string().regex(/^\d+$/);
const port = z.int().min(0).max(65_535);

export const NodeConfig = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,31}$/)
    .meta({ description: 'Name of the node: lower-case letters, digits, dashes.' }),
  roles: z.array(z.enum(ROLES)).meta({ description: 'What this node does besides holding the chain.' }),
  member: z
    .int()
    .min(0)
    .nullable()
    .meta({ description: 'Member number of the account key; null: no member.' }),
  oracle: z
    .int()
    .min(0)
    .nullable()
    .default(null)
    .meta({ description: 'Oracle number in genesis; null: no oracle.' }),
  p2p: z.strictObject({
    host: z.string().default('127.0.0.1').meta({ description: 'Address to listen on for peers.' }),
    port: port.meta({ description: 'TCP port for peers; 0: any free one.' }),
    seeds: z
      .array(z.string())
      .default([])
      .meta({ description: 'Multiaddresses of peers to find the others by.' }),
    targetPeers: z
      .int()
      .min(1)
      .max(64)
      .default(8)
      .meta({ description: 'Connections that the node keeps up.' }),
  }),
  rpc: z.strictObject({
    host: z.string().default('127.0.0.1').meta({ description: 'Address of the JSON-RPC server.' }),
    port: port.meta({ description: 'TCP port of JSON-RPC, metrics and health; 0: any free one.' }),
  }),
  mining: z.strictObject({
    enabled: z.boolean().default(true).meta({ description: 'Mine from the start (needs the role miner).' }),
    hashPower: z
      .number()
      .min(0.1)
      .max(1)
      .default(1)
      .meta({ description: 'Share of the hash unit that this miner performs, 0.1 to 1.0.' }),
  }),
  feeds: z.strictObject({
    prices: z.string().nullable().default(null).meta({
      description: 'File of wholesale prices (CSV, may be gzipped); null: the built-in synthetic year.',
    }),
    pricesFromMs: z.int().nullable().default(null).meta({
      description:
        'Instant (UTC ms) in the price file that stands for the calendar start; null: the same instant.',
    }),
    seed: z
      .string()
      .regex(/^\d+$/)
      .default('1')
      .meta({ description: 'Seed of the simulated weather of the community.' }),
  }),
  household: z
    .strictObject({
      seed: seed.meta({ description: 'Seed of the simulated household.' }),
      pricing: z
        .enum(['zero-intelligence', 'seed'])
        .default('zero-intelligence')
        .meta({ description: 'How the agent prices: within the tariffs, or as the Prosumers project did.' }),
    })
    .nullable()
    .default(null),
  log: z.strictObject({
    level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
  }),
  dev: z.boolean().default(false).meta({
    description:
      'Development: fewer than ten miners allowed; faults of links and clock may be imposed by RPC.',
  }),
});
export type NodeConfig = z.infer<typeof NodeConfig>;

/** Secrets of a node: the file `keys.json` (mode 0600) in its data folder, 32-byte seeds in hex. */
export const NodeKeys = z.strictObject({
  /** ed25519 seed of the libp2p identity. */
  peer: z.string().regex(/^[0-9a-f]{64}$/),
  account: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable(),
  meter: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable(),
  oracle: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable(),
  regulator: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable(),
});
export type NodeKeys = z.infer<typeof NodeKeys>;
