import { beforeAll, describe, expect, it } from 'vitest';
import type { LinkRule } from '../../p2p/link-rules.ts';
import type { DevControls } from '../access.ts';
import { createFixture, type Fixture } from './test-access.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await createFixture(3);
});

/** Gives the node development controls, or takes them away. */
function control(dev: DevControls | undefined): void {
  Object.assign(fixture.access, { dev });
}

function fakeControls(): DevControls {
  let rules: readonly LinkRule[] = [];
  let skewMs = 0;
  return {
    links: () => rules,
    setLinks: (next) => {
      rules = next;
    },
    clockSkewMs: () => skewMs,
    setClockSkew: (ms) => {
      skewMs = ms;
    },
  };
}

describe('faults by RPC', () => {
  it('are refused on a node that is not for development', async () => {
    control(undefined);
    const calls = [
      ['dev_getLinks', {}],
      ['dev_setLinks', { rules: [] }],
      ['dev_setClockSkew', { skewMs: 0 }],
    ] as const;
    for (const [method, params] of calls) {
      const { code, data } = await fixture.fail(method, params);
      expect([code, data.reason]).toEqual([-32006, 'DEV_DISABLED']);
      expect(data.hint).toContain('"dev": true');
    }
  });

  it('replace the rules that stand, with defaults filled in', async () => {
    control(fakeControls());
    const untouched = { drop: false, swallow: false, delayMs: 0, jitterMs: 0, kbitPerSecond: null };
    const set = await fixture.call('dev_setLinks', { rules: [{ name: 'cut', peers: ['a'], drop: true }] });
    expect(set).toEqual({ rules: [{ ...untouched, name: 'cut', peers: ['a'], drop: true }] });
    await fixture.call('dev_setLinks', { rules: [{ name: 'slow', peers: ['*'], delayMs: 5 }] });
    expect(await fixture.call('dev_getLinks')).toEqual({
      rules: [{ ...untouched, name: 'slow', peers: ['*'], delayMs: 5 }],
    });
    expect(await fixture.call('dev_setLinks', { rules: [] })).toEqual({ rules: [] });
  });

  it('take a day of skew either way and no more', async () => {
    control(fakeControls());
    for (const skewMs of [86_400_000, -86_400_000, 0]) {
      expect(await fixture.call('dev_setClockSkew', { skewMs })).toEqual({ skewMs });
    }
    for (const skewMs of [86_400_001, -86_400_001, 0.5]) {
      expect((await fixture.fail('dev_setClockSkew', { skewMs })).data.reason).toBe('RPC_INVALID_PARAMS');
    }
  });
});
