/** Values of any SSZ type for fast-check, made from the shape of the type. */
import fc from 'fast-check';
import type { ValueProperty } from './interface.ts';
import { kindOf, type Shape } from './plain-ssz.ts';

/** Elements of a list at most: long lists test nothing new and cost much. */
const MAX_ELEMENTS = 3;

/** Characters of a counterexample that are shown; its seed gives all of it. */
const MAX_WORDS = 2000;

const exactly = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length });

/** Any value of the type within its ranges. */
export function arbitraryOf(shape: Shape): fc.Arbitrary<unknown> {
  const kind = kindOf(shape);
  switch (kind.kind) {
    case 'container':
      return fc.record(Object.fromEntries(kind.fields.map(([name, field]) => [name, arbitraryOf(field)])), {
        noNullPrototype: true,
      });
    case 'list':
      return fc.array(arbitraryOf(kind.element), { maxLength: Math.min(kind.limit, MAX_ELEMENTS) });
    case 'vector':
      return fc.array(arbitraryOf(kind.element), { minLength: kind.length, maxLength: kind.length });
    case 'union':
      return fc.oneof(
        ...kind.options.map((option, selector) => arbitraryOf(option).map((value) => ({ selector, value }))),
      );
    case 'bytes':
      return exactly(kind.length);
    case 'byteList':
      return fc.uint8Array({ maxLength: kind.limit });
    case 'boolean':
      return fc.boolean();
    case 'uint': {
      if (kind.numeric === 'offset') return fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
      if (kind.numeric === 'bigint') return fc.bigInt({ min: 0n, max: 2n ** BigInt(8 * kind.bytes) - 1n });
      return kind.bytes === 8 ? fc.maxSafeNat() : fc.nat({ max: 2 ** (8 * kind.bytes) - 1 });
    }
  }
}

/** A property over values; `check` throws where a value breaks it. */
export function propertyOf<T>(arbitrary: fc.Arbitrary<T>, check: (value: T) => void): ValueProperty {
  const property = fc.property(arbitrary, check);
  return {
    check(seed, numRuns) {
      const result = fc.check(property, { seed, numRuns });
      if (!result.failed) return null;
      const why = result.errorInstance instanceof Error ? result.errorInstance.message : 'it does not hold';
      return `${why}\ncounterexample ${fc.stringify(result.counterexample).slice(0, MAX_WORDS)}`;
    },
  };
}
