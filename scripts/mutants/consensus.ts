/** Bugs of headers, targets, clocks, finality, fork choice and block production. */
import type { Mutant } from './interface.ts';

type Entry = Omit<Mutant, 'class'>;

const RULES: readonly Entry[] = [
  {
    name: 'target-remembers-one-more',
    file: 'node/consensus/target.ts',
    find: 'parent.target * ((n - 1n) * spacing',
    replace: 'parent.target * (n * spacing',
    why: 'the average adds the new spacing without taking an old one away',
  },
  {
    name: 'target-window-off-by-one',
    file: 'node/consensus/target.ts',
    find: 'RETARGET_WINDOW = 30',
    replace: 'RETARGET_WINDOW = 31',
    why: 'the average is taken over one block too many',
  },
  {
    name: 'target-above-floor',
    file: 'node/consensus/target.ts',
    find: 'if (next > FLOOR_TARGET) return FLOOR_TARGET;',
    replace: '',
    why: 'the target rises above the floor',
  },
  {
    name: 'min-spacing-0',
    file: 'node/consensus/target.ts',
    find: 'return Math.ceil(spacingMs / 10);',
    replace: 'return spacingMs - spacingMs;',
    why: 'blocks may follow each other at once',
  },
  {
    name: 'accept-too-new',
    file: 'node/core/chain.ts',
    find: 'if (timestampMs > latestTimestampMs(nowMs, params.spacingMs)) {',
    replace: 'if (timestampMs > latestTimestampMs(2 * nowMs, params.spacingMs)) {',
    why: 'a block from the future is taken at once',
  },
  {
    name: 'clock-of-three',
    file: 'node/consensus/header-chain.ts',
    find: 'CLOCK_WINDOW = 5',
    replace: 'CLOCK_WINDOW = 3',
    why: 'the market clock is the median of three predecessors',
  },
  {
    name: 'clock-is-own-time',
    file: 'node/core/producer.ts',
    find: 'clockMs: marketClockMs(parent),',
    replace: 'clockMs: nowMs,',
    why: 'a miner executes its own block with its own clock',
  },
  {
    name: 'state-not-forked',
    file: 'node/consensus/apply-block.ts',
    find: 'state: input.parentState.fork(),',
    replace: 'state: input.parentState,',
    why: 'the state of the parent is changed by its children',
  },
  {
    name: 'body-executed-on-tip',
    file: 'node/core/chain.ts',
    find: 'parentState: executionOf(data, parent).state,',
    replace: 'parentState: executionOf(data, tipOf(tree)).state,',
    why: "a side branch's block is executed on the state of the tip",
  },
];

const CHOICE: readonly Entry[] = [
  {
    name: 'switch-on-ties',
    file: 'node/core/fork-choice.ts',
    find: 'if (best !== null && node.work <= best.work) continue;',
    replace: 'if (best !== null && node.work < best.work) continue;',
    why: 'a branch of equal work replaces the first one seen',
  },
  {
    name: 'finality-by-a-third',
    file: 'node/consensus/finality.ts',
    find: 'const quorum = quorumOf(given.minerCount);',
    replace: 'const quorum = Math.floor(given.minerCount / 3) + 1;',
    why: 'both halves of a partition make blocks final',
  },
  {
    name: 'quorum-counts-blocks',
    file: 'node/consensus/finality.ts',
    find: 'if (!newest.has(node.author)) newest.set(node.author, node);',
    replace: 'newest.set(node.height, node);',
    why: 'a quorum is so many blocks, whoever signed them',
  },
  {
    name: 'states-forgotten-early',
    file: 'node/core/block-tree.ts',
    find: 'const kept = lastKeptHeight(tree, Math.max(oldest, Math.min(final.height, tipHeight - RECENT_STATES)));',
    replace: 'const kept = lastKeptHeight(tree, tipHeight - 4);',
    why: 'a deep reorganisation finds no state to begin at',
  },
  {
    name: 'any-body-accepted',
    file: 'node/core/chain.ts',
    find: 'if (!equalBytes(transactionsRoot(block.transactions), node.signed.header.body.transactionsRoot)) {',
    replace: 'if (tree.invalid.has(node.idHex)) {',
    why: 'a body is not compared with its header before it is kept',
  },
  {
    name: 'roots-not-checked',
    file: 'node/core/chain.ts',
    find: 'const refused = checkExecution(block, result);',
    replace: 'const refused = data.tree.invalid.has(node.idHex) ? checkExecution(block, result) : null;',
    why: 'a block is connected although its execution gives another state',
  },
  {
    name: 'finality-by-one-quorum',
    file: 'node/consensus/finality.ts',
    find: 'settling.push({ after, upTo: standings.get(block.parent!)!.justified });',
    replace: 'settling.push({ after, upTo: block.height - 1 });',
    why: 'a block is final before a quorum has seen that it is justified',
  },
  {
    name: 'finality-by-half',
    file: 'node/consensus/finality.ts',
    find: 'return Math.floor((2 * minerCount) / 3) + 1;',
    replace: 'return Math.floor(minerCount / 2) + 1;',
    why: 'two quorums may share a single miner',
  },
  {
    name: 'conflict-height-not-heeded',
    file: 'node/consensus/finality.ts',
    find: 'const after = block.signed.header.body.conflictHeight;',
    replace: 'const after = 0 * block.height;',
    why: 'an author speaks for what it signed against',
  },
  {
    name: 'no-conflict-told',
    file: 'node/core/producer.ts',
    find: '    conflictHeight: given.conflictHeight,\n',
    replace: '    conflictHeight: 0 * given.conflictHeight,\n',
    why: 'an author keeps silent about its other branches',
  },
];

export const CONSENSUS: readonly Mutant[] = [...RULES, ...CHOICE].map((entry) => ({
  ...entry,
  class: 'consensus',
}));
