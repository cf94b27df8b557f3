/** The block tree: headers, bodies, executed states, the tip, finality. Synchronous and without I/O. */
import {
  checkExecution,
  type Execution,
  executeBody,
  isViolation,
  type KnownSignatures,
} from '../consensus/apply-block.ts';
import { finalHeight } from '../consensus/finality.ts';
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
import type { Block, SignedHeader } from '../protocol/types.ts';
import { equalBytes, toHex } from '../util/bytes.ts';

/** Deepest reorganisation that happens by itself; beyond it an operator decides. */
export const MAX_REORG_DEPTH = 720;
/** Executed states kept below the tip; older ones are made again from the nearest kept one. */
const RECENT_STATES = 64;
const KEPT_STATE_INTERVAL = 64;

export type HeaderResult =
  | { outcome: 'added' | 'known'; node: HeaderNode }
  | { outcome: 'orphan' }
  /** On a branch that leaves the chain below the own final block: never of use here. */
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
  mainChainAt(height: number): HeaderNode | null;
  sizes(): { headers: number; bodies: number; states: number };
}

/** What a chain starts from: genesis, or what a restart loaded. */
export interface ChainStart {
  genesis: Block;
  /** Headers after genesis up to and including the snapshot's block. */
  headers: SignedHeader[];
  /** Executed state of the last of these headers (of genesis when there are none). */
  execution: Execution;
  finalHeight: number;
}

interface ChainData {
  nodes: Map<string, HeaderNode>;
  leaves: Set<HeaderNode>;
  invalid: Set<string>;
  bodies: Map<string, Block>;
  executions: Map<string, Execution>;
  /** Main chain by height. */
  main: HeaderNode[];
  final: HeaderNode;
  safeMode: string | null;
}

export function createChain(rules: ChainRules, start: ChainStart): Chain {
  const data = load(start);
  const { spacingMs } = rules.genesis.params;
  const tip = () => data.main[data.main.length - 1]!;

  const chain: Chain = {
    rules,
    genesis: data.main[0]!,
    tip,
    final: () => data.final,
    safeMode: () => data.safeMode,
    node: (idHex) => data.nodes.get(idHex),
    isInvalid: (idHex) => data.invalid.has(idHex),
    block: (idHex) => data.bodies.get(idHex),
    execution: (node) => executionOf(data, rules, node),
    bestHeader: () => bestOf(data, rules, () => true),
    missingBodies: (limit) => missingBodies(data, chain.bestHeader(), limit),
    mainChainAt: (height) => data.main[height] ?? null,
    sizes: () => ({ headers: data.nodes.size, bodies: data.bodies.size, states: data.executions.size }),

    addHeader(signed, nowMs) {
      const id = blockId(signed.header);
      const idHex = toHex(id);
      const known = data.nodes.get(idHex);
      if (known !== undefined) return { outcome: 'known', node: known };
      const parent = data.nodes.get(toHex(signed.header.body.parent));
      if (parent === undefined) return { outcome: 'orphan' };
      if (ancestorAt(parent, data.final.height) !== data.final) return { outcome: 'stale' };
      if (data.invalid.has(parent.idHex)) {
        return {
          outcome: 'invalid',
          violation: violation('BLOCK_PARENT_INVALID', 'an ancestor broke a rule'),
        };
      }
      const refused = checkHeader(rules, parent, rules.genesis.miners, signed);
      if (refused) return { outcome: 'invalid', violation: refused };
      const { timestampMs } = signed.header.body;
      if (timestampMs > latestTimestampMs(nowMs, spacingMs)) {
        return { outcome: 'later', dueMs: timestampMs - latestTimestampMs(0, spacingMs) };
      }
      const node = linkHeader(parent, signed, id);
      data.nodes.set(idHex, node);
      data.leaves.delete(parent);
      data.leaves.add(node);
      return { outcome: 'added', node };
    },

    addBody(node, block) {
      if (!equalBytes(blockId(block.signedHeader.header), node.id)) {
        return violation('BLOCK_BODY', 'the body came with another header');
      }
      if (!equalBytes(transactionsRoot(block.transactions), node.signed.header.body.transactionsRoot)) {
        return violation('BLOCK_BODY', 'the transactions are not those of the header');
      }
      data.bodies.set(node.idHex, block);
      return null;
    },

    addExecution(node, execution) {
      data.executions.set(node.idHex, execution);
    },

    advance: (isKnown) => advance(data, rules, isKnown),
  };
  return chain;
}

function load(start: ChainStart): ChainData {
  let node = linkHeader(null, start.genesis.signedHeader);
  const main = [node];
  for (const signed of start.headers) {
    node = linkHeader(node, signed);
    main.push(node);
  }
  return {
    nodes: new Map(main.map((entry) => [entry.idHex, entry])),
    leaves: new Set([node]),
    invalid: new Set(),
    bodies: new Map(),
    executions: new Map([[node.idHex, start.execution]]),
    main,
    final: main[Math.min(start.finalHeight, main.length - 1)]!,
    safeMode: null,
  };
}

/** The kept execution of a node, made again from the nearest kept ancestor when it was let go. */
function executionOf(data: ChainData, rules: ChainRules, node: HeaderNode): Execution {
  const path: HeaderNode[] = [];
  let at = node;
  while (!data.executions.has(at.idHex)) {
    path.push(at);
    if (at.parent === null) throw new Error('no executed ancestor is kept');
    at = at.parent;
  }
  let execution = data.executions.get(at.idHex)!;
  for (const next of path.reverse()) {
    const result = execute(data, rules, next, () => true);
    if (isViolation(result)) throw new Error(`block ${next.idHex} was valid before: ${result.message}`);
    execution = result;
  }
  return execution;
}

/** Executes a block whose parent has an execution, and keeps the result when the header agrees. */
function execute(
  data: ChainData,
  rules: ChainRules,
  node: HeaderNode,
  isKnown: KnownSignatures,
): Execution | Violation {
  const kept = data.executions.get(node.idHex);
  if (kept !== undefined) return kept;
  const block = data.bodies.get(node.idHex)!;
  const parent = node.parent!;
  const input = {
    parentState: executionOf(data, rules, parent).state,
    clockMs: marketClockMs(parent),
    author: node.author,
  };
  const result = executeBody(rules, input, { transactions: block.transactions, isKnown });
  if (isViolation(result)) return result;
  const refused = checkExecution(block, result);
  if (refused) return refused;
  data.executions.set(node.idHex, result);
  return result;
}

/** Final height of a branch that contains the own final block. */
function branchFinal(data: ChainData, rules: ChainRules, node: HeaderNode): number {
  return finalHeight(node, {
    depth: rules.genesis.params.finalityDepth,
    minerCount: rules.genesis.miners.length,
    floorHeight: data.final.height,
  });
}

/** Highest final block first, then most work; the present tip wins ties: first seen. */
function bestOf(data: ChainData, rules: ChainRules, usable: (node: HeaderNode) => boolean): HeaderNode {
  let best = data.main[data.main.length - 1]!;
  let bestFinal = branchFinal(data, rules, best);
  const { finalityDepth } = rules.genesis.params;
  for (const leaf of data.leaves) {
    let node: HeaderNode = leaf;
    while (node.parent !== null && (data.invalid.has(node.idHex) || !usable(node))) node = node.parent;
    // Not even final blocks could speak for it: none of its blocks is final above this height.
    if (node.work <= best.work && node.height - finalityDepth <= bestFinal) continue;
    if (!mayReorganise(data, node)) continue;
    const nodeFinal = branchFinal(data, rules, node);
    if (nodeFinal > bestFinal || (nodeFinal === bestFinal && node.work > best.work)) {
      best = node;
      bestFinal = nodeFinal;
    }
  }
  return best;
}

/** Never below the own final block, never deeper than the bound. */
function mayReorganise(data: ChainData, node: HeaderNode): boolean {
  if (ancestorAt(node, data.final.height) !== data.final) return false;
  const tip = data.main[data.main.length - 1]!;
  const depth = tip.height - commonAncestor(node, tip).height;
  if (depth > MAX_REORG_DEPTH) {
    data.safeMode = `a branch with more work leaves the chain ${depth} blocks below the tip`;
    return false;
  }
  return true;
}

function missingBodies(data: ChainData, best: HeaderNode, limit: number): HeaderNode[] {
  const missing: HeaderNode[] = [];
  let node: HeaderNode | null = best;
  while (node !== null && !data.executions.has(node.idHex) && data.main[node.height] !== node) {
    if (!data.bodies.has(node.idHex)) missing.push(node);
    node = node.parent;
  }
  return missing.reverse().slice(0, limit);
}

function advance(data: ChainData, rules: ChainRules, isKnown: KnownSignatures) {
  const before = data.main[data.main.length - 1]!;
  const invalid: { node: HeaderNode; violation: Violation }[] = [];
  const available = (node: HeaderNode) => bodiesReach(data, node);
  for (;;) {
    const best = bestOf(data, rules, available);
    const tip = data.main[data.main.length - 1]!;
    if (best === tip) break;
    const fork = commonAncestor(best, tip);
    const path: HeaderNode[] = [];
    for (let node = best; node !== fork; node = node.parent!) path.push(node);
    let reached = fork;
    for (const node of path.reverse()) {
      const result = execute(data, rules, node, isKnown);
      if (isViolation(result)) {
        invalidate(data, node);
        invalid.push({ node, violation: result });
        break;
      }
      reached = node;
    }
    // An invalid block further up may leave a branch that is no better than where we stand.
    if (reached === best) switchTo(data, best, fork);
  }
  const after = data.main[data.main.length - 1]!;
  const fork = commonAncestor(before, after);
  updateFinal(data, rules);
  forget(data);
  return { connected: branch(after, fork).reverse(), disconnected: branch(before, fork), invalid };
}

/** Whether every block between the node and an executed one has its body here. */
function bodiesReach(data: ChainData, node: HeaderNode): boolean {
  let at: HeaderNode | null = node;
  while (at !== null && !data.executions.has(at.idHex) && data.main[at.height] !== at) {
    if (!data.bodies.has(at.idHex)) return false;
    at = at.parent;
  }
  return at !== null;
}

function branch(from: HeaderNode, to: HeaderNode): HeaderNode[] {
  const nodes: HeaderNode[] = [];
  for (let node = from; node !== to; node = node.parent!) nodes.push(node);
  return nodes;
}

function switchTo(data: ChainData, tip: HeaderNode, fork: HeaderNode): void {
  data.main.length = fork.height + 1;
  for (const node of branch(tip, fork).reverse()) data.main.push(node);
}

/** Marks a block and all that builds on it. */
function invalidate(data: ChainData, bad: HeaderNode): void {
  for (const leaf of data.leaves) {
    if (ancestorAt(leaf, bad.height) !== bad) continue;
    for (let node: HeaderNode = leaf; node !== bad; node = node.parent!) data.invalid.add(node.idHex);
  }
  data.invalid.add(bad.idHex);
  data.bodies.delete(bad.idHex);
}

function updateFinal(data: ChainData, rules: ChainRules): void {
  data.final = data.main[branchFinal(data, rules, data.main[data.main.length - 1]!)]!;
}

/** Lets go of what no allowed reorganisation needs: bodies and forks below the final block, states far below the tip. */
function forget(data: ChainData): void {
  const tipHeight = data.main.length - 1;
  const oldest = tipHeight - MAX_REORG_DEPTH - RECENT_STATES;
  const kept = lastKeptHeight(data, Math.max(oldest, Math.min(data.final.height, tipHeight - RECENT_STATES)));
  for (const [idHex] of data.bodies) {
    // What lies above the lowest kept state may have to be executed again.
    if ((data.nodes.get(idHex)?.height ?? -1) <= kept) data.bodies.delete(idHex);
  }
  for (const [idHex] of data.executions) {
    const { height } = data.nodes.get(idHex)!;
    if (
      height < kept ||
      (height < tipHeight - RECENT_STATES && height % KEPT_STATE_INTERVAL !== 0 && height !== kept)
    ) {
      data.executions.delete(idHex);
    }
  }
  for (const leaf of data.leaves) {
    if (leaf.height < data.final.height) {
      data.leaves.delete(leaf);
      let node: HeaderNode | null = leaf;
      while (node !== null && data.main[node.height] !== node) {
        data.nodes.delete(node.idHex);
        data.invalid.delete(node.idHex);
        data.executions.delete(node.idHex);
        data.bodies.delete(node.idHex);
        node = node.parent;
      }
    }
  }
}

/** Height of the highest kept state on the main chain at or below the floor. */
function lastKeptHeight(data: ChainData, floor: number): number {
  for (let height = Math.max(0, floor); height > 0; height--) {
    if (data.executions.has(data.main[height]!.idHex)) return height;
  }
  return 0;
}
