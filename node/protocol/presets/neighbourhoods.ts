/** A part of Turin as a box, in micro-degrees. */
export interface Neighbourhood {
  name: string;
  latitude: readonly [number, number];
  longitude: readonly [number, number];
}

const box = (name: string, south: number, north: number, west: number, east: number): Neighbourhood => ({
  name,
  latitude: [south * 1000, north * 1000],
  longitude: [west * 1000, east * 1000],
});

/** The ten neighbourhoods of the Prosumers project (its configuration's boxes, in milli-degrees here). */
export const NEIGHBOURHOODS: readonly Neighbourhood[] = [
  box('Centro', 45_065, 45_080, 7675, 7690),
  box('San_Salvario', 45_050, 45_065, 7675, 7695),
  box('Crocetta', 45_060, 45_075, 7645, 7660),
  box('Aurora', 45_088, 45_100, 7675, 7695),
  box('Vanchiglia', 45_068, 45_083, 7690, 7710),
  box('Lingotto', 45_015, 45_035, 7640, 7665),
  box('Santa_Rita', 45_040, 45_055, 7630, 7655),
  box('San_Donato', 45_080, 45_095, 7640, 7658),
  box('Cit_Turin', 45_070, 45_085, 7660, 7675),
  box('Barriera_di_Milano', 45_100, 45_115, 7665, 7685),
];
