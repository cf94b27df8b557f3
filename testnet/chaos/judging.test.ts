/** The pure parts of the verdict: tips, accounts, bars, quantiles, owners. */
import { describe, expect, it } from 'vitest';
import { createRng } from '../../node/util/rng.ts';
import { createManifest } from '../manifest.ts';
import { requireScenario, SCENARIOS } from '../scenarios/scenarios.ts';
import { quantile } from './calibrate.ts';
import type { Accounts } from './ledger.ts';
import { ownerOf } from './outcomes.ts';
import { judgeBar, makeReport, reportLines } from './report.ts';
import { draw } from './scenario.ts';
import { accountViolations } from './settle.ts';
import { joined } from './tips.ts';

const MANIFEST = createManifest({ preset: 'demo', seed: '42', timeMs: 1, portBase: 20_000 });
const ACCOUNTS: Accounts = {
  finalLost: [],
  confirmedLost: [],
  reincluded: [],
  outside: [],
  transactions: 9,
  final: 3,
  confirmed: 5,
  staleBlocks: 1,
  blocks: 50,
};

describe('one tip', () => {
  const chain = [5, 4, 3, 2, 1].map((height) => ({ height, hash: `a${height}` }));
  const at = (...blocks: [number, string][]) => [
    { name: 'n', blocks: blocks.map(([height, hash]) => ({ height, hash })) },
  ];

  it('is shared at the tip, just below it, and beside it on the same parent', () => {
    for (const view of [at([5, 'a5'], [4, 'a4']), at([3, 'a3'], [2, 'a2']), at([5, 'b5'], [4, 'a4'])]) {
      expect([...joined(view, chain)]).toEqual(['n']);
    }
  });

  it('is not shared by who is behind, on another branch, or silent', () => {
    for (const view of [at([2, 'a2'], [1, 'a1']), at([5, 'b5'], [4, 'b4']), at()]) {
      expect([...joined(view, chain)]).toEqual([]);
    }
    expect([...joined(at(), [])]).toEqual([]);
  });
});

describe('accounts', () => {
  const outside = { id: 'u', kind: 'order', account: 'p-0003', wasIncluded: true };
  const judge = (
    given: Partial<Accounts>,
    scenario: { partitions: boolean; accounting: boolean },
    outcome: 'pending' | 'expired' | 'silent' = 'expired',
    transaction = outside,
  ) =>
    accountViolations(scenario, { ...ACCOUNTS, ...given }, [{ transaction, outcome }], MANIFEST.nodes).map(
      ({ invariant, nodes }) => [invariant.split(' ')[1], ...nodes],
    );

  it('never forgive a lost final transaction', () => {
    for (const partitions of [true, false]) {
      expect(judge({ finalLost: ['t'] }, { partitions, accounting: false })).toEqual([['final']]);
    }
  });

  it('forgive a lost confirmed one only after a partition', () => {
    const lost = { confirmedLost: ['t'] };
    expect(judge(lost, { partitions: false, accounting: false })).toEqual([['confirmed']]);
    expect(judge(lost, { partitions: true, accounting: false })).toEqual([]);
  });

  it('ask that the owner hears what became of its transaction', () => {
    const asked = { partitions: true, accounting: true };
    expect(judge({}, asked, 'expired')).toEqual([]);
    expect(judge({}, asked, 'silent')).toEqual([['transaction', 'n04']]);
    expect(judge({}, asked, 'pending')).toEqual([['transaction', 'n04']]);
    expect(judge({}, asked, 'pending', { ...outside, wasIncluded: false })).toEqual([]);
    expect(judge({}, { ...asked, accounting: false }, 'silent')).toEqual([]);
  });

  it('find the owner of a transaction', () => {
    expect(ownerOf('p-0011', MANIFEST.nodes)).toBe('n12');
    const oracle = MANIFEST.nodes.find((node) => node.oracle === 1)!;
    expect(ownerOf('oracle-1', MANIFEST.nodes)).toBe(oracle.name);
    expect([ownerOf('regulator', MANIFEST.nodes), ownerOf('p-0099', MANIFEST.nodes)]).toEqual([null, null]);
  });
});

describe('figures', () => {
  it('take quantiles by nearest rank', () => {
    const values = Array.from({ length: 100 }, (_, i) => 100 - i);
    expect([0.5, 0.95, 0.99, 1].map((q) => quantile(values, q))).toEqual([50, 95, 99, 100]);
    expect([quantile([7], 0.5), quantile([], 0.5)]).toEqual([7, 0]);
  });

  it('call a missed bar inconclusive on a starved machine', () => {
    const bar = { name: 'b', valueMs: 11, limitMs: 10 };
    expect(judgeBar(bar, { sane: true }).verdict).toBe('failed');
    expect(judgeBar(bar, { sane: false }).verdict).toBe('inconclusive');
    expect(judgeBar({ ...bar, valueMs: 10 }, { sane: false }).verdict).toBe('ok');
  });

  it('fail a report by a violation or a missed bar alone', () => {
    const make = (violated: boolean, valueMs: number, sane = true) =>
      makeReport({
        scenario: 's',
        seed: 1n,
        dir: '/net',
        durationMs: 1,
        violations: violated ? [{ invariant: 'i', nodes: ['n01'], heights: [7], detail: 'd' }] : [],
        bars: [{ name: 'b', valueMs, limitMs: 10 }],
        figures: { kills: 1, faults: { kill: 1 }, backAtTipMs: [5], oneTipMs: [] },
        settled: { accounts: ACCOUNTS, expired: 0, pending: 0, silent: 0 },
        calibration: { diskSyncP99Ms: 1, timerLagP99Ms: 1, sane },
      });
    expect(
      [make(false, 10), make(true, 10), make(false, 11), make(false, 11, false)].map(({ ok }) => ok),
    ).toEqual([true, false, false, true]);
    expect(make(false, 1).figures).toMatchObject({ killsSurvived: 1, staleRate: 0.02, oneTipMs: null });
    expect(reportLines(make(true, 11)).join('\n')).toMatch(
      /FAILED[\s\S]*VIOLATED +i: d\n +nodes n01, heights 7/,
    );
  });
});

describe('scenarios', () => {
  it('have names of their own and are found by them', () => {
    expect(new Set(SCENARIOS.map(({ name }) => name)).size).toBe(SCENARIOS.length);
    for (const scenario of SCENARIOS) expect(requireScenario(scenario.name)).toBe(scenario);
    expect(() => requireScenario('none')).toThrow(expect.objectContaining({ code: 'SCENARIO_NOT_FOUND' }));
  });

  it('draw the same from the same seed, without repeating', () => {
    const items = Array.from({ length: 12 }, (_, i) => i);
    const first = draw(createRng(5n), items, 12);
    expect(draw(createRng(5n), items, 12)).toEqual(first);
    expect([...first].sort((a, b) => a - b)).toEqual(items);
    expect(draw(createRng(5n), items, 99)).toHaveLength(12);
    expect(draw(createRng(5n), items, 0)).toEqual([]);
  });
});
