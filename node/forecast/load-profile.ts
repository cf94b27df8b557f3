import type { HeatingType } from '../protocol/households.ts';
import { assert } from '../util/errors.ts';

/** What heats a home; it decides how much of the cold reaches the electricity meter. */

/** The attributes a member registers. */
export interface HomeAttributes {
  /** 1..20 */
  readonly residents: number;
  /** 10..1000 */
  readonly areaM2: number;
  readonly heating: HeatingType;
  /** 1000..2100 */
  readonly yearBuilt: number;
}

/** The moment a load is asked for, in the home's local time. */
export interface LoadMoment {
  /** 0..23 */
  readonly localHour: number;
  /** ISO 8601: 1 Monday .. 7 Sunday; 6 and 7 are the weekend, public holidays are not known. */
  readonly weekday: number;
  /** 1..12 */
  readonly month: number;
  readonly temperatureCentiC: number;
}

/**
 * Mean load of a local hour in thousandths of its season's mean: the German standard household profile H25 (BDEW 2025),
 * quarter hours summed, months averaged to winter (Dec-Feb), spring, summer, autumn, Saturdays and Sundays to weekend.
 */
const SHAPE_MILLI: readonly { readonly workday: readonly number[]; readonly weekend: readonly number[] }[] = [
  {
    workday: [
      685, 590, 560, 556, 582, 664, 863, 940, 884, 849, 852, 930, 964, 952, 930, 966, 1108, 1360, 1540, 1538,
      1407, 1253, 1103, 885,
    ],
    weekend: [
      769, 655, 599, 576, 573, 585, 675, 856, 1075, 1229, 1352, 1496, 1459, 1362, 1304, 1292, 1362, 1539,
      1632, 1547, 1388, 1240, 1116, 918,
    ],
  },
  {
    workday: [
      706, 611, 578, 577, 613, 713, 892, 944, 888, 861, 860, 935, 975, 956, 922, 937, 1011, 1181, 1390, 1481,
      1440, 1335, 1162, 910,
    ],
    weekend: [
      801, 683, 631, 612, 616, 640, 730, 943, 1173, 1315, 1406, 1523, 1470, 1347, 1267, 1224, 1228, 1334,
      1468, 1489, 1433, 1332, 1182, 955,
    ],
  },
  {
    workday: [
      763, 663, 620, 610, 630, 703, 838, 899, 880, 880, 891, 976, 1021, 993, 962, 972, 1040, 1186, 1338, 1389,
      1367, 1306, 1188, 954,
    ],
    weekend: [
      841, 724, 662, 634, 626, 639, 718, 890, 1097, 1245, 1346, 1471, 1443, 1334, 1268, 1232, 1233, 1314,
      1398, 1395, 1352, 1292, 1187, 983,
    ],
  },
  {
    workday: [
      666, 575, 544, 543, 576, 681, 895, 945, 876, 850, 854, 934, 976, 958, 931, 958, 1069, 1294, 1489, 1563,
      1468, 1288, 1095, 863,
    ],
    weekend: [
      754, 643, 589, 571, 571, 598, 707, 902, 1134, 1287, 1393, 1520, 1477, 1359, 1288, 1262, 1306, 1471,
      1590, 1592, 1461, 1284, 1112, 901,
    ],
  },
];

/**
 * Lighting and appliances by month, thousandths of the year's mean: our assumption, half the swing of the BDEW
 * dynamisation polynomial, because Italian winters are shorter (cooling is counted separately, by temperature).
 */
const MONTH_MILLI = [1090, 1080, 1040, 1000, 960, 920, 900, 890, 940, 1000, 1070, 1110];

const HOURS_PER_YEAR = 8760;
/** Useful heat per kelvin below the heating threshold and m2 of a home: losses of single-family homes by age, our estimate. */
const HEAT_W_PER_KELVIN_M2: readonly (readonly [beforeYear: number, wattsPerKelvinM2: number])[] = [
  [1980, 1.4],
  [2006, 0.9],
  [2016, 0.6],
  [Number.POSITIVE_INFINITY, 0.35],
];
/** Sun and people heat a home down to here. */
const HEATING_THRESHOLD_C = 15;
const COOLING_THRESHOLD_C = 26;
/** Half of Italian homes have air conditioning (ISTAT 2021), taken as 0.8 W of electricity per kelvin and m2. */
const COOLING_W_PER_KELVIN_M2 = 0.4;
/** Circulation pump and control of a boiler while it heats. */
const BOILER_W = 50;
/** Electricity for hot water, kWh per resident and year. */
const HOT_WATER_KWH: Readonly<Record<HeatingType, number>> = {
  electric: 500,
  heat_pump: 170,
  natural_gas: 0,
  biomass: 0,
  other: 0,
};

/** Yearly lighting, appliances and hot water, kWh: 2 700 for three residents, 100 m2 and gas, as the Italian typical home. */
function applianceKwhPerYear(home: HomeAttributes): number {
  const ageFactor = home.yearBuilt < 1980 ? 1.05 : home.yearBuilt > 2015 ? 0.95 : 1;
  const areaKwh = 3 * (Math.min(home.areaM2, 300) - 100);
  const lighting = Math.max(600, 1050 + 550 * Math.min(home.residents, 8) + areaKwh) * ageFactor;
  return lighting + HOT_WATER_KWH[home.heating] * home.residents;
}

/** Electric power for heating, W: people lower it from 22 to 6; a heat pump's coefficient of performance falls with the cold. */
function heatingW(home: HomeAttributes, moment: LoadMoment): number {
  const airC = moment.temperatureCentiC / 100;
  const kelvin = HEATING_THRESHOLD_C - airC;
  if (kelvin <= 0) return 0;
  const perM2 = HEAT_W_PER_KELVIN_M2.find(([beforeYear]) => home.yearBuilt < beforeYear)![1];
  const night = moment.localHour >= 22 || moment.localHour < 6;
  const heatW = kelvin * perM2 * home.areaM2 * (night ? 0.6 : 1.2);
  if (home.heating === 'electric') return heatW;
  if (home.heating === 'heat_pump') return heatW / Math.max(1.8, Math.min(5, 3.2 + 0.07 * (airC - 7)));
  return home.heating === 'natural_gas' ? BOILER_W : 0;
}

/**
 * Mean electric load to expect of a home in one local hour, integer W >= 0, before PV and battery.
 * A mean over many such homes: one home scatters widely around it. Asserts hour, weekday and month in range.
 */
export function expectedLoadW(home: HomeAttributes, moment: LoadMoment): number {
  const { localHour, weekday, month } = moment;
  assert(Number.isInteger(localHour) && localHour >= 0 && localHour <= 23, 'localHour in 0..23');
  assert(Number.isInteger(weekday) && weekday >= 1 && weekday <= 7, 'weekday in 1..7');
  assert(Number.isInteger(month) && month >= 1 && month <= 12, 'month in 1..12');
  const season = SHAPE_MILLI[Math.floor((month % 12) / 3)]!;
  const shapeMilli = (weekday >= 6 ? season.weekend : season.workday)[localHour]!;
  const meanW = (applianceKwhPerYear(home) * 1000) / HOURS_PER_YEAR;
  const applianceW = (meanW * shapeMilli * MONTH_MILLI[month - 1]!) / 1_000_000;
  const coolingKelvin = Math.max(0, moment.temperatureCentiC / 100 - COOLING_THRESHOLD_C);
  const coolingW = coolingKelvin * COOLING_W_PER_KELVIN_M2 * Math.min(home.areaM2, 200);
  return Math.round(applianceW + heatingW(home, moment) + coolingW);
}
