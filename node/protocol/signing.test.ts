import { createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { bigintFromBytes, bytesFromBigint, fromHex, toHex } from '../util/bytes.ts';
import { createBody } from './codec.ts';
import {
  headerMessage,
  isAcceptableKey,
  type SigningDomain,
  signingMessage,
  transactionMessage,
  type Verifier,
  verifySignature,
} from './signing.ts';
import { Header, TransactionBody } from './types.ts';

const SPKI = Buffer.from('302a300506032b6570032100', 'hex');
const verifier: Verifier = {
  verify(publicKey, message, signature) {
    const der = { key: Buffer.concat([SPKI, publicKey]), format: 'der', type: 'spki' } as const;
    return verify(null, message, createPublicKey(der), signature);
  },
};
const credulous: Verifier = { verify: () => true };

const rawKey = (key: KeyObject) =>
  new Uint8Array(key.export({ format: 'der', type: 'spki' }).subarray(SPKI.length));
const pair = generateKeyPairSync('ed25519');
const publicKey = rawKey(pair.publicKey);
const signed = (message: Uint8Array) => new Uint8Array(sign(null, message, pair.privateKey));

/** Order of the base point (RFC 8032, 5.1). */
const L = 2n ** 252n + 27742317777372353535851937790883648493n;
const P = 2n ** 255n - 19n;
const littleEndian = (value: bigint) => bytesFromBigint(value, 32).reverse();

/** y of the points of order 1, 2, 4 and 8, and those that also have an encoding above p. */
const Y8 = bigintFromBytes(
  fromHex('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05')!.reverse(),
);
const SMALL_Y = [0n, 1n, P - 1n, P, P + 1n, Y8, P - Y8];
const small = SMALL_Y.flatMap((y) => [littleEndian(y), littleEndian(y + 2n ** 255n)]);

const root = new Uint8Array(32).fill(1);
const message = signingMessage('transaction', new Uint8Array(32).fill(2), root);

describe('verifySignature', () => {
  it('accepts what RFC 8032 signs: its test vector 2', () => {
    const key = fromHex('3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c')!;
    const signature = fromHex(
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    )!;
    expect(verifySignature(verifier, { publicKey: key, message: Uint8Array.of(0x72), signature })).toBe(true);
    expect(verifySignature(verifier, { publicKey: key, message: Uint8Array.of(0x73), signature })).toBe(
      false,
    );
  });

  it('refuses every encoding of a small-order R before any library is asked', () => {
    const good = signed(message);
    expect(verifySignature(credulous, { publicKey, message, signature: good })).toBe(true);
    for (const point of small) {
      const signature = good.slice();
      signature.set(point);
      expect(verifySignature(credulous, { publicKey, message, signature }), toHex(point)).toBe(false);
    }
  });

  it('refuses other lengths', () => {
    for (const length of [0, 63, 65, 128]) {
      expect(
        verifySignature(credulous, { publicKey, message, signature: new Uint8Array(length).fill(9) }),
      ).toBe(false);
    }
  });

  it('refuses S + L and S + 2^k in place of S, a changed R, and no bit can change', () => {
    const good = signed(message);
    const S = bigintFromBytes(good.slice(32).reverse());
    for (const changed of [S + L, S + 2n * L, S + 2n ** 253n, S + 2n ** 255n, L, 0n]) {
      const signature = good.slice();
      signature.set(littleEndian(changed), 32);
      expect(verifySignature(verifier, { publicKey, message, signature })).toBe(false);
    }
    for (let bit = 0; bit < 512; bit++) {
      const signature = good.slice();
      signature[bit >> 3]! ^= 1 << (bit & 7);
      expect(verifySignature(verifier, { publicKey, message, signature })).toBe(false);
    }
  });

  it('leaves a signature as it is, a Buffer too, whose R has its sign bit set', () => {
    for (let i = 0, signs = new Set<number>(); signs.size < 2; i++) {
      const text = Uint8Array.of(i);
      const signature = Buffer.from(signed(text));
      signs.add(signature[31]! >> 7);
      const before = toHex(signature);
      expect(verifySignature(verifier, { publicKey, message: text, signature })).toBe(true);
      expect(toHex(signature)).toBe(before);
    }
  });
});

describe('isAcceptableKey', () => {
  it('accepts ordinary keys, p - 2 as the greatest y included', () => {
    expect(isAcceptableKey(publicKey)).toBe(true);
    expect(isAcceptableKey(littleEndian(2n))).toBe(true);
    expect(isAcceptableKey(littleEndian(P - 2n))).toBe(true);
  });

  it('refuses small order with either sign bit, y >= p, and other lengths; and leaves a Buffer as it is', () => {
    for (const point of small) expect(isAcceptableKey(point), toHex(point)).toBe(false);
    for (let y = P; y < 2n ** 255n; y++) {
      expect(isAcceptableKey(littleEndian(y))).toBe(false);
      expect(isAcceptableKey(littleEndian(y + 2n ** 255n))).toBe(false);
    }
    for (const length of [0, 31, 33]) expect(isAcceptableKey(new Uint8Array(length).fill(9))).toBe(false);
    const key = Buffer.alloc(32, 0xfe);
    // The first byte of a small-order point, so that the rest is looked at, too.
    key[0] = 1;
    expect(isAcceptableKey(key)).toBe(true);
    expect(key[31]).toBe(0xfe);
  });
});

describe('a signature', () => {
  const chain = new Uint8Array(32).fill(2);
  const good = signed(message);

  it('made for one chain, domain or root fails for every other', () => {
    expect(verifySignature(verifier, { publicKey, message, signature: good })).toBe(true);
    const others = (['header', 'reading', 'intent'] as SigningDomain[]).map((domain) =>
      signingMessage(domain, chain, root),
    );
    others.push(signingMessage('transaction', new Uint8Array(32).fill(3), root));
    others.push(signingMessage('transaction', chain, new Uint8Array(32)));
    others.push(signingMessage('transaction', root, chain));
    for (const other of others) {
      expect(verifySignature(verifier, { publicKey, message: other, signature: good })).toBe(false);
    }
  });

  it('of a transaction fails for the same fields as another kind', () => {
    const slot = { step: 4, account: 5, sequence: 6 };
    const bodies = [
      createBody({ kind: 'cancel', ...slot, payload: { orderSequence: 6 } }),
      createBody({ kind: 'order', ...slot, payload: { side: 0, energyWh: 6, limitMicroEurPerKwh: 6 } }),
      createBody({ kind: 'sealedOrder', ...slot, payload: { commitment: new Uint8Array(32) } }),
      createBody({
        kind: 'observation',
        ...slot,
        payload: { temperatureCentiC: 6, wholesaleMicroEurPerKwh: 6 },
      }),
      createBody({ kind: 'expel', ...slot, payload: { member: 6, evidence: new Uint8Array(32) } }),
    ];
    const messages = bodies.map((body) => transactionMessage(chain, body));
    expect(new Set(messages.map(toHex)).size).toBe(bodies.length);
    const signature = signed(messages[0]!);
    const verdicts = messages.map((text) =>
      verifySignature(verifier, { publicKey, message: text, signature }),
    );
    expect(verdicts).toEqual([true, false, false, false, false]);
  });

  it('of a reading stands in a domain of its own, so an account key never signs one by accident', () => {
    const payload = { importRegisterWh: 1, exportRegisterWh: 2, telemetryRoot: root, attested: false };
    const body = createBody({ kind: 'reading', step: 1, account: 2, sequence: 0, payload });
    const bodyRoot = TransactionBody.hashTreeRoot(body);
    expect(transactionMessage(chain, body)).toEqual(signingMessage('reading', chain, bodyRoot));
    expect(transactionMessage(chain, body)).not.toEqual(signingMessage('transaction', chain, bodyRoot));
  });

  it('of a header covers the nonce', () => {
    const header = Header.defaultValue();
    const other = { ...header, nonce: root };
    const signature = signed(headerMessage(chain, header));
    expect(verifySignature(verifier, { publicKey, message: headerMessage(chain, header), signature })).toBe(
      true,
    );
    expect(verifySignature(verifier, { publicKey, message: headerMessage(chain, other), signature })).toBe(
      false,
    );
  });
});

describe('signingMessage', () => {
  it('is the padded ASCII tag, the genesis root and the root: 96 bytes', () => {
    const expected = Buffer.concat([
      Buffer.from('wattmesh/transaction/1'.padEnd(32, '\0'), 'latin1'),
      Buffer.alloc(32, 2),
      Buffer.alloc(32, 1),
    ]);
    expect(toHex(message)).toBe(expected.toString('hex'));
  });
});
