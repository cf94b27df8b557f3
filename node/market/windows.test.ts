import { describe, expect, it } from 'vitest';
import { createTestGenesis } from './testing.ts';
import {
  calendarMs,
  connectionLimitWh,
  deliveryStartMs,
  openSteps,
  orderWindow,
  readingWindow,
  stepAt,
} from './windows.ts';

const genesis = createTestGenesis();
const start = genesis.timeMs + 24_000;

describe('windows', () => {
  it('lie around the delivery of a step, half open', () => {
    expect(deliveryStartMs(genesis, 0)).toBe(start);
    expect(deliveryStartMs(genesis, 3)).toBe(start + 36_000);
    expect(orderWindow(genesis, 3)).toEqual({ fromMs: start + 12_000, untilMs: start + 36_000 });
    expect(readingWindow(genesis, 3)).toEqual({ fromMs: start + 48_000, untilMs: start + 60_000 });
  });

  it('a step begins exactly at its start', () => {
    expect(stepAt(genesis, start - 1)).toBe(-1);
    expect(stepAt(genesis, start)).toBe(0);
    expect(stepAt(genesis, start + 11_999)).toBe(0);
    expect(stepAt(genesis, start + 12_000)).toBe(1);
  });

  it('openSteps are the steps whose order window holds the clock, at every edge', () => {
    for (const clock of [
      -24_001, -24_000, -23_999, -12_001, -12_000, -11_999, -1, 0, 1, 11_999, 12_000, 12_001,
    ]) {
      const holding = Array.from({ length: 10 }, (_, step) => step).filter((step) => {
        const { fromMs, untilMs } = orderWindow(genesis, step);
        return start + clock >= fromMs && start + clock < untilMs;
      });
      const { first, end } = openSteps(genesis, start + clock);
      expect(Array.from({ length: end - first }, (_, i) => first + i)).toEqual(holding);
    }
  });

  it('the calendar runs at its own pace', () => {
    expect(calendarMs(genesis, 0)).toBe(genesis.params.calendarStartMs);
    expect(calendarMs(genesis, 24)).toBe(genesis.params.calendarStartMs + 86_400_000);
  });

  it('a connection carries its power over the nominal step, rounded down', () => {
    expect(connectionLimitWh(genesis, 6000)).toBe(6000);
    const quarter = createTestGenesis({ params: { stepNominalMs: 900_000 } });
    expect(connectionLimitWh(quarter, 6003)).toBe(1500);
    expect(connectionLimitWh(quarter, 3)).toBe(0);
    expect(connectionLimitWh(quarter, 4)).toBe(1);
  });
});
