/** Accounts that only rules move. Members have the numbers below; these stand at the top of the number space. */
export const SYSTEM_ACCOUNT_BASE = 0xffff_fff0;
export const AGGREGATOR = SYSTEM_ACCOUNT_BASE + 0;
export const NETWORK_OPERATOR = SYSTEM_ACCOUNT_BASE + 1;
export const FUND = SYSTEM_ACCOUNT_BASE + 2;
export const TREASURY = SYSTEM_ACCOUNT_BASE + 3;
/** In receipts: the community as a whole; in headers: no author (genesis). */
export const NOBODY = 0xffff_ffff;

const SYSTEM_NAMES: Readonly<Record<number, string>> = {
  [AGGREGATOR]: 'aggregator',
  [NETWORK_OPERATOR]: 'network-operator',
  [FUND]: 'fund',
  [TREASURY]: 'treasury',
};

export function isSystemAccount(account: number): boolean {
  return account >= SYSTEM_ACCOUNT_BASE && account <= TREASURY;
}

/** `p-0007` for members, a word for system accounts. */
export function accountName(account: number): string {
  return SYSTEM_NAMES[account] ?? `p-${String(account).padStart(4, '0')}`;
}

/** The account behind a name, a bare member number included; `null` if it is neither. */
export function accountFromName(name: string): number | null {
  for (const [account, word] of Object.entries(SYSTEM_NAMES)) if (word === name) return Number(account);
  const match = /^(?:p-)?(\d{1,5})$/.exec(name);
  return match ? Number(match[1]) : null;
}
