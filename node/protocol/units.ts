/**
 * Units of the ledger: Wh, W, MicroEurPerKwh, NanoEur, Bps, CentiC, Ms. Wh x microEUR/kWh = nanoEUR exactly,
 * so the value of a trade never rounds.
 */

/** 1.00 in basis points. */
export const BPS_ONE = 10_000;

/** Exact value of `energyWh` at a price; the sign is the price's. */
export function valueNanoEur(energyWh: number, priceMicroEurPerKwh: number): bigint {
  return BigInt(energyWh) * BigInt(priceMicroEurPerKwh);
}

/** Division towards minus infinity; `divisor` > 0. */
export function floorDiv(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  return dividend % divisor < 0n ? quotient - 1n : quotient;
}

/** Division towards plus infinity; `divisor` > 0. */
export function ceilDiv(dividend: bigint, divisor: bigint): bigint {
  return -floorDiv(-dividend, divisor);
}

/** `price x factorBps / 10 000`, towards plus infinity: for what somebody pays. */
export function scalePriceUp(priceMicroEurPerKwh: number, factorBps: number): number {
  return Math.ceil((priceMicroEurPerKwh * factorBps) / BPS_ONE);
}

/** `price x factorBps / 10 000`, towards minus infinity: for what somebody is paid. */
export function scalePriceDown(priceMicroEurPerKwh: number, factorBps: number): number {
  return Math.floor((priceMicroEurPerKwh * factorBps) / BPS_ONE);
}
