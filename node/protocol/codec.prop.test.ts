import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareTransactions, createBody, decode, encode, slotKey } from './codec.ts';
import { State } from './state.ts';
import { Block, Genesis, Header, TRANSACTION_KINDS, Transaction, Transactions } from './types.ts';
import { HeadersAnswer, Status, TransactionBatch } from './wire.ts';

const TYPES = { Block, Header, Transaction, Transactions, Genesis, Status, HeadersAnswer, TransactionBatch };

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const uint32 = fc.nat({ max: 2 ** 32 - 1 });
const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const uint16 = fc.nat({ max: 2 ** 16 - 1 });
const slot = { step: uint32, account: uint32, sequence: uint16 };
const body = fc.oneof(
  fc
    .record({ ...slot, side: fc.nat({ max: 255 }), energyWh: uint32, limitMicroEurPerKwh: int32 })
    .map(({ step, account, sequence, ...payload }) =>
      createBody({ kind: 'order', step, account, sequence, payload }),
    ),
  fc
    .record({
      ...slot,
      importRegisterWh: fc.maxSafeNat(),
      exportRegisterWh: fc.maxSafeNat(),
      telemetryRoot: bytes(32),
      attested: fc.boolean(),
    })
    .map(({ step, account, sequence, ...payload }) =>
      createBody({ kind: 'reading', step, account, sequence, payload }),
    ),
  fc
    .record({ ...slot, orderSequence: uint16 })
    .map(({ step, account, sequence, ...payload }) =>
      createBody({ kind: 'cancel', step, account, sequence, payload }),
    ),
  fc
    .record({ ...slot, temperatureCentiC: int32, wholesaleMicroEurPerKwh: int32 })
    .map(({ step, account, sequence, ...payload }) =>
      createBody({ kind: 'observation', step, account, sequence, payload }),
    ),
);
const transaction = fc.record({ body, signatures: fc.array(bytes(64), { maxLength: 2 }) });
const header = fc.record({
  body: fc.record({
    version: uint32,
    height: uint32,
    parent: bytes(32),
    timestampMs: fc.maxSafeNat(),
    target: fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }),
    author: uint32,
    transactionsRoot: bytes(32),
    receiptsRoot: bytes(32),
    stateRoot: bytes(32),
    minersRoot: bytes(32),
    conflictHeight: fc.nat({ max: 0xffff_ffff }),
  }),
  nonce: bytes(32),
});
const block = fc.record({
  signedHeader: fc.record({ header, signature: bytes(64) }),
  transactions: fc.array(transaction, { maxLength: 4 }),
});

/** Whatever decodes is the encoding of what it decodes to. */
function expectCanonical(given: Uint8Array): void {
  for (const type of Object.values(TYPES)) {
    const value = decode(type as typeof Block, given);
    if (value !== null) expect(encode(type as typeof Block, value)).toEqual(given);
  }
}

describe('decode', () => {
  it('gives back what was encoded', () => {
    fc.assert(
      fc.property(block, (value) => {
        expect(decode(Block, encode(Block, value))).toEqual(value);
      }),
      { numRuns: 100 },
    );
  });

  it('takes random bytes as nothing, or as their one canonical reading', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), expectCanonical), { numRuns: 500 });
  });

  it('takes a damaged block as nothing, or as another block with exactly those bytes', () => {
    const damage = fc.tuple(block, fc.nat(), fc.integer({ min: 1, max: 255 }));
    fc.assert(
      fc.property(damage, ([value, at, flip]) => {
        const good = encode(Block, value);
        const flipped = good.slice();
        flipped[at % good.length]! ^= flip;
        expectCanonical(flipped);
        expect(decode(Block, flipped)).not.toEqual(value);
        expectCanonical(good.slice(0, at % good.length));
        expect(decode(Block, good.slice(0, at % good.length))).not.toEqual(value);
        expectCanonical(Uint8Array.of(...good, flip));
        expect(decode(Block, Uint8Array.of(...good, flip))).not.toEqual(value);
        expectCanonical(
          Uint8Array.of(...good.slice(0, at % good.length), flip, ...good.slice(at % good.length)),
        );
      }),
      { numRuns: 200 },
    );
  });

  it('refuses every truncation of a fixed-size object, a wrong union selector and a wrong boolean', () => {
    const good = encode(Header, Header.defaultValue());
    for (let length = 0; length < good.length; length++)
      expect(decode(Header, good.slice(0, length))).toBeNull();
    expect(decode(Header, good)).not.toBeNull();

    const cancel = createBody({
      kind: 'cancel',
      step: 1,
      account: 2,
      sequence: 3,
      payload: { orderSequence: 3 },
    });
    const encoded = encode(Transaction, { body: cancel, signatures: [] });
    const selectorAt = encoded.indexOf(TRANSACTION_KINDS.indexOf('cancel'), 8);
    for (const selector of [TRANSACTION_KINDS.length, 128, 255]) {
      const wrong = encoded.slice();
      wrong[selectorAt] = selector;
      expect(decode(Transaction, wrong)).toBeNull();
    }

    const payload = {
      importRegisterWh: 1,
      exportRegisterWh: 2,
      telemetryRoot: new Uint8Array(32),
      attested: true,
    };
    const read = createBody({ kind: 'reading', step: 1, account: 2, sequence: 0, payload });
    const last = encode(Transaction, { body: read, signatures: [] });
    expect(last.at(-1)).toBe(1);
    last[last.length - 1] = 2;
    expect(decode(Transaction, last)).toBeNull();
  });

  it('gives a value of its own, whatever kind of bytes it is given and whatever becomes of them', () => {
    for (const make of [(b: Uint8Array) => b.slice(), (b: Uint8Array) => Buffer.from(b)]) {
      const value = { ...Header.defaultValue(), nonce: new Uint8Array(32).fill(7) };
      const given = make(encode(Header, value));
      const decoded = decode(Header, given)!;
      given.fill(0xff);
      expect(decoded).toEqual(value);
    }
  });

  it('takes a state of the ring as canonical, too', () => {
    const bytesOf = encode(State, State.defaultValue());
    expect(decode(State, bytesOf)).toEqual(State.defaultValue());
    expect(decode(State, bytesOf.slice(1))).toBeNull();
  });
});

describe('canonical order', () => {
  it('is total over slots: equal exactly when the slot is the same', () => {
    fc.assert(
      fc.property(body, body, (a, b) => {
        const order = Math.sign(compareTransactions({ body: a }, { body: b }));
        expect(order === 0).toBe(slotKey(a) === slotKey(b));
        expect(Math.sign(compareTransactions({ body: b }, { body: a })) + order).toBe(0);
      }),
    );
  });
});
