/**
 * Golden vectors of the protocol, for this program and any other.
 * `WATTMESH_WRITE_VECTORS=1 npx vitest run node/consensus/vectors.test.ts` writes them anew, after a change of version.
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { emptyReceipts } from '../market/context.ts';
import { createTestGenesis, testSigner } from '../market/testing.ts';
import { blockId, createBody, decode, encode, kindOf, transactionId } from '../protocol/codec.ts';
import { genesisFromJson, genesisToJson } from '../protocol/genesis-file.ts';
import { Receipts } from '../protocol/receipts.ts';
import { headerMessage, transactionMessage } from '../protocol/signing.ts';
import { State } from '../protocol/state.ts';
import {
  Genesis,
  Header,
  HeaderBody,
  Member,
  SignedHeader,
  Transaction,
  type TransactionBody,
} from '../protocol/types.ts';
import { bytesFromBigint, fromHex, toHex } from '../util/bytes.ts';
import { WattmeshError } from '../util/errors.ts';
import { createGenesisBlock, createGenesisState, genesisRoot } from './genesis.ts';
import { type HeaderNode, marketClockMs } from './header-chain.ts';
import { FLOOR_TARGET, nextTarget, workOf } from './target.ts';
import { fakeNode } from './testing.ts';

const FOLDER = new URL('../protocol/vectors/', import.meta.url);
const genesis = createTestGenesis();
const root = genesisRoot(genesis);
const bytesOf = (fill: number) => new Uint8Array(32).fill(fill);

const header: Header = {
  body: {
    version: 2,
    height: 77,
    parent: bytesOf(1),
    timestampMs: 1_755_250_123_456,
    target: FLOOR_TARGET - 12345n,
    author: 9,
    transactionsRoot: bytesOf(2),
    receiptsRoot: bytesOf(3),
    stateRoot: bytesOf(4),
    minersRoot: bytesOf(5),
    conflictHeight: 70,
  },
  nonce: bytesFromBigint(2n ** 200n + 99n, 32),
};
const signedHeader: SignedHeader = {
  header,
  signature: testSigner('account-9').sign(headerMessage(root, header)),
};

function bodies(): TransactionBody[] {
  const slot = { step: 3, account: 4, sequence: 1 };
  const admin = { step: 0, account: 0, sequence: 7 };
  const member = { ...genesis.members[4]!, latitudeMicroDeg: -33_868_820, longitudeMicroDeg: 151_209_290 };
  const order = { side: 1, energyWh: 1500, limitMicroEurPerKwh: -250 };
  return [
    createBody({ kind: 'register', ...admin, payload: { member } }),
    createBody({ kind: 'admit', ...admin, payload: { registration: bytesOf(6), miner: true } }),
    createBody({ kind: 'suspend', ...admin, payload: { member: 5, untilStep: 9, evidence: bytesOf(7) } }),
    createBody({ kind: 'expel', ...admin, payload: { member: 5, evidence: bytesOf(8) } }),
    createBody({ kind: 'policy', ...admin, payload: { policy: genesis.policy, fromStep: 12 } }),
    createBody({ kind: 'rotateKey', ...admin, payload: { member: 5, key: genesis.members[6]!.key } }),
    createBody({
      kind: 'observation',
      ...slot,
      payload: { temperatureCentiC: -512, wholesaleMicroEurPerKwh: 98_765 },
    }),
    createBody({ kind: 'order', ...slot, payload: order }),
    createBody({ kind: 'sealedOrder', ...slot, payload: { commitment: bytesOf(10) } }),
    createBody({ kind: 'reveal', ...slot, payload: { order, salt: bytesOf(11) } }),
    createBody({ kind: 'cancel', ...slot, payload: { orderSequence: 1 } }),
    createBody({
      kind: 'contract',
      ...slot,
      payload: { buyer: 8, energyWh: 700, priceMicroEurPerKwh: 110_000, expiryHeight: 999, buyerSequence: 2 },
    }),
    createBody({
      kind: 'reading',
      ...slot,
      payload: {
        importRegisterWh: 2 ** 40 + 1,
        exportRegisterWh: 5,
        telemetryRoot: bytesOf(12),
        attested: true,
      },
    }),
    createBody({ kind: 'evidence', ...admin, payload: { first: signedHeader, second: signedHeader } }),
  ];
}

const trade = {
  step: 3,
  sequence: 0,
  kind: 1,
  seller: 1,
  buyer: 2,
  energyWh: 1500,
  priceMicroEurPerKwh: -120,
  feeNanoEur: 3_450_000n,
  sellerBonusNanoEur: 1n,
  buyerBonusNanoEur: 2n ** 60n,
  penaltyNanoEur: 0n,
  marketTimeMs: 1_755_250_123_456,
};
const receipts: Receipts = {
  ...emptyReceipts(),
  trades: [trade, { ...trade, sequence: 1, kind: 2 }],
  clearings: [
    {
      step: 3,
      wholesaleMicroEurPerKwh: -5,
      temperatureCentiC: 2150,
      staleFlags: 1,
      tradedWh: 1500,
      orders: 2,
      zonePrices: [{ zone: 4, priceMicroEurPerKwh: -120 }],
    },
  ],
  emptyRanges: [{ first: 1, end: 3 }],
};

function retargets(spacingMs: number, elapsed: readonly number[]) {
  let parent = { height: 0, timestampMs: 1_000_000, target: FLOOR_TARGET };
  let grandparentMs: number | null = null;
  const blocks = elapsed.map((elapsedMs) => {
    const target = nextTarget(parent, grandparentMs, spacingMs);
    grandparentMs = parent.timestampMs;
    parent = { height: parent.height + 1, timestampMs: parent.timestampMs + elapsedMs, target };
    return { height: parent.height, elapsedMs, target: target.toString() };
  });
  return { spacingMs, blocks };
}

const waves = Array.from(
  { length: 90 },
  (_, i) => [200, 350, 900, 2000, 5000, 30_000][(i * i + (i >> 3)) % 6]!,
);
const fast = Array.from({ length: 70 }, (_, i) => (i === 50 ? 100_000 : 1200));

function clocks() {
  const cases = [
    [100],
    [100, 300],
    [100, 300, 200],
    [100, 300, 200, 400],
    [9, 5, 7, 1, 3],
    [1, 2, 900, 901, 3, 4, 5],
  ];
  return cases.map((timestampsMs) => {
    let node: HeaderNode | null = null;
    for (const timestampMs of timestampsMs) node = fakeNode(node, { timestampMs });
    return { timestampsMs, clockMs: marketClockMs(node!) };
  });
}

function makeVectors(): Record<string, unknown> {
  const state = createGenesisState(genesis);
  const block = createGenesisBlock(genesis, state);
  const genesisHeader = block.signedHeader.header;
  return {
    header: [header, genesisHeader].map((each) => ({
      genesisRoot: toHex(root),
      header: Header.toJson(each),
      bytes: toHex(encode(Header, each)),
      bodyRoot: toHex(HeaderBody.hashTreeRoot(each.body)),
      blockId: toHex(blockId(each)),
      signingMessage: toHex(headerMessage(root, each)),
    })),
    'signed-header': {
      signedHeader: SignedHeader.toJson(signedHeader),
      publicKey: toHex(testSigner('account-9').publicKey),
      bytes: toHex(encode(SignedHeader, signedHeader)),
    },
    transactions: bodies().map((body) => {
      const message = transactionMessage(root, body);
      const transaction = { body, signatures: [testSigner('vector').sign(message)] };
      return {
        kind: kindOf(body),
        genesisRoot: toHex(root),
        publicKey: toHex(testSigner('vector').publicKey),
        transaction: Transaction.toJson(transaction),
        signingMessage: toHex(message),
        bytes: toHex(encode(Transaction, transaction)),
        id: toHex(transactionId(transaction)),
      };
    }),
    receipts: [emptyReceipts(), receipts].map((value) => ({
      receipts: Receipts.toJson(value),
      bytes: toHex(encode(Receipts, value)),
      receiptsRoot: toHex(Receipts.hashTreeRoot(value)),
    })),
    genesis: {
      document: JSON.parse(genesisToJson({ genesis, nonce: genesisHeader.nonce })),
      bytes: toHex(encode(Genesis, genesis)),
      genesisRoot: toHex(root),
      emptyStateRoot: toHex(State.hashTreeRoot(State.defaultValue())),
      stateRoot: toHex(state.root()),
      minersRoot: toHex(state.minersRoot()),
      blockId: toHex(blockId(genesisHeader)),
    },
    retarget: [retargets(2000, waves), retargets(5000, fast)],
    'market-clock': clocks(),
    work: [FLOOR_TARGET, FLOOR_TARGET - 1n, 2n ** 243n, 2n ** 200n + 7n, 1n].map((target) => ({
      target: target.toString(),
      work: workOf(target).toString(),
    })),
  };
}

const vectors = makeVectors();
const file = (name: string) => new URL(`${name}.json`, FOLDER);
if (process.env.WATTMESH_WRITE_VECTORS === '1') {
  for (const [name, vector] of Object.entries(vectors)) {
    writeFileSync(file(name), `${JSON.stringify(vector, null, 1)}\n`);
  }
}
const stored = (name: string) => JSON.parse(readFileSync(file(name), 'utf8'));

describe('golden vectors', () => {
  it.each(Object.keys(vectors))('%s is what the stored file says', (name) => {
    expect(JSON.parse(JSON.stringify(vectors[name]))).toEqual(stored(name));
  });

  it('of headers follow from the stored bytes by SHA-256 alone', () => {
    const sha = (...parts: Uint8Array[]) => createHash('sha256').update(Buffer.concat(parts)).digest();
    for (const vector of stored('header')) {
      const bytes = fromHex(vector.bytes)!;
      expect(bytes.length).toBe(248);
      // Fields of the body at their offsets, each padded to a leaf of 32 bytes; eleven leaves under a tree of 16.
      const leaves: Uint8Array[] = [];
      let at = 0;
      for (const length of [4, 4, 32, 8, 32, 4, 32, 32, 32, 32, 4]) {
        const leaf = new Uint8Array(32);
        leaf.set(bytes.subarray(at, at + length));
        leaves.push(leaf);
        at += length;
      }
      while (leaves.length < 16) leaves.push(new Uint8Array(32));
      let level: Uint8Array[] = leaves;
      while (level.length > 1) {
        level = level.filter((_, i) => i % 2 === 0).map((left, i) => sha(left, level[2 * i + 1]!));
      }
      expect(toHex(level[0]!)).toBe(vector.bodyRoot);
      expect(sha(level[0]!, bytes.subarray(at)).toString('hex')).toBe(vector.blockId);
      const tag = Buffer.from('wattmesh/header/1'.padEnd(32, '\0'), 'latin1').toString('hex');
      expect(vector.signingMessage).toBe(tag + vector.genesisRoot + vector.blockId);
    }
  });

  it('of all kinds decode from the stored bytes, and the stored JSON says the same', () => {
    const kinds = new Set<string>();
    for (const vector of stored('transactions')) {
      const transaction = decode(Transaction, fromHex(vector.bytes)!)!;
      kinds.add(kindOf(transaction.body));
      expect(kindOf(transaction.body)).toBe(vector.kind);
      expect(Transaction.toJson(transaction)).toEqual(vector.transaction);
      expect(toHex(transactionId(transaction))).toBe(vector.id);
      expect(toHex(transactionMessage(fromHex(vector.genesisRoot)!, transaction.body))).toBe(
        vector.signingMessage,
      );
    }
    expect(kinds.size).toBe(14);
    for (const vector of stored('receipts')) {
      const value = decode(Receipts, fromHex(vector.bytes)!)!;
      expect(Receipts.fromJson(vector.receipts)).toEqual(value);
      expect(toHex(Receipts.hashTreeRoot(value))).toBe(vector.receiptsRoot);
    }
  });

  it('of the genesis lead from the stored document to the block at height 0', () => {
    const vector = stored('genesis');
    const document = genesisFromJson(JSON.stringify(vector.document));
    expect(toHex(encode(Genesis, document.genesis))).toBe(vector.bytes);
    const state = createGenesisState(document.genesis);
    const block = createGenesisBlock(document.genesis, state, document.nonce);
    expect(toHex(blockId(block.signedHeader.header))).toBe(vector.blockId);
    expect(vector.blockId.startsWith('000')).toBe(true);
    expect(toHex(block.signedHeader.header.body.parent)).toBe(vector.genesisRoot);
    expect(() => createGenesisBlock(document.genesis, state, bytesOf(1))).toThrow('nonce');
  });
});

describe('the genesis file', () => {
  const good = stored('genesis').document;

  it.each([
    ['no JSON', '{'],
    ['null', 'null'],
    ['an empty object', '{}'],
    ['a short nonce', JSON.stringify({ ...good, nonce: '00' })],
    ['a nonce that is no hex', JSON.stringify({ ...good, nonce: 'zz'.repeat(32) })],
    ['a missing field', JSON.stringify({ ...good, genesis: { ...good.genesis, timeMs: undefined } })],
    [
      'a number out of range',
      JSON.stringify({ ...good, genesis: { ...good.genesis, regulatorThreshold: 256 } }),
    ],
    ['a fraction', JSON.stringify({ ...good, genesis: { ...good.genesis, timeMs: 1.5 } })],
    ['a short key', JSON.stringify({ ...good, genesis: { ...good.genesis, oracles: ['0x00'] } })],
  ])('with %s is refused with a code', (_name, text) => {
    expect(() => genesisFromJson(text)).toThrow(WattmeshError);
    expect(() => genesisFromJson(text)).toThrow(expect.objectContaining({ code: 'GENESIS_FILE' }));
  });

  it('keeps negative coordinates', () => {
    const { genesis: read } = genesisFromJson(JSON.stringify(good));
    expect(read.members[3]!.longitudeMicroDeg).toBe(-7_680_003);
    expect(read.members.map((member) => Member.serialize(member))).toEqual(
      genesis.members.map((member) => Member.serialize(member)),
    );
  });
});
