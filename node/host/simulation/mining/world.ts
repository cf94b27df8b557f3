/**
 * A community of miners without bodies, signatures and hashing: who finds a block, and when, follows from hash rates,
 * the real targets and a seed. Header rules, linking, work and finality are those of `consensus/`.
 */
import { earliestTimestampMs, latestTimestampMs } from '../../../consensus/header.ts';
import { ancestorAt, commonAncestor, type HeaderNode, linkHeader } from '../../../consensus/header-chain.ts';
import { workOf } from '../../../consensus/target.ts';
import { PROTOCOL_VERSION, type SignedHeader } from '../../../protocol/types.ts';
import { createRng, type Rng } from '../../../util/rng.ts';
import { createScheduler, type Scheduler } from '../../../util/scheduler.ts';
import type { FinalityRule } from './finality-rules.ts';
import { type Retarget, WTEMA } from './retargets.ts';

/**
 * What a miner writes into its headers: its clock, the latest or the earliest that others accept; `forger`: the
 * earliest where it may author anyway, so that the next gap looks long, and the latest where only silence lets it.
 */
export type Stamp = 'clock' | 'latest' | 'earliest' | 'forger';

export interface MinerOptions {
  author: number;
  hashesPerSecond: number;
  skewMs?: number;
  stamp?: Stamp;
  /** Signs on every branch without owning up to it. */
  lies?: boolean;
}

export interface SimMiner {
  readonly index: number;
  readonly author: number;
  readonly lies: boolean;
  hashesPerSecond: number;
  skewMs: number;
  stamp: Stamp;
  tip: HeaderNode;
  final: HeaderNode;
  /** Highest justified block that this miner knows. */
  anchor: HeaderNode;
  readonly own: HeaderNode[];
  found: number;
  /** Reorganisations by depth. */
  readonly reorganisations: number[];
}

export type AuthorRule = (
  parent: HeaderNode,
  block: { author: number; timestampMs: number },
  spacingMs: number,
) => boolean;

export interface WorldOptions {
  seed: bigint;
  spacingMs: number;
  miners: readonly MinerOptions[];
  startTarget: bigint;
  retarget?: Retarget;
  /** Null: anybody may author. */
  authorRule?: AuthorRule | null;
  /** Null: most work alone decides. */
  finality?: FinalityRule | null;
  /** One-way delay; null where there is no way. */
  delayMs?: (from: SimMiner, to: SimMiner) => number | null;
  /** Takes a found block instead of publishing it. */
  onFound?: (miner: SimMiner, node: HeaderNode) => boolean;
  /** A block reached a miner, before the miner decides. */
  onReceived?: (miner: SimMiner, node: HeaderNode) => void;
  onFinal?: (miner: SimMiner, node: HeaderNode) => void;
}

export interface MiningWorld {
  readonly scheduler: Scheduler;
  readonly rng: Rng;
  readonly root: HeaderNode;
  readonly miners: readonly SimMiner[];
  /** Blocks found so far, stale ones included. */
  blocks(): number;
  /** Draw again who finds next: after a change of hash rates or of a tip from outside. */
  redraw(): void;
  publish(from: SimMiner, node: HeaderNode): void;
  /** Every miner tells its tip to all it can reach: after a change of links. */
  exchangeTips(): void;
  /** A block by this miner now; null when a rule forbids it. */
  author(miner: SimMiner): HeaderNode | null;
  runBlocks(count: number, limitMs?: number): void;
  runFor(durationMs: number): void;
}

const START_MS = 1_000_000_000;
const NOTHING = new Uint8Array(32);
const NO_SIGNATURE = new Uint8Array(64);

interface State extends MiningWorld {
  readonly options: WorldOptions;
  readonly retarget: Retarget;
  readonly works: WeakMap<HeaderNode, { target: bigint; work: number }>;
  found: number;
  next: number | null;
  /** Blocks per second of each miner on its tip. */
  readonly rates: Float64Array;
  /** 1: a rule keeps this miner from authoring on its tip now. */
  readonly blocked: Uint8Array;
  /** Many tips change at once: draw once, at the end. */
  isQuiet: boolean;
}

export function createWorld(options: WorldOptions): MiningWorld {
  const scheduler = createScheduler(START_MS);
  const root = linkSerial(
    null,
    options.startTarget,
    { author: 0xffff, timestampMs: START_MS, conflictHeight: 0 },
    0,
  );
  const state: State = {
    options,
    scheduler,
    rng: createRng(options.seed),
    root,
    retarget: options.retarget ?? WTEMA,
    works: new WeakMap(),
    miners: options.miners.map((given, index) => createSimMiner(given, index, root)),
    found: 0,
    next: null,
    rates: new Float64Array(options.miners.length),
    blocked: new Uint8Array(options.miners.length),
    isQuiet: false,
    blocks: () => state.found,
    redraw() {
      for (const miner of state.miners) updateRate(state, miner);
      redraw(state);
    },
    publish: (from, node) => publish(state, from, node),
    exchangeTips: () => exchangeTips(state),
    author: (miner) => author(state, miner),
    runBlocks(count, limitMs = Number.POSITIVE_INFINITY) {
      const until = state.found + count;
      while (state.found < until && scheduler.runNext(limitMs)) {
        // Until enough blocks are found.
      }
    },
    runFor: (durationMs) => scheduler.runUntil(scheduler.nowMs() + durationMs),
  };
  state.redraw();
  return state;
}

function updateRate(state: State, miner: SimMiner): void {
  const { hashesPerSecond, index, tip } = miner;
  const isIdle = hashesPerSecond === 0;
  state.blocked[index] = Number(!isIdle && timestampOf(state, miner) === null);
  state.rates[index] = isIdle || state.blocked[index] ? 0 : hashesPerSecond / nextWork(state, tip).work;
}

function createSimMiner(given: MinerOptions, index: number, root: HeaderNode): SimMiner {
  const { author, hashesPerSecond, skewMs = 0, stamp = 'clock', lies = false } = given;
  const places = { tip: root, final: root, anchor: root, own: [], found: 0, reorganisations: [] };
  return { index, author, lies, hashesPerSecond, skewMs, stamp, ...places };
}

/** A block of no work whose id is its serial number, linked as a found one would be. */
export function linkSerial(
  parent: HeaderNode | null,
  target: bigint,
  by: { author: number; timestampMs: number; conflictHeight: number },
  serial: number,
): HeaderNode {
  const nonce = new Uint8Array(32);
  new DataView(nonce.buffer).setUint32(28, serial);
  const body = {
    version: PROTOCOL_VERSION,
    height: parent === null ? 0 : parent.height + 1,
    parent: parent?.id ?? NOTHING,
    ...by,
    target,
    transactionsRoot: NOTHING,
    receiptsRoot: NOTHING,
    stateRoot: NOTHING,
    minersRoot: NOTHING,
  };
  const signed: SignedHeader = { header: { body, nonce }, signature: NO_SIGNATURE };
  return linkHeader(parent, signed, nonce);
}

/** Target and expected hashes of the block on this parent. */
function nextWork(state: State, parent: HeaderNode): { target: bigint; work: number } {
  const known = state.works.get(parent);
  if (known !== undefined) return known;
  const target = state.retarget.after(parent, state.options.spacingMs);
  const next = { target, work: Number(workOf(target)) };
  state.works.set(parent, next);
  return next;
}

/** How often a miner that a rule holds back looks again. */
const POLLS_PER_SPACING = 20;

/** Finds are a Poisson process, so drawing again after any change is exact. */
function redraw(state: State): void {
  if (state.isQuiet) return;
  if (state.next !== null) state.scheduler.cancel(state.next);
  state.next = null;
  const { rates } = state;
  let total = 0;
  for (const rate of rates) total += rate;
  const waitMs = total === 0 ? Number.POSITIVE_INFINITY : (-Math.log(1 - state.rng.next()) / total) * 1000;
  const pollMs = state.options.spacingMs / POLLS_PER_SPACING;
  if (waitMs > pollMs && state.blocked.includes(1)) {
    state.next = state.scheduler.after(pollMs, () => {
      state.next = null;
      state.redraw();
    });
    return;
  }
  if (total === 0) return;
  state.next = state.scheduler.after(waitMs, () => {
    state.next = null;
    let at = state.rng.next() * total;
    let index = 0;
    while (index < rates.length - 1 && at >= rates[index]!) at -= rates[index++]!;
    const miner = state.miners[index]!;
    author(state, miner);
    if (state.next === null) redraw(state);
  });
}

function clockMs(state: State, miner: SimMiner): number {
  return Math.floor(state.scheduler.nowMs() + miner.skewMs);
}

/** What the miner writes, as the daemon does: never below the earliest. Null: it has to wait. */
function timestampOf(state: State, miner: SimMiner): number | null {
  const { spacingMs, authorRule = null } = state.options;
  const nowMs = clockMs(state, miner);
  const earliest = earliestTimestampMs(miner.tip, spacingMs);
  const latest = latestTimestampMs(nowMs, spacingMs);
  if (earliest > latest) return null;
  const isFree = (timestampMs: number) =>
    authorRule === null || authorRule(miner.tip, { author: miner.author, timestampMs }, spacingMs);
  let timestampMs = Math.max(nowMs, earliest);
  if (miner.stamp === 'latest') timestampMs = latest;
  if (miner.stamp === 'earliest') timestampMs = earliest;
  if (miner.stamp === 'forger') timestampMs = isFree(earliest) ? earliest : latest;
  return isFree(timestampMs) ? timestampMs : null;
}

function author(state: State, miner: SimMiner): HeaderNode | null {
  const timestampMs = timestampOf(state, miner);
  if (timestampMs === null) return null;
  const parent = miner.tip;
  const by = { author: miner.author, timestampMs, conflictHeight: conflictHeight(miner) };
  const { target } = nextWork(state, parent);
  const node = linkSerial(parent, target, by, ++state.found);
  miner.own.push(node);
  if (miner.own.length > OWN_BLOCKS) miner.own.shift();
  miner.found++;
  if (state.options.onFound?.(miner, node) === true) return node;
  consider(state, miner, node);
  publish(state, miner, node);
  return node;
}

/** Own blocks remembered: no reorganisation of these worlds reaches further back. */
const OWN_BLOCKS = 200;

/** Highest own block that is not on the miner's chain. */
function conflictHeight({ lies, own, tip }: SimMiner): number {
  const last = own[own.length - 1];
  if (lies || last === undefined) return 0;
  // Nothing that it signed before can have become an ancestor since.
  if (ancestorAt(tip, last.height) === last) return last.signed.header.body.conflictHeight;
  let highest = 0;
  for (const node of own) {
    if (node.height > highest && ancestorAt(tip, node.height) !== node) highest = node.height;
  }
  return highest;
}

function quietly(state: State, act: () => void): void {
  const before = state.isQuiet;
  state.isQuiet = true;
  act();
  state.isQuiet = before;
  redraw(state);
}

function publish(state: State, from: SimMiner, node: HeaderNode): void {
  quietly(state, () => send(state, from, node));
}

function send(state: State, from: SimMiner, node: HeaderNode): void {
  const { delayMs } = state.options;
  for (const to of state.miners) {
    if (to === from) continue;
    const delay = delayMs === undefined ? 0 : delayMs(from, to);
    if (delay === null) continue;
    if (delay === 0) receive(state, to, node);
    else state.scheduler.after(delay, () => receive(state, to, node));
  }
}

function exchangeTips(state: State): void {
  const tips = state.miners.map((miner) => miner.tip);
  quietly(state, () => {
    for (const from of state.miners) {
      for (const to of state.miners) {
        if (from === to || state.options.delayMs?.(from, to) === null) continue;
        receive(state, to, tips[from.index]!);
      }
    }
  });
}

function receive(state: State, miner: SimMiner, node: HeaderNode): void {
  const latest = latestTimestampMs(clockMs(state, miner), state.options.spacingMs);
  if (node.timestampMs > latest) {
    state.scheduler.after(node.timestampMs - latest, () => receive(state, miner, node));
    return;
  }
  state.options.onReceived?.(miner, node);
  consider(state, miner, node);
}

/** Takes the branch when the fork choice of `core/chain.ts` says so. */
function consider(state: State, miner: SimMiner, node: HeaderNode): void {
  const { tip } = miner;
  if (!isBetter(state.options.finality ?? null, miner, node)) return;
  const depth = node.parent === tip ? 0 : tip.height - commonAncestor(tip, node).height;
  if (depth > 0) miner.reorganisations[depth] = (miner.reorganisations[depth] ?? 0) + 1;
  miner.tip = node;
  if (state.options.finality) advanceFinal(state, miner, state.options.finality);
  if (miner.hashesPerSecond === 0) return;
  updateRate(state, miner);
  redraw(state);
}

/**
 * Never below the own final block; among branches with the highest justified block the one with most work, first seen.
 * Under a rule without justified blocks: the highest final block, then most work.
 */
function isBetter(rule: FinalityRule | null, miner: SimMiner, node: HeaderNode): boolean {
  const { tip, final } = miner;
  if (rule === null) return node.work > tip.work;
  if (ancestorAt(node, final.height) !== final) return false;
  if (rule.justifiedHeight === null) {
    const ahead = rule.finalHeight(node) - rule.finalHeight(tip);
    return ahead > 0 || (ahead === 0 && node.work > tip.work);
  }
  const justified = rule.justifiedHeight(node);
  if (justified > miner.anchor.height) miner.anchor = ancestorAt(node, justified)!;
  const { anchor } = miner;
  if (ancestorAt(node, anchor.height) !== anchor) return false;
  return node.work > tip.work || ancestorAt(tip, anchor.height) !== anchor;
}

function advanceFinal(state: State, miner: SimMiner, rule: FinalityRule): void {
  const height = rule.finalHeight(miner.tip);
  if (height <= miner.final.height) return;
  miner.final = ancestorAt(miner.tip, height)!;
  state.options.onFinal?.(miner, miner.final);
}
