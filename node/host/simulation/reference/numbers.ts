/** Exact integers of any size and sign. */

export function sumOf(values: readonly bigint[]): bigint {
  let total = 0n;
  for (const value of values) total += value;
  return total;
}

export function least(...values: readonly bigint[]): bigint {
  return values.reduce((best, value) => (value < best ? value : best));
}

export function greatest(...values: readonly bigint[]): bigint {
  return values.reduce((best, value) => (value > best ? value : best));
}

/** The nearest value in `low..high`. */
export function movedInto(low: bigint, high: bigint, value: bigint): bigint {
  return least(greatest(value, low), high);
}

/** Quotient towards minus infinity; `divisor` > 0. */
export function quotientDown(dividend: bigint, divisor: bigint): bigint {
  const residue = ((dividend % divisor) + divisor) % divisor;
  return (dividend - residue) / divisor;
}

/** Quotient towards plus infinity; `divisor` > 0. */
export function quotientUp(dividend: bigint, divisor: bigint): bigint {
  return quotientDown(dividend + divisor - 1n, divisor);
}
