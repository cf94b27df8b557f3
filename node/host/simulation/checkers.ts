/** What must hold in every run, watched after every event. */
import type { HeaderNode } from '../../consensus/header-chain.ts';
import type { Notice, PersistBatch } from '../../core/events.ts';
import { DEFAULT_LIMITS } from '../../core/limits.ts';
import { blockId, decode } from '../../protocol/codec.ts';
import { Block } from '../../protocol/types.ts';
import { decodeCommit } from '../../storage/commit.ts';
import { authoredKey, blockKey, tipKey } from '../../storage/layout.ts';
import { decodeRecord } from '../../storage/record.ts';
import { equalBytes, toHex } from '../../util/bytes.ts';
import type { LoadedChain } from '../load-chain.ts';
import { createLedgerChecker, type LedgerChecker } from './ledger-checker.ts';
import type { Machine, Observer, World } from './world.ts';

export interface Violation {
  checker: string;
  atMs: number;
  node: number;
  detail: string;
}

export interface Checkers {
  readonly observer: Observer;
  readonly violations: readonly Violation[];
  report(checker: string, machine: Machine, detail: string): void;
  /** Distinct blocks that the reference model executed. */
  blocksChecked(): number;
}

/** Violations kept: the first ones say what happened. */
const MAX_VIOLATIONS = 20;

interface Watch {
  /** Nodes that follow the rules; what the others report counts for nothing. */
  readonly isHonest: (node: number) => boolean;
  readonly report: Checkers['report'];
  /** Final blocks by height, as any honest node reported them. */
  readonly finals: Map<number, string>;
  readonly finalOf: Map<number, HeaderNode>;
  /** Own blocks of honest miners by author and parent. */
  readonly signed: Map<string, string>;
  /** What each node was told is on its disk. */
  readonly synced: Map<number, PersistBatch['commit']>;
  readonly published: Map<number, { height: number; id: Uint8Array }[]>;
  readonly damaged: Set<number>;
  /** Sequence of the commit record that each node started from. */
  readonly sequences: Map<number, bigint>;
}

export function createCheckers(given: {
  isHonest: (node: number) => boolean;
  world: () => World;
}): Checkers & { damage(node: number): void } {
  const violations: Violation[] = [];
  const report = (checker: string, machine: Machine, detail: string): void => {
    if (violations.length >= MAX_VIOLATIONS) return;
    violations.push({ checker, atMs: given.world().scheduler.nowMs(), node: machine.index, detail });
  };
  const watch: Watch = {
    isHonest: given.isHonest,
    report,
    finals: new Map(),
    finalOf: new Map(),
    signed: new Map(),
    synced: new Map(),
    published: new Map(),
    damaged: new Set(),
    sequences: new Map(),
  };
  let events = 0;
  const ledger = createLedgerChecker(given.world, report);
  const honest = (machine: Machine) => watch.isHonest(machine.index);
  return {
    violations,
    report,
    blocksChecked: ledger.blocks,
    damage: (node) => void watch.damaged.add(node),
    observer: {
      onThrow: (machine, where, error) =>
        report('throws', machine, `${where}: ${(error as Error).stack ?? String(error)}`),
      onEvent: (machine) => {
        // What outgrows its bound stays there: looking at every eighth event finds it a little later.
        events++;
        if (events % 8 === 0) checkBounds(watch, machine);
      },
      onNotice(machine, notice) {
        if (!honest(machine) || notice.type !== 'tip') return;
        for (const { node, block } of notice.connected) ledger.check(machine, node, block);
        checkStanding(watch, machine, ledger);
        checkFinal(watch, machine);
        checkTip(watch, machine, notice);
      },
      onPersisted(machine, batch) {
        watch.synced.set(machine.index, batch.commit);
        if (honest(machine)) checkCommit(watch, machine, batch);
      },
      onPenalty(machine, peer, reason) {
        if (honest(machine) && watch.isHonest(peer))
          report('honest-penalty', machine, `blames ${peer}: ${reason}`);
      },
      onPublish: (machine, bytes) => (honest(machine) ? checkPublished(watch, machine, bytes) : undefined),
      onBan: (machine, peer, reason) => {
        if (honest(machine) && watch.isHonest(peer)) report('honest-ban', machine, `bans ${peer}: ${reason}`);
      },
      onBoot(machine, loaded) {
        watch.sequences.set(machine.index, loaded.sequence);
        checkDurable(watch, machine, loaded);
        if (honest(machine)) checkStanding(watch, machine, ledger);
      },
    },
  };
}

/** No two honest nodes ever call different blocks final, and none takes its word back. */
function checkFinal(watch: Watch, machine: Machine): void {
  const { chain } = machine.core!;
  const final = chain.final();
  const before = watch.finalOf.get(machine.index);
  if (before === final) return;
  const there = before === undefined ? null : chain.mainChainAt(before.height);
  // A node that lost records knows less, never otherwise.
  const isShort = there === null && watch.damaged.has(machine.index);
  if (before !== undefined && there?.idHex !== before.idHex && !isShort) {
    watch.report('final-revoked', machine, `left its final block ${before.height} ${before.idHex}`);
  }
  const from = before === undefined || before.height > final.height ? 0 : before.height;
  for (let height = from; height <= final.height; height++) {
    const { idHex } = chain.mainChainAt(height)!;
    const known = watch.finals.get(height);
    if (known === undefined) watch.finals.set(height, idHex);
    else if (known !== idHex) {
      watch.report('final-conflict', machine, `final at ${height}: ${idHex}, elsewhere ${known}`);
      break;
    }
  }
  watch.finalOf.set(machine.index, final);
}

/** Justified and final heights are those that the specification gives for the branch. */
function checkStanding(watch: Watch, machine: Machine, ledger: LedgerChecker): void {
  const { chain } = machine.core!;
  const tip = chain.tip();
  const standing = ledger.standing(tip.idHex);
  if (standing === null) return;
  const { finalityDepth } = machine.world.document.genesis.params;
  const justified = chain.justifiedHeight(tip);
  if (justified !== standing.justified) {
    watch.report('finality', machine, `justified ${justified}, by the specification ${standing.justified}`);
  }
  // A node that moved to a branch with less settled keeps the final block that it had.
  const known = watch.finalOf.get(machine.index)?.height ?? 0;
  const allowed = Math.max(known, Math.min(standing.settled, tip.height - finalityDepth), 0);
  const final = chain.final().height;
  if (final > allowed) watch.report('finality', machine, `final ${final}, by the specification ${allowed}`);
}

/** The commit record on disk is that of the batch that its owner was told of, or of a later one. */
function checkCommit(watch: Watch, machine: Machine, { batch, commit }: PersistBatch): void {
  const record = machine.disk.stored(tipKey());
  const payload = record === undefined ? null : decodeRecord(tipKey(), record.slice());
  const stored = payload === null ? null : decodeCommit(payload);
  const expected = watch.sequences.get(machine.index)! + BigInt(batch);
  const isSame = stored?.sequence === expected && equalBytes(stored.tipId, commit.tipId);
  if (stored === null || (!isSame && stored.sequence <= expected)) {
    watch.report('durability', machine, `the commit record is not that of the block at ${commit.tipHeight}`);
  }
}

/** The tip moves to what the rule of choice prefers, never to less work below the same justified block. */
function checkTip(watch: Watch, machine: Machine, notice: Extract<Notice, { type: 'tip' }>): void {
  const { chain } = machine.core!;
  const tip = chain.tip();
  const left = notice.disconnected[0];
  if (left === undefined) return;
  const [now, before] = [chain.justifiedHeight(tip), chain.justifiedHeight(left)];
  if (tip.work < left.work && now <= before) {
    watch.report(
      'fork-choice',
      machine,
      `left work ${left.work} for ${tip.work}, justified ${before}, ${now}`,
    );
  }
  if (tip.work === left.work && now <= before) {
    watch.report('fork-choice', machine, `left its tip at ${left.height} for one of equal work`);
  }
}

/** An own block is on disk before anybody sees it, and is the only one of its author on its parent. */
function checkPublished(watch: Watch, machine: Machine, bytes: Uint8Array): void {
  const block = decode(Block, bytes)!;
  const { header } = block.signedHeader;
  const { height, parent, author } = header.body;
  const id = blockId(header);
  if (machine.disk.stored(blockKey(height, id)) === undefined)
    watch.report('durability', machine, `published block ${height} before it was synced`);
  if (machine.disk.stored(authoredKey(parent)) === undefined) {
    watch.report('durability', machine, `published block ${height} without a guard on its parent`);
  }
  const { chain } = machine.core!;
  const against = (watch.published.get(machine.index) ?? []).filter(
    (own) => !equalBytes(chain.mainChainAt(own.height)?.id ?? own.id, own.id) || own.height > height,
  );
  const told = header.body.conflictHeight;
  const highest = Math.max(0, ...against.map((own) => own.height));
  if (told < highest && !watch.damaged.has(machine.index) && chain.tip().idHex === toHex(id)) {
    watch.report(
      'conflict-height',
      machine,
      `block ${height} tells of ${told}, signed against at ${highest}`,
    );
  }
  const key = `${author} ${toHex(parent)}`;
  const other = watch.signed.get(key);
  if (other !== undefined && other !== toHex(id)) {
    watch.report('equivocation', machine, `signed two blocks on ${toHex(parent)}`);
  }
  watch.signed.set(key, toHex(id));
  const mine = watch.published.get(machine.index) ?? [];
  mine.push({ height, id });
  watch.published.set(machine.index, mine);
}

/** What was on disk before a crash is there afterwards. */
function checkDurable(watch: Watch, machine: Machine, loaded: LoadedChain): void {
  const commit = watch.synced.get(machine.index);
  // A flipped bit may cost records; what it must not cost is checked by the final blocks.
  if (commit === undefined || watch.damaged.has(machine.index)) return;
  const { chain } = machine.core!;
  if (chain.node(toHex(commit.tipId)) === undefined && chain.tip().height < commit.tipHeight) {
    watch.report('durability', machine, `starts at ${chain.tip().height}, had synced ${commit.tipHeight}`);
  }
  const guards = new Set(loaded.ownBlocks.map((own) => toHex(own.id)));
  for (const { height, id } of watch.published.get(machine.index) ?? []) {
    if (height > chain.final().height && !guards.has(toHex(id))) {
      watch.report('durability', machine, `starts without the guard of its block ${height}`);
    }
    if (machine.disk.stored(blockKey(height, id)) === undefined)
      watch.report('durability', machine, `its published block ${height} is gone`);
  }
}

/** Every collection is bounded. */
function checkBounds(watch: Watch, machine: Machine): void {
  const { core, world } = machine;
  if (core === null) return;
  const limits = { ...DEFAULT_LIMITS, ...world.limits };
  const sizes = core.sizes();
  const caps: Record<string, number> = {
    mempool: limits.mempoolCount,
    mempoolBytes: limits.mempoolBytes,
    later: limits.laterBlocks,
    // One branch may be as long as it is: it may be the one that wins.
    sideHeaders: limits.sideHeaders + MAX_BRANCH,
    outbox: 2000,
    unpublished: 64,
    sealed: 720,
    states: 2000,
    bodies: limits.sideHeaders + 2000,
    pendingRequests: 4 * world.machines.length + 8,
  };
  for (const [name, cap] of Object.entries(caps)) {
    if (sizes[name]! > cap) watch.report('bounds', machine, `${name} holds ${sizes[name]}, at most ${cap}`);
  }
}

const MAX_BRANCH = 3000;
