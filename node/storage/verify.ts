import { WattmeshError } from '../util/errors.ts';
import type { Store } from './interface.ts';

/** What a walk over stored records found. */
export type VerifyReport = {
  /** Records whose own checksum held and that `check` saw. */
  checked: number;
  damaged: { key: Uint8Array; reason: string }[];
};

/**
 * Reads every record in [from, to) and passes each sound one to `check`, which returns `null` or what is wrong with it.
 *
 * It cannot know of records that are gone altogether: compare with the commit record for that. Where even the
 * keys of a part are unreadable, all readable records are still checked and one more finding carries the key `from`.
 */
export async function verifyRecords(
  store: Store,
  from: Uint8Array,
  to: Uint8Array,
  check: (key: Uint8Array, value: Uint8Array) => string | null,
): Promise<VerifyReport> {
  const report: VerifyReport = { checked: 0, damaged: [] };
  try {
    for await (const entry of store.range(from, to)) {
      const reason = 'damaged' in entry ? 'its checksum does not match' : check(entry.key, entry.value);
      if (!('damaged' in entry)) report.checked += 1;
      if (reason !== null) report.damaged.push({ key: entry.key, reason });
    }
  } catch (error) {
    if (!(error instanceof WattmeshError) || error.code !== 'STORE_DAMAGED') throw error;
    report.damaged.push({ key: Uint8Array.from(from), reason: `a part cannot be read: ${error.message}` });
  }
  return report;
}
