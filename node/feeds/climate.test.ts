import { describe, expect, it } from 'vitest';
import { createClimate, temperatureAt, usualTemperatureAt } from './climate.ts';

const HOUR_MS = 3_600_000;
const year = Array.from({ length: 8760 }, (_, h) => Date.UTC(2023, 0, 1) + h * HOUR_MS);
const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

describe('climate of Turin', () => {
  it('keeps the normals: yearly mean about 12.5 C, January about 2.5 C, July about 22.5 C', () => {
    expect(Math.abs(mean(year.map(usualTemperatureAt)) - 1254)).toBeLessThan(60);
    const month = (m: number) =>
      mean(year.filter((utcMs) => new Date(utcMs).getUTCMonth() === m).map(usualTemperatureAt));
    expect(Math.abs(month(0) - 250)).toBeLessThan(100);
    expect(Math.abs(month(6) - 2250)).toBeLessThan(100);
  });

  it('is coldest about sunrise and warmest in the afternoon, in UTC', () => {
    const day = Array.from({ length: 24 }, (_, h) => usualTemperatureAt(Date.UTC(2024, 7, 15, h)));
    expect(day.indexOf(Math.min(...day))).toBe(5);
    expect(day.indexOf(Math.max(...day))).toBe(14);
    expect(Math.max(...day)).toBeGreaterThan(2600);
  });

  it('moves by whole days, without jumps, and is the same for everybody with the seed', () => {
    const climate = createClimate(3n);
    const temperatures = year.map((utcMs) => climate.temperatureAt(utcMs));
    const noise = temperatures.map((value, i) => value - usualTemperatureAt(year[i]!));
    expect(temperatures.every(Number.isInteger)).toBe(true);
    expect(Math.abs(mean(noise))).toBeLessThan(100);
    const deviation = Math.sqrt(mean(noise.map((value) => value ** 2)));
    expect(deviation).toBeGreaterThan(200);
    expect(deviation).toBeLessThan(320);
    const steps = noise.slice(1).map((value, i) => Math.abs(value - noise[i]!));
    expect(Math.max(...steps)).toBeLessThan(60);
    for (const i of [8000, 17, 4000]) expect(temperatureAt(year[i]!, 3n)).toBe(temperatures[i]);
    expect(temperatureAt(year[0]!, 4n)).not.toBe(temperatures[0]);
  });
});
