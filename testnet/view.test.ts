import pc from 'picocolors';
import { describe, expect, it } from 'vitest';
import { findPreset } from '../node/protocol/presets/presets.ts';
import { expectedMs } from './run.ts';
import {
  createScreen,
  durationText,
  fitLine,
  plainLine,
  progressBar,
  renderFrame,
  type ViewFrame,
} from './view.ts';

const UP = {
  height: 42,
  hash: `000${'a'.repeat(61)}`,
  finalHeight: 30,
  peers: 8,
  hashesPerSecond: 22_480,
  blocksMined: 5,
  blocksStale: 0,
  reorgs: 2,
};
const FRAME: ViewFrame = {
  title: 'wattmesh testnet demo',
  view: {
    nodes: [
      { name: 'n01', up: UP },
      { name: 'n02', up: null },
      { name: 'n12', up: { ...UP, hashesPerSecond: null } },
    ],
    community: {
      step: 3,
      phase: 'delivery',
      marketClockMs: 0,
      height: 42,
      finalHeight: 30,
      finality: true,
      trades: 17,
      p2pWh: 0,
      auctionWh: 12_300,
      gridBuyWh: 4000,
      gridSellWh: 500,
      prices: { step: 3, microEurPerKwh: [141_000, 152_000] },
    },
  },
  steps: 24,
  progress: 0.42,
  remainingMs: 190_000,
  roles: new Map([
    ['n01', ['miner', 'prosumer']],
    ['n12', ['prosumer', 'regulator']],
  ]),
};
const ESC = '\u001b';
const plain = pc.createColors(false);

describe('the live view', () => {
  it('shows every node and the community', () => {
    const text = renderFrame(FRAME, plain).join('\n');
    expect(text).toContain('step 3 of 0-23, delivery');
    expect(text).toContain('step 3 at 0.141-0.152 EUR/kWh');
    expect(text).toContain('market 12.3 kWh');
    expect(text).toMatch(/n01 +m .*42 .*000aaaaaaa… +30 +8 +5 +22\.5 kH\/s/);
    expect(text).toMatch(/n02 +DOWN/);
    expect(text).toMatch(/n12 +r .* - +-$/m);
    expect(text).toContain('forks 2');
    expect(text).toContain('42 %  3:10 left');
  });

  it('says when nothing can become final, and when nobody answers', () => {
    const view = { ...FRAME.view, community: { ...FRAME.view.community!, finality: false } };
    expect(renderFrame({ ...FRAME, view }, plain).join('\n')).toContain('30 (no quorum)');
    const silent = { ...FRAME, view: { nodes: [{ name: 'n01', up: null }], community: null } };
    expect(renderFrame(silent, plain).join('\n')).toContain('no node answers');
    expect(plainLine(silent)).toContain('no node answers');
  });

  it('has a plain form of one line without control sequences', () => {
    const line = plainLine(FRAME);
    expect(line).toContain('height 42');
    expect(line).toContain('nodes 2/3');
    expect(line).not.toContain('\n');
    expect(line).not.toContain(ESC);
  });

  it('keeps the progress within its bar', () => {
    expect(progressBar(-1, 0)).toContain(`[${'-'.repeat(32)}]`);
    expect(progressBar(2, 0)).toContain(`[${'#'.repeat(32)}]   100 %`.replace('   ', ' '));
    expect(durationText(59_400)).toBe('0:59');
    expect(durationText(-5)).toBe('0:00');
  });

  it('cuts lines by what is seen of them', () => {
    const red = pc.createColors(true).red('abcdef');
    expect(fitLine(red, 3)).toBe(red.replace('abcdef', 'abc'));
    expect(fitLine('abc', 3)).toBe('abc');
  });

  it('draws over its last picture', () => {
    const written: string[] = [];
    const screen = createScreen({ write: (text) => written.push(text), columns: 20, rows: 10 });
    screen.draw(['one', 'two']);
    screen.draw(['three']);
    expect(written[0]).not.toContain('\u001b[2A');
    expect(written[1]!.startsWith('\u001b[2A')).toBe(true);
    expect(written[1]).toContain('three');
    screen.end();
    screen.draw(['four']);
    expect(written[2]).not.toContain(`${ESC}[1A`);
  });
});

describe('the expected wall time', () => {
  it('of the demo is about six minutes', () => {
    const ms = expectedMs(findPreset('demo')!, 24);
    expect(ms).toBe(24_000 + 24 * 12_000 + 12_000 + 15 * 2000);
    expect(ms / 60_000).toBeCloseTo(5.9, 1);
  });
});
