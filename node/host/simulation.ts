/**
 * The simulation host: the same core as the daemon under a virtual clock, simulated links and disks, and seeded mining
 * with real proofs of work. One seed fixes everything.
 */
import { digest64 } from '@chainsafe/as-sha256';
import { genesisRoot } from '../consensus/genesis.ts';
import type { ChainRules } from '../consensus/header.ts';
import { isBelowTarget, workOf } from '../consensus/target.ts';
import type { CoreEvent, Effect, Notice } from '../core/events.ts';
import { type Core, createCore } from '../core/node.ts';
import { blockId, decode, encode } from '../protocol/codec.ts';
import type { GenesisDocument } from '../protocol/genesis-file.ts';
import type { Signer, Verifier } from '../protocol/signing.ts';
import { Block, HeaderBody, type Transaction } from '../protocol/types.ts';
import { BlocksAnswer, MAX_ANSWER_BYTES, type TOPICS } from '../protocol/wire.ts';
import { concatBytes, toHex } from '../util/bytes.ts';
import { assert } from '../util/errors.ts';
import { createRng, deriveSeed, type Rng } from '../util/rng.ts';
import { createScheduler, type Scheduler } from '../util/scheduler.ts';
import { beginningOf, restoreChain, type StoredChain } from './restore.ts';
import { createSimDisk, type SimDisk } from './sim-disk.ts';
import { createSimNetwork, type LinkConditions, type SimNetwork } from './sim-network.ts';

export interface SimNodeOptions {
  /** Null: a full node that does not mine. */
  miner: { member: number; signer: Signer } | null;
  hashesPerSecond: number;
}

export interface SimulationOptions {
  seed: bigint;
  document: GenesisDocument;
  verifier: Verifier;
  nodes: readonly SimNodeOptions[];
  conditions: LinkConditions;
  /** Links per node. */
  degree: number;
  /** Time from a write to its sync. */
  diskMs: number;
  /** Transactions that a node submits when its tip changes. */
  traffic?: (node: number, core: Core, wallMs: number) => Transaction[];
  onNotice?: (node: number, notice: Notice) => void;
}

export interface Simulation {
  readonly nodes: readonly SimNode[];
  readonly network: SimNetwork;
  /** Lets virtual time pass. */
  run(durationMs: number): void;
  wallMs(): number;
  /** Kills a node: what was not synced is gone. */
  crash(node: number): void;
  restart(node: number): void;
  submit(node: number, transaction: Transaction): void;
  /** Digest over every event in order: equal for equal seeds. */
  traceHash(): string;
}

export interface SimNode {
  readonly index: number;
  readonly disk: SimDisk;
  /** Null while the node is down. */
  core(): Core | null;
  bans(): readonly { peer: string; reason: string }[];
}

/** Points after which a host bans a peer. */
const BAN_POINTS = 100;

export function createSimulation(options: SimulationOptions): Simulation {
  const scheduler = createScheduler();
  const rng = createRng(deriveSeed(options.seed, 'network'));
  const trace = createTrace();
  const machines: Machine[] = [];
  const network = createSimNetwork(
    { nodes: options.nodes.length, degree: options.degree, scheduler, rng, conditions: options.conditions },
    {
      isUp: (node) => machines[node]?.core() != null,
      gossip: (to, from, topic, messageId, bytes) =>
        machines[to]!.deliver({ type: 'gossip', topic, messageId, from: String(from), bytes }),
      linksChanged: () => {
        for (const machine of machines) machine.updatePeers();
      },
    },
  );
  const world: World = {
    options,
    scheduler,
    network,
    machines,
    trace,
    startMs: options.document.genesis.timeMs,
  };
  for (const [index, node] of options.nodes.entries()) machines.push(new Machine(world, index, node));
  for (const machine of machines) machine.boot();
  for (const machine of machines) machine.updatePeers();

  return {
    nodes: machines,
    network,
    run: (durationMs) => scheduler.runUntil(scheduler.nowMs() + durationMs),
    wallMs: () => world.startMs + scheduler.nowMs(),
    crash: (node) => machines[node]!.crash(),
    restart(node) {
      machines[node]!.boot();
      for (const machine of machines) machine.updatePeers();
    },
    submit: (node, transaction) => machines[node]!.deliver({ type: 'submit', requestId: 0, transaction }),
    traceHash: trace.digest,
  };
}

interface Trace {
  add(text: string): void;
  digest(): string;
}

/** FNV-1a of 64 bits over the trace: an identity for comparing runs, not a commitment. */
function createTrace(): Trace {
  let hash = 0xcbf29ce484222325n;
  return {
    add(text) {
      for (let i = 0; i < text.length; i++) {
        hash = BigInt.asUintN(64, (hash ^ BigInt(text.charCodeAt(i))) * 0x100000001b3n);
      }
    },
    digest: () => hash.toString(16).padStart(16, '0'),
  };
}

interface World {
  options: SimulationOptions;
  scheduler: Scheduler;
  network: SimNetwork;
  machines: Machine[];
  trace: Trace;
  startMs: number;
}

/** One simulated computer: a core, a disk, timers. */
class Machine implements SimNode {
  readonly index: number;
  readonly disk = createSimDisk();
  core_: Core | null = null;
  readonly #world: World;
  readonly #node: SimNodeOptions;
  readonly #rng: Rng;
  #boots = 0;
  #wake = 0;
  #mining = 0;
  #peers = new Set<number>();
  #points = new Map<string, number>();
  #bans: { peer: string; reason: string }[] = [];
  #messages = 0;

  constructor(world: World, index: number, node: SimNodeOptions) {
    this.#world = world;
    this.index = index;
    this.#node = node;
    this.#rng = createRng(deriveSeed(world.options.seed, `node ${index}`));
  }

  core(): Core | null {
    return this.core_;
  }

  bans() {
    return this.#bans;
  }

  boot(): void {
    const { document, verifier } = this.#world.options;
    const rules: ChainRules = {
      genesis: document.genesis,
      genesisRoot: genesisRoot(document.genesis),
      verifier,
    };
    const { start, replay } = restoreChain(beginningOf(document), this.#stored());
    const { miner } = this.#node;
    this.core_ = createCore({
      rules,
      start,
      replay,
      snapshotHeights: this.disk.snapshotHeights(),
      miner: miner === null ? null : { ...miner, authoredParents: this.disk.authoredParents() },
      mining: true,
      rng: this.#rng,
    });
    this.#boots++;
    this.deliver({ type: 'wake' });
  }

  /** The main chain that the disk's commit record names. */
  #stored(): StoredChain | null {
    const commit = this.disk.commit();
    if (commit === null) return null;
    const blocks: Block[] = [];
    let idHex = toHex(commit.tipId);
    for (let height = commit.tipHeight; height > 0; height--) {
      const block = decode(Block, this.disk.block(idHex)!)!;
      blocks.push(block);
      idHex = toHex(block.signedHeader.header.body.parent);
    }
    blocks.reverse();
    const { snapshotHeight, finalHeight } = commit;
    const headers = blocks.slice(0, snapshotHeight).map((block) => block.signedHeader);
    const at = headers.at(-1);
    const snapshot = at === undefined ? null : this.disk.snapshot(toHex(blockId(at.header)))!;
    return { headers, blocks: blocks.slice(snapshotHeight), finalHeight, snapshot };
  }

  crash(): void {
    this.core_ = null;
    this.#boots++;
    this.#peers.clear();
    this.#world.scheduler.cancel(this.#wake);
    this.#world.scheduler.cancel(this.#mining);
    this.#world.network.forget(this.index);
    for (const machine of this.#world.machines) machine.updatePeers();
  }

  /** Tells the core which neighbours came and went. */
  updatePeers(): void {
    if (this.core_ === null) return;
    const now = new Set(this.#world.network.neighbours(this.index).filter((peer) => !this.#isBanned(peer)));
    for (const peer of [...this.#peers]) {
      if (now.has(peer)) continue;
      this.#peers.delete(peer);
      this.deliver({ type: 'peerDown', peer: String(peer) });
    }
    for (const peer of now) {
      if (this.#peers.has(peer)) continue;
      this.#peers.add(peer);
      this.deliver({ type: 'peerUp', peer: String(peer) });
    }
  }

  #isBanned(peer: number): boolean {
    return this.#bans.some((ban) => ban.peer === String(peer));
  }

  deliver(event: CoreEvent): void {
    if (this.core_ === null) return;
    if (event.type === 'gossip' && this.#isBanned(Number(event.from))) return;
    const { scheduler, startMs, trace } = this.#world;
    const monoMs = scheduler.nowMs();
    trace.add(`${monoMs}/${this.index}/${event.type};`);
    const effects = this.core_.step(event, { wallMs: Math.floor(startMs + monoMs), monoMs });
    for (const effect of effects) this.#perform(effect);
  }

  /** Runs an action later unless the node crashed in between. */
  #later(delayMs: number, action: () => void): number {
    const boot = this.#boots;
    return this.#world.scheduler.after(delayMs, () => {
      if (this.#boots === boot) action();
    });
  }

  #perform(effect: Effect): void {
    const { network, machines, options } = this.#world;
    switch (effect.type) {
      case 'wake':
        this.#world.scheduler.cancel(this.#wake);
        this.#wake = this.#later(effect.atMonoMs - this.#world.scheduler.nowMs(), () =>
          this.deliver({ type: 'wake' }),
        );
        return;
      case 'publish':
        return network.publish(this.index, effect.topic, this.#messageId(effect.topic), effect.bytes);
      case 'verdict':
        if (effect.verdict === 'accept') network.forward(this.index, effect.messageId);
        return;
      case 'request':
        return this.#request(effect);
      case 'persist':
        this.#later(options.diskMs, () => {
          this.disk.apply(effect.batch);
          this.deliver({ type: 'persisted', batch: effect.batch.batch });
        });
        return;
      case 'mine':
        return this.#mine(effect);
      case 'stopMining':
        return this.#world.scheduler.cancel(this.#mining);
      case 'penalise':
        return this.#penalise(effect.peer, effect.points, effect.reason);
      case 'notify':
        options.onNotice?.(this.index, effect.notice);
        if (effect.notice.type === 'tip') this.#later(1, () => this.#traffic());
        return;
      default:
        assert(machines.length > 0 && effect.type === 'submitted', `effect ${effect.type} outside a request`);
    }
  }

  #messageId(topic: (typeof TOPICS)[number]): string {
    return `${topic}/${this.index}/${this.#boots}/${this.#messages++}`;
  }

  #traffic(): void {
    if (this.core_ === null) return;
    const { options, startMs, scheduler } = this.#world;
    const transactions = options.traffic?.(this.index, this.core_, startMs + scheduler.nowMs()) ?? [];
    for (const transaction of transactions) this.deliver({ type: 'submit', requestId: 0, transaction });
  }

  #request(effect: Extract<Effect, { type: 'request' }>): void {
    const { network, machines } = this.#world;
    const peer = Number(effect.peer);
    let isOpen = true;
    const finish = (bytes: Uint8Array | null): void => {
      if (!isOpen) return;
      isOpen = false;
      this.deliver({ type: 'answer', requestId: effect.requestId, bytes });
    };
    this.#later(effect.timeoutMs, () => finish(null));
    const boot = this.#boots;
    network.send(this.index, peer, () => {
      const bytes = machines[peer]!.answer(this.index, effect);
      network.send(peer, this.index, () => {
        if (this.#boots === boot) finish(bytes);
      });
    });
  }

  /** What this node answers to a peer's request. */
  answer(from: number, asked: Extract<Effect, { type: 'request' }>): Uint8Array | null {
    const { scheduler, startMs } = this.#world;
    const monoMs = scheduler.nowMs();
    const { protocol, bytes } = asked;
    const request = { type: 'request' as const, requestId: 0, from: String(from), protocol, bytes };
    const effects = this.core_!.step(request, { wallMs: Math.floor(startMs + monoMs), monoMs });
    let answer: Uint8Array | null = null;
    for (const effect of effects) {
      if (effect.type === 'respond') answer = effect.bytes;
      else if (effect.type === 'respondBlocks') answer = this.#encodeBlocks(effect.blocks);
      else this.#perform(effect);
    }
    return answer;
  }

  #encodeBlocks(wanted: Extract<Effect, { type: 'respondBlocks' }>['blocks']): Uint8Array {
    const blocks: Block[] = [];
    let bytes = 0;
    for (const entry of wanted) {
      const block = 'block' in entry ? entry.block : decode(Block, this.disk.block(toHex(entry.id))!)!;
      bytes += encode(Block, block).length + 4;
      if (blocks.length > 0 && bytes > MAX_ANSWER_BYTES) break;
      blocks.push(block);
    }
    return encode(BlocksAnswer, blocks);
  }

  /** Draws when this miner's hashing succeeds, then really finds the nonce. */
  #mine(effect: Extract<Effect, { type: 'mine' }>): void {
    const { scheduler, startMs } = this.#world;
    scheduler.cancel(this.#mining);
    const meanMs = (Number(workOf(effect.body.target)) / this.#node.hashesPerSecond) * 1000;
    const drawn = -Math.log(1 - this.#rng.next()) * meanMs;
    const waitMs = Math.max(0, effect.earliestMs - (startMs + scheduler.nowMs()));
    this.#mining = this.#later(waitMs + drawn, () => {
      const timestampMs = Math.max(effect.earliestMs, Math.floor(startMs + scheduler.nowMs()));
      const nonce = searchNonce({ ...effect.body, timestampMs }, this.#rng);
      this.deliver({ type: 'mined', jobId: effect.jobId, timestampMs, nonce });
    });
  }

  #penalise(peer: string, points: number, reason: string): void {
    const total = (this.#points.get(peer) ?? 0) + points;
    this.#points.set(peer, total);
    if (total < BAN_POINTS || this.#isBanned(Number(peer))) return;
    this.#bans.push({ peer, reason });
    this.updatePeers();
  }
}

function searchNonce(body: HeaderBody, rng: Rng): Uint8Array {
  const root = HeaderBody.hashTreeRoot(body);
  const nonce = new Uint8Array(32);
  for (let i = 0; i < 8; i++) nonce[i] = rng.below(256);
  const view = new DataView(nonce.buffer);
  for (let i = 0; ; i++) {
    view.setUint32(28, i);
    const id = digest64(concatBytes(root, nonce));
    if (id[0] === 0 && isBelowTarget(id, body.target)) return nonce;
  }
}
