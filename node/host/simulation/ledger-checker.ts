/** Every distinct block against the reference model of the market and independent rules of headers; once per block. */
import type { HeaderNode } from '../../consensus/header-chain.ts';
import type { Block } from '../../protocol/types.ts';
import { equalBytes } from '../../util/bytes.ts';
import type { Checkers } from './checkers.ts';
import { type Link, standingOf } from './finality-checker.ts';
import {
  type ReferenceState,
  referenceBlock,
  referenceClockMs,
  referenceGenesis,
  referenceInvariants,
} from './reference/model.ts';
import type { Machine, World } from './world.ts';

export interface Standing {
  readonly justified: number;
  readonly settled: number;
}

export interface LedgerChecker {
  /** A block that an honest node connected; its parent was connected before. */
  check(machine: Machine, node: HeaderNode, block: Block): void;
  blocks(): number;
  /** What the branch of a block has settled by the specification; null: the block was not judged. */
  standing(idHex: string): Standing | null;
}

interface Judged {
  state: ReferenceState | null;
  height: number;
  /** Timestamps of the newest blocks of the branch, this one last. */
  timestamps: number[];
  target: bigint;
  link: Link;
}

const FLOOR = 2n ** 244n - 1n;
/** Judged blocks remembered: deeper reorganisations are judged again from nothing. */
const KEPT = 1500;

export function createLedgerChecker(world: () => World, report: Checkers['report']): LedgerChecker {
  const judged = new Map<string, Judged>();
  let count = 0;

  const genesis = (): Judged => ({
    state: referenceGenesis(world().document.genesis),
    height: 0,
    timestamps: [world().document.genesis.timeMs],
    target: FLOOR,
    link: {
      height: 0,
      author: -1,
      conflictHeight: 0,
      standing: { justified: 0, settled: 0 },
      parent: null,
    },
  });

  return {
    blocks: () => count,
    standing: (idHex) => judged.get(idHex)?.link.standing ?? null,
    check(machine, node, block) {
      if (judged.has(node.idHex)) return;
      const { parent } = node;
      if (!judged.has(parent!.idHex) && parent!.height === 0) judged.set(parent!.idHex, genesis());
      const before = judged.get(parent!.idHex);
      if (before === undefined) return;
      count++;
      const next = judge(machine, { before, node, block }, report);
      judged.set(node.idHex, next);
      if (judged.size > KEPT) judged.delete(judged.keys().next().value!);
    },
  };
}

function judge(
  machine: Machine,
  given: { before: Judged; node: HeaderNode; block: Block },
  report: Checkers['report'],
): Judged {
  const { before, node, block } = given;
  const { genesis } = machine.world.document;
  const { body } = node.signed.header;
  checkHeaderRules(machine, given, report);
  const timestamps = [...before.timestamps, body.timestampMs].slice(-5);
  const { height, author, conflictHeight, target } = body;
  const quorum = Math.floor((2 * genesis.miners.length) / 3) + 1;
  const standing = standingOf({ height, author, conflictHeight }, before.link, quorum);
  const link = { height, author, conflictHeight, standing, parent: before.link };
  const next: Judged = { state: null, height, timestamps, target, link };
  if (before.state === null) return next;
  try {
    const clockMs = referenceClockMs(before.timestamps);
    const { stateRoot, receiptsRoot } = body;
    const result = referenceBlock(genesis, before.state, {
      clockMs,
      author,
      transactions: block.transactions,
    });
    if (!equalBytes(result.stateRoot, stateRoot)) {
      report('state-root', machine, `block ${node.height}: the reference model comes to another state`);
    }
    if (!equalBytes(result.receiptsRoot, receiptsRoot)) {
      report('receipts-root', machine, `block ${node.height}: the reference model gives other receipts`);
    }
    for (const broken of referenceInvariants(genesis, result)) {
      report('conservation', machine, `block ${node.height}: ${broken}`);
    }
    next.state = result.state;
  } catch (error) {
    report('validity', machine, `block ${node.height}: ${(error as Error).message}`);
  }
  return next;
}

/** The rules of headers once more, from the specification. */
function checkHeaderRules(
  machine: Machine,
  { before, node }: { before: Judged; node: HeaderNode },
  report: Checkers['report'],
): void {
  const { world } = machine;
  const { params, miners } = world.document.genesis;
  const { body } = node.signed.header;
  const spacing = params.spacingMs;
  const parentMs = before.timestamps.at(-1)!;
  const grandparentMs = before.timestamps.at(-2);
  const broken = (what: string) => report('header', machine, `block ${node.height}: ${what}`);
  if (body.height !== before.height + 1) broken('its height does not follow');
  if (body.timestampMs < parentMs + Math.ceil(spacing / 10)) broken('it comes too soon after its parent');
  if (!miners.some(({ member }) => member === body.author)) broken('its author is no miner');
  let target = before.target;
  if (grandparentMs !== undefined && before.height > 0) {
    const n = BigInt(Math.min(30, Math.max(4, Math.floor(before.height / 2))));
    const st = BigInt(Math.min(Math.max(parentMs - grandparentMs, Math.ceil(spacing / 10)), 12 * spacing));
    target = (before.target * ((n - 1n) * BigInt(spacing) + st)) / (n * BigInt(spacing));
    if (target > FLOOR) target = FLOOR;
    if (target < 1n) target = 1n;
  }
  if (body.target !== target) broken(`its target is ${body.target}, not ${target}`);
  // The clock of the node that took it may itself be ahead; clocks and steps of a plan stay within this.
  const latest = machine.clock.wallMs(world.scheduler.nowMs()) + Math.max(2 * spacing, 10_000);
  if (body.timestampMs > latest) broken('it was taken before its time');
}
