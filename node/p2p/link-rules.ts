import type { LinkPolicy, LinkShape } from './interface.ts';

/** What is wrong with the links to a named set of peers. */
export interface LinkRule {
  /** Names the rule; two rules may not share a name. */
  name: string;
  /** Peer ids; `*` stands for every peer. */
  peers: readonly string[];
  /** The link is closed and refused in both directions. */
  drop: boolean;
  /** Our bytes to the peer vanish while the connection stays: a partition in one direction. */
  swallow: boolean;
  delayMs: number;
  /** A random part on top of the delay, 0..jitterMs; the order of the bytes stays. */
  jitterMs: number;
  /** Kilobits (1 000 bits) per second of what we send; `null`: unlimited. */
  kbitPerSecond: number | null;
}

interface Effect extends LinkShape {
  drop: boolean;
}

/** Several rules add up: any of them drops or swallows, the longest delay and the narrowest link count. */
function combine(rules: readonly LinkRule[]): Effect {
  const widths = rules.flatMap(({ kbitPerSecond }) => (kbitPerSecond === null ? [] : [kbitPerSecond]));
  return {
    drop: rules.some((rule) => rule.drop),
    swallow: rules.some((rule) => rule.swallow),
    delayMs: Math.max(...rules.map((rule) => rule.delayMs)),
    jitterMs: Math.max(...rules.map((rule) => rule.jitterMs)),
    // 1 kbit/s is 1 bit per ms.
    bytesPerMs: widths.length === 0 ? null : Math.min(...widths) / 8,
  };
}

/** The policy that a list of rules stands for; without rules nothing is denied and nothing shaped. */
export function policyOf(rules: readonly LinkRule[]): LinkPolicy {
  if (rules.length === 0) return { denies: () => false };
  const effects = new Map<string, Effect | null>();
  const effectOf = (peerId: string): Effect | null => {
    const known = effects.get(peerId);
    if (known !== undefined) return known;
    const mine = rules.filter(({ peers }) => peers.includes(peerId) || peers.includes('*'));
    const effect = mine.length === 0 ? null : combine(mine);
    effects.set(peerId, effect);
    return effect;
  };
  return {
    denies: (peerId) => effectOf(peerId)?.drop === true,
    shape(peerId) {
      const effect = effectOf(peerId);
      if (effect === null) return null;
      const { swallow, delayMs, jitterMs, bytesPerMs } = effect;
      const harmless = !swallow && delayMs === 0 && jitterMs === 0 && bytesPerMs === null;
      return harmless ? null : { swallow, delayMs, jitterMs, bytesPerMs };
    },
  };
}
