/** Builds transactions out of the decisions of an input: near the rules' edges, of every kind, signed or not. */
import type { ChainRules } from '../../node/consensus/header.ts';
import { accountSigner, meterSigner, oracleSigner } from '../../node/market/testing.ts';
import { deliveryStartMs, readingWindow, stepAt } from '../../node/market/windows.ts';
import { createBody, kindOf } from '../../node/protocol/codec.ts';
import { type Signer, transactionMessage } from '../../node/protocol/signing.ts';
import {
  type Payloads,
  SignedHeader,
  TRANSACTION_KINDS,
  type Transaction,
  type TransactionBody,
  type TransactionKind,
} from '../../node/protocol/types.ts';
import { getOrInsert } from '../../node/util/maps.ts';
import type { Reader } from './reader.ts';

/** Kinds with rules come up most. */
const LIKELY: readonly TransactionKind[] = [
  'order',
  'order',
  'order',
  'cancel',
  'reading',
  'reading',
  'observation',
];
const ENERGY_WH = [1, 500, 3000, 5999, 6000, 6001];
const PRICES = [0, 1, -1, 100_000, 150_000, 4_000_000, 2 ** 31 - 1, -(2 ** 31), -100_000];

function int32(reader: Reader): number {
  return reader.bool() ? reader.pick(PRICES) : reader.uint32() | 0;
}

function payloadOf(reader: Reader, kind: TransactionKind, sequence: number): Payloads[TransactionKind] {
  const bytes32 = () => reader.bytes(32);
  const flag = () => reader.bool();
  const register = () => reader.edge32([0, 500, 1000, 2500, 6000]) * (reader.oneIn(16) ? 2 ** 21 : 1);
  const order = () => ({
    side: reader.oneIn(16) ? reader.byte() : reader.below(2),
    energyWh: reader.edge32(ENERGY_WH),
    limitMicroEurPerKwh: int32(reader),
  });
  switch (kind) {
    case 'order':
      return order();
    case 'cancel':
      return { orderSequence: reader.oneIn(8) ? reader.below(65_536) : sequence };
    case 'reading':
      return {
        importRegisterWh: register(),
        exportRegisterWh: register(),
        telemetryRoot: new Uint8Array(32),
        attested: flag(),
      };
    case 'observation':
      return { temperatureCentiC: int32(reader), wholesaleMicroEurPerKwh: int32(reader) };
    case 'contract':
      return {
        buyer: reader.below(13),
        energyWh: reader.edge32(ENERGY_WH),
        priceMicroEurPerKwh: int32(reader),
        expiryHeight: reader.uint32(),
        buyerSequence: reader.below(65_536),
      };
    case 'reveal':
      return { order: order(), salt: bytes32() };
    case 'admit':
      return { registration: bytes32(), miner: flag() };
    case 'suspend':
      return { member: reader.below(13), untilStep: reader.uint32(), evidence: bytes32() };
    case 'expel':
      return { member: reader.below(13), evidence: bytes32() };
    case 'rotateKey':
      return { member: reader.below(13), key: bytes32() };
    case 'sealedOrder':
      return { commitment: bytes32() };
    case 'evidence':
      return { first: SignedHeader.defaultValue(), second: SignedHeader.defaultValue() };
    default:
      return { orderSequence: 0 };
  }
}

/** A body for a step that is, was or will be open at the clock. */
export function bodyFrom(reader: Reader, rules: ChainRules, clockMs: number): TransactionBody {
  const kind = reader.oneIn(24) ? reader.pick(TRANSACTION_KINDS) : reader.pick(LIKELY);
  const now = Math.max(0, stepAt(rules.genesis, clockMs));
  const near = kind === 'reading' ? [now - 1, now - 2, now] : [now + 1, now + 2, now + 3, now];
  const step = reader.edge32(near.map((value) => Math.max(0, value)));
  const account = reader.oneIn(12) ? reader.uint32() : reader.below(kind === 'observation' ? 4 : 13);
  const sequence =
    kind === 'order' || kind === 'cancel' ? reader.below(5) : reader.oneIn(8) ? reader.below(65_536) : 0;
  // What has no simple payload is sent as the kind beside it.
  const sent = kind === 'register' || kind === 'policy' ? 'cancel' : kind;
  return createBody({
    kind: sent,
    step,
    account,
    sequence,
    payload: payloadOf(reader, sent, sequence) as never,
  });
}

/** Keys are made once: making one costs more than a signature. */
const signers = new Map<string, Signer>();

function signature(rules: ChainRules, body: TransactionBody): Uint8Array {
  const kind = kindOf(body);
  const make = kind === 'reading' ? meterSigner : kind === 'observation' ? oracleSigner : accountSigner;
  const signer = getOrInsert(signers, `${make.name} ${body.account % 64}`, () => make(body.account % 64));
  return signer.sign(transactionMessage(rules.genesisRoot, body));
}

/** A transaction: signed as it must be, or with too few, too many or wrong signatures. */
export function transactionFrom(reader: Reader, rules: ChainRules, clockMs: number): Transaction {
  const body = bodyFrom(reader, rules, clockMs);
  const how = reader.below(16);
  const right = () => [signature(rules, body)];
  if (how === 13) return { body, signatures: [] };
  if (how === 14) return { body, signatures: [...right(), reader.bytes(64)] };
  if (how === 15) return { body, signatures: [reader.bytes(64)] };
  return { body, signatures: right() };
}

/** Market clocks from one on: before and at the next gate, and when its step is settled. */
export function edgesAfter(rules: ChainRules, clockMs: number): number[] {
  const next = Math.max(0, stepAt(rules.genesis, clockMs) + 1);
  const startMs = deliveryStartMs(rules.genesis, next);
  return [startMs - 1, startMs, readingWindow(rules.genesis, next).untilMs];
}
