import { createTestGenesis } from '../market/testing.ts';
import type { Genesis } from '../protocol/types.ts';
import { checkGenesis } from './genesis.ts';
import { describeRules, type RuleRow } from './testing.ts';

// ── Genesis ─────────────────────────────────────────────────────────────────────────────────────────────────────────

type GenesisCase = Genesis | { genesis: Genesis; development: boolean };
function genesisRow(code: string, accepted: GenesisCase[], rejected: GenesisCase[]): RuleRow {
  const judge = (given: GenesisCase) =>
    'genesis' in given ? checkGenesis(given.genesis, given) : checkGenesis(given, { development: false });
  return { code, accepts: () => accepted.map(judge), rejects: () => rejected.map(judge) };
}

const genesisOf = createTestGenesis;
const params = (change: Partial<Genesis['params']>) => genesisOf({ params: change });
const policy = (change: Partial<Genesis['policy']>) => genesisOf({ policy: change });
const nine = genesisOf({ miners: 9 });
const none = genesisOf({ miners: 0 });
const plain = genesisOf();
const first = plain.miners[0]!;
/** The plain genesis with the first member copied, and distinct keys where they are asked for. */
const crowd = (members: number, change: Partial<Genesis['params']>): Genesis => {
  const key = (tag: number, i: number) => {
    // Any y below 2^255 - 19 that is not of small order is an acceptable key.
    const bytes = new Uint8Array(32).fill(tag);
    new DataView(bytes.buffer).setUint32(0, i);
    return bytes;
  };
  const more = Array.from({ length: members - plain.members.length }, (_, i) => ({
    ...plain.members[0]!,
    key: key(1, i),
    meterKey: key(2, i),
  }));
  return {
    ...plain,
    params: { ...plain.params, ...change },
    members: [...plain.members, ...more],
  };
};
const wide = { stepMs: 12_000, spacingMs: 2000, firstStepDelayMs: 800_000 };

const GENESIS_ROWS: RuleRow[] = [
  genesisRow(
    'GENESIS_MINERS',
    [plain, { genesis: nine, development: true }],
    [
      nine,
      { genesis: none, development: true },
      { ...plain, miners: [...plain.miners, first] },
      { ...plain, miners: [...plain.miners, { ...first, member: 12 }] },
      { ...plain, miners: [...plain.miners, { ...first, member: 11 }] },
    ],
  ),
  genesisRow(
    'GENESIS_SPACING',
    [
      params({ spacingMs: 2000 }),
      params({
        spacingMs: 10_000,
        orderWindowMs: 120_000,
        readingWindowMs: 60_000,
        firstStepDelayMs: 120_000,
      }),
    ],
    [params({ spacingMs: 1999 }), params({ spacingMs: 10_001 })],
  ),
  genesisRow(
    'GENESIS_WINDOWS',
    [
      params({ orderWindowMs: 24_000, readingWindowMs: 12_000 }),
      params({ ...wide, orderWindowMs: 732_000, readingWindowMs: 12_000 }),
      params({ stepNominalMs: 900_000 }),
      params({ stepMs: 2000 }),
      crowd(2048, { stepMs: 2000, orderQuota: 1 }),
      crowd(2048, { stepMs: 2000, orderQuota: 0 }),
      crowd(2049, { stepMs: 8000, orderQuota: 1 }),
      crowd(4096, { stepMs: 8000, orderQuota: 2 }),
    ],
    [
      params({ stepMs: 1999 }),
      crowd(2048, { stepMs: 1999, orderQuota: 1 }),
      crowd(2049, { stepMs: 7999, orderQuota: 1 }),
      crowd(2049, { stepMs: 7999, orderQuota: 0 }),
      crowd(4096, { stepMs: 7999, orderQuota: 2 }),
      params({ orderWindowMs: 23_999 }),
      params({ readingWindowMs: 11_999 }),
      params({ ...wide, orderWindowMs: 732_001, readingWindowMs: 12_000 }),
      params({ stepMs: 0 }),
      params({ firstStepDelayMs: 23_999 }),
      params({ stepNominalMs: 0 }),
      params({ stepNominalMs: 3_600_001 }),
    ],
  ),
  genesisRow(
    'GENESIS_KEY',
    [plain],
    [
      { ...plain, oracles: [new Uint8Array(32)] },
      { ...plain, oracles: [plain.oracles[0]!, plain.oracles[0]!] },
      { ...plain, regulators: [plain.regulators[0]!, plain.regulators[0]!] },
      { ...plain, members: [...plain.members, plain.members[0]!] },
      { ...plain, regulators: [new Uint8Array(32)] },
      genesisOf({ member: { key: new Uint8Array(32) } }),
      genesisOf({ member: { meterKey: new Uint8Array(32).fill(0xff) } }),
    ],
  ),
  genesisRow(
    'GENESIS_UNSUPPORTED',
    [plain],
    [
      genesisOf({ params: { clearingRule: 1 } }),
      genesisOf({ params: { sealedOrders: true } }),
      { ...plain, policy: { ...plain.policy, objective: 2 } },
    ],
  ),
  genesisRow(
    'GENESIS_SIZE',
    [
      genesisOf({ members: 16, params: { orderQuota: 512 } }),
      crowd(4096, { orderQuota: 2 }),
      crowd(8192, { orderQuota: 0 }),
      params({ maxBlockTransactions: 1024 }),
      genesisOf({ member: { neighbourhood: 31 } }),
    ],
    [
      genesisOf({ members: 16, params: { orderQuota: 513 } }),
      crowd(4097, { orderQuota: 2 }),
      crowd(8193, { orderQuota: 0 }),
      params({ maxBlockTransactions: 1025 }),
      genesisOf({ member: { neighbourhood: 32 } }),
    ],
  ),
  genesisRow(
    'GENESIS_RANGE',
    [
      params({ defaultWholesaleMicroEurPerKwh: 10_000_000, defaultTemperatureCentiC: 10_000 }),
      params({ defaultWholesaleMicroEurPerKwh: -10_000_000, defaultTemperatureCentiC: -10_000 }),
      genesisOf({ member: { connectionW: 1_000_000_000 } }),
      genesisOf({ params: { stepNominalMs: 86_400_000 }, member: { connectionW: 41_666_666 } }),
      genesisOf({ members: 100, member: { connectionW: 500_000_000 } }),
      genesisOf({ member: { creditLimitNanoEur: 10n ** 18n }, grantNanoEur: 10n ** 18n }),
    ],
    [
      params({ defaultWholesaleMicroEurPerKwh: 10_000_001 }),
      params({ defaultWholesaleMicroEurPerKwh: -10_000_001 }),
      params({ defaultWholesaleMicroEurPerKwh: 2_045_222_521 }),
      params({ defaultWholesaleMicroEurPerKwh: -(2 ** 31) }),
      params({ defaultTemperatureCentiC: 10_001 }),
      params({ defaultTemperatureCentiC: -10_001 }),
      genesisOf({ member: { connectionW: 1_000_000_001 } }),
      genesisOf({ params: { stepNominalMs: 86_400_000 }, member: { connectionW: 41_666_667 } }),
      genesisOf({ members: 100, member: { connectionW: 500_000_001 } }),
      genesisOf({ member: { creditLimitNanoEur: 10n ** 18n + 1n } }),
      genesisOf({ grantNanoEur: 10n ** 18n + 1n }),
    ],
  ),
  genesisRow(
    'POLICY_RANGE',
    [
      policy({ objective: 1, aggregatorFeeBps: 10_000, networkFeeBps: 10_000, minerFeeShareBps: 10_000 }),
      policy({ bonusTiers: [{ threshold: 0, factorBps: 10_000 }], zoneFeeMicroEurPerKwh: [10_000_000] }),
    ],
    [
      policy({ objective: 5 }),
      policy({ aggregatorFeeBps: 10_001 }),
      policy({ networkFeeBps: 10_001 }),
      policy({ minerFeeShareBps: 10_001 }),
      policy({ bonusTiers: [{ threshold: 0, factorBps: 9999 }] }),
      policy({ penaltyTiers: [{ threshold: 0, factorBps: 9999 }] }),
      policy({ zoneFeeMicroEurPerKwh: [0, 10_000_001] }),
    ],
  ),
];

describeRules('genesis', GENESIS_ROWS);
