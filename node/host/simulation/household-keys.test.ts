import { expect, it } from 'vitest';
import { loadVerifier, signerFromSeed } from '../crypto.ts';
import { recognisingVerifier } from './household-keys.ts';

const bytes = (...values: number[]) => new Uint8Array(values);

it('gives the verdict of the verifier, once per signature, key and message', () => {
  const { verifier } = loadVerifier();
  let calls = 0;
  const counted = recognisingVerifier({
    verify(...given) {
      calls++;
      return verifier.verify(...given);
    },
  });
  const [alice, bob] = [1, 2].map((fill) => signerFromSeed(new Uint8Array(32).fill(fill)));
  const signature = alice!.sign(bytes(1, 2));
  expect(counted.verify(alice!.publicKey, bytes(1, 2), signature)).toBe(true);
  expect(counted.verify(alice!.publicKey.slice(), bytes(1, 2), signature)).toBe(true);
  expect(calls).toBe(1);
  expect(counted.verify(alice!.publicKey, bytes(1, 3), signature)).toBe(false);
  expect(counted.verify(bob!.publicKey, bytes(1, 2), signature)).toBe(false);
  expect(counted.verify(alice!.publicKey, bytes(1, 2), signature)).toBe(true);
  expect(calls).toBe(4);
  expect(counted.verify(alice!.publicKey, bytes(1, 2), signature.slice())).toBe(true);
  expect(calls).toBe(5);
});
