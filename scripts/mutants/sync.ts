/** Bugs of sync, relay, the mempool and the bounds of what a node remembers. */
import type { Mutant } from './interface.ts';

type Entry = Omit<Mutant, 'class'>;

const ASKING: readonly Entry[] = [
  {
    name: 'requests-kept',
    file: 'node/core/sync.ts',
    find: '      pending.delete(requestId);\n      const peer',
    replace: '      const peer',
    why: 'answered requests are remembered for ever',
  },
  {
    name: 'status-asked-once',
    file: 'node/core/sync.ts',
    find: 'peer.statusAskedMs = monoMs;',
    replace: 'peer.statusAskedMs = Number.POSITIVE_INFINITY;',
    why: 'a peer is asked for its status once only',
  },
  {
    name: 'wrong-bodies-asked',
    file: 'node/core/sync.ts',
    find: 'const ids = batch.map((node) => node.id);',
    replace: 'const ids = batch.map((node) => node.parent!.id);',
    why: 'the bodies that come are not those that are expected',
  },
  {
    name: 'best-header-not-renewed',
    file: 'node/core/block-tree.ts',
    find: '  tree.leaves.add(node);\n  tree.version++;',
    replace: '  tree.leaves.add(node);',
    why: 'the branch that sync works on is not chosen again when headers come',
  },
  {
    name: 'one-missing-body-left',
    file: 'node/core/fork-choice.ts',
    find: 'return missing.reverse().slice(0, limit);',
    replace: 'return missing.reverse().slice(0, Math.min(limit, missing.length - 1));',
    why: 'the uppermost body is never asked for',
  },
];

const SERVING: readonly Entry[] = [
  {
    name: 'headers-from-side-branch',
    file: 'node/core/server.ts',
    find: 'if (node !== undefined && chain.mainChainAt(node.height) === node) {',
    replace: 'if (node !== undefined) {',
    why: 'the headers that are sent do not follow what the locator names',
  },
  {
    name: 'headers-one-too-high',
    file: 'node/core/server.ts',
    find: 'for (let height = from + 1; headers.length',
    replace: 'for (let height = from + 2; headers.length',
    why: 'the header after the common one is left out',
  },
  {
    name: 'orphans-punished',
    file: 'node/core/blocks.ts',
    find: '      sync.askHeaders(from);\n',
    replace:
      "      sync.askHeaders(from);\n      penalise(machine, from, 20, violation('BLOCK_ORPHAN', 'its parent is unknown'));\n",
    why: 'an honest peer is punished for a block whose parent is still on its way',
  },
  {
    name: 'orphan-headers-punished',
    file: 'node/core/blocks.ts',
    find: "if (result.outcome === 'orphan' && !asked.includes(toHex(signed.header.body.parent))) {",
    replace: "if (result.outcome === 'orphan' || result.outcome === 'known') {",
    why: 'an honest peer is punished for headers that are known already',
  },
];

const BOUNDS: readonly Entry[] = [
  {
    name: 'mempool-unbounded',
    file: 'node/core/mempool.ts',
    find: 'const isFull = entries.size >= limits.mempoolCount || bytes + size > limits.mempoolBytes;',
    replace: 'const isFull = bytes + size > 1024 * limits.mempoolBytes;',
    why: 'the mempool grows without bound',
  },
  {
    name: 'unpublished-kept',
    file: 'node/core/mining.ts',
    find: 'machine.unpublished.delete(batch);',
    replace: '',
    why: 'every own block is remembered for ever',
  },
];

export const SYNC: readonly Mutant[] = [...ASKING, ...SERVING, ...BOUNDS].map((entry) => ({
  ...entry,
  class: 'sync',
}));
