/** Bounds that keep what one settlement or one block writes inside its types (docs/protocol.md, sections 6, 9 and 11). */
import { Receipts } from '../protocol/receipts.ts';
import { MAX_STEP_ENTRIES } from '../protocol/types.ts';
import { assert } from '../util/errors.ts';

/** Largest meter limit of any community: a deviation is at most three times this and fits 32 bits. */
const MAX_METER_WH = 1_000_000_000;
/** Largest sum of the meter limits of a community: the money of a step in which all reach theirs fits 64 bits. */
const MAX_COMMUNITY_METER_WH = 50_000_000_000;

/** Largest credit limit of a member and largest grant to the fund: 10^9 EUR. */
export const MAX_GENESIS_NANO_EUR = 10n ** 18n;

/**
 * The most Wh by which one reading may move a register, by which one reading corrects, and which a connection may
 * carry in a step. At least 1 member.
 */
export function meterLimitWh(memberCount: number): number {
  return Math.min(MAX_METER_WH, Math.floor(MAX_COMMUNITY_METER_WH / memberCount));
}

/** Whether so many further trades and settlement lines fit the lists of a block's receipts. */
export function hasRoom(
  receipts: Pick<Receipts, 'trades' | 'settlements'>,
  atWorst: { trades: number; settlements: number },
): boolean {
  return (
    receipts.trades.length + atWorst.trades <= MAX_STEP_ENTRIES &&
    receipts.settlements.length + atWorst.settlements <= MAX_STEP_ENTRIES
  );
}

/** Throws when a list of the receipts is longer than its type: it would be hashed without a word, and read by nobody. */
export function checkReceiptBounds(receipts: Receipts): void {
  for (const name of Object.keys(Receipts.fields) as (keyof Receipts)[]) {
    const { length } = receipts[name];
    const { limit } = Receipts.fields[name];
    assert(length <= limit, `${length} ${name} in the receipts of a block, their list holds ${limit}`);
  }
  const zones = Receipts.fields.clearings.elementType.fields.zonePrices.limit;
  for (const { step, zonePrices } of receipts.clearings) {
    assert(
      zonePrices.length <= zones,
      `step ${step}: ${zonePrices.length} zone prices, the list holds ${zones}`,
    );
  }
}
