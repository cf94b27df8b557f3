/** A hostile peer: it speaks the protocol, sends one attack after the other, and judges by RPC what came of each. */
import '../../node/util/polyfill.ts';
import { isIPv4 } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { setHasher } from '@chainsafe/persistent-merkle-tree';
import { hasher } from '@chainsafe/persistent-merkle-tree/hasher/as-sha256';
import { createNames } from '../../node/p2p/names.ts';
import { blockId } from '../../node/protocol/codec.ts';
import type { GenesisDocument } from '../../node/protocol/genesis-file.ts';
import { toHex } from '../../node/util/bytes.ts';
import { WattmeshError } from '../../node/util/errors.ts';
import { createRng, deriveSeed } from '../../node/util/rng.ts';
import type { Arena, Attack, AttackReport, Deed } from './attack.ts';
import { BLOCK_ATTACKS } from './attacks-blocks.ts';
import { GOSSIP_ATTACKS } from './attacks-gossip.ts';
import { IDENTITY_ATTACKS } from './attacks-identity.ts';
import { NOTHING, SYNC_ATTACKS, statusBytes } from './attacks-sync.ts';
import { WIRE_ATTACKS } from './attacks-wire.ts';
import { createForge } from './forge.ts';
import { type Baseline, baselineOf, judge } from './judge.ts';
import { createHostilePeer, type HostilePeer, type PeerOptions } from './peer.ts';
import { randomBytes } from './tools.ts';
import { createView, waitFor } from './view.ts';

const ALL: readonly Attack[] = [
  ...WIRE_ATTACKS,
  ...BLOCK_ATTACKS,
  ...GOSSIP_ATTACKS,
  ...SYNC_ATTACKS,
  ...IDENTITY_ATTACKS,
];

/** Every attack there is: its name, its row of the fault list, and what it sends. */
export const ATTACKS: readonly { name: string; row: number; describe: string }[] = ALL.map(
  ({ name, row, describe }) => ({ name, row, describe }),
);

export interface ByzantineOptions {
  /** Multiaddr with the peer id, and `http://HOST:PORT`; both on this machine. */
  target: { p2p: string; rpc: string };
  /** Nodes that the target must stay linked to and agree with. */
  honest: readonly { name: string; url: string }[];
  genesis: GenesisDocument;
  /** `memberSeed`: the account key of an admitted miner; without it, attacks that need one are skipped. */
  keys: { memberSeed?: Uint8Array };
  /** Names of attacks, in this order; all where it is left out. */
  attacks?: readonly string[];
  seed: bigint;
  signal: AbortSignal;
  log(line: string): void;
}

/**
 * Runs the attacks one after the other and reports on each, up to the one that ends the target.
 * Errors: `BYZANTINE_TARGET` where the target is not on this machine, `BYZANTINE_ATTACK` for a name that is none.
 */
export async function runByzantinePeer(options: ByzantineOptions): Promise<AttackReport[]> {
  requireLoopback(options);
  const attacks = chosen(options.attacks);
  setHasher(hasher);
  const arena = await createArena(options);
  const reports: AttackReport[] = [];
  try {
    for (const attack of attacks) {
      options.signal.throwIfAborted();
      const report = await perform(arena, attack);
      options.log(lineOf(report));
      reports.push(report);
      // There is nothing left to attack.
      if (report.crashed) break;
    }
  } finally {
    await arena.close();
  }
  return reports;
}

async function perform(arena: OpenArena, attack: Attack): Promise<AttackReport> {
  const untried = {
    attack: attack.name,
    sent: 0,
    outcome: 'skipped' as const,
    disconnectedAfterMs: null,
    crashed: false,
    rssGrowthMiB: 0,
    honestTipAdvanced: true,
  };
  if (attack.needsMiner === true && arena.forge.miner === null) {
    return { ...untried, ok: true, detail: 'it needs the key of a miner' };
  }
  let before: Baseline;
  try {
    before = await baselineOf(arena);
  } catch (error) {
    arena.signal.throwIfAborted();
    const detail = `the target was gone before the attack: ${(error as Error).message}`;
    return { ...untried, crashed: true, honestTipAdvanced: false, ok: false, detail };
  }
  try {
    return await judge(arena, { attack, before, deed: await attempt(arena, attack) });
  } finally {
    await arena.clear();
  }
}

/** An attack that cannot be made proves nothing: it counts as failed, and the others go on. */
async function attempt(arena: Arena, attack: Attack): Promise<Deed> {
  try {
    return await attack.run(arena);
  } catch (error) {
    arena.signal.throwIfAborted();
    const fault = `the attack could not be made: ${(error as Error).message}`;
    return { sent: 0, sinceMs: performance.now(), culprit: null, fault };
  }
}

function lineOf(report: AttackReport): string {
  const { attack, outcome, sent, disconnectedAfterMs, rssGrowthMiB, ok, detail } = report;
  const out = disconnectedAfterMs === null ? '' : `, out after ${Math.round(disconnectedAfterMs)} ms`;
  const growth = `${rssGrowthMiB >= 0 ? '+' : ''}${rssGrowthMiB.toFixed(1)} MiB`;
  return `${ok ? 'ok  ' : 'FAIL'} ${attack}: ${outcome}, ${sent} sent${out}, ${growth}; ${detail}`;
}

interface OpenArena extends Arena {
  /** Ends the peers of an attack. */
  clear(): Promise<void>;
  close(): Promise<void>;
}

async function createArena(options: ByzantineOptions): Promise<OpenArena> {
  const { genesis: document, signal, target } = options;
  const rng = createRng(deriveSeed(options.seed, 'byzantine peer'));
  const minerSeed = options.keys.memberSeed ?? null;
  const forge = createForge({ document, minerSeed, rng, now: Date.now });
  const names = createNames(toHex(blockId(forge.genesisTip.block.signedHeader.header)).slice(0, 16));
  const view = createView(options);
  const peers: HostilePeer[] = [];
  const base = { view, address: target.p2p, names, forge, rng, signal };
  const make = (given: Partial<PeerOptions>): Promise<HostilePeer> =>
    createHostilePeer({
      seed: randomBytes(rng, 32),
      names,
      target: target.p2p,
      answer: (protocol) => (protocol === 'status' ? statusBytes({ forge }) : NOTHING),
      ...given,
    });
  /** It asks for the chain and does nothing else: it must be let be. */
  const scout = await make({});
  const open: OpenArena = {
    ...base,
    async create(given = {}) {
      const peer = await make(given);
      peers.push(peer);
      return peer;
    },
    async meet(given = {}) {
      const peer = await open.create(given);
      await peer.connect();
      if (!(await waitFor(10_000, async () => (await view.peer(peer.peerId)) !== null, signal))) {
        throw new Error('the target does not know a new peer');
      }
      return peer;
    },
    async blameOfInnocent() {
      const peer = await view.peer(scout.peerId);
      if (peer === null) return `an innocent peer is cut off by ${scout.closedBy() ?? 'nobody'}`;
      return peer.score < 0 ? `an innocent peer has the score ${peer.score}` : null;
    },
    async refresh() {
      if (!scout.isOpen()) await scout.connect();
      await forge.follow((protocol, bytes) => scout.request(protocol, bytes));
    },
    async clear() {
      await Promise.all(peers.splice(0).map((peer) => peer.stop()));
    },
    async close() {
      await open.clear();
      await scout.stop();
    },
  };
  await scout.connect();
  await open.refresh();
  // Its first links settle before anything is measured.
  await delay(500, undefined, { signal });
  return open;
}

function chosen(names: readonly string[] | undefined): readonly Attack[] {
  if (names === undefined) return ALL;
  return names.map((name) => {
    const attack = ALL.find((known) => known.name === name);
    if (attack !== undefined) return attack;
    throw new WattmeshError({
      code: 'BYZANTINE_ATTACK',
      message: `there is no attack "${name}"`,
      remedy: `choose among: ${ALL.map((known) => known.name).join(', ')}`,
      details: { attack: name },
    });
  });
}

const isLoopback = (host: string) => isIPv4(host) && host.startsWith('127.');

/** These are weapons against one's own nodes. */
function requireLoopback({ target }: ByzantineOptions): void {
  const host = new URL(target.rpc).hostname;
  const p2pHost = /^\/ip4\/([^/]+)\/tcp\//.exec(target.p2p)?.[1] ?? '';
  if (isLoopback(p2pHost) && (host === 'localhost' || isLoopback(host))) return;
  throw new WattmeshError({
    code: 'BYZANTINE_TARGET',
    message: `${target.p2p} is not a node of this machine`,
    remedy: 'attack a testnet on 127.0.0.1 only',
    details: { ...target },
  });
}
