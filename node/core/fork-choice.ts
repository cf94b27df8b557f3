/** Which branch a node follows. */
import { ancestorAt, commonAncestor, type HeaderNode } from '../consensus/header-chain.ts';
import { type BlockTree, MAX_REORG_DEPTH, tipOf } from './block-tree.ts';

/**
 * The leaf with most work among those that hold the highest justified block of all; the present tip wins ties: first
 * seen. Whoever signs only on this one keeps the promise that finality rests on. Asked again after a move, it may have
 * more to say.
 */
export function bestBranch(tree: BlockTree, usable: (node: HeaderNode) => boolean): HeaderNode {
  const tip = tipOf(tree);
  const { finality } = tree;
  const open: HeaderNode[] = [];
  let anchor = justifiedOf(tree, tip);
  for (const leaf of tree.leaves) {
    // An ancestor has no more to offer than its leaf.
    if (leaf.work <= tip.work && finality.justifiedHeight(leaf) <= anchor.height) continue;
    let node: HeaderNode = leaf;
    while (node.parent !== null && (tree.invalid.has(node.idHex) || !usable(node))) node = node.parent;
    if (node === tip || !mayReorganise(tree, node)) continue;
    open.push(node);
    const justified = justifiedOf(tree, node);
    if (justified.height > anchor.height) anchor = justified;
  }
  let best: HeaderNode | null = ancestorAt(tip, anchor.height) === anchor ? tip : null;
  for (const node of open) {
    if (best !== null && node.work <= best.work) continue;
    if (ancestorAt(node, anchor.height) === anchor) best = node;
  }
  return best ?? tip;
}

function justifiedOf(tree: BlockTree, node: HeaderNode): HeaderNode {
  return ancestorAt(node, tree.finality.justifiedHeight(node))!;
}

/** Never below the own final block, never deeper than the bound. */
function mayReorganise(tree: BlockTree, node: HeaderNode): boolean {
  if (ancestorAt(node, tree.final.height) !== tree.final) return false;
  const tip = tipOf(tree);
  const depth = tip.height - commonAncestor(node, tip).height;
  if (depth > MAX_REORG_DEPTH) {
    tree.safeMode = `a branch with more work leaves the chain ${depth} blocks below the tip`;
    return false;
  }
  return true;
}

/** Blocks of the branch of `best` whose bodies are not here, lowest first. */
export function missingBodies(tree: BlockTree, best: HeaderNode, limit: number): HeaderNode[] {
  const missing: HeaderNode[] = [];
  let node: HeaderNode | null = best;
  while (node !== null && !tree.executions.has(node.idHex) && tree.main[node.height] !== node) {
    if (!tree.bodies.has(node.idHex)) missing.push(node);
    node = node.parent;
  }
  return missing.reverse().slice(0, limit);
}

/** Whether every block between the node and an executed one has its body here. */
export function bodiesReach(tree: BlockTree, node: HeaderNode): boolean {
  let at: HeaderNode | null = node;
  while (at !== null && !tree.executions.has(at.idHex) && tree.main[at.height] !== at) {
    if (!tree.bodies.has(at.idHex)) return false;
    at = at.parent;
  }
  return at !== null;
}

/** The best branch by headers alone, remembered until the tree changes. */
export function createBestHeader(tree: BlockTree): () => HeaderNode {
  let version = -1;
  let best = tipOf(tree);
  return () => {
    if (version !== tree.version) {
      best = bestBranch(tree, () => true);
      version = tree.version;
    }
    return best;
  };
}
