/** One simulated computer: drives a core as the daemon's runtime does, with the daemon's own reading and writing of the chain. */
import type { CoreEvent, Effect } from '../../core/events.ts';
import { createCore } from '../../core/node.ts';
import { encode, encodeOnce, shareDecoded } from '../../protocol/codec.ts';
import { Block, type Block as BlockValue } from '../../protocol/types.ts';
import { BlocksAnswer, MAX_ANSWER_BYTES } from '../../protocol/wire.ts';
import { createRng, deriveSeed } from '../../util/rng.ts';
import { createChainStore } from '../chain-store.ts';
import { loadChain } from '../load-chain.ts';
import { restoreChain } from '../restore.ts';
import { createSimClock } from './clock.ts';
import { createSimDisk } from './disk.ts';
import { mine, scheduleMining } from './miner.ts';
import { later, type Machine, type RequestEffect, type SimNodeOptions, type World, wallMs } from './world.ts';

/** Points after which a host bans a peer. */
const BAN_POINTS = 100;
/** Messages that a stopped process finds when it goes on; beyond these the connections are full. */
const MAX_BACKLOG = 4000;

export function createMachine(world: World, index: number, seed: bigint, options: SimNodeOptions): Machine {
  const machine: Machine = {
    world,
    index,
    options,
    rng: createRng(deriveSeed(seed, `node ${index}`)),
    disk: createSimDisk({
      sharesBytes: true,
      sync: (done) =>
        void world.scheduler.after(machine.diskMs, () => {
          world.busy = true;
          done();
        }),
    }),
    clock: createSimClock(world.startMs, options.clock ?? { offsetMs: 0, driftPpm: 0 }),
    core: null,
    store: null,
    diskMs: 5,
    boots: 0,
    wakeId: 0,
    wakeAtMs: Number.POSITIVE_INFINITY,
    miningId: 0,
    job: null,
    peers: new Set(),
    points: new Map(),
    bans: [],
    messages: 0,
    backlog: null,
    deliver: (event) => deliver(machine, event),
  };
  return machine;
}

/** Starts the node from what its disk holds. */
export async function boot(machine: Machine): Promise<void> {
  const { world, disk, options } = machine;
  const raw = disk.open();
  const loaded = await loadChain(raw, world.beginning.block.signedHeader, options.miner?.member ?? null);
  machine.store = createChainStore(raw, loaded.sequence);
  const { miner } = options;
  machine.core = createCore({
    rules: world.rules,
    ...restoreChain(world.beginning, loaded.stored),
    snapshotHeights: loaded.snapshotHeights,
    damagedHeights: loaded.damagedHeights,
    miner: miner === null ? null : { ...miner, ownBlocks: loaded.ownBlocks },
    mining: world.eager,
    isDamaged: loaded.damage.length > 0,
    rng: machine.rng,
    limits: world.limits,
    execute: world.executions.execute,
  });
  machine.boots++;
  world.trace.add(`boot ${machine.index} ${machine.core.chain.tip().idHex};`);
  world.observer.onBoot?.(machine, loaded);
  deliver(machine, { type: 'wake' });
  scheduleMining(machine);
}

/** Ends the node at once; what was not synced survives as the mode says. */
export function crash(machine: Machine, mode: 'prefix' | 'subset' | 'torn' = 'prefix'): void {
  const { world } = machine;
  if (machine.core === null) return;
  world.observer.onCrash?.(machine);
  machine.core = null;
  machine.store = null;
  machine.job = null;
  machine.backlog = null;
  machine.boots++;
  machine.peers.clear();
  world.scheduler.cancel(machine.wakeId);
  world.scheduler.cancel(machine.miningId);
  machine.wakeAtMs = Number.POSITIVE_INFINITY;
  machine.disk.crash(mode, machine.rng);
  world.network.forget(machine.index);
  for (const other of world.machines) updatePeers(other);
}

/** Stops the process (SIGSTOP): what arrives waits. */
export function pause(machine: Machine): void {
  machine.backlog ??= [];
}

export function resume(machine: Machine): void {
  const waiting = machine.backlog;
  machine.backlog = null;
  for (const action of waiting ?? []) action();
}

/** Tells the core which neighbours came and went. */
export function updatePeers(machine: Machine): void {
  if (machine.core === null) return;
  const now = machine.world.network.neighbours(machine.index).filter((peer) => !isBanned(machine, peer));
  for (const peer of [...machine.peers]) {
    if (now.includes(peer)) continue;
    machine.peers.delete(peer);
    deliver(machine, { type: 'peerDown', peer: String(peer) });
  }
  for (const peer of now) {
    if (machine.peers.has(peer)) continue;
    machine.peers.add(peer);
    deliver(machine, { type: 'peerUp', peer: String(peer) });
  }
}

function isBanned(machine: Machine, peer: number): boolean {
  return machine.bans.length > 0 && machine.bans.some((ban) => ban.peer === peer);
}

/** Gives an event to the core and performs what it asks for. */
function deliver(machine: Machine, event: CoreEvent): void {
  const { world, core } = machine;
  if (core === null) return;
  if (machine.backlog !== null) {
    if (machine.backlog.length < MAX_BACKLOG) machine.backlog.push(() => deliver(machine, event));
    return;
  }
  if (event.type === 'gossip' && isBanned(machine, Number(event.from))) return;
  const monoMs = world.scheduler.nowMs();
  world.trace.add(`${monoMs}/${machine.index}/${event.type};`);
  let effects: Effect[];
  try {
    effects = core.step(event, { wallMs: wallMs(machine), monoMs });
  } catch (error) {
    world.observer.onThrow(machine, event.type, error);
    crash(machine);
    return;
  }
  for (const effect of effects) {
    if (machine.options.adversary?.perform?.(machine, effect) !== true) perform(machine, effect);
  }
  world.observer.onEvent?.(machine, event);
}

export function perform(machine: Machine, effect: Effect): void {
  const { world, index } = machine;
  switch (effect.type) {
    case 'wake':
      return setWake(machine, effect.atMonoMs);
    case 'publish':
      if (effect.topic === 'block') world.observer.onPublish?.(machine, effect.bytes);
      return world.network.publish(index, effect.topic, messageId(machine, effect.topic), effect.bytes);
    case 'verdict':
      if (effect.verdict === 'accept') world.network.forward(index, effect.messageId);
      return;
    case 'request':
      return request(machine, effect);
    case 'persist':
      return persist(machine, effect);
    case 'repaired':
      world.busy = true;
      machine
        .store!.rewrite({ height: effect.node.height, id: effect.node.id, block: effect.block })
        .catch((error: unknown) => writeFailed(machine, error));
      return;
    case 'mine':
      machine.job = effect;
      return world.eager ? mine(machine) : undefined;
    case 'stopMining':
      machine.job = null;
      return world.eager ? world.scheduler.cancel(machine.miningId) : undefined;
    case 'penalise':
      return penalise(machine, Number(effect.peer), effect.points, effect.reason);
    case 'notify':
      world.observer.onNotice?.(machine, effect.notice);
      if (effect.notice.type !== 'tip') return;
      if (world.traffic !== null) later(machine, 1, () => submitTraffic(machine));
      return world.eager ? undefined : scheduleMining(machine);
    default:
      // Answers to requests are taken from the effects by who asked; a submission's by nobody.
      return;
  }
}

export function messageId(machine: Machine, topic: string): string {
  return `${topic}/${machine.index}/${machine.boots}/${machine.messages++}`;
}

/** A wake that comes too early is harmless: an earlier one is not put off. */
function setWake(machine: Machine, atMs: number): void {
  const { scheduler } = machine.world;
  const nowMs = scheduler.nowMs();
  if (machine.wakeAtMs > nowMs && machine.wakeAtMs <= atMs) return;
  scheduler.cancel(machine.wakeId);
  if (!Number.isFinite(atMs)) return;
  machine.wakeAtMs = Math.max(atMs, nowMs);
  machine.wakeId = later(machine, atMs - nowMs, () => {
    machine.wakeAtMs = Number.POSITIVE_INFINITY;
    deliver(machine, { type: 'wake' });
  });
}

function submitTraffic(machine: Machine): void {
  if (machine.core === null) return;
  const { traffic } = machine.world;
  for (const transaction of traffic?.(machine.index, machine.core, wallMs(machine)) ?? []) {
    deliver(machine, { type: 'submit', requestId: 0, transaction });
  }
}

function persist(machine: Machine, { batch }: Extract<Effect, { type: 'persist' }>): void {
  const { boots, world } = machine;
  world.busy = true;
  machine.store!.persist(batch).then(
    () => {
      if (machine.boots !== boots) return;
      world.observer.onPersisted?.(machine, batch);
      deliver(machine, { type: 'persisted', batch: batch.batch });
    },
    (error: unknown) => {
      if (machine.boots === boots) writeFailed(machine, error);
    },
  );
}

/** A node that cannot write ends, as the daemon does. */
function writeFailed(machine: Machine, error: unknown): void {
  if ((error as { code?: string }).code !== 'STORE_NO_SPACE') {
    machine.world.observer.onThrow(machine, 'write', error);
  }
  crash(machine);
}

function request(machine: Machine, effect: RequestEffect): void {
  const { world, index, boots } = machine;
  const peer = Number(effect.peer);
  let isOpen = true;
  const finish = (bytes: Uint8Array | null): void => {
    if (!isOpen) return;
    isOpen = false;
    deliver(machine, { type: 'answer', requestId: effect.requestId, bytes });
  };
  shareDecoded(effect.bytes);
  later(machine, effect.timeoutMs, () => finish(null));
  world.network.send(index, peer, effect.bytes.length, () => {
    answer(world.machines[peer]!, index, effect, (bytes) => {
      world.network.send(peer, index, bytes?.length ?? 0, () => {
        if (machine.boots === boots) finish(bytes);
      });
    });
  });
}

/** What a node answers to a peer's request. */
function answer(
  machine: Machine,
  from: number,
  asked: RequestEffect,
  reply: (bytes: Uint8Array | null) => void,
): void {
  const { world, core } = machine;
  if (core === null || isBanned(machine, from)) return;
  if (machine.backlog !== null) {
    if (machine.backlog.length < MAX_BACKLOG) machine.backlog.push(() => answer(machine, from, asked, reply));
    return;
  }
  const own = machine.options.adversary?.answer?.(machine, asked);
  if (own !== undefined) return reply(own);
  const { protocol, bytes } = asked;
  const event: CoreEvent = { type: 'request', requestId: 0, from: String(from), protocol, bytes };
  const effects = core.step(event, { wallMs: wallMs(machine), monoMs: world.scheduler.nowMs() });
  for (const effect of effects) {
    if (effect.type === 'respond') {
      if (effect.bytes !== null) shareDecoded(effect.bytes);
      reply(effect.bytes);
    } else if (effect.type === 'respondBlocks') respondBlocks(machine, effect.blocks, reply);
    else perform(machine, effect);
  }
}

function respondBlocks(
  machine: Machine,
  wanted: Extract<Effect, { type: 'respondBlocks' }>['blocks'],
  reply: (bytes: Uint8Array | null) => void,
): void {
  const { boots, world } = machine;
  world.busy = true;
  readBlocks(machine, wanted).then(
    (bytes) => {
      if (machine.boots === boots) reply(bytes);
    },
    // As the daemon: what cannot be read is not answered.
    () => {
      if (machine.boots === boots) reply(null);
    },
  );
}

async function readBlocks(
  machine: Machine,
  wanted: Extract<Effect, { type: 'respondBlocks' }>['blocks'],
): Promise<Uint8Array> {
  const blocks: BlockValue[] = [];
  let bytes = 0;
  for (const entry of wanted) {
    const block = 'block' in entry ? entry.block : await machine.store!.block(entry.height, entry.id);
    if (block === null) break;
    bytes += encodeOnce(Block, block).length + 4;
    if (blocks.length > 0 && bytes > MAX_ANSWER_BYTES) break;
    blocks.push(block);
  }
  return encode(BlocksAnswer, blocks);
}

function penalise(machine: Machine, peer: number, points: number, reason: string): void {
  machine.world.observer.onPenalty?.(machine, peer, reason);
  const total = (machine.points.get(peer) ?? 0) + points;
  machine.points.set(peer, total);
  if (total < BAN_POINTS || isBanned(machine, peer)) return;
  machine.bans.push({ peer, reason });
  machine.world.observer.onBan?.(machine, peer, reason);
  updatePeers(machine);
}
