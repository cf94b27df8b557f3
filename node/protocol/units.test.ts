import { describe, expect, it } from 'vitest';
import {
  AGGREGATOR,
  accountFromName,
  accountName,
  FUND,
  isSystemAccount,
  NOBODY,
  TREASURY,
} from './accounts.ts';
import { ceilDiv, floorDiv, scalePriceDown, scalePriceUp, valueNanoEur } from './units.ts';

describe('units', () => {
  it('value energy exactly, the sign being the price’s', () => {
    expect(valueNanoEur(1000, 115_000)).toBe(115_000_000n);
    expect(valueNanoEur(3, -7)).toBe(-21n);
    expect(valueNanoEur(2 ** 32 - 1, 2 ** 31 - 1)).toBe((2n ** 32n - 1n) * (2n ** 31n - 1n));
  });

  it.each([
    [7n, 2n, 3n, 4n],
    [-7n, 2n, -4n, -3n],
    [6n, 3n, 2n, 2n],
    [-6n, 3n, -2n, -2n],
    [0n, 5n, 0n, 0n],
    [-1n, 10n, -1n, 0n],
    [1n, 10n, 0n, 1n],
  ])('%d / %d lies between floor %d and ceiling %d', (dividend, divisor, floor, ceiling) => {
    expect(floorDiv(dividend, divisor)).toBe(floor);
    expect(ceilDiv(dividend, divisor)).toBe(ceiling);
  });

  it('scale prices up for the payer and down for the payee, negative ones too', () => {
    expect(scalePriceUp(100_001, 10_500)).toBe(105_002);
    expect(scalePriceDown(100_001, 10_500)).toBe(105_001);
    expect(scalePriceUp(-100_001, 10_500)).toBe(-105_001);
    expect(scalePriceDown(-100_001, 10_500)).toBe(-105_002);
    expect(scalePriceUp(100_000, 10_000)).toBe(100_000);
    expect(scalePriceDown(100_000, 10_000)).toBe(100_000);
  });
});

describe('accounts', () => {
  it('have names that lead back to them', () => {
    for (const account of [0, 7, 1234, 65_535, AGGREGATOR, FUND, TREASURY]) {
      expect(accountFromName(accountName(account))).toBe(account);
    }
    expect(accountName(7)).toBe('p-0007');
    expect(accountFromName('7')).toBe(7);
    for (const wrong of ['', 'p-', 'p-x', 'p-123456', 'FUND', '-1', '1.5']) {
      expect(accountFromName(wrong)).toBeNull();
    }
  });

  it('of the system end where nobody begins', () => {
    expect(isSystemAccount(AGGREGATOR - 1)).toBe(false);
    expect(isSystemAccount(AGGREGATOR)).toBe(true);
    expect(isSystemAccount(TREASURY)).toBe(true);
    expect(isSystemAccount(TREASURY + 1)).toBe(false);
    expect(isSystemAccount(NOBODY)).toBe(false);
  });
});
