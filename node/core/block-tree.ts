/** What a node holds of the block tree, and what it lets go of. */
import type { Execution } from '../consensus/apply-block.ts';
import type { Finality } from '../consensus/finality.ts';
import { ancestorAt, type HeaderNode, linkHeader } from '../consensus/header-chain.ts';
import type { Block, SignedHeader } from '../protocol/types.ts';
import { getOrInsert } from '../util/maps.ts';

/** Deepest reorganisation that happens by itself; beyond it an operator decides. */
export const MAX_REORG_DEPTH = 720;
/** Executed states kept below the tip; older ones are made again from the nearest kept one. */
const RECENT_STATES = 64;
const KEPT_STATE_INTERVAL = 64;

/** What a chain starts from: genesis, or what a restart loaded. */
export interface ChainStart {
  genesis: Block;
  /** Headers after genesis up to and including the snapshot's block. */
  headers: SignedHeader[];
  /** Executed state of the last of these headers (of genesis when there are none). */
  execution: Execution;
  finalHeight: number;
}

export interface BlockTree {
  readonly finality: Finality;
  readonly maxSideHeaders: number;
  readonly nodes: Map<string, HeaderNode>;
  readonly children: Map<HeaderNode, number>;
  readonly leaves: Set<HeaderNode>;
  readonly invalid: Set<string>;
  readonly bodies: Map<string, Block>;
  readonly executions: Map<string, Execution>;
  /** Main chain by height. */
  readonly main: HeaderNode[];
  final: HeaderNode;
  safeMode: string | null;
  /** Grows with every change that may move the best branch. */
  version: number;
}

export function createTree(
  start: ChainStart,
  options: { finality: Finality; maxSideHeaders: number },
): BlockTree {
  let node = linkHeader(null, start.genesis.signedHeader);
  const main = [node];
  for (const signed of start.headers) {
    node = linkHeader(node, signed);
    main.push(node);
  }
  return {
    ...options,
    nodes: new Map(main.map((entry) => [entry.idHex, entry])),
    children: new Map(main.slice(0, -1).map((entry) => [entry, 1])),
    leaves: new Set([node]),
    invalid: new Set(),
    bodies: new Map(),
    executions: new Map([[node.idHex, start.execution]]),
    main,
    final: main[Math.min(start.finalHeight, main.length - 1)]!,
    safeMode: null,
    version: 0,
  };
}

export function tipOf(tree: BlockTree): HeaderNode {
  return tree.main[tree.main.length - 1]!;
}

/**
 * Adds a header whose parent is in the tree. Where there are too many beside the main chain, those of who sent most go:
 * false when the new one is among them.
 */
export function addNode(tree: BlockTree, node: HeaderNode): boolean {
  const parent = node.parent!;
  tree.nodes.set(node.idHex, node);
  tree.children.set(parent, (tree.children.get(parent) ?? 0) + 1);
  tree.leaves.delete(parent);
  tree.leaves.add(node);
  tree.version++;
  while (tree.nodes.size - tree.main.length > tree.maxSideHeaders && dropWeakest(tree)) {
    // One leaf at a time.
  }
  return tree.nodes.has(node.idHex);
}

/**
 * Removes the weakest side branch of the author who ends most of them: a flood displaces itself, and never the branch
 * of others that is still being fetched. Who ends one branch only is left alone.
 */
function dropWeakest(tree: BlockTree): boolean {
  const byAuthor = new Map<number, HeaderNode[]>();
  let most: HeaderNode[] = [];
  for (const leaf of tree.leaves) {
    if (ancestorAt(leaf, tree.main.length - 1) === tipOf(tree)) continue;
    const own = getOrInsert(byAuthor, leaf.author, () => []);
    own.push(leaf);
    if (own.length > most.length) most = own;
  }
  if (most.length < 2) return false;
  removeLeaf(
    tree,
    most.reduce((weakest, leaf) => (leaf.work < weakest.work ? leaf : weakest)),
  );
  return true;
}

/** Removes a leaf; its parent becomes a leaf where nothing else builds on it. */
function removeLeaf(tree: BlockTree, leaf: HeaderNode): void {
  const { nodes, children, leaves, invalid, bodies, executions } = tree;
  leaves.delete(leaf);
  nodes.delete(leaf.idHex);
  children.delete(leaf);
  invalid.delete(leaf.idHex);
  bodies.delete(leaf.idHex);
  executions.delete(leaf.idHex);
  tree.version++;
  const parent = leaf.parent!;
  const left = children.get(parent)! - 1;
  children.set(parent, left);
  if (left === 0) leaves.add(parent);
}

/** Whether a block of this author on this parent is in the tree. */
export function hasChildBy(tree: BlockTree, parent: HeaderNode, author: number): boolean {
  for (const leaf of tree.leaves) {
    const child = ancestorAt(leaf, parent.height + 1);
    if (child?.parent === parent && child.author === author) return true;
  }
  return false;
}

/** Marks a block and all that builds on it. */
export function invalidate(tree: BlockTree, bad: HeaderNode): void {
  for (const leaf of tree.leaves) {
    if (ancestorAt(leaf, bad.height) !== bad) continue;
    for (let node: HeaderNode = leaf; node !== bad; node = node.parent!) tree.invalid.add(node.idHex);
  }
  tree.invalid.add(bad.idHex);
  tree.bodies.delete(bad.idHex);
  tree.version++;
}

/** Lets go of what no allowed reorganisation needs: branches off below the final block, bodies and states far below the tip. */
export function forget(tree: BlockTree): void {
  const { main, final, bodies, executions, nodes, leaves } = tree;
  const tipHeight = main.length - 1;
  const oldest = tipHeight - MAX_REORG_DEPTH - RECENT_STATES;
  const kept = lastKeptHeight(tree, Math.max(oldest, Math.min(final.height, tipHeight - RECENT_STATES)));
  for (const idHex of bodies.keys()) {
    // What lies above the lowest kept state may have to be executed again.
    if ((nodes.get(idHex)?.height ?? -1) <= kept) bodies.delete(idHex);
  }
  for (const idHex of executions.keys()) {
    const { height } = nodes.get(idHex)!;
    const isOld = height < tipHeight - RECENT_STATES && height % KEPT_STATE_INTERVAL !== 0 && height !== kept;
    if (height < kept || isOld) executions.delete(idHex);
  }
  for (const leaf of leaves) {
    if (ancestorAt(leaf, final.height) === final) continue;
    let node = leaf;
    while (main[node.height] !== node && !((tree.children.get(node) ?? 0) > 0)) {
      removeLeaf(tree, node);
      node = node.parent!;
    }
  }
}

/** Height of the highest kept state on the main chain at or below the floor. */
function lastKeptHeight(tree: BlockTree, floor: number): number {
  for (let height = Math.max(0, floor); height > 0; height--) {
    if (tree.executions.has(tree.main[height]!.idHex)) return height;
  }
  return 0;
}
