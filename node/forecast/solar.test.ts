import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clearSkyPvW, clearSkyPvWh, solarPosition } from './solar.ts';

const TURIN = { latitudeMicroDeg: 45_073_900, longitudeMicroDeg: 7_676_900 };
const PV_FILE = new URL('../../../shared/data/pv-turin.csv.gz', import.meta.url);

describe('solarPosition', () => {
  it('knows the solstices and the equinox at Turin', () => {
    const noonElevation = (month: number, day: number) => {
      let best = -90;
      for (let minute = 0; minute < 1440; minute += 2) {
        const utcMs = Date.UTC(2023, month - 1, day, 0, minute);
        best = Math.max(best, solarPosition({ ...TURIN, utcMs }).elevationDeg);
      }
      return best;
    };
    expect(noonElevation(6, 21)).toBeCloseTo(90 - 45.0739 + 23.44, 0);
    expect(noonElevation(12, 21)).toBeCloseTo(90 - 45.0739 - 23.44, 0);
    expect(noonElevation(3, 20)).toBeCloseTo(90 - 45.0739, 0);
  });

  it('rises in the east, culminates in the south, sets in the west, in UTC', () => {
    const at = (hour: number) => solarPosition({ ...TURIN, utcMs: Date.UTC(2023, 2, 20, hour) }).azimuthDeg;
    expect(at(6)).toBeGreaterThan(80);
    expect(at(6)).toBeLessThan(100);
    expect(at(11) + at(12)).toBeLessThan(2 * 205);
    expect(at(11)).toBeLessThan(180);
    expect(at(12)).toBeGreaterThan(180);
    expect(at(17)).toBeGreaterThan(255);
  });

  it('has the sun in the zenith over the equator at the equinox', () => {
    const equator = { latitudeMicroDeg: 0, longitudeMicroDeg: 0, utcMs: Date.UTC(2023, 2, 20, 12, 7) };
    expect(solarPosition(equator).elevationDeg).toBeGreaterThan(89);
  });
});

describe('clearSkyPvW', () => {
  const noon = { ...TURIN, utcMs: Date.UTC(2024, 7, 15, 11, 30) };

  it('is nothing at night and without panels', () => {
    expect(clearSkyPvW({ ...noon, pvWp: 0 })).toBe(0);
    expect(clearSkyPvW({ ...TURIN, utcMs: Date.UTC(2024, 7, 15, 0), pvWp: 4750 })).toBe(0);
  });

  it('loses power in the heat, and turns with the roof', () => {
    const cool = clearSkyPvW({ ...noon, pvWp: 4000, temperatureCentiC: 1000 });
    const hot = clearSkyPvW({ ...noon, pvWp: 4000, temperatureCentiC: 3500 });
    expect(hot / cool).toBeGreaterThan(0.85);
    expect(hot / cool).toBeLessThan(0.92);
    const morning = { ...TURIN, utcMs: Date.UTC(2024, 7, 15, 7), pvWp: 4000 };
    const east = clearSkyPvW({ ...morning, azimuthDeg: 90 });
    expect(east).toBeGreaterThan(1.5 * clearSkyPvW({ ...morning, azimuthDeg: 270 }));
  });

  it('integrates to what its curve encloses, however the day is cut', () => {
    const startMs = Date.UTC(2024, 7, 15);
    const system = { ...TURIN, pvWp: 3000 };
    const day = clearSkyPvWh({ ...system, startMs, durationMs: 86_400_000 });
    let hours = 0;
    for (let h = 0; h < 24; h++) {
      hours += clearSkyPvWh({ ...system, startMs: startMs + h * 3_600_000, durationMs: 3_600_000 });
    }
    expect(Math.abs(day - hours)).toBeLessThanOrEqual(12);
    expect(day / 3000).toBeGreaterThan(5.5);
    expect(day / 3000).toBeLessThan(7);
    expect(clearSkyPvWh({ ...system, startMs, durationMs: 3_600_000 })).toBe(0);
  });

  it('stays within zero and the nominal power anywhere, any time', () => {
    fc.assert(
      fc.property(
        fc.record({
          utcMs: fc.integer({ min: Date.UTC(2020, 0, 1), max: Date.UTC(2035, 0, 1) }),
          latitudeMicroDeg: fc.integer({ min: -66_000_000, max: 66_000_000 }),
          longitudeMicroDeg: fc.integer({ min: -180_000_000, max: 180_000_000 }),
          pvWp: fc.integer({ min: 0, max: 20_000 }),
          tiltDeg: fc.integer({ min: 0, max: 90 }),
          azimuthDeg: fc.integer({ min: 0, max: 359 }),
        }),
        (system) => {
          const watts = clearSkyPvW(system);
          expect(Number.isInteger(watts)).toBe(true);
          expect(watts).toBeGreaterThanOrEqual(0);
          expect(watts).toBeLessThanOrEqual(system.pvWp * 1.05);
        },
      ),
    );
  });
});

interface PvRow {
  readonly utcMs: number;
  readonly month: number;
  readonly hour: number;
  readonly kwPerKwp: number;
}

function readPv(): PvRow[] {
  const lines = gunzipSync(readFileSync(PV_FILE)).toString('utf8').trim().split('\n');
  const column = lines[0]!.split(',').indexOf('centro_kw_per_kwp');
  return lines.slice(1).map((line) => {
    const cells = line.split(',');
    const utcMs = Date.parse(cells[0]!);
    const date = new Date(utcMs);
    return { utcMs, month: date.getUTCMonth(), hour: date.getUTCHours(), kwPerKwp: Number(cells[column]) };
  });
}

const quantile = (values: number[], q: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(q * values.length))]!;

describe.skipIf(!existsSync(PV_FILE))(
  'clear sky against two years of PVGIS in Turin (skipped without its file)',
  () => {
    const rows = existsSync(PV_FILE) ? readPv() : [];
    const clear = rows.map((row) => clearSkyPvW({ ...TURIN, utcMs: row.utcMs, pvWp: 1_000_000 }) / 1e6);

    it('is an envelope: the 99th percentiles per month and hour lie within 0.06 kW/kWp above 10 degrees of sun', () => {
      let cells = 0;
      for (let month = 0; month < 12; month++) {
        for (let hour = 0; hour < 24; hour++) {
          const index = rows.flatMap((row, i) => (row.month === month && row.hour === hour ? [i] : []));
          const sun = Math.min(
            ...index.map((i) => solarPosition({ ...TURIN, utcMs: rows[i]!.utcMs }).elevationDeg),
          );
          if (sun < 10) continue;
          cells++;
          const data = quantile(
            index.map((i) => rows[i]!.kwPerKwp),
            0.99,
          );
          const model = quantile(
            index.map((i) => clear[i]!),
            0.99,
          );
          expect(Math.abs(data - model), `month ${month + 1} hour ${hour}`).toBeLessThan(0.06);
        }
      }
      expect(cells).toBeGreaterThan(80);
    });

    it('is exceeded by more than 0.05 kW/kWp in less than 0.5 % of the sunny hours', () => {
      const sunny = clear.flatMap((value, i) => (value > 0.05 ? [rows[i]!.kwPerKwp - value] : []));
      expect(sunny.length).toBeGreaterThan(7000);
      expect(sunny.filter((excess) => excess > 0.05).length / sunny.length).toBeLessThan(0.005);
    });

    it('is dark when the data are and peaks in the same UTC hour', () => {
      const night = rows.filter((_, i) => clear[i] === 0);
      expect(night.length).toBeGreaterThan(8000);
      expect(Math.max(...night.map((row) => row.kwPerKwp))).toBeLessThan(0.01);
      const meanByHour = (values: number[]) => {
        const sums = new Array<number>(24).fill(0);
        values.forEach((value, i) => {
          sums[rows[i]!.hour]! += value;
        });
        return sums.indexOf(Math.max(...sums));
      };
      expect(meanByHour(clear)).toBe(11);
      expect(meanByHour(rows.map((row) => row.kwPerKwp))).toBe(11);
    });
  },
);
