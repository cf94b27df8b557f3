/** What an observer has been told by the nodes, and which promises they broke. Pure: it is told everything. */

export interface BlockRef {
  height: number;
  hash: string;
}

export interface SeenTransaction {
  id: string;
  kind: string;
  /** Who speaks: `p-0003`, `oracle-0`, `regulator`. */
  account: string;
}

/** A promise that was broken. */
export interface Violation {
  invariant: string;
  nodes: string[];
  heights: number[];
  detail: string;
}

type Standing = 'pending' | 'included' | 'confirmed' | 'final';
const RANK: Record<Standing, number> = { pending: 0, included: 1, confirmed: 2, final: 3 };

interface TransactionRecord extends SeenTransaction {
  /** The best that any node has ever said of it. */
  best: Standing;
  /** Blocks of some node's main chain that held it. */
  blocks: Set<string>;
}

interface NodeMemory {
  /** Main chain by height, as the node told it last. */
  chain: Map<number, string>;
  tip: BlockRef | null;
  finalHeight: number;
}

/** A view of one node: its tip, its final height, and its main chain from some height up to the tip. */
export interface ChainView {
  tip: BlockRef;
  finalHeight: number;
  /** Ascending, without gaps, ending at the tip; it joins what is known of the node. */
  blocks: readonly BlockRef[];
}

export interface Ledger {
  /** The hash that a node named at a height last. */
  hashAt(node: string, height: number): string | undefined;
  onView(node: string, view: ChainView): void;
  onPending(transactions: readonly SeenTransaction[]): void;
  /** The contents of a block; asked for once per hash of `missingBodies`. */
  onBody(hash: string, transactions: readonly SeenTransaction[]): void;
  /** The disk of a node was damaged on purpose: it may forget, and must not contradict. */
  onDamage(node: string): void;
  /** Blocks named by a node whose contents are unknown, oldest first. */
  missingBodies(): { node: string; hash: string; height: number }[];
  violations(): readonly Violation[];
  /** Judges every transaction by one node's main chain: the one that all agree on. */
  account(reference: string): Accounts;
  blocksSeen(): number;
}

export interface Accounts {
  finalLost: string[];
  confirmedLost: string[];
  /** Left the chain with their block and are in it again. */
  reincluded: string[];
  /** Were in a block once, or waited, and are not in the chain: pending, or over. */
  outside: TransactionOutside[];
  transactions: number;
  final: number;
  confirmed: number;
  /** Blocks of some node's main chain that the reference does not have, and all blocks seen. */
  staleBlocks: number;
  blocks: number;
}

export interface TransactionOutside extends SeenTransaction {
  /** It was in a block that some node had on its main chain. */
  wasIncluded: boolean;
}

interface State {
  confirmationDepth: number;
  nodes: Map<string, NodeMemory>;
  transactions: Map<string, TransactionRecord>;
  bodies: Map<string, readonly string[]>;
  wanted: Map<string, { node: string; hash: string; height: number }>;
  /** The first claim of a final block at a height. */
  finals: Map<number, { hash: string; node: string }>;
  /** Standing of blocks whose contents are not here yet. */
  standings: Map<string, Standing>;
  violations: Violation[];
  damaged: Set<string>;
}

/** `confirmationDepth` blocks, the tip counted, make a transaction confirmed. */
export function createLedger(confirmationDepth: number): Ledger {
  const state: State = {
    confirmationDepth,
    nodes: new Map(),
    transactions: new Map(),
    bodies: new Map(),
    wanted: new Map(),
    finals: new Map(),
    standings: new Map(),
    violations: [],
    damaged: new Set(),
  };
  return {
    hashAt: (node, height) => state.nodes.get(node)?.chain.get(height),
    onView: (node, view) => onView(state, node, view),
    onPending(transactions) {
      for (const transaction of transactions) recordOf(state, transaction);
    },
    onBody(hash, transactions) {
      state.wanted.delete(hash);
      state.bodies.set(
        hash,
        transactions.map(({ id }) => id),
      );
      for (const transaction of transactions) recordOf(state, transaction).blocks.add(hash);
      raise(state, hash, state.standings.get(hash) ?? 'included');
    },
    onDamage: (node) => void state.damaged.add(node),
    missingBodies: () => [...state.wanted.values()].sort((a, b) => a.height - b.height),
    violations: () => state.violations,
    account: (reference) => account(state, reference),
    blocksSeen: () => state.standings.size,
  };
}

function recordOf(
  { transactions }: State,
  { id, kind, account: speaker }: SeenTransaction,
): TransactionRecord {
  let record = transactions.get(id);
  if (record === undefined) {
    record = { id, kind, account: speaker, best: 'pending', blocks: new Set() };
    transactions.set(id, record);
  }
  return record;
}

/** A block reached a standing on some node: so did its transactions, when they are known. */
function raise(state: State, hash: string, standing: Standing): void {
  const known = state.standings.get(hash);
  if (known === undefined || RANK[standing] > RANK[known]) state.standings.set(hash, standing);
  for (const id of state.bodies.get(hash) ?? []) {
    const record = state.transactions.get(id)!;
    if (RANK[standing] > RANK[record.best]) record.best = standing;
  }
}

function onView(state: State, node: string, { tip, finalHeight, blocks }: ChainView): void {
  const memory = state.nodes.get(node) ?? { chain: new Map(), tip: null, finalHeight: 0 };
  state.nodes.set(node, memory);
  for (const { height, hash } of blocks) {
    const before = memory.chain.get(height);
    if (before !== undefined && before !== hash && height <= memory.finalHeight) {
      onReplaced(state, { node, height, before, hash, isFinal: height <= finalHeight });
    }
    memory.chain.set(height, hash);
    if (!state.bodies.has(hash)) state.wanted.set(hash, { node, hash, height });
    raise(state, hash, 'included');
  }
  // A shorter chain may be the better one.
  for (let height = tip.height + 1; memory.chain.delete(height); height++);
  const confirmedUntil = tip.height - state.confirmationDepth + 1;
  const from = memory.tip === null ? 0 : Math.min(memory.finalHeight, blocks[0]?.height ?? tip.height);
  for (let height = Math.max(0, from - state.confirmationDepth); height <= tip.height; height++) {
    const hash = memory.chain.get(height);
    if (hash === undefined) continue;
    if (height <= finalHeight) {
      claimFinal(state, node, { height, hash });
      raise(state, hash, 'final');
    } else if (height <= confirmedUntil) raise(state, hash, 'confirmed');
  }
  memory.tip = tip;
  // A node that restarts may know less of what is final; what it has once called final stays so.
  memory.finalHeight = Math.max(memory.finalHeight, finalHeight);
}

/** A node on a whole disk never lets go of a final block; one whose disk was damaged may fetch its chain anew. */
function onReplaced(
  state: State,
  replaced: { node: string; height: number; before: string; hash: string; isFinal: boolean },
): void {
  const { node, height, before, hash, isFinal } = replaced;
  const detail = `${node} replaced ${before} by ${hash}`;
  if (isFinal) broken(state, 'a final block changed', [node], height, detail);
  else if (!state.damaged.has(node)) broken(state, 'a node let go of a final block', [node], height, detail);
}

function claimFinal(state: State, node: string, { height, hash }: BlockRef): void {
  const first = state.finals.get(height);
  if (first === undefined) state.finals.set(height, { hash, node });
  else if (first.hash !== hash) {
    const detail = `${first.node} called ${first.hash} final, ${node} calls ${hash} final`;
    broken(state, 'two final blocks at one height', [first.node, node], height, detail);
  }
}

/** Each sort of violation once per set of nodes; its heights add up. */
function broken(state: State, invariant: string, nodes: string[], height: number, detail: string): void {
  const known = state.violations.find(
    (violation) => violation.invariant === invariant && violation.nodes.join() === nodes.join(),
  );
  if (known === undefined) state.violations.push({ invariant, nodes, heights: [height], detail });
  else if (!known.heights.includes(height)) known.heights.push(height);
}

function account(state: State, reference: string): Accounts {
  const chain = state.nodes.get(reference)?.chain ?? new Map<number, string>();
  const main = new Set(chain.values());
  const accounts: Accounts = {
    finalLost: [],
    confirmedLost: [],
    reincluded: [],
    outside: [],
    transactions: state.transactions.size,
    final: 0,
    confirmed: 0,
    staleBlocks: [...state.standings.keys()].filter((hash) => !main.has(hash)).length,
    blocks: state.standings.size,
  };
  for (const { id, kind, account: speaker, best, blocks } of state.transactions.values()) {
    const isIn = [...blocks].some((hash) => main.has(hash));
    if (best === 'final') accounts.final++;
    if (RANK[best] >= RANK.confirmed) accounts.confirmed++;
    if (isIn) {
      if ([...blocks].some((hash) => !main.has(hash))) accounts.reincluded.push(id);
      continue;
    }
    if (best === 'final') accounts.finalLost.push(id);
    if (RANK[best] >= RANK.confirmed) accounts.confirmedLost.push(id);
    accounts.outside.push({ id, kind, account: speaker, wasIncluded: blocks.size > 0 });
  }
  return accounts;
}
