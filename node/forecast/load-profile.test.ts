import { describe, expect, it } from 'vitest';
import { expectedLoadW, type HomeAttributes } from './load-profile.ts';

const typical: HomeAttributes = { residents: 3, areaM2: 100, heating: 'natural_gas', yearBuilt: 1990 };
/** Monthly means of Turin, for a year without weather. */
const MEAN_C = [2.5, 4, 8.5, 12, 16.5, 20.5, 22.5, 22.5, 18, 13.5, 7, 3];

function yearKwh(home: HomeAttributes): number {
  let sumWh = 0;
  for (let month = 1; month <= 12; month++) {
    for (let weekday = 1; weekday <= 7; weekday++) {
      for (let localHour = 0; localHour < 24; localHour++) {
        const swing = localHour >= 11 && localHour <= 19 ? 4 : -2.5;
        const temperatureCentiC = Math.round(100 * (MEAN_C[month - 1]! + swing));
        sumWh += expectedLoadW(home, { localHour, weekday, month, temperatureCentiC }) * (365 / 84);
      }
    }
  }
  return sumWh / 1000;
}

describe('expectedLoadW', () => {
  const mild = { weekday: 2, month: 4, temperatureCentiC: 1800 };

  it('gives the Italian typical home about 2 700 kWh a year', () => {
    expect(yearKwh(typical)).toBeGreaterThan(2600);
    expect(yearKwh(typical)).toBeLessThan(3000);
  });

  it('grows with residents, area and age, within what Italian homes use', () => {
    const single = yearKwh({ ...typical, residents: 1, areaM2: 45 });
    const family = yearKwh({ ...typical, residents: 5, areaM2: 180 });
    expect(single).toBeGreaterThan(1200);
    expect(single).toBeLessThan(1900);
    expect(family).toBeGreaterThan(3700);
    expect(family).toBeLessThan(4700);
    expect(yearKwh({ ...typical, yearBuilt: 1950 })).toBeGreaterThan(yearKwh(typical));
    expect(yearKwh({ ...typical, yearBuilt: 2020 })).toBeLessThan(yearKwh(typical));
  });

  it('heats: a heat pump with a third of the electricity of plain heating, less in a new house', () => {
    const old = { ...typical, yearBuilt: 1970 };
    const gas = yearKwh(old);
    const pump = yearKwh({ ...old, heating: 'heat_pump' }) - gas;
    const electric = yearKwh({ ...old, heating: 'electric' }) - gas;
    expect(pump).toBeGreaterThan(1000);
    expect(electric / pump).toBeGreaterThan(2.2);
    expect(electric / pump).toBeLessThan(4);
    expect(yearKwh({ ...typical, yearBuilt: 2018, heating: 'heat_pump' })).toBeLessThan(4500);
  });

  it('has its peak in the evening, its valley before dawn, and lunch at the weekend', () => {
    const day = (weekday: number) =>
      Array.from({ length: 24 }, (_, localHour) => expectedLoadW(typical, { ...mild, weekday, localHour }));
    const [tuesday, sunday] = [day(2), day(7)] as const;
    expect([18, 19, 20]).toContain(tuesday.indexOf(Math.max(...tuesday)));
    expect([1, 2, 3, 4]).toContain(tuesday.indexOf(Math.min(...tuesday)));
    expect(sunday[12]! / tuesday[12]!).toBeGreaterThan(1.3);
    expect(Math.max(...tuesday) / Math.min(...tuesday)).toBeGreaterThan(2);
  });

  it('starts heating below 15 C and cooling above 26 C, not at them', () => {
    const at = (home: HomeAttributes, temperatureCentiC: number) =>
      expectedLoadW(home, { ...mild, localHour: 12, temperatureCentiC });
    const electric: HomeAttributes = { ...typical, heating: 'electric' };
    expect(at(electric, 1500)).toBe(at(electric, 2000));
    expect(at(electric, 1490)).toBeGreaterThan(at(electric, 1500));
    expect(at(typical, 2600)).toBe(at(typical, 2000));
    expect(at(typical, 2610)).toBeGreaterThan(at(typical, 2600));
    expect(at(typical, 1499) - at(typical, 1500)).toBe(50);
  });

  it('knows every hour, weekday and month, and refuses the next ones', () => {
    const ask = (localHour: number, weekday: number, month: number) =>
      expectedLoadW(typical, { localHour, weekday, month, temperatureCentiC: 1800 });
    expect(ask(0, 1, 1)).toBeGreaterThan(0);
    expect(ask(23, 7, 12)).toBeGreaterThan(0);
    expect(() => ask(24, 1, 1)).toThrow('localHour');
    expect(() => ask(-1, 1, 1)).toThrow('localHour');
    expect(() => ask(0, 0, 1)).toThrow('weekday');
    expect(() => ask(0, 8, 1)).toThrow('weekday');
    expect(() => ask(0, 1, 0)).toThrow('month');
    expect(() => ask(0, 1, 13)).toThrow('month');
  });
});
