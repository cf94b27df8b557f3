/** Fixtures of the tests: a small community with real keys, and a market that is driven block by block. */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { createBody } from '../protocol/codec.ts';
import type { Receipts } from '../protocol/receipts.ts';
import type { Signer, Verifier } from '../protocol/signing.ts';
import { type Account, State } from '../protocol/state.ts';
import { createStateStore, type StateStore } from '../protocol/state-store.ts';
import {
  Genesis,
  type Genesis as GenesisValue,
  type Member,
  type Params,
  type Policy,
  type TransactionBody,
} from '../protocol/types.ts';
import { assert } from '../util/errors.ts';
import { checkEnergyConservation } from './conservation.ts';
import { createBlockContext } from './context.ts';
import { totalBalanceNanoEur } from './ledger.ts';
import { runDuePhases } from './pipeline.ts';
import { applyTransaction } from './transactions.ts';
import type { Violation } from './violation.ts';
import { deliveryStartMs } from './windows.ts';

const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/** The ed25519 key of a label: the same on every run. */
export function testSigner(label: string): Signer {
  const seed = createHash('sha256').update(label).digest();
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' });
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return {
    publicKey: new Uint8Array(spki.subarray(SPKI_PREFIX.length)),
    sign: (message) => new Uint8Array(sign(null, message, key)),
  };
}

const publicKeys = new Map<string, KeyObject>();

export const testVerifier: Verifier = {
  verify(publicKey, message, signature) {
    const hex = Buffer.from(publicKey).toString('hex');
    let key = publicKeys.get(hex);
    if (key === undefined) {
      key = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, publicKey]), format: 'der', type: 'spki' });
      publicKeys.set(hex, key);
    }
    return verify(null, message, key, signature);
  },
};

export const accountSigner = (member: number): Signer => testSigner(`account-${member}`);
export const meterSigner = (member: number): Signer => testSigner(`meter-${member}`);
export const oracleSigner = (oracle: number): Signer => testSigner(`oracle-${oracle}`);

const HOUR_MS = 3_600_000;
export const EUR = 1_000_000_000n;

/** The demo's clock: a step of one hour lasts 12 s, order window 24 s, reading window 12 s. */
export const TEST_PARAMS: Params = {
  spacingMs: 2000,
  finalityDepth: 12,
  confirmationDepth: 12,
  authorSpacing: 0,
  hashUnit: 22_500,
  stepMs: 12_000,
  stepNominalMs: HOUR_MS,
  calendarStartMs: 1_755_208_800_000,
  firstStepDelayMs: 24_000,
  orderWindowMs: 24_000,
  readingWindowMs: 12_000,
  trueUpMs: 240_000,
  orderQuota: 4,
  clearingRule: 0,
  sealedOrders: false,
  maxBlockBytes: 262_144,
  maxBlockTransactions: 1000,
  defaultWholesaleMicroEurPerKwh: 115_000,
  defaultTemperatureCentiC: 2400,
  observationMaxAgeSteps: 24,
};

export const TEST_POLICY: Policy = {
  objective: 1,
  aggregatorFeeBps: 500,
  networkFeeBps: 200,
  minerFeeShareBps: 5000,
  bonusTiers: [
    { threshold: 1, factorBps: 10_200 },
    { threshold: 5, factorBps: 10_500 },
    { threshold: 10, factorBps: 11_000 },
  ],
  penaltyTiers: [
    { threshold: 5, factorBps: 10_500 },
    { threshold: 10, factorBps: 11_000 },
  ],
  zoneFeeMicroEurPerKwh: [],
};

export interface TestCommunity {
  members?: number;
  miners?: number;
  oracles?: number;
  zones?: number;
  params?: Partial<Params>;
  policy?: Partial<Policy>;
  member?: Partial<Member>;
  grantNanoEur?: bigint;
}

/** A genesis of `members` households (12) of which the first `miners` (10) mine. */
export function createTestGenesis(given: TestCommunity = {}): GenesisValue {
  const zones = given.zones ?? 1;
  const members = Array.from({ length: given.members ?? 12 }, (_, index) => ({
    key: accountSigner(index).publicKey,
    meterKey: meterSigner(index).publicKey,
    neighbourhood: index % zones,
    latitudeMicroDeg: 45_070_000 + index,
    longitudeMicroDeg: -7_680_000 - index,
    connectionW: 6000,
    pvWp: 3000,
    batteryWh: 10_000,
    heating: 1,
    residents: 3,
    areaM2: 90,
    yearBuilt: 1990,
    status: 0,
    suspendedUntilStep: 0,
    creditLimitNanoEur: 200n * EUR,
    ...given.member,
  }));
  return {
    name: new TextEncoder().encode('test'),
    timeMs: 1_755_250_000_000,
    params: { ...TEST_PARAMS, ...given.params },
    policy: { ...TEST_POLICY, ...given.policy },
    members,
    miners: members.slice(0, given.miners ?? 10).map(({ key }, member) => ({ member, key })),
    regulatorThreshold: 1,
    regulators: [testSigner('regulator').publicKey],
    oracles: Array.from({ length: given.oracles ?? 3 }, (_, index) => oracleSigner(index).publicKey),
    grantNanoEur: given.grantNanoEur ?? EUR,
  };
}

/** What every member's account holds at the start. */
export type TestAccount = Partial<Account> & { reservedNanoEur?: bigint };

/** The state at the start of a test genesis; `account` and `reservedNanoEur` override every member's. */
export function createTestState(genesis: GenesisValue, given: TestAccount = {}): StateStore {
  const { reservedNanoEur = 0n, ...account } = given;
  const empty = State.defaultValue();
  const nothing = { creditNanoEur: 0n, debitNanoEur: 0n };
  return createStateStore({
    ...empty,
    genesisRoot: Genesis.hashTreeRoot(genesis),
    market: {
      ...empty.market,
      wholesaleMicroEurPerKwh: genesis.params.defaultWholesaleMicroEurPerKwh,
      temperatureCentiC: genesis.params.defaultTemperatureCentiC,
    },
    members: genesis.members,
    accounts: genesis.members.map(() => ({
      ...nothing,
      p2pSteps: 0,
      gridSteps: 0,
      bonusBps: 10_000,
      penaltyBps: 10_000,
      importRegisterWh: 0,
      exportRegisterWh: 0,
      substitutedWh: 0,
      nextMeteredStep: 0,
      ...account,
    })),
    reservedNanoEur: genesis.members.map(() => reservedNanoEur),
    systemBalances: [
      nothing,
      nothing,
      { creditNanoEur: genesis.grantNanoEur, debitNanoEur: 0n },
      { creditNanoEur: 0n, debitNanoEur: genesis.grantNanoEur },
    ],
    miners: genesis.miners,
    policy: genesis.policy,
  });
}

/** A market without headers: every `block` is what applyBlock does to the state. */
export interface TestMarket {
  readonly genesis: GenesisValue;
  state(): StateStore;
  /** Start of a step's delivery on the market clock. */
  startMs(step: number): number;
  /** Executes a block; `violations[i]` tells why body i was refused. Throws when an invariant breaks. */
  block(
    clockMs: number,
    bodies?: readonly TransactionBody[],
    author?: number,
  ): { receipts: Receipts; violations: (Violation | null)[] };
  /** Like `block`, and throws when a body is refused. */
  accept(clockMs: number, bodies: readonly TransactionBody[], author?: number): Receipts;
}

export function createTestMarket(genesis: GenesisValue, initial = createTestState(genesis)): TestMarket {
  let state = initial;
  const market: TestMarket = {
    genesis,
    state: () => state,
    startMs: (step) => deliveryStartMs(genesis, step),
    block(clockMs, bodies = [], author = 0) {
      const genesisRoot = state.genesisRoot;
      const context = createBlockContext({ genesis, genesisRoot, state: state.fork(), clockMs, author });
      runDuePhases(context);
      const violations = bodies.map((body) => applyTransaction(context, body));
      context.ledger.flush();
      checkEnergyConservation(context.receipts);
      assert(totalBalanceNanoEur(context.state) === 0n, 'money was made or lost');
      state = context.state;
      return { receipts: context.receipts, violations };
    },
    accept(clockMs, bodies, author) {
      const { receipts, violations } = market.block(clockMs, bodies, author);
      for (const refused of violations)
        assert(refused === null, `refused: ${refused?.code} ${refused?.message}`);
      return receipts;
    },
  };
  return market;
}

/** Credit minus debit of a member or system account. */
export function balanceOf(state: StateStore, account: number): bigint {
  const entry = account < 0xffff_0000 ? state.account(account) : state.systemBalance(account);
  return entry.creditNanoEur - entry.debitNanoEur;
}

interface OrderFields {
  step: number;
  account: number;
  energyWh: number;
  limit: number;
  sequence?: number;
}

function order(side: number, { step, account, energyWh, limit, sequence = 0 }: OrderFields): TransactionBody {
  const payload = { side, energyWh, limitMicroEurPerKwh: limit };
  return createBody({ kind: 'order', step, account, sequence, payload });
}
export const bid = (fields: OrderFields): TransactionBody => order(0, fields);
export const ask = (fields: OrderFields): TransactionBody => order(1, fields);

export function cancel(step: number, account: number, sequence = 0): TransactionBody {
  return createBody({ kind: 'cancel', step, account, sequence, payload: { orderSequence: sequence } });
}

export function observation(step: number, oracle: number, price: number, centiC = 2000): TransactionBody {
  const payload = { temperatureCentiC: centiC, wholesaleMicroEurPerKwh: price };
  return createBody({ kind: 'observation', step, account: oracle, sequence: 0, payload });
}

export function reading(step: number, account: number, importWh: number, exportWh = 0): TransactionBody {
  const payload = {
    importRegisterWh: importWh,
    exportRegisterWh: exportWh,
    telemetryRoot: new Uint8Array(32),
    attested: true,
  };
  return createBody({ kind: 'reading', step, account, sequence: 0, payload });
}
