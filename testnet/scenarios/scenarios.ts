/** The scenarios of `testnet chaos`. */
import { WattmeshError } from '../../node/util/errors.ts';
import type { Scenario } from '../chaos/scenario.ts';
import { byzantinePeer } from './byzantine.ts';
import { corruptAndHeal, killMinority, killNineOfTen, rollingRestart } from './kills.ts';
import { hashrateShock, pauseMiner, splitInHalves } from './links.ts';
import { storm } from './storm.ts';

export const SCENARIOS: readonly Scenario[] = [
  killMinority,
  killNineOfTen,
  rollingRestart,
  splitInHalves,
  pauseMiner,
  corruptAndHeal,
  hashrateShock,
  byzantinePeer,
  storm,
];

/** Finds a scenario; throws SCENARIO_NOT_FOUND with the list of those there are. */
export function requireScenario(name: string): Scenario {
  const scenario = SCENARIOS.find((known) => known.name === name);
  if (scenario !== undefined) return scenario;
  const names = SCENARIOS.map((known) => known.name);
  throw new WattmeshError({
    code: 'SCENARIO_NOT_FOUND',
    message: `there is no scenario "${name}"`,
    remedy: `choose one of: ${names.join(', ')}`,
    details: { scenario: name, scenarios: names },
  });
}
