import type { Params, Policy } from '../types.ts';

/** Ranges from which a community is drawn, by seed, when a manifest is made. */
export interface CommunityRanges {
  prosumers: number;
  miners: number;
  oracles: number;
  /** Names out of the neighbourhood table; members spread over them. */
  neighbourhoods: number;
  panels: { min: number; max: number };
  panelWp: number;
  batteryWh: readonly number[];
  connectionW: number;
  creditLimitNanoEur: bigint;
}

/** A named community: everything of a genesis that is not a key or a date of its own. */
export interface Preset {
  name: string;
  description: string;
  params: Params;
  policy: Policy;
  community: CommunityRanges;
  grantNanoEur: bigint;
  /** Steps that `testnet run` trades by default. */
  steps: number;
}
