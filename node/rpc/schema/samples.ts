/** Values that the examples of several methods share. */

export const SAMPLE_HASH = `000${'4f5a7c0b21e8d96'.repeat(4)}c`;
export const SAMPLE_PARENT = `000${'91be3d470a6c5f2'.repeat(4)}7`;
export const SAMPLE_ID = `${'7b02ce41f9d3a586'.repeat(4)}`;
const ROOT = 'c1d8e30f5b7264a9'.repeat(4);

export const SAMPLE_AS_OF = { height: 42, hash: SAMPLE_HASH };

export const SAMPLE_HEADER = {
  height: 42,
  hash: SAMPLE_HASH,
  parent: SAMPLE_PARENT,
  author: 'p-0003',
  timestampMs: 1_723_712_484_000,
  version: 1,
  nonce: '0'.repeat(63).concat('7'),
  targetHex: `000${'f'.repeat(61)}`,
  leadingZeros: 3,
  transactionsRoot: ROOT,
  receiptsRoot: ROOT,
  stateRoot: ROOT,
  minersRoot: ROOT,
  conflictHeight: 0,
  signature: '5e'.repeat(64),
};

export const SAMPLE_SUMMARY = {
  height: 42,
  hash: SAMPLE_HASH,
  parent: SAMPLE_PARENT,
  author: 'p-0003',
  timestampMs: 1_723_712_484_000,
  leadingZeros: 3,
  sizeBytes: 1830,
  transactionCount: 1,
  tradeCount: 1,
  tradedWh: 750,
};

export const SAMPLE_TRANSACTION = {
  id: SAMPLE_ID,
  kind: 'order',
  step: 3,
  account: 'p-0003',
  sequence: 0,
  payload: { side: 0, energyWh: 750, limitMicroEurPerKwh: 180_000 },
  signatures: ['5e'.repeat(64)],
  sizeBytes: 121,
};

export const SAMPLE_TRADE_RECEIPT = {
  id: SAMPLE_ID,
  step: 3,
  sequence: 0,
  kind: 'AUCTION' as const,
  seller: 'p-0007',
  buyer: 'p-0003',
  energyWh: 750,
  priceMicroEurPerKwh: 142_500,
  feeNanoEur: '2137500',
  sellerBonusNanoEur: '0',
  buyerBonusNanoEur: '0',
  penaltyNanoEur: '0',
  marketTimeMs: 1_723_712_484_000,
};

export const SAMPLE_TRADE = {
  ...SAMPLE_TRADE_RECEIPT,
  blockHash: SAMPLE_HASH,
  blockHeight: 42,
  final: false,
};

export const SAMPLE_REORGANISATION = {
  atMs: 1_723_712_480_000,
  depth: 1,
  forkHeight: 40,
  forkHash: SAMPLE_PARENT,
  oldHeight: 41,
  oldHash: SAMPLE_PARENT,
  newHeight: 42,
  newHash: SAMPLE_HASH,
};
