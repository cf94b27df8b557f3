/** The first block and the state it commits to, both functions of the genesis alone. */

import { emptyReceipts } from '../market/context.ts';
import { MAX_GENESIS_NANO_EUR, meterLimitWh } from '../market/limits.ts';
import { MAX_TEMPERATURE_CENTI_C, MAX_WHOLESALE_MICRO_EUR_PER_KWH } from '../market/observations.ts';
import { checkPolicy } from '../market/regulator.ts';
import { type Violation, violation } from '../market/violation.ts';
import { connectionLimitWh } from '../market/windows.ts';
import { NOBODY } from '../protocol/accounts.ts';
import { blockId } from '../protocol/codec.ts';
import { Receipts } from '../protocol/receipts.ts';
import { isAcceptableKey } from '../protocol/signing.ts';
import { createStateStore, type StateStore } from '../protocol/state-store.ts';
import {
  type Block,
  Genesis,
  type Genesis as GenesisValue,
  MAX_STEP_ENTRIES,
  MAX_TRANSACTIONS,
  MAX_ZONES,
  PROTOCOL_VERSION,
  STEP_RING,
  Transactions,
} from '../protocol/types.ts';
import { BPS_ONE } from '../protocol/units.ts';
import { bytesFromBigint, toHex } from '../util/bytes.ts';
import { assert, WattmeshError } from '../util/errors.ts';
import { FLOOR_TARGET, isBelowTarget } from './target.ts';

const DAY_MS = 86_400_000;

/** Miners below which a community is refused outside development. */
export const MIN_MINERS = 10;

/** Objectives with rules in this version: none, maximise-p2p. */
const LAST_OBJECTIVE = 1;

export function genesisRoot(genesis: GenesisValue): Uint8Array {
  return Genesis.hashTreeRoot(genesis);
}

/** The genesis rules. Null: it may start a chain. */
export function checkGenesis(genesis: GenesisValue, options: { development: boolean }): Violation | null {
  const { params, members, miners, oracles, regulators } = genesis;
  if (!options.development && miners.length < MIN_MINERS) {
    return violation('GENESIS_MINERS', `${miners.length} miners; at least ${MIN_MINERS} outside development`);
  }
  if (miners.length === 0) return violation('GENESIS_MINERS', 'a chain needs a miner');
  if (params.spacingMs < 2000 || params.spacingMs > 10_000) {
    return violation('GENESIS_SPACING', `spacing ${params.spacingMs} ms, allowed are 2000 to 10000 ms`);
  }
  const misfit = checkWindows(genesis);
  if (misfit) return misfit;
  const keys = [...members.flatMap((m) => [m.key, m.meterKey]), ...oracles, ...regulators];
  if (!keys.every(isAcceptableKey)) return violation('GENESIS_KEY', 'a key is not an acceptable ed25519 key');
  if (hasDuplicates(members.map((m) => m.key)) || hasDuplicates(oracles) || hasDuplicates(regulators)) {
    return violation('GENESIS_KEY', 'two members, oracles or regulators have the same key');
  }
  for (const miner of miners) {
    const member = members[miner.member];
    if (member === undefined) return violation('GENESIS_MINERS', `miner ${miner.member} is not a member`);
    if (member.key.some((byte, i) => byte !== miner.key[i])) {
      return violation('GENESIS_MINERS', `miner ${miner.member} has another key than the member`);
    }
  }
  if (new Set(miners.map((miner) => miner.member)).size !== miners.length) {
    return violation('GENESIS_MINERS', 'a miner is listed twice');
  }
  return (
    checkSizes(genesis) ?? checkRanges(genesis) ?? checkPolicy(genesis.policy) ?? checkSupported(genesis)
  );
}

/** What blocks must keep up with, and what the state must keep open. */
function checkWindows({ params, members }: GenesisValue): Violation | null {
  if (params.orderWindowMs < 12 * params.spacingMs || params.readingWindowMs < 6 * params.spacingMs) {
    return violation('GENESIS_WINDOWS', 'the order window needs 12 spacings, the reading window 6');
  }
  // Blocks must close steps twice as fast as they come: four phases of a block, if they fit its receipts, close two.
  const twoFit = members.length * (Math.max(1, params.orderQuota) + 1) <= MAX_STEP_ENTRIES / 2;
  const leastStepMs = (twoFit ? 1 : 4) * params.spacingMs;
  if (params.stepMs < leastStepMs) {
    return violation(
      'GENESIS_WINDOWS',
      `steps of ${params.stepMs} ms are too short for this community, it needs ${leastStepMs} ms`,
    );
  }
  const openSteps = (params.orderWindowMs + params.readingWindowMs) / params.stepMs + 2;
  if (openSteps > STEP_RING) {
    return violation(
      'GENESIS_WINDOWS',
      `the windows keep ${openSteps} steps open, the state holds ${STEP_RING}`,
    );
  }
  if (params.firstStepDelayMs < params.orderWindowMs) {
    return violation('GENESIS_WINDOWS', 'the first step begins before its order window is over');
  }
  if (DAY_MS % params.stepNominalMs !== 0) {
    return violation('GENESIS_WINDOWS', `steps of ${params.stepNominalMs} ms do not divide a day`);
  }
  return null;
}

/** Numbers that would not fit what the market writes of them. */
function checkRanges(genesis: GenesisValue): Violation | null {
  const { params, members, grantNanoEur } = genesis;
  const { defaultWholesaleMicroEurPerKwh: price, defaultTemperatureCentiC: centiC } = params;
  if (Math.abs(price) > MAX_WHOLESALE_MICRO_EUR_PER_KWH || Math.abs(centiC) > MAX_TEMPERATURE_CENTI_C) {
    return violation('GENESIS_RANGE', `defaults of ${price} microEUR/kWh and ${centiC} centiC`);
  }
  const limitWh = meterLimitWh(members.length);
  if (members.some(({ connectionW }) => connectionLimitWh(genesis, connectionW) > limitWh)) {
    return violation(
      'GENESIS_RANGE',
      `a connection carries more than the ${limitWh} Wh per step of a community of ${members.length}`,
    );
  }
  const amounts = [grantNanoEur, ...members.map((member) => member.creditLimitNanoEur)];
  if (amounts.some((amount) => amount > MAX_GENESIS_NANO_EUR)) {
    return violation('GENESIS_RANGE', `the grant or a credit limit exceeds ${MAX_GENESIS_NANO_EUR} nanoEUR`);
  }
  return null;
}

/** Throws the broken genesis rule as an error with a remedy. */
export function requireGenesis(genesis: GenesisValue, options: { development: boolean }): void {
  const refused = checkGenesis(genesis, options);
  if (refused === null) return;
  throw new WattmeshError({
    code: refused.code,
    message: `the genesis cannot start a chain: ${refused.message}`,
    remedy: 'choose another preset or parameters; "dev": true in node.json allows fewer than ten miners',
  });
}

/** One key in two places would be one voice with two votes. */
function hasDuplicates(keys: readonly Uint8Array[]): boolean {
  return new Set(keys.map(toHex)).size !== keys.length;
}

/** What exists as a type and has no rule yet. */
function checkSupported({ params, policy }: GenesisValue): Violation | null {
  if (params.clearingRule !== 0 || params.sealedOrders) {
    return violation('GENESIS_UNSUPPORTED', 'this version clears open orders by the rule kda only');
  }
  if (policy.objective > LAST_OBJECTIVE) {
    return violation('GENESIS_UNSUPPORTED', 'this version has the objectives none and maximise-p2p only');
  }
  return null;
}

/** What a block may hold must fit the lists of state and receipts. */
function checkSizes({ params, members }: GenesisValue): Violation | null {
  if (members.length * Math.max(1, params.orderQuota) > MAX_STEP_ENTRIES) {
    return violation(
      'GENESIS_SIZE',
      `members x order quota exceeds the ${MAX_STEP_ENTRIES} entries of a step`,
    );
  }
  if (params.maxBlockTransactions > MAX_TRANSACTIONS) {
    return violation('GENESIS_SIZE', `a block holds at most ${MAX_TRANSACTIONS} transactions`);
  }
  if (members.some((member) => member.neighbourhood >= MAX_ZONES)) {
    return violation('GENESIS_SIZE', `neighbourhoods are numbered 0 to ${MAX_ZONES - 1}`);
  }
  return null;
}

export function createGenesisState(genesis: GenesisValue): StateStore {
  const account = {
    creditNanoEur: 0n,
    debitNanoEur: 0n,
    p2pSteps: 0,
    gridSteps: 0,
    bonusBps: BPS_ONE,
    penaltyBps: BPS_ONE,
    importRegisterWh: 0,
    exportRegisterWh: 0,
    substitutedWh: 0,
    nextMeteredStep: 0,
  };
  const nothing = { creditNanoEur: 0n, debitNanoEur: 0n };
  const granted = genesis.grantNanoEur;
  return createStateStore({
    genesisRoot: genesisRoot(genesis),
    market: {
      nextToClear: 0,
      nextToSettle: 0,
      wholesaleStepPlus1: 0,
      temperatureStepPlus1: 0,
      adminSequence: 0,
      wholesaleMicroEurPerKwh: genesis.params.defaultWholesaleMicroEurPerKwh,
      temperatureCentiC: genesis.params.defaultTemperatureCentiC,
    },
    members: genesis.members,
    accounts: genesis.members.map(() => ({ ...account })),
    reservedNanoEur: genesis.members.map(() => 0n),
    systemBalances: [
      nothing,
      nothing,
      { creditNanoEur: granted, debitNanoEur: 0n },
      { creditNanoEur: 0n, debitNanoEur: granted },
    ],
    miners: genesis.miners,
    policy: genesis.policy,
  });
}

/** The block at height 0: its parent is the genesis root; its nonce is the least that meets the floor. */
export function createGenesisBlock(genesis: GenesisValue, state: StateStore, knownNonce?: Uint8Array): Block {
  const body = {
    version: PROTOCOL_VERSION,
    height: 0,
    parent: genesisRoot(genesis),
    timestampMs: genesis.timeMs,
    target: FLOOR_TARGET,
    author: NOBODY,
    transactionsRoot: Transactions.hashTreeRoot([]),
    receiptsRoot: Receipts.hashTreeRoot(emptyReceipts()),
    stateRoot: state.root(),
    minersRoot: state.minersRoot(),
    conflictHeight: 0,
  };
  for (let i = 0n; ; i++) {
    const nonce = knownNonce ?? bytesFromBigint(i, 32);
    const header = { body, nonce };
    if (isBelowTarget(blockId(header), FLOOR_TARGET)) {
      return { signedHeader: { header, signature: new Uint8Array(64) }, transactions: [] };
    }
    assert(knownNonce === undefined, 'the recorded nonce of the genesis block does not meet the target');
  }
}
