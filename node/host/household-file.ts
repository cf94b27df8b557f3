/** The meter's memory across restarts. */
import { existsSync, readFileSync } from 'node:fs';
import type { HouseholdSnapshot } from '../metering/household.ts';
import { WattmeshError } from '../util/errors.ts';
import { writeFileAtomic } from './files.ts';

export interface SavedHousehold {
  /** The last step that was read. */
  step: number;
  snapshot: HouseholdSnapshot;
}

export interface HouseholdFile {
  load(): SavedHousehold | null;
  save(saved: SavedHousehold): void;
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

export function createHouseholdFile(path: string): HouseholdFile {
  return {
    load() {
      if (!existsSync(path)) return null;
      try {
        const saved = JSON.parse(readFileSync(path, 'utf8')) as SavedHousehold | null;
        const isWhole = Number.isSafeInteger(saved?.step) && saved!.step >= 0 && isObject(saved!.snapshot);
        if (!isWhole) throw new TypeError('it holds no step and no state of a meter');
        return saved;
      } catch (cause) {
        throw new WattmeshError({
          code: 'HOUSEHOLD_FILE',
          message: `${path} is damaged: ${(cause as Error).message}`,
          remedy:
            'move the file away: the meter starts anew and the community settles it as a replaced meter',
          cause,
        });
      }
    },
    save: (saved) => writeFileAtomic(path, `${JSON.stringify(saved)}\n`),
  };
}
