/** Start-up verification: reads the chain back, checks every record, and says what is damaged. */
import { ancestorAt, type HeaderNode, linkHeader } from '../consensus/header-chain.ts';
import type { OwnBlock } from '../core/producer.ts';
import { blockId, decode } from '../protocol/codec.ts';
import { Block, SignedHeader } from '../protocol/types.ts';
import { decodeAuthored } from '../storage/authored.ts';
import { type CommitRecord, decodeCommit } from '../storage/commit.ts';
import type { Store } from '../storage/interface.ts';
import { familyRange, parseKey, snapshotKey, tipKey } from '../storage/layout.ts';
import { fromHex, toHex } from '../util/bytes.ts';
import { WattmeshError } from '../util/errors.ts';
import type { StoredChain } from './restore.ts';

/** A record that start-up found missing or damaged. */
export interface Damage {
  what: 'block' | 'header' | 'receipts' | 'snapshot' | 'tip';
  height: number | null;
  hash: string | null;
  reason: string;
}

export interface LoadedChain {
  /** Null: nothing is stored yet. */
  stored: StoredChain | null;
  snapshotHeights: number[];
  ownBlocks: OwnBlock[];
  damage: Damage[];
  /** Heights below the restart's snapshot whose body must come again from peers. */
  damagedHeights: number[];
  /** Sequence of the last commit record. */
  sequence: bigint;
}

interface Records {
  headers: Map<string, SignedHeader>;
  /** Encoded bodies by block id; only those above the snapshot are decoded. */
  bodies: Map<string, Uint8Array>;
  /** Ids of blocks whose receipts, and whose own header records, are sound. */
  receipts: Set<string>;
  headersAlone: Set<string>;
  damage: Damage[];
}

/** Reads everything. Throws only what the store throws for a folder it cannot use. */
export async function loadChain(
  store: Store,
  genesis: SignedHeader,
  member: number | null = null,
): Promise<LoadedChain> {
  const records = await readRecords(store);
  const commit = await readCommit(store, records.damage);
  const tipHeight = commit?.tipHeight ?? 0;
  const guards = await authored(store, tipHeight);
  const ownBlocks = member === null ? guards : withOwn(guards, records, { member, commit });
  const root = linkHeader(null, genesis);
  const tip = chooseTip(root, records, commit);
  if (commit !== null) noteGap(tip, records, commit);
  const snapshotHeights: number[] = [];
  if (tip.height === 0) {
    noteLostTip(records, commit, tip);
    return {
      stored: null,
      snapshotHeights,
      ownBlocks,
      damage: records.damage,
      damagedHeights: [],
      sequence: commit?.sequence ?? 0n,
    };
  }
  const path = pathTo(tip);
  const snapshot = await readSnapshot(store, path, commit, records.damage);
  if (snapshot !== null) snapshotHeights.push(snapshot.height);
  const start = snapshot?.height ?? 0;
  const blocks = replayable(path.slice(start), records);
  const reached = path[start + blocks.length - 1] ?? root;
  noteLostTip(records, commit, reached);
  const damagedHeights = path
    .slice(0, start)
    .filter((node) => !records.bodies.has(node.idHex))
    .map((node) => node.height);
  noteMissing(records, path);
  return {
    stored: {
      headers: path.slice(0, start).map((node) => node.signed),
      blocks,
      finalHeight: commit?.finalHeight ?? 0,
      snapshot: snapshot?.state ?? null,
    },
    snapshotHeights,
    ownBlocks,
    damage: records.damage,
    damagedHeights,
    sequence: commit?.sequence ?? 0n,
  };
}

function damageOf(key: Uint8Array, reason: string): Damage | null {
  const parsed = parseKey(key);
  if (parsed === null) return null;
  const { family } = parsed;
  if (family === 'block' || family === 'header' || family === 'snapshot') {
    return { what: family, height: parsed.height, hash: toHex(parsed.id), reason };
  }
  return family === 'receipts' ? { what: family, height: null, hash: toHex(parsed.id), reason } : null;
}

async function readRecords(store: Store): Promise<Records> {
  const records: Records = {
    headers: new Map(),
    bodies: new Map(),
    receipts: new Set(),
    headersAlone: new Set(),
    damage: [],
  };
  for (const family of ['header', 'block', 'receipts'] as const) {
    const { from, to } = familyRange(family);
    try {
      for await (const entry of store.range(from, to)) {
        const reason =
          'damaged' in entry ? 'its checksum does not match' : takeRecord(records, family, entry);
        const damage = reason === null ? null : damageOf(entry.key, reason);
        if (damage !== null) records.damage.push(damage);
      }
    } catch (error) {
      if (!(error instanceof WattmeshError) || error.code !== 'STORE_DAMAGED') throw error;
      records.damage.push({ what: family as 'block', height: null, hash: null, reason: error.message });
    }
  }
  // A header whose own record is gone is still inside its block.
  for (const [idHex, bytes] of records.bodies) {
    if (records.headers.has(idHex)) continue;
    const block = decode(Block, bytes);
    if (block !== null) records.headers.set(idHex, block.signedHeader);
  }
  return records;
}

/** Keeps a record; says what is wrong with it, or null. */
function takeRecord(
  records: Records,
  family: 'header' | 'block' | 'receipts',
  entry: { key: Uint8Array; value: Uint8Array },
): string | null {
  const parsed = parseKey(entry.key);
  if (parsed === null || !('id' in parsed)) return 'its key is damaged';
  const idHex = toHex(parsed.id);
  if (family === 'block') {
    records.bodies.set(idHex, entry.value);
  } else if (family === 'receipts') {
    records.receipts.add(idHex);
  } else if (family === 'header') {
    const header = decode(SignedHeader, entry.value);
    if (header === null || toHex(blockId(header.header)) !== idHex) return 'it is not the header of its key';
    records.headers.set(idHex, header);
    records.headersAlone.add(idHex);
  }
  return null;
}

async function readCommit(store: Store, damage: Damage[]): Promise<CommitRecord | null> {
  try {
    const bytes = await store.get(tipKey());
    const commit = bytes === null ? null : decodeCommit(bytes);
    if (bytes !== null && commit === null) {
      damage.push({ what: 'tip', height: null, hash: null, reason: 'the commit record does not decode' });
    }
    return commit;
  } catch (error) {
    if (!(error instanceof WattmeshError)) throw error;
    damage.push({ what: 'tip', height: null, hash: null, reason: error.message });
    return null;
  }
}

async function authored(store: Store, tipHeight: number): Promise<OwnBlock[]> {
  const { from, to } = familyRange('authored');
  const own: OwnBlock[] = [];
  for await (const entry of store.range(from, to)) {
    const parsed = parseKey(entry.key);
    if (parsed?.family !== 'authored') continue;
    // The key alone is the guard: a damaged value still says that this parent was signed on, at some height.
    const signed = 'damaged' in entry ? null : decodeAuthored(entry.value);
    own.push({ parent: parsed.id, ...(signed ?? { id: new Uint8Array(32), height: tipHeight }) });
  }
  return own;
}

/** A guard may be lost where its block is not: what is not final and signed by this member counts as well. */
function withOwn(
  guards: readonly OwnBlock[],
  records: Records,
  { member, commit }: { member: number; commit: CommitRecord | null },
): OwnBlock[] {
  const guarded = new Set(guards.map(({ parent }) => toHex(parent)));
  const own = [...guards];
  for (const [idHex, { header }] of records.headers) {
    const { author, height, parent } = header.body;
    if (author !== member || height <= (commit?.finalHeight ?? 0) || guarded.has(toHex(parent))) continue;
    own.push({ parent, id: fromHex(idHex)!, height });
  }
  return own;
}

/**
 * Where the next start stands: of all branches that hold the final block, the one whose bodies reach furthest in work;
 * the committed one among equals. A batch that a crash tore may have left headers, or the commit, without bodies.
 */
function chooseTip(genesis: HeaderNode, records: Records, commit: CommitRecord | null): HeaderNode {
  const children = childrenOf(records.headers);
  const wanted = commit === null ? null : toHex(commit.tipId);
  /** Bodies up to the snapshot may come again from peers. */
  const isReplayable = (node: HeaderNode) =>
    node.height <= (commit?.snapshotHeight ?? 0) || records.bodies.has(node.idHex);
  const candidates: Candidate[] = [];
  const open: Candidate[] = [{ tip: genesis, reached: genesis }];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    candidates.push(at);
    for (const child of children.get(at.tip.idHex) ?? []) {
      const tip = linkHeader(at.tip, child);
      open.push({ tip, reached: at.reached === at.tip && isReplayable(tip) ? tip : at.reached });
    }
  }
  const committed = candidates.find(({ tip }) => tip.idHex === wanted);
  const final = committed === undefined ? null : ancestorAt(committed.tip, commit!.finalHeight);
  let best = committed ?? candidates[0]!;
  for (const candidate of candidates) {
    if (!isBetter(candidate, best, committed)) continue;
    if (final === null || ancestorAt(candidate.tip, final.height) === final) best = candidate;
  }
  return best.tip;
}

interface Candidate {
  tip: HeaderNode;
  /** The last block up to which every body that a start needs is here. */
  reached: HeaderNode;
}

function isBetter(a: Candidate, b: Candidate, committed: Candidate | undefined): boolean {
  if (a.reached.work !== b.reached.work) return a.reached.work > b.reached.work;
  return b !== committed && a.tip.work > b.tip.work;
}

function childrenOf(headers: Records['headers']): Map<string, SignedHeader[]> {
  const children = new Map<string, SignedHeader[]>();
  for (const header of headers.values()) {
    const parent = toHex(header.header.body.parent);
    const siblings = children.get(parent);
    if (siblings === undefined) children.set(parent, [header]);
    else siblings.push(header);
  }
  return children;
}

function pathTo(tip: HeaderNode): HeaderNode[] {
  const path: HeaderNode[] = [];
  for (let node = tip; node.parent !== null; node = node.parent) path.push(node);
  return path.reverse();
}

/** The snapshot that the commit record names, if it is on this branch and sound. */
async function readSnapshot(
  store: Store,
  path: readonly HeaderNode[],
  commit: CommitRecord | null,
  damage: Damage[],
): Promise<{ height: number; state: Uint8Array } | null> {
  const node = path[(commit?.snapshotHeight ?? 0) - 1];
  if (node === undefined) return null;
  const reason = await (async () => {
    try {
      const state = await store.get(snapshotKey(node.height, node.id));
      return state === null ? 'it is missing' : { state };
    } catch (error) {
      if (!(error instanceof WattmeshError)) throw error;
      return error.message;
    }
  })();
  if (typeof reason !== 'string') return { height: node.height, state: reason.state };
  damage.push({ what: 'snapshot', height: node.height, hash: node.idHex, reason });
  return null;
}

/** Bodies from the start upwards until one is missing: what lies above comes again from peers. */
function replayable(path: readonly HeaderNode[], records: Records): Block[] {
  const blocks: Block[] = [];
  for (const node of path) {
    const bytes = records.bodies.get(node.idHex);
    const block = bytes === undefined ? null : decode(Block, bytes);
    // A record can be sound in itself and yet another block's.
    if (block === null || toHex(blockId(block.signedHeader.header)) !== node.idHex) break;
    blocks.push(block);
  }
  return blocks;
}

/** Damaged log and table pieces show by absence alone. */
function noteMissing(records: Records, path: readonly HeaderNode[]): void {
  const heights = new Map(path.map((node) => [node.idHex, node.height]));
  const there = { block: records.bodies, header: records.headersAlone, receipts: records.receipts };
  const noted = new Set(records.damage.map(({ what, hash }) => `${what} ${hash}`));
  for (const damage of records.damage) {
    // Receipts lie under the id of their block alone.
    if (damage.what === 'receipts') damage.height = heights.get(damage.hash ?? '') ?? null;
  }
  for (const [hash, height] of heights) {
    for (const what of ['block', 'header', 'receipts'] as const) {
      if (there[what].has(hash) || noted.has(`${what} ${hash}`)) continue;
      records.damage.push({ what, height, hash, reason: 'it is missing' });
    }
  }
}

/** Blocks between the branch that links to genesis and what is left of the committed one: only the last has a known id. */
function noteGap(reached: HeaderNode, records: Records, commit: CommitRecord): void {
  let hash = toHex(commit.tipId);
  let last = commit.tipHeight;
  for (let header = records.headers.get(hash); header !== undefined; header = records.headers.get(hash)) {
    hash = toHex(header.header.body.parent);
    last = header.header.body.height - 1;
  }
  const noted = new Set(records.damage.map((damage) => damage.hash));
  for (let height = reached.height + 1; height <= last; height++) {
    const known = height === last ? hash : null;
    if (known !== null && noted.has(known)) continue;
    records.damage.push({ what: 'block', height, hash: known, reason: 'it is missing' });
  }
}

function noteLostTip(records: Records, commit: CommitRecord | null, reached: HeaderNode): void {
  if (commit === null || commit.tipHeight === reached.height) return;
  records.damage.push({
    what: 'tip',
    height: commit.tipHeight,
    hash: toHex(commit.tipId),
    reason: `blocks above ${reached.height} must come again from peers`,
  });
}
