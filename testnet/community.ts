/** The households of a testnet, drawn by seed out of a preset's ranges. */
import type { CommunityRanges } from '../node/protocol/presets/interface.ts';
import { NEIGHBOURHOODS } from '../node/protocol/presets/neighbourhoods.ts';
import { createRng, deriveSeed, type Rng } from '../node/util/rng.ts';

/** What a member registers about its home; locations are rounded to a thousandth of a degree. */
export interface Home {
  neighbourhood: number;
  latitudeMicroDeg: number;
  longitudeMicroDeg: number;
  connectionW: number;
  pvWp: number;
  batteryWh: number;
  /** Position in the list of heating types: electric, heat pump, natural gas, biomass, other. */
  heating: number;
  residents: number;
  areaM2: number;
  yearBuilt: number;
}

const LOCATION_GRID_MICRO_DEG = 1000;
/** Shares of heating types, per hundred homes, in the order of their numbers: our estimate of a northern Italian city. */
const HEATING_SHARES = [8, 12, 70, 6, 4];

/** An integer in [min, max]. */
function between(rng: Rng, min: number, max: number): number {
  return min + rng.below(max - min + 1);
}

function pick<T>(rng: Rng, values: readonly T[]): T {
  return values[rng.below(values.length)]!;
}

function drawHeating(rng: Rng): number {
  let rest = rng.below(HEATING_SHARES.reduce((sum, share) => sum + share, 0));
  return HEATING_SHARES.findIndex((share) => {
    rest -= share;
    return rest < 0;
  });
}

/** `count` neighbourhoods out of the table, by seed, ascending. */
function drawNeighbourhoods(rng: Rng, count: number): number[] {
  const all = NEIGHBOURHOODS.map((_, i) => i);
  const drawn = Array.from({ length: Math.min(count, all.length) }, () => {
    return all.splice(rng.below(all.length), 1)[0]!;
  });
  return drawn.sort((a, b) => a - b);
}

function within(rng: Rng, [low, high]: readonly [number, number]): number {
  const cells = Math.floor((high - low) / LOCATION_GRID_MICRO_DEG);
  return low + LOCATION_GRID_MICRO_DEG * between(rng, 0, cells);
}

/** One home per prosumer; the same seed and ranges give the same homes. */
export function drawHomes(ranges: CommunityRanges, seed: bigint): Home[] {
  const neighbourhoods = drawNeighbourhoods(
    createRng(deriveSeed(seed, 'neighbourhoods')),
    ranges.neighbourhoods,
  );
  return Array.from({ length: ranges.prosumers }, (_, i) => {
    const rng = createRng(deriveSeed(seed, `home ${i}`));
    const neighbourhood = pick(rng, neighbourhoods);
    const box = NEIGHBOURHOODS[neighbourhood]!;
    return {
      neighbourhood,
      latitudeMicroDeg: within(rng, box.latitude),
      longitudeMicroDeg: within(rng, box.longitude),
      connectionW: ranges.connectionW,
      pvWp: between(rng, ranges.panels.min, ranges.panels.max) * ranges.panelWp,
      batteryWh: pick(rng, ranges.batteryWh),
      heating: drawHeating(rng),
      residents: between(rng, 1, 5),
      areaM2: between(rng, 45, 180),
      yearBuilt: between(rng, 1920, 2020),
    };
  });
}

/** Hash powers 0.1 to 1.0 in tenths, drawn again while their mean is below 0.4: a community of tiny miners is slow. */
export function drawHashPowers(count: number, seed: bigint): number[] {
  const rng = createRng(deriveSeed(seed, 'hash power'));
  for (;;) {
    const tenths = Array.from({ length: count }, () => between(rng, 1, 10));
    if (tenths.reduce((sum, power) => sum + power, 0) >= 4 * count) return tenths.map((power) => power / 10);
  }
}
