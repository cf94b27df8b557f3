import { describe, expect, it } from 'vitest';
import { type BlockRef, createLedger, type Ledger } from './ledger.ts';

const DEPTH = 3;
const tx = (id: string, account = 'p-0001') => ({ id, kind: 'order', account });

/** Blocks `a1 a2 ...`: branch and height. */
const branch = (name: string, from: number, to: number): BlockRef[] =>
  Array.from({ length: to - from + 1 }, (_, i) => ({ height: from + i, hash: `${name}${from + i}` }));

function tell(ledger: Ledger, node: string, blocks: BlockRef[], finalHeight = 0): void {
  ledger.onView(node, { tip: blocks.at(-1)!, finalHeight, blocks });
}

/** Node A on branch a up to 5, of which 2 are final; transaction t stands in a2, u in a4. */
function begun(): Ledger {
  const ledger = createLedger(DEPTH);
  tell(ledger, 'A', branch('a', 1, 5), 2);
  for (const { hash } of ledger.missingBodies()) {
    ledger.onBody(hash, hash === 'a2' ? [tx('t')] : hash === 'a4' ? [tx('u')] : []);
  }
  return ledger;
}

describe('the ledger of an observer', () => {
  it('asks for each block once, oldest first', () => {
    const ledger = createLedger(DEPTH);
    tell(ledger, 'A', branch('a', 1, 3));
    tell(ledger, 'B', branch('a', 1, 2));
    expect(ledger.missingBodies().map(({ hash }) => hash)).toEqual(['a1', 'a2', 'a3']);
    ledger.onBody('a1', []);
    expect(ledger.missingBodies().map(({ hash }) => hash)).toEqual(['a2', 'a3']);
  });

  it('counts a transaction as confirmed from its depth on, not a block before', () => {
    const ledger = begun();
    // u stands in a4: the tip a5 makes it two deep.
    expect(ledger.account('A')).toMatchObject({ transactions: 2, final: 1, confirmed: 1, outside: [] });
    tell(ledger, 'A', branch('a', 6, 6), 2);
    expect(ledger.account('A')).toMatchObject({ final: 1, confirmed: 2 });
    tell(ledger, 'A', branch('a', 7, 7), 4);
    expect(ledger.account('A')).toMatchObject({ final: 2, confirmed: 2 });
  });

  it('learns the standing of a block before its contents', () => {
    const ledger = createLedger(DEPTH);
    tell(ledger, 'A', branch('a', 1, 5), 3);
    ledger.onBody('a1', [tx('t')]);
    expect(ledger.account('A')).toMatchObject({ final: 1 });
  });

  it('sees what a reorganisation took, gave back and left outside', () => {
    const ledger = begun();
    tell(ledger, 'A', branch('a', 6, 6), 2);
    tell(ledger, 'A', branch('b', 3, 7), 2);
    for (const { hash } of ledger.missingBodies()) ledger.onBody(hash, []);
    expect(ledger.violations()).toEqual([]);
    expect(ledger.account('A')).toMatchObject({
      finalLost: [],
      confirmedLost: ['u'],
      reincluded: [],
      outside: [{ id: 'u', wasIncluded: true }],
      staleBlocks: 4,
      blocks: 11,
    });
    tell(ledger, 'A', branch('b', 8, 8), 2);
    ledger.onBody('b8', [tx('u')]);
    expect(ledger.account('A')).toMatchObject({ confirmedLost: [], reincluded: ['u'], outside: [] });
  });

  it('notices a final block that changed on one node', () => {
    const ledger = begun();
    tell(ledger, 'A', branch('b', 3, 6), 2);
    expect(ledger.violations()).toEqual([]);
    tell(ledger, 'A', branch('c', 2, 7), 2);
    expect(ledger.violations()).toMatchObject([
      { invariant: 'a final block changed', nodes: ['A'], heights: [2] },
      { invariant: 'two final blocks at one height', nodes: ['A', 'A'], heights: [2] },
    ]);
    expect(ledger.account('A').finalLost).toEqual(['t']);
  });

  it('notices two nodes with different final blocks, and only when both are final', () => {
    const ledger = begun();
    tell(ledger, 'B', [...branch('a', 1, 1), ...branch('b', 2, 6)], 1);
    expect(ledger.violations()).toEqual([]);
    tell(ledger, 'B', branch('b', 7, 7), 3);
    expect(ledger.violations()).toMatchObject([
      { invariant: 'two final blocks at one height', nodes: ['A', 'B'], heights: [2] },
    ]);
  });

  it('remembers what was final over a restart that forgot it', () => {
    const ledger = begun();
    tell(ledger, 'A', branch('a', 5, 5), 0);
    expect(ledger.violations()).toEqual([]);
    tell(ledger, 'A', branch('z', 2, 6), 0);
    expect(ledger.violations()).toMatchObject([
      { invariant: 'a node let go of a final block', heights: [2] },
    ]);
  });

  it('lets a damaged node forget what was final, and not contradict it', () => {
    const ledger = begun();
    ledger.onDamage('A');
    tell(ledger, 'A', branch('z', 2, 6), 0);
    expect(ledger.violations()).toEqual([]);
    tell(ledger, 'A', branch('z', 7, 7), 2);
    expect(ledger.violations()).toMatchObject([
      { invariant: 'two final blocks at one height', heights: [2] },
    ]);
  });

  it('forgets what lay above a lower tip', () => {
    const ledger = begun();
    ledger.onView('A', { tip: { height: 3, hash: 'a3' }, finalHeight: 2, blocks: [] });
    expect([ledger.hashAt('A', 3), ledger.hashAt('A', 4), ledger.hashAt('A', 5)]).toEqual([
      'a3',
      undefined,
      undefined,
    ]);
  });

  it('keeps transactions that only ever waited', () => {
    const ledger = begun();
    ledger.onPending([tx('w'), tx('t')]);
    expect(ledger.account('A').outside).toEqual([{ ...tx('w'), wasIncluded: false }]);
  });
});
