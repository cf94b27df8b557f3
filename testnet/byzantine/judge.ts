/** The verdict on an attack, out of what RPC tells before and after it. */
import { setTimeout as delay } from 'node:timers/promises';
import {
  type Arena,
  type Attack,
  type AttackReport,
  type Deed,
  MAX_RSS_GROWTH_MIB,
  OUT_WITHIN_MESSAGES,
  type Outcome,
} from './attack.ts';
import type { HostilePeer } from './peer.ts';
import { waitFor } from './view.ts';

/** How long a link that should end may take after the last message; the attack's own limit counts besides. */
const END_WITHIN_MS = 4000;
const REDIAL_WATCH_MS = 1500;
/** For the next block: many times the mean spacing. */
const TIP_WITHIN_MS = 40_000;
const LINKS_WITHIN_MS = 20_000;
const RSS_WITHIN_MS = 10_000;
const RSS_SAMPLES = 3;

export interface Baseline {
  life: string;
  height: number;
  links: Set<string>;
  /** Honest nodes in the target's mesh. */
  mesh: number;
  rssMiB: number;
  cpuMs: number;
}

export async function baselineOf({ view }: Arena): Promise<Baseline> {
  const [life, height, links, mesh] = await Promise.all([
    view.life(),
    view.height(),
    view.honestLinks(),
    view.honestMesh(),
  ]);
  let rssMiB = 0;
  // The highest of a few: what the collector has not come to yet is no growth.
  for (let i = 0; i < RSS_SAMPLES; i++) {
    rssMiB = Math.max(rssMiB, await view.rssMiB());
    await delay(50);
  }
  return { life, height, links, mesh, rssMiB, cpuMs: await view.cpuMs() };
}

/** What became of the sender of an attack, and when its link ended. */
async function outcomeOf(
  arena: Arena,
  deed: Deed,
  attack: Attack,
): Promise<{ outcome: Outcome; outMs: number | null }> {
  const { culprit } = deed;
  const known = deed.disconnectedAfterMs ?? null;
  if (deed.outcome !== undefined) return { outcome: deed.outcome, outMs: known };
  if (culprit === null) return { outcome: 'ignored', outMs: known };
  const mayStay = attack.allows.some((outcome) => outcome === 'ignored' || outcome === 'penalised');
  await waitFor(mayStay ? 500 : END_WITHIN_MS, () => !culprit.isOpen(), arena.signal);
  const closedAtMs = culprit.closedAtMs();
  if (closedAtMs !== null) {
    const outcome = (await comesBack(arena, culprit)) ? 'disconnected' : 'banned';
    return { outcome, outMs: closedAtMs - deed.sinceMs };
  }
  const peer = await arena.view.peer(culprit.peerId);
  return { outcome: peer !== null && peer.score < 0 ? 'penalised' : 'ignored', outMs: null };
}

async function comesBack(arena: Arena, culprit: HostilePeer): Promise<boolean> {
  try {
    await culprit.connect();
  } catch {
    return false;
  }
  return !(await waitFor(REDIAL_WATCH_MS, () => !culprit.isOpen(), arena.signal));
}

/** The least of the samples until it is low enough: memory that is given back was no growth. */
async function growthMiB({ view, signal }: Arena, before: number): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  await waitFor(
    RSS_WITHIN_MS,
    async () => {
      least = Math.min(least, await view.rssMiB());
      return least - before <= MAX_RSS_GROWTH_MIB;
    },
    signal,
  );
  return least - before;
}

/** Why the target does not go on with the honest nodes; null: it does. */
async function standstill({ view, signal }: Arena, from: number): Promise<string | null> {
  const grown = await waitFor(TIP_WITHIN_MS, async () => (await view.height()) > from, signal);
  if (!grown) return `no block after height ${from}`;
  return lasting(() => view.disagreement(), TIP_WITHIN_MS, signal);
}

/** What is still wrong when the time is over; null as soon as nothing is. */
async function lasting(
  what: () => Promise<string | null>,
  limitMs: number,
  signal: AbortSignal,
): Promise<string | null> {
  let why: string | null = null;
  await waitFor(
    limitMs,
    async () => {
      why = await what();
      return why === null;
    },
    signal,
  );
  return why;
}

/** What is wrong with the target's neighbourhood: links, mesh, readiness, blame of somebody innocent. */
async function disorder(arena: Arena, before: Baseline): Promise<string[]> {
  const { view, signal } = arena;
  const checks = [
    async () => {
      const now = await view.honestLinks();
      const missing = [...before.links].filter((link) => !now.has(link));
      return missing.length === 0 ? null : `honest links lost: ${missing.join(', ')}`;
    },
    async () => ((await view.honestMesh()) >= Math.min(1, before.mesh) ? null : 'no honest node in the mesh'),
    async () => {
      const why = await view.unready();
      return why === null ? null : `not ready: ${why}`;
    },
    arena.blameOfInnocent,
  ];
  const found = await Promise.all(checks.map((check) => lasting(check, LINKS_WITHIN_MS, signal)));
  return found.filter((why) => why !== null);
}

function faultsOf(attack: Attack, deed: Deed, seen: { outcome: Outcome; outMs: number | null }): string[] {
  const { outcome, outMs } = seen;
  const faults: string[] = [];
  if (!attack.allows.includes(outcome)) {
    faults.push(`outcome ${outcome}, expected ${attack.allows.join(' or ')}`);
  }
  const limitMs = attack.outWithinMs;
  if (limitMs !== undefined && (outMs === null || (outMs > limitMs && deed.sent > OUT_WITHIN_MESSAGES))) {
    faults.push(`not out within ${limitMs} ms or ${OUT_WITHIN_MESSAGES} messages`);
  }
  if (deed.fault !== undefined && deed.fault !== null) faults.push(deed.fault);
  return faults;
}

/** Whether the target answers as the process that it was: an honest node that fails is not its crash. */
async function lives({ view }: Arena, before: Baseline): Promise<boolean> {
  try {
    return (await view.life()) === before.life;
  } catch {
    return false;
  }
}

/** Looks at the sender, the target and the honest nodes until all is clear or the time is over. */
export async function judge(
  arena: Arena,
  given: { attack: Attack; before: Baseline; deed: Deed },
): Promise<AttackReport> {
  const { attack, before, deed } = given;
  const report = { attack: attack.name, sent: deed.sent };
  const seen = {
    outcome: 'ignored' as Outcome,
    outMs: null as number | null,
    rssGrowthMiB: 0,
    cpuMs: 0,
    still: null as string | null,
  };
  const faults: string[] = [];
  try {
    const [fate, still, wrong] = await Promise.all([
      outcomeOf(arena, deed, attack),
      standstill(arena, before.height),
      disorder(arena, before),
    ]);
    Object.assign(seen, fate, { still });
    faults.push(...wrong);
    seen.rssGrowthMiB = await growthMiB(arena, before.rssMiB);
    seen.cpuMs = (await arena.view.cpuMs()) - before.cpuMs;
    if ((await arena.view.life()) !== before.life) throw new Error('the target was started anew');
  } catch (error) {
    arena.signal.throwIfAborted();
    const crashed = !(await lives(arena, before));
    const detail = `${crashed ? 'the target is gone' : 'no verdict'}: ${(error as Error).message}`;
    const { outcome, outMs, rssGrowthMiB } = seen;
    const figures = { outcome, disconnectedAfterMs: outMs, crashed, rssGrowthMiB, honestTipAdvanced: false };
    return { ...report, ...figures, ok: false, detail };
  }
  faults.push(...faultsOf(attack, deed, seen));
  if (seen.still !== null) faults.push(seen.still);
  if (seen.rssGrowthMiB > MAX_RSS_GROWTH_MIB)
    faults.push(`memory grew by ${Math.round(seen.rssGrowthMiB)} MiB`);
  const facts = [
    ...(deed.detail === undefined ? [] : [deed.detail]),
    `slowest answer ${arena.view.slowestMs()} ms`,
    `CPU ${Math.round(seen.cpuMs)} ms`,
  ];
  return {
    ...report,
    outcome: seen.outcome,
    disconnectedAfterMs: seen.outMs,
    crashed: false,
    rssGrowthMiB: seen.rssGrowthMiB,
    honestTipAdvanced: seen.still === null,
    ok: faults.length === 0,
    detail: [...faults, ...facts].join('; '),
  };
}
