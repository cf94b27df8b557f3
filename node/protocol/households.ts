/** Heating types in the order of their numbers in a member's record. */
export const HEATING_TYPES = ['electric', 'heat_pump', 'natural_gas', 'biomass', 'other'] as const;
export type HeatingType = (typeof HEATING_TYPES)[number];

/** Battery power of a member with a given capacity: what charges it in two hours, in W. */
export function batteryPowerW(batteryWh: number): number {
  return Math.floor(batteryWh / 2);
}
