import { describe, expect, it } from 'vitest';
import { greedyBattery, powerLimitWh } from './battery.ts';

const base = { capacityWh: 10_000, powerW: 3000, durationMs: 3_600_000, efficiencyBps: 9000 };

describe('greedyBattery', () => {
  it('leaves a balanced home alone', () => {
    expect(greedyBattery({ ...base, netLoadWh: 0, storedWh: 500 })).toEqual({
      storedWh: 500,
      gridImportWh: 0,
      gridExportWh: 0,
      lossWh: 0,
    });
  });

  it('discharges to the last Wh and imports the next one', () => {
    const exact = greedyBattery({ ...base, netLoadWh: 800, storedWh: 800 });
    expect(exact).toEqual({ storedWh: 0, gridImportWh: 0, gridExportWh: 0, lossWh: 0 });
    expect(greedyBattery({ ...base, netLoadWh: 801, storedWh: 800 }).gridImportWh).toBe(1);
  });

  it('discharges at the power limit and not above', () => {
    expect(greedyBattery({ ...base, netLoadWh: 3000, storedWh: 9000 }).gridImportWh).toBe(0);
    expect(greedyBattery({ ...base, netLoadWh: 3001, storedWh: 9000 })).toMatchObject({
      storedWh: 6000,
      gridImportWh: 1,
    });
  });

  it('charges with the loss and at the power limit', () => {
    const at = greedyBattery({ ...base, netLoadWh: -3000, storedWh: 0 });
    expect(at).toEqual({ storedWh: 2700, gridImportWh: 0, gridExportWh: 0, lossWh: 300 });
    expect(greedyBattery({ ...base, netLoadWh: -3001, storedWh: 0 })).toMatchObject({
      storedWh: 2700,
      gridExportWh: 1,
    });
  });

  it('fills up exactly and exports what no longer fits', () => {
    const fits = greedyBattery({ ...base, netLoadWh: -1000, storedWh: 9100 });
    expect(fits).toEqual({ storedWh: 10_000, gridImportWh: 0, gridExportWh: 0, lossWh: 100 });
    const over = greedyBattery({ ...base, netLoadWh: -1001, storedWh: 9100 });
    expect(over).toMatchObject({ storedWh: 10_000, gridExportWh: 1 });
    const full = greedyBattery({ ...base, netLoadWh: -1, storedWh: 10_000 });
    expect(full).toEqual({ storedWh: 10_000, gridImportWh: 0, gridExportWh: 1, lossWh: 0 });
    expect(greedyBattery({ ...base, netLoadWh: -1, storedWh: 9999 }).storedWh).toBe(10_000);
  });

  it('passes everything through without a battery', () => {
    const none = { ...base, capacityWh: 0, storedWh: 0 };
    expect(greedyBattery({ ...none, netLoadWh: 7 })).toMatchObject({ gridImportWh: 7, gridExportWh: 0 });
    expect(greedyBattery({ ...none, netLoadWh: -7 })).toMatchObject({ gridImportWh: 0, gridExportWh: 7 });
  });

  it('limits energy by the nominal length of the interval', () => {
    expect(powerLimitWh(3000, 900_000)).toBe(750);
    expect(powerLimitWh(3000, 1199)).toBe(0);
    expect(powerLimitWh(3000, 1200)).toBe(1);
  });

  it('refuses what is not an integer or out of range', () => {
    expect(() => greedyBattery({ ...base, netLoadWh: 1.5, storedWh: 0 })).toThrow('netLoadWh');
    expect(() => greedyBattery({ ...base, netLoadWh: 1, storedWh: 10_001 })).toThrow('storedWh');
    expect(() => greedyBattery({ ...base, netLoadWh: 1, storedWh: -1 })).toThrow('storedWh');
    expect(() => greedyBattery({ ...base, netLoadWh: 1, storedWh: 0, efficiencyBps: 0 })).toThrow(
      'efficiency',
    );
    expect(() => greedyBattery({ ...base, netLoadWh: 1, storedWh: 0, efficiencyBps: 10_001 })).toThrow(
      'efficiency',
    );
  });
});
