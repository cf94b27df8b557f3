import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { greedyBattery } from '../agent/battery.ts';
import { createClearness } from '../feeds/clearness.ts';
import { createClimate } from '../feeds/climate.ts';
import { centralEuropeanTime } from '../forecast/calendar.ts';
import { expectedLoadW, type HomeAttributes } from '../forecast/load-profile.ts';
import { clearSkyPvW } from '../forecast/solar.ts';
import type { HeatingType } from '../protocol/households.ts';
import { createHousehold, type Delivery, type Household } from './household.ts';
import type { HouseholdOptions, HouseholdWorld } from './household-power.ts';

const HOUR_MS = 3_600_000;
const TURIN = { latitudeMicroDeg: 45_073_900, longitudeMicroDeg: 7_676_900 };
/** 09:00 in Turin on Ferragosto 2024. */
const AUGUST_0900 = Date.UTC(2024, 7, 15, 7);

function worldOf(communitySeed: bigint): HouseholdWorld<HomeAttributes> {
  return {
    expectedLoadW,
    clearSkyPvW,
    localTime: centralEuropeanTime,
    clearnessBpsAt: createClearness(communitySeed).clearnessBpsAt,
    temperatureAt: createClimate(communitySeed).temperatureAt,
    battery: greedyBattery,
  };
}

const world = worldOf(1n);
const HEATING: readonly HeatingType[] = ['natural_gas', 'natural_gas', 'heat_pump', 'biomass'];

function optionsOf(index: number, fields: Partial<HouseholdOptions<HomeAttributes>> = {}) {
  return {
    attributes: {
      residents: 1 + (index % 5),
      areaM2: 60 + 15 * (index % 7),
      heating: HEATING[index % 4]!,
      yearBuilt: 1960 + 4 * (index % 16),
    },
    location: TURIN,
    pvWp: 0,
    batteryWh: 0,
    batteryPowerW: 0,
    seed: BigInt(1000 + index),
    ...fields,
  };
}

const house = (index: number, fields?: Partial<HouseholdOptions<HomeAttributes>>): Household =>
  createHousehold(optionsOf(index, fields), world);

function live(home: Household, startMs: number, count: number, durationMs = HOUR_MS): Delivery[] {
  return Array.from({ length: count }, (_, i) =>
    home.deliver({ startMs: startMs + i * durationMs, durationMs }),
  );
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const mean = (values: readonly number[]): number => sum(values) / values.length;
const deviation = (values: readonly number[]): number => {
  const centre = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - centre) ** 2)));
};

function correlation(a: readonly number[], b: readonly number[]): number {
  const [ma, mb] = [mean(a), mean(b)];
  return mean(a.map((value, i) => (value - ma) * (b[i]! - mb))) / (deviation(a) * deviation(b));
}

describe('load of sixteen homes over 45 days', () => {
  const seasons = [Date.UTC(2024, 1, 14), Date.UTC(2024, 7, 1)].map((startMs) => ({
    startMs,
    loads: Array.from({ length: 16 }, (_, i) =>
      live(house(i), startMs, 45 * 24).map((delivery) => delivery.loadWh),
    ),
  }));

  it.each(seasons)('scatters like real homes, not in step ($startMs)', ({ loads }) => {
    const pairs = loads.flatMap((a, i) => loads.slice(0, i).map((b) => correlation(a, b)));
    expect(pairs.length).toBe(120);
    expect(mean(pairs)).toBeGreaterThan(0.05);
    expect(mean(pairs)).toBeLessThan(0.2);
    const spread = mean(loads.map((load) => deviation(load) / mean(load)));
    expect(spread).toBeGreaterThan(0.6);
    expect(spread).toBeLessThan(0.95);
    const total = loads[0]!.map((_, hour) => sum(loads.map((load) => load[hour]!)));
    const peakRatio = Math.max(...total) / sum(loads.map((load) => Math.max(...load)));
    expect(peakRatio).toBeGreaterThan(0.33);
    expect(peakRatio).toBeLessThan(0.5);
    const persistence = mean(loads.map((load) => correlation(load.slice(1), load.slice(0, -1))));
    expect(persistence).toBeGreaterThan(0.35);
  });

  it.each(seasons)('means what was expected, hour by hour of the day ($startMs)', ({ startMs, loads }) => {
    const expected = new Array<number>(24).fill(0);
    const realised = new Array<number>(24).fill(0);
    loads.forEach((load, home) => {
      load.forEach((wh, i) => {
        const utcMs = startMs + i * HOUR_MS;
        const local = centralEuropeanTime(utcMs);
        const temperatureCentiC = world.temperatureAt(utcMs);
        const moment = {
          localHour: local.hour,
          weekday: local.weekday,
          month: local.month,
          temperatureCentiC,
        };
        expected[local.hour]! += expectedLoadW(optionsOf(home).attributes, moment);
        realised[local.hour]! += wh;
      });
    });
    expect(Math.abs(sum(realised) / sum(expected) - 1)).toBeLessThan(0.06);
    expect(correlation(realised, expected)).toBeGreaterThan(0.85);
    const evening = mean(realised.slice(18, 21));
    const night = mean(realised.slice(1, 4));
    expect(evening / night).toBeGreaterThan(1.7);
  });
});

describe('the meter', () => {
  const fields = { pvWp: 4000, batteryWh: 6000, batteryPowerW: 2500 };

  it('conserves energy exactly, and its registers add up and never fall', () => {
    fc.assert(
      fc.property(
        fc.record({
          seed: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
          pvWp: fc.integer({ min: 0, max: 8000 }),
          batteryWh: fc.integer({ min: 0, max: 15_000 }),
          batteryPowerW: fc.integer({ min: 0, max: 6000 }),
          startMs: fc.integer({ min: Date.UTC(2021, 0, 1), max: Date.UTC(2030, 0, 1) }),
          durations: fc.array(fc.constantFrom(2000, 60_001, 300_000, 900_000, HOUR_MS), { maxLength: 30 }),
        }),
        ({ startMs, durations, ...random }) => {
          const home = house(0, random);
          let before = { storedWh: 0, importRegisterWh: 0, exportRegisterWh: 0 };
          let nextMs = startMs;
          for (const durationMs of durations) {
            const now = home.deliver({ startMs: nextMs, durationMs });
            nextMs += durationMs;
            expect(now.loadWh + now.exportWh + now.storedWh - before.storedWh + now.lossWh).toBe(
              now.pvWh + now.importWh,
            );
            expect(Object.values(now).every((value) => Number.isSafeInteger(value) && value >= 0)).toBe(true);
            expect(now.importRegisterWh).toBe(before.importRegisterWh + now.importWh);
            expect(now.exportRegisterWh).toBe(before.exportRegisterWh + now.exportWh);
            expect(now.storedWh).toBeLessThanOrEqual(random.batteryWh);
            if (random.pvWp === 0) expect(now.pvWh).toBe(0);
            before = now;
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('loses no energy however the day is cut', () => {
    const startMs = Date.UTC(2024, 7, 15);
    const totals = (durationMs: number) => {
      const day = live(house(3, { pvWp: 4000 }), startMs, (24 * HOUR_MS) / durationMs, durationMs);
      return [sum(day.map((d) => d.loadWh)), sum(day.map((d) => d.pvWh))];
    };
    expect(totals(900_000)).toEqual(totals(HOUR_MS));
    expect(totals(2000)).toEqual(totals(HOUR_MS));
  });

  it('tells the same life to equal seeds and another to others', () => {
    const loads = (index: number, seed: bigint) =>
      live(house(index, { ...fields, seed }), AUGUST_0900, 48).map((d) => [d.loadWh, d.pvWh, d.storedWh]);
    expect(loads(1, 5n)).toEqual(loads(1, 5n));
    expect(loads(1, 5n)).not.toEqual(loads(1, 6n));
  });

  it('continues after a kill where its snapshot left off, through JSON', () => {
    const whole = live(house(2, fields), AUGUST_0900, 40);
    for (const cut of [0, 1, 17, 39]) {
      const first = house(2, fields);
      const begun = live(first, AUGUST_0900, cut);
      const second = house(2, fields);
      second.restore(JSON.parse(JSON.stringify(first.snapshot())));
      const ended = live(second, AUGUST_0900 + cut * HOUR_MS, 40 - cut);
      expect([...begun, ...ended]).toEqual(whole);
    }
  });

  it('lives through the gap of a dead node: the next registers hold it', () => {
    const whole = live(house(2, fields), AUGUST_0900, 30);
    const gapped = house(2, fields);
    live(gapped, AUGUST_0900, 10);
    expect(live(gapped, AUGUST_0900 + 25 * HOUR_MS, 5)).toEqual(whole.slice(25));
    const crooked = house(2, fields);
    live(crooked, AUGUST_0900, 10);
    const after = crooked.deliver({ startMs: AUGUST_0900 + 12.5 * HOUR_MS, durationMs: HOUR_MS });
    const attended = house(2, fields);
    live(attended, AUGUST_0900, 10);
    live(attended, AUGUST_0900 + 10 * HOUR_MS, 1, HOUR_MS / 2);
    expect(live(attended, AUGUST_0900 + 10.5 * HOUR_MS, 3)[2]).toEqual(after);
    expect(crooked.snapshot().nextStartMs).toBe(AUGUST_0900 + 13.5 * HOUR_MS);
  });

  it('shows nothing but delivered intervals, each once', () => {
    const home = house(2, fields);
    expect(Object.keys(home).sort()).toEqual(['deliver', 'restore', 'snapshot']);
    const before = JSON.stringify(home.snapshot());
    home.deliver({ startMs: AUGUST_0900, durationMs: HOUR_MS });
    expect(JSON.stringify(home.snapshot())).not.toBe(before);
    for (const startMs of [AUGUST_0900, AUGUST_0900 + HOUR_MS - 1]) {
      expect(() => home.deliver({ startMs, durationMs: HOUR_MS })).toThrow(
        expect.objectContaining({ code: 'HOUSEHOLD_INTERVAL_DELIVERED' }),
      );
    }
    expect(home.deliver({ startMs: AUGUST_0900 + HOUR_MS, durationMs: HOUR_MS }).loadWh).toBeGreaterThan(0);
  });

  it.each([
    { startMs: 0.5, durationMs: HOUR_MS },
    { startMs: -1, durationMs: HOUR_MS },
    { startMs: AUGUST_0900, durationMs: 0 },
    { startMs: AUGUST_0900, durationMs: Number.NaN },
  ])('refuses the interval %j', (interval) => {
    expect(() => house(1).deliver(interval)).toThrow(
      expect.objectContaining({ code: 'HOUSEHOLD_INTERVAL_INVALID' }),
    );
  });

  it('refuses a gap it cannot live through in bounded work', () => {
    const home = house(1);
    home.deliver({ startMs: AUGUST_0900, durationMs: 1000 });
    expect(() => home.deliver({ startMs: AUGUST_0900 + 100_001_001, durationMs: 1000 })).toThrow(
      expect.objectContaining({ code: 'HOUSEHOLD_GAP_TOO_LONG' }),
    );
    expect(
      home.deliver({ startMs: AUGUST_0900 + 100_001_000, durationMs: 1000 }).importRegisterWh,
    ).toBeGreaterThan(0);
  });

  it.each([
    ['another version', { version: 2 }],
    ['another house', { seed: '1' }],
    ['a negative register', { importRegisterWh: -1 }],
    ['a fraction', { loadWattMs: 0.5 }],
    ['an overfull battery', { storedWh: 6001 }],
    ['a missing counter', { pvWattMs: undefined }],
  ])('refuses a snapshot with %s', (_, change) => {
    const home = house(2, fields);
    const snapshot = { ...home.snapshot(), ...change } as ReturnType<Household['snapshot']>;
    expect(() => home.restore(snapshot)).toThrow(
      expect.objectContaining({ code: 'HOUSEHOLD_SNAPSHOT_INVALID' }),
    );
    home.restore({ ...home.snapshot(), storedWh: 6000 });
  });
});

describe('PV under one sky', () => {
  it('is dark at night, absent without panels, and nearly the same per Wp on all roofs', () => {
    const homes = [0, 1, 2, 3].map((i) =>
      live(house(i, { pvWp: 3000 }), Date.UTC(2024, 3, 1), 30 * 24).map((d) => d.pvWh),
    );
    expect(homes[0]!.filter((_, i) => i % 24 === 0 || i % 24 === 23).every((wh) => wh === 0)).toBe(true);
    expect(correlation(homes[0]!, homes[1]!)).toBeGreaterThan(0.97);
    expect(homes[2]).not.toEqual(homes[3]);
    const perDay = sum(homes[0]!) / 30 / 3000;
    expect(perDay).toBeGreaterThan(2);
    expect(perDay).toBeLessThan(6);
    const clear = createHousehold(optionsOf(0, { pvWp: 3000 }), { ...world, clearnessBpsAt: () => 10_000 });
    const cloudless = live(clear, Date.UTC(2024, 3, 1), 30 * 24).map((d) => d.pvWh);
    expect(sum(homes[0]!)).toBeLessThan(sum(cloudless));
  });

  it('lets twelve homes trade by the third hour from 09:00 on an August day, unless the day is dark', () => {
    const batteries = [0, 0, 5000, 0, 10_000, 0];
    const communities = 100;
    const tradable = Array.from({ length: communities }, (_, community) => {
      const sky = worldOf(BigInt(community));
      const lives = Array.from({ length: 12 }, (_, i) => {
        const options = optionsOf(i, {
          pvWp: Math.round((4750 * i) / 11),
          batteryWh: batteries[i % 6]!,
          batteryPowerW: batteries[i % 6]! / 4,
          seed: BigInt(community * 100 + i),
        });
        return live(createHousehold(options, sky), AUGUST_0900, 3);
      });
      return [0, 1, 2].some(
        (hour) => lives.some((l) => l[hour]!.exportWh > 50) && lives.some((l) => l[hour]!.importWh > 50),
      );
    });
    expect(tradable.filter(Boolean).length).toBeGreaterThanOrEqual(98);
  });
});
