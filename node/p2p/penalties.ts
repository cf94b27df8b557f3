import type { Ban } from './interface.ts';

const BAN_AT_POINTS = 100;
const DECAY_STEP_MS = 6_000;
const MAX_ENTRIES = 4_096;

/** Points per misbehaviour of a peer. */
export const POINTS = {
  rejectedMessage: 20,
  oversizedFrame: 20,
  truncatedFrame: 10,
  malformedFrame: 20,
  malformedAnswer: 20,
  silentStream: 5,
} as const;

export interface Penalties {
  /** The points that have not decayed yet. */
  points(peerId: string): number;
  /** Adds points; returns the ban when they reached 100, which also clears them. */
  add(peerId: string, points: number, reason: string): Ban | null;
  isBanned(peerId: string): boolean;
  bans(): Ban[];
}

/** Penalty points that decay by one every 6 s, and bans of `banMs`; both bounded to 4 096 peers, oldest out. */
export function createPenalties(options: { now: () => number; banMs: number }): Penalties {
  const { now, banMs } = options;
  const scores = new Map<string, { points: number; sinceMs: number }>();
  const bans = new Map<string, Ban>();

  const decayed = (peerId: string): { points: number; sinceMs: number } => {
    const score = scores.get(peerId);
    if (score === undefined) return { points: 0, sinceMs: now() };
    const steps = Math.max(0, Math.floor((now() - score.sinceMs) / DECAY_STEP_MS));
    return { points: Math.max(0, score.points - steps), sinceMs: score.sinceMs + steps * DECAY_STEP_MS };
  };
  const put = <T>(map: Map<string, T>, peerId: string, value: T): void => {
    map.delete(peerId);
    map.set(peerId, value);
    if (map.size > MAX_ENTRIES) map.delete(map.keys().next().value!);
  };
  const isBanned = (peerId: string): boolean => {
    const ban = bans.get(peerId);
    if (ban === undefined) return false;
    if (now() < ban.untilMs) return true;
    bans.delete(peerId);
    return false;
  };

  return {
    points: (peerId) => decayed(peerId).points,
    add(peerId, points, reason) {
      const score = decayed(peerId);
      const total = score.points + Math.max(0, points);
      if (total < BAN_AT_POINTS) {
        put(scores, peerId, { points: total, sinceMs: score.points === 0 ? now() : score.sinceMs });
        return null;
      }
      scores.delete(peerId);
      const ban = { peerId, untilMs: now() + banMs, reason };
      put(bans, peerId, ban);
      return ban;
    },
    isBanned,
    bans: () => [...bans.values()].filter((ban) => isBanned(ban.peerId)),
  };
}
