import { createRng, deriveSeed, type Rng } from '../util/rng.ts';

/** A standard normal draw as a sum of twelve uniforms (Irwin-Hall): no logarithm, so equal on every machine; |x| <= 6. */
export function gaussian(rng: Rng): number {
  let sum = -6;
  for (let i = 0; i < 12; i++) sum += rng.next();
  return sum;
}

/** Innovations kept in memory; older ones are drawn again from their seed when asked for. */
const KEPT_INNOVATIONS = 4096;

/**
 * A stationary AR(1) series with mean 0 and variance 1 that can be read at any integer index in any order:
 * x(i) = sqrt(1 - phi^2) sum phi^k e(i - k), cut where phi^k < 0.01, e(i) drawn from (seed, label, i).
 * Every process that knows the seed sees the same series. `phi` in [0, 1).
 */
export function createAr1(seed: bigint, label: string, phi: number): (index: number) => number {
  const terms = phi <= 0 ? 1 : Math.ceil(Math.log(0.01) / Math.log(phi));
  let power = 0;
  for (let k = 0; k < terms; k++) power += phi ** (2 * k);
  const scale = 1 / Math.sqrt(power);
  const innovations = new Map<number, number>();
  const innovation = (index: number): number => {
    const known = innovations.get(index);
    if (known !== undefined) return known;
    const drawn = gaussian(createRng(deriveSeed(seed, `${label}:${index}`)));
    if (innovations.size >= KEPT_INNOVATIONS) innovations.clear();
    innovations.set(index, drawn);
    return drawn;
  };
  return (index) => {
    let sum = 0;
    for (let k = terms - 1; k >= 0; k--) sum = sum * phi + innovation(index - k);
    return sum * scale;
  };
}
