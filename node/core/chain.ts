/** The block tree: headers, bodies, executed states, the tip, finality. Synchronous and without I/O. */
import {
  checkExecution,
  type Execution,
  type ExecutionInput,
  executeBody,
  isViolation,
  type KnownSignatures,
} from '../consensus/apply-block.ts';
import { createFinality } from '../consensus/finality.ts';
import { type ChainRules, checkHeader, latestTimestampMs } from '../consensus/header.ts';
import {
  ancestorAt,
  commonAncestor,
  type HeaderNode,
  linkHeader,
  marketClockMs,
} from '../consensus/header-chain.ts';
import type { Violation } from '../market/violation.ts';
import { violation } from '../market/violation.ts';
import { blockId, transactionsRoot } from '../protocol/codec.ts';
import type { Block, SignedHeader, Transaction } from '../protocol/types.ts';
import { equalBytes, toHex } from '../util/bytes.ts';
import { assert } from '../util/errors.ts';
import {
  addNode,
  type BlockTree,
  type ChainStart,
  createTree,
  forget,
  hasChildBy,
  invalidate,
  tipOf,
} from './block-tree.ts';
import { bestBranch, bodiesReach, createBestHeader, missingBodies } from './fork-choice.ts';
import { type CoreLimits, DEFAULT_LIMITS } from './limits.ts';

/** Executes a block on the state of its parent. */
export type ExecuteBlock = (
  rules: ChainRules,
  input: ExecutionInput,
  block: { id: Uint8Array; transactions: readonly Transaction[]; isKnown: KnownSignatures },
) => Execution | Violation;

export type HeaderResult =
  | { outcome: 'added' | 'known'; node: HeaderNode }
  | { outcome: 'orphan' }
  /** On a branch that leaves the chain below the own final block, or the weakest of too many: of no use here. */
  | { outcome: 'stale' }
  | { outcome: 'later'; dueMs: number }
  | { outcome: 'invalid'; violation: Violation };

export interface TipChange {
  connected: HeaderNode[];
  disconnected: HeaderNode[];
}

export interface Chain {
  readonly rules: ChainRules;
  readonly genesis: HeaderNode;
  tip(): HeaderNode;
  /** Highest final block; genesis until there is a quorum. */
  final(): HeaderNode;
  /** Height of the highest justified block on the branch of a node. */
  justifiedHeight(node: HeaderNode): number;
  safeMode(): string | null;
  node(idHex: string): HeaderNode | undefined;
  isInvalid(idHex: string): boolean;
  block(idHex: string): Block | undefined;
  execution(node: HeaderNode): Execution;
  /** The best branch by headers alone: what sync should bring bodies for. */
  bestHeader(): HeaderNode;
  /** Headers above the executed part of the best branch whose bodies are missing, lowest first. */
  missingBodies(limit: number): HeaderNode[];
  addHeader(signed: SignedHeader, nowMs: number): HeaderResult;
  /** Adds the body of a known header; a body that is not the header's is refused without harm to the header. */
  addBody(node: HeaderNode, block: Block): Violation | null;
  /** Adds the result of an execution that the caller made itself (its own block). */
  addExecution(node: HeaderNode, execution: Execution): void;
  /** Moves to the best executable branch; says what changed. */
  advance(isKnown: KnownSignatures): TipChange & { invalid: { node: HeaderNode; violation: Violation }[] };
  /** Lets go of what no allowed reorganisation needs; after the blocks that `advance` connected have been dealt with. */
  forget(): void;
  /** Whether a block of this author on this parent is known. */
  hasChildBy(parent: HeaderNode, author: number): boolean;
  mainChainAt(height: number): HeaderNode | null;
  sizes(): { sideHeaders: number; bodies: number; states: number };
}

interface ChainOptions {
  limits?: Pick<CoreLimits, 'sideHeaders'>;
  execute?: ExecuteBlock | undefined;
}

interface ChainData {
  readonly tree: BlockTree;
  readonly rules: ChainRules;
  readonly execute: ExecuteBlock;
}

export function createChain(rules: ChainRules, start: ChainStart, options: ChainOptions = {}): Chain {
  const { params, miners } = rules.genesis;
  const finality = createFinality({ depth: params.finalityDepth, minerCount: miners.length });
  const { sideHeaders } = options.limits ?? DEFAULT_LIMITS;
  const tree = createTree(start, { finality, maxSideHeaders: sideHeaders });
  const data: ChainData = { tree, rules, execute: options.execute ?? executeBody };
  const bestHeader = createBestHeader(tree);

  return {
    rules,
    genesis: tree.main[0]!,
    tip: () => tipOf(tree),
    final: () => tree.final,
    justifiedHeight: finality.justifiedHeight,
    safeMode: () => tree.safeMode,
    node: (idHex) => tree.nodes.get(idHex),
    isInvalid: (idHex) => tree.invalid.has(idHex),
    block: (idHex) => tree.bodies.get(idHex),
    execution: (node) => executionOf(data, node),
    bestHeader,
    missingBodies: (limit) => missingBodies(tree, bestHeader(), limit),
    mainChainAt: (height) => tree.main[height] ?? null,
    sizes: () => ({
      sideHeaders: tree.nodes.size - tree.main.length,
      bodies: tree.bodies.size,
      states: tree.executions.size,
    }),

    addHeader(signed, nowMs) {
      const id = blockId(signed.header);
      const idHex = toHex(id);
      const known = tree.nodes.get(idHex);
      if (known !== undefined) return { outcome: 'known', node: known };
      const parent = tree.nodes.get(toHex(signed.header.body.parent));
      if (parent === undefined) return { outcome: 'orphan' };
      if (ancestorAt(parent, tree.final.height) !== tree.final) return { outcome: 'stale' };
      if (tree.invalid.has(parent.idHex)) {
        return {
          outcome: 'invalid',
          violation: violation('BLOCK_PARENT_INVALID', 'an ancestor broke a rule'),
        };
      }
      const refused = checkHeader(rules, parent, miners, signed);
      if (refused) return { outcome: 'invalid', violation: refused };
      const { timestampMs } = signed.header.body;
      if (timestampMs > latestTimestampMs(nowMs, params.spacingMs)) {
        return { outcome: 'later', dueMs: timestampMs - latestTimestampMs(0, params.spacingMs) };
      }
      const node = linkHeader(parent, signed, id);
      return addNode(tree, node) ? { outcome: 'added', node } : { outcome: 'stale' };
    },

    addBody(node, block) {
      if (!equalBytes(blockId(block.signedHeader.header), node.id)) {
        return violation('BLOCK_BODY', 'the body came with another header');
      }
      if (!equalBytes(transactionsRoot(block.transactions), node.signed.header.body.transactionsRoot)) {
        return violation('BLOCK_BODY', 'the transactions are not those of the header');
      }
      tree.bodies.set(node.idHex, block);
      return null;
    },

    addExecution(node, execution) {
      tree.executions.set(node.idHex, execution);
    },

    advance: (isKnown) => advance(data, isKnown),
    forget: () => forget(tree),
    hasChildBy: (parent, author) => hasChildBy(tree, parent, author),
  };
}

/** The kept execution of a node, made again from the nearest kept ancestor when it was let go. */
function executionOf(data: ChainData, node: HeaderNode): Execution {
  const path: HeaderNode[] = [];
  let at = node;
  while (!data.tree.executions.has(at.idHex)) {
    path.push(at);
    if (at.parent === null) throw new Error('no executed ancestor is kept');
    at = at.parent;
  }
  let execution = data.tree.executions.get(at.idHex)!;
  for (const next of path.reverse()) {
    const result = execute(data, next, () => true);
    if (isViolation(result)) throw new Error(`block ${next.idHex} was valid before: ${result.message}`);
    execution = result;
  }
  return execution;
}

/** Executes a block whose parent has an execution, and keeps the result when the header agrees. */
function execute(data: ChainData, node: HeaderNode, isKnown: KnownSignatures): Execution | Violation {
  const { tree, rules } = data;
  const kept = tree.executions.get(node.idHex);
  if (kept !== undefined) return kept;
  const block = tree.bodies.get(node.idHex)!;
  const parent = node.parent!;
  const input = {
    parentState: executionOf(data, parent).state,
    clockMs: marketClockMs(parent),
    author: node.author,
  };
  const { transactions } = block;
  const result = data.execute(rules, input, { id: node.id, transactions, isKnown });
  if (isViolation(result)) return result;
  const refused = checkExecution(block, result);
  if (refused) return refused;
  tree.executions.set(node.idHex, result);
  return result;
}

function advance(data: ChainData, isKnown: KnownSignatures) {
  const { tree } = data;
  const before = tipOf(tree);
  const invalid: { node: HeaderNode; violation: Violation }[] = [];
  const available = (node: HeaderNode) => bodiesReach(tree, node);
  for (let moves = 0; ; moves++) {
    // Each move is to a better branch, and each failure takes a block away.
    assert(moves <= 2 * tree.nodes.size, 'the fork choice does not come to an end');
    const best = bestBranch(tree, available);
    const tip = tipOf(tree);
    if (best === tip) break;
    const fork = commonAncestor(best, tip);
    let reached = fork;
    for (const node of branch(best, fork).reverse()) {
      const result = execute(data, node, isKnown);
      if (isViolation(result)) {
        invalidate(tree, node);
        invalid.push({ node, violation: result });
        break;
      }
      reached = node;
    }
    // An invalid block further up may leave a branch that is no better than where we stand.
    if (reached === best) switchTo(tree, best, fork);
  }
  const after = tipOf(tree);
  if (after === before) return { connected: [], disconnected: [], invalid };
  const fork = commonAncestor(before, after);
  updateFinal(tree);
  return { connected: branch(after, fork).reverse(), disconnected: branch(before, fork), invalid };
}

/** Blocks from a node down to above its ancestor. */
function branch(from: HeaderNode, to: HeaderNode): HeaderNode[] {
  const nodes: HeaderNode[] = [];
  for (let node = from; node !== to; node = node.parent!) nodes.push(node);
  return nodes;
}

function switchTo(tree: BlockTree, tip: HeaderNode, fork: HeaderNode): void {
  tree.main.length = fork.height + 1;
  for (const node of branch(tip, fork).reverse()) tree.main.push(node);
  tree.version++;
}

function updateFinal(tree: BlockTree): void {
  const height = tree.finality.finalHeight(tipOf(tree));
  if (height > tree.final.height) tree.final = tree.main[height]!;
}
