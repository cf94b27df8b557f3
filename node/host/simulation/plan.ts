/** A run of the simulation as data: everything that a seed decides in advance, so that a failure can be made smaller. */
import { z } from 'zod';
import { quorumOf } from '../../consensus/finality.ts';

const node = z.int().min(0).max(255);
const ms = z.number().min(0);
const probability = z.number().min(0).max(1);

const Links = z.strictObject({
  delayMs: z.tuple([ms, ms]),
  loss: probability,
  duplication: probability,
  reordering: probability,
  bytesPerMs: z.number().positive().nullable(),
});

const at = { atMs: ms };
const CRASH_MODES = ['prefix', 'subset', 'torn'] as const;

export const Fault = z.discriminatedUnion('kind', [
  /** Power loss; the node starts again after a while, and may crash again while it does. */
  z.strictObject({
    kind: z.literal('crash'),
    ...at,
    nodes: z.array(node),
    mode: z.enum(CRASH_MODES),
    downMs: ms,
    again: z.int().min(0).max(5),
  }),
  z.strictObject({ kind: z.literal('pause'), ...at, nodes: z.array(node), forMs: ms }),
  /** What `from` sends to `to` is lost; two such make a partition. */
  z.strictObject({
    kind: z.literal('cut'),
    ...at,
    from: z.array(node),
    to: z.array(node),
    bothWays: z.boolean(),
    forMs: ms,
  }),
  z.strictObject({ kind: z.literal('links'), ...at, links: Links, forMs: ms }),
  z.strictObject({ kind: z.literal('slow'), ...at, node, links: Links, forMs: ms }),
  /** A bit of the disk flips while the node is down. */
  z.strictObject({ kind: z.literal('flip'), ...at, node, downMs: ms }),
  z.strictObject({ kind: z.literal('full'), ...at, node, forMs: ms }),
  z.strictObject({ kind: z.literal('disk'), ...at, node, syncMs: ms, forMs: ms }),
  /** The clock is set, this far ahead or behind. */
  z.strictObject({ kind: z.literal('clock'), ...at, node, offsetMs: z.number() }),
  z.strictObject({ kind: z.literal('power'), ...at, nodes: z.array(node), factor: z.number().positive() }),
]);
export type Fault = z.infer<typeof Fault>;

export const ADVERSARIES = [
  'withhold',
  'selfish',
  'twin',
  'time-early',
  'time-late',
  'bad-body',
  'bad-state',
  'spam',
  'flood',
  'stall',
] as const;
export type AdversaryKind = (typeof ADVERSARIES)[number];

export const Plan = z.strictObject({
  version: z.literal(1),
  /** What is still drawn while the run goes on follows from it: delays, block times, needs of members. */
  seed: z.string().regex(/^\d{1,20}$/),
  spacingMs: z.int().min(1000).max(10_000),
  finalityDepth: z.int().min(1).max(720),
  authorSpacing: z.boolean().default(false),
  /** Nodes that are members; the first `miners` of them mine. */
  nodes: z.int().min(1).max(200),
  miners: z.int().min(1).max(200),
  /** Hash rate of each miner as a part of what makes one block per spacing at the floor. */
  hashShares: z.array(z.number().min(0)),
  topology: z.enum(['random', 'ring', 'star', 'full', 'clusters']),
  degree: z.int().min(1),
  links: Links,
  diskMs: ms,
  clocks: z.array(z.strictObject({ offsetMs: z.number(), driftPpm: z.number() })),
  adversaries: z.array(z.strictObject({ node, kind: z.enum(ADVERSARIES) })),
  /** Bounds of the nodes far below the usual ones. */
  tinyLimits: z.boolean(),
  realWork: z.boolean(),
  realKeys: z.boolean(),
  eager: z.boolean(),
  /** 1: every node executes every block. */
  repeatOneIn: z.int().min(1),
  safetyMs: ms,
  /** Nodes that must agree in the end; all others stay dead. */
  core: z.array(node),
  faults: z.array(Fault),
});
export type Plan = z.infer<typeof Plan>;

/** Miners that may break every rule without two conflicting blocks becoming final: quorums share more than these. */
export function toleratedMiners(miners: number): number {
  return Math.max(0, 2 * quorumOf(miners) - miners - 1);
}
