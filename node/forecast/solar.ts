import { utcTime } from './calendar.ts';

/** Where a roof stands; north and east are positive. */
export interface Place {
  readonly latitudeMicroDeg: number;
  readonly longitudeMicroDeg: number;
}

/** A roof: nominal power, and how the panels look at the sky. */
export interface PvSystem extends Place {
  /** Nominal power, W peak, 0 = no panels. */
  readonly pvWp: number;
  /** Slope against the horizontal, degrees 0..90; default 40, near the best for northern Italy. */
  readonly tiltDeg?: number;
  /** Compass direction the panels face, degrees clockwise from north; default 180, south. */
  readonly azimuthDeg?: number;
  /** Air temperature; default: the month's usual one of a mid-latitude European place. */
  readonly temperatureCentiC?: number;
}

const RAD = Math.PI / 180;
const SOLAR_CONSTANT_W_M2 = 1361;
const DEFAULT_TILT_DEG = 40;
const DEFAULT_AZIMUTH_DEG = 180;
/** Height above the sea in the turbidity formulas; Turin's. */
const ALTITUDE_M = 240;
const GROUND_ALBEDO = 0.2;
/** Cables, dirt, inverter: the 14 % that PVGIS takes too. */
const SYSTEM_EFFICIENCY = 0.86;
/** Power of crystalline silicon per kelvin of cell temperature. */
const POWER_PER_KELVIN = -0.004;
/** (NOCT - 20 C) / 800 W/m2 with NOCT = 45 C (Ross 1980). */
const CELL_KELVIN_PER_W_M2 = 25 / 800;
const INTEGRATION_STEP_MS = 300_000;
const HOUR_MS = 3_600_000;

interface SunGeometry {
  /** Unit vector to the sun: east, north, up. */
  readonly east: number;
  readonly north: number;
  readonly up: number;
  /** Extraterrestrial irradiance on a plane facing the sun, W/m2. */
  readonly extraterrestrialWM2: number;
  readonly dayOfYear: number;
}

/**
 * Direction of the sun from the Fourier series of Spencer (1971, "Fourier series representation of the position of the
 * sun", Search 2(5):172) for declination, equation of time and distance; error below 0.05 degrees of declination and
 * 0.6 minutes of time, refraction left out.
 */
function sunGeometry(utcMs: number, place: Place): SunGeometry {
  const { dayOfYear, msOfDay } = utcTime(utcMs);
  const g = (2 * Math.PI * (dayOfYear - 1 + msOfDay / 86_400_000 - 0.5)) / 365;
  const [c1, s1, c2, s2] = [Math.cos(g), Math.sin(g), Math.cos(2 * g), Math.sin(2 * g)];
  const equationOfTimeMin =
    229.18 * (0.000075 + 0.001868 * c1 - 0.032077 * s1 - 0.014615 * c2 - 0.040849 * s2);
  const declination =
    0.006918 -
    0.399912 * c1 +
    0.070257 * s1 -
    0.006758 * c2 +
    0.000907 * s2 -
    0.002697 * Math.cos(3 * g) +
    0.00148 * Math.sin(3 * g);
  const distanceFactor = 1.00011 + 0.034221 * c1 + 0.00128 * s1 + 0.000719 * c2 + 0.000077 * s2;
  const latitude = (place.latitudeMicroDeg / 1e6) * RAD;
  const solarMinutes = msOfDay / 60_000 + equationOfTimeMin + (4 * place.longitudeMicroDeg) / 1e6;
  const hourAngle = (solarMinutes / 4 - 180) * RAD;
  const [sinLat, cosLat] = [Math.sin(latitude), Math.cos(latitude)];
  const [sinDec, cosDec] = [Math.sin(declination), Math.cos(declination)];
  return {
    east: -cosDec * Math.sin(hourAngle),
    north: cosLat * sinDec - sinLat * cosDec * Math.cos(hourAngle),
    up: sinLat * sinDec + cosLat * cosDec * Math.cos(hourAngle),
    extraterrestrialWM2: SOLAR_CONSTANT_W_M2 * distanceFactor,
    dayOfYear,
  };
}

/** Elevation above the horizon (degrees, negative at night) and compass azimuth (degrees clockwise from north) of the sun. */
export function solarPosition(place: Place & { readonly utcMs: number }): {
  elevationDeg: number;
  azimuthDeg: number;
} {
  const sun = sunGeometry(place.utcMs, place);
  const azimuthDeg = Math.atan2(sun.east, sun.north) / RAD;
  return {
    elevationDeg: Math.asin(Math.max(-1, Math.min(1, sun.up))) / RAD,
    azimuthDeg: azimuthDeg < 0 ? azimuthDeg + 360 : azimuthDeg,
  };
}

/**
 * Irradiance under a cloudless sky, W/m2: global and diffuse on the horizontal, direct on a plane facing the sun.
 * Ineichen and Perez (2002, Solar Energy 73:151) with the air mass of Kasten and Young (1989). The Linke turbidity, clearest
 * in mid-February (1.6) and haziest in August (2.8), is fitted so that the panel power of `clearSkyPvW` follows the 99th
 * percentiles of PVGIS for Turin, 2021-2023; so it absorbs that model's reflection losses too.
 */
function clearSkyIrradiance(sun: SunGeometry): { global: number; direct: number; diffuse: number } {
  const cosZenith = Math.max(sun.up, 0.01);
  const zenithDeg = Math.acos(Math.min(1, cosZenith)) / RAD;
  const airMass = Math.exp(-ALTITUDE_M / 8434.5) / (cosZenith + 0.50572 * (96.07995 - zenithDeg) ** -1.6364);
  const turbidity = 2.2 - 0.6 * Math.cos((2 * Math.PI * (sun.dayOfYear - 40)) / 365);
  const fh1 = Math.exp(-ALTITUDE_M / 8000);
  const fh2 = Math.exp(-ALTITUDE_M / 1250);
  const global =
    (5.09e-5 * ALTITUDE_M + 0.868) *
    sun.extraterrestrialWM2 *
    cosZenith *
    Math.exp(-(3.92e-5 * ALTITUDE_M + 0.0387) * airMass * (fh1 + fh2 * (turbidity - 1)));
  const direct = Math.min(
    (0.664 + 0.163 / fh1) * sun.extraterrestrialWM2 * Math.exp(-0.09 * airMass * (turbidity - 1)),
    (0.95 * global) / cosZenith,
  );
  return { global, direct, diffuse: global - direct * cosZenith };
}

/** Irradiance on the tilted panel after reflection: direct (ASHRAE modifier, b0 = 0.05), isotropic sky, ground. */
function panelIrradianceWM2(sun: SunGeometry, system: PvSystem): number {
  const tilt = (system.tiltDeg ?? DEFAULT_TILT_DEG) * RAD;
  const azimuth = (system.azimuthDeg ?? DEFAULT_AZIMUTH_DEG) * RAD;
  const { global, direct, diffuse } = clearSkyIrradiance(sun);
  const cosIncidence = Math.max(
    0,
    sun.east * Math.sin(tilt) * Math.sin(azimuth) +
      sun.north * Math.sin(tilt) * Math.cos(azimuth) +
      sun.up * Math.cos(tilt),
  );
  const transmitted = cosIncidence > 0.05 ? 1 - 0.05 * (1 / cosIncidence - 1) : 0;
  const skyShare = (1 + Math.cos(tilt)) / 2;
  return direct * cosIncidence * transmitted + diffuse * skyShare + global * GROUND_ALBEDO * (1 - skyShare);
}

function clearSkyWatts(utcMs: number, system: PvSystem): number {
  if (system.pvWp <= 0) return 0;
  const sun = sunGeometry(utcMs, system);
  if (sun.up <= 0) return 0;
  const irradiance = panelIrradianceWM2(sun, system);
  const usualC = 13 - 11 * Math.cos((2 * Math.PI * (sun.dayOfYear - 20)) / 365);
  const airC = system.temperatureCentiC === undefined ? usualC : system.temperatureCentiC / 100;
  const cellC = airC + CELL_KELVIN_PER_W_M2 * irradiance;
  const efficiency = SYSTEM_EFFICIENCY * (1 + POWER_PER_KELVIN * (cellC - 25));
  return Math.max(0, (system.pvWp * irradiance * efficiency) / 1000);
}

/**
 * AC power of a roof under a cloudless sky at one instant: integer W, 0 while the sun is below the horizon and without
 * panels. A cold clear spring noon gives about 0.86 W per Wp. Real output is this times a clearness of 0 to about 1.1.
 */
export function clearSkyPvW(system: PvSystem & { readonly utcMs: number }): number {
  return Math.round(clearSkyWatts(system.utcMs, system));
}

/** Energy of a roof under a cloudless sky over `[startMs, startMs + durationMs)`: integer Wh, midpoint rule in steps of at most 5 minutes. */
export function clearSkyPvWh(
  system: PvSystem & { readonly startMs: number; readonly durationMs: number },
): number {
  const steps = Math.max(1, Math.ceil(system.durationMs / INTEGRATION_STEP_MS));
  const stepMs = system.durationMs / steps;
  let sumW = 0;
  for (let i = 0; i < steps; i++) sumW += clearSkyWatts(system.startMs + (i + 0.5) * stepMs, system);
  return Math.round((sumW * stepMs) / HOUR_MS);
}
