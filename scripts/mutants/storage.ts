/** Bugs of what is written, when it is called written, and what a restart makes of it. */
import type { Mutant } from './interface.ts';

type Entry = Omit<Mutant, 'class'>;

const WRITING: readonly Entry[] = [
  {
    name: 'published-before-persisted',
    file: 'node/core/mining.ts',
    find: 'if (batch !== null) machine.unpublished.set(batch, block);',
    replace:
      "if (batch !== null) emit(machine, { type: 'publish', topic: 'block', bytes: encodeOnce(Block, block) });",
    why: 'a crash may lose a block that others have seen',
  },
  {
    name: 'write-without-sync',
    file: 'node/host/chain-store.ts',
    find: 'operationsOf(batch, next++), { sync: true }',
    replace: 'operationsOf(batch, next++), { sync: false }',
    why: 'what was called durable is in the memory of the system only',
  },
  {
    name: 'failed-write-ignored',
    file: 'node/host/chain-store.ts',
    find: '        await written;\n',
    replace: '        await written.catch(() => undefined);\n',
    why: 'a full disk is taken for a good one',
  },
  {
    name: 'last-block-only',
    file: 'node/host/chain-store.ts',
    find: 'for (const { node, block, receipts } of batch.blocks) {',
    replace: 'for (const { node, block, receipts } of batch.blocks.slice(-1)) {',
    why: 'of a reorganisation only the new tip is written',
  },
  {
    name: 'body-not-stored',
    file: 'node/host/chain-store.ts',
    find: 'put(blockKey(height, id), encodeOnce(Block, block)),',
    replace: '',
    why: 'headers are stored without their bodies',
  },
  {
    name: 'snapshot-of-the-tip',
    file: 'node/core/machine.ts',
    find: 'state: chain.execution(node).state.serialize(),',
    replace: 'state: chain.execution(tip).state.serialize(),',
    why: 'a snapshot holds the state of another block',
  },
  {
    name: 'snapshot-not-settled',
    file: 'node/core/snapshots.ts',
    find: 'const settled = node.height <= floor && chain.mainChainAt(node.height) === node;',
    replace: 'const settled = chain.mainChainAt(node.height) === node;',
    why: 'a restart begins at a state that a reorganisation may undo',
  },
  {
    name: 'guard-not-persisted',
    file: 'node/host/chain-store.ts',
    find: '  if (batch.authored !== null) {',
    replace: '  if (batch.authored !== null && sequence < 0n) {',
    why: 'after a crash the node may sign a second block on the same parent',
  },
  {
    name: 'commit-written-once',
    file: 'node/host/chain-store.ts',
    find: 'ops.push(put(tipKey(),',
    replace: 'if (sequence < 3n) ops.push(put(tipKey(),',
    why: 'a restart stands where the first blocks were',
  },
];

const READING: readonly Entry[] = [
  {
    name: 'checksum-ignored',
    file: 'node/storage/record.ts',
    find: 'if (bytes[CHECKSUM_AT + i] !== expected[i]) return null;',
    replace: 'if (bytes[CHECKSUM_AT + i] === undefined && expected[i] === undefined) return null;',
    why: 'a flipped bit is read as it is',
  },
  {
    name: 'replay-skips-first',
    file: 'node/host/load-chain.ts',
    find: 'const blocks = replayable(path.slice(start), records);',
    replace: 'const blocks = replayable(path.slice(start + 1), records);',
    why: 'the first block after the snapshot is left out',
  },
  {
    name: 'replay-past-a-gap',
    file: 'node/host/load-chain.ts',
    find: '!== node.idHex) break;',
    replace: '!== node.idHex) continue;',
    why: 'blocks above a damaged one are replayed without it',
  },
  {
    name: 'restart-on-weakest',
    file: 'node/host/load-chain.ts',
    find: 'return a.reached.work > b.reached.work;',
    replace: 'return a.reached.work < b.reached.work;',
    why: 'a restart stands on the branch with least work',
  },
  {
    name: 'restart-forgets-tip',
    file: 'node/host/restore.ts',
    find: 'replay: stored?.blocks ?? [],',
    replace: 'replay: stored?.blocks.slice(0, -1) ?? [],',
    why: 'a restart forgets its newest block',
  },
];

export const STORAGE: readonly Mutant[] = [...WRITING, ...READING].map((entry) => ({
  ...entry,
  class: 'storage',
}));
