/** What a hostile member of the community does. Each has the keys and the view of an honest node. */
import { latestTimestampMs } from '../../consensus/header.ts';
import { createBody, decode, encode, transactionsRoot } from '../../protocol/codec.ts';
import { headerMessage } from '../../protocol/signing.ts';
import { Block, type Block as BlockValue, type HeaderBody } from '../../protocol/types.ts';
import { HeadersAnswer, Status, TransactionBatch } from '../../protocol/wire.ts';
import type { AdversaryKind } from './plan.ts';
import { type Adversary, later, type Machine, wallMs } from './world.ts';

export function createAdversary(kind: AdversaryKind): Adversary {
  return { kind, ...MAKE[kind]() };
}

type Behaviour = Omit<Adversary, 'kind'>;

const MAKE: Readonly<Record<AdversaryKind, () => Behaviour>> = {
  withhold,
  selfish,
  // Two computers with one key: each is honest, together they sign on every branch (Bano et al., Twins, 2020).
  twin: () => ({}),
  'time-early': () => ({ timestampMs: (_, earliestMs) => earliestMs }),
  'time-late': () => ({
    timestampMs: (machine, earliestMs) =>
      Math.max(earliestMs, latestTimestampMs(wallMs(machine), machine.world.rules.genesis.params.spacingMs)),
  }),
  'bad-body': badBody,
  'bad-state': badState,
  spam,
  flood,
  stall,
};

/** Keeps blocks back for a while, or for ever. */
function withhold(): Behaviour {
  return {
    perform(machine, effect) {
      if (effect.type !== 'publish' || effect.topic !== 'block') return false;
      const { spacingMs } = machine.world.rules.genesis.params;
      if (machine.rng.below(3) > 0) {
        later(machine, machine.rng.next() * 6 * spacingMs, () => publish(machine, effect.bytes));
      }
      return true;
    },
  };
}

/** Mines on its own blocks in secret, and shows them when the others come near (Eyal, Sirer 2014). */
function selfish(): Behaviour {
  const secret: Uint8Array[] = [];
  let secretHeight = 0;
  return {
    perform(machine, effect) {
      if (effect.type !== 'publish' || effect.topic !== 'block') return false;
      secret.push(effect.bytes);
      secretHeight = decode(Block, effect.bytes)!.signedHeader.header.body.height;
      if (secret.length > 20) for (const bytes of secret.splice(0)) publish(machine, bytes);
      return true;
    },
    answer: (_, asked) => (secret.length > 0 && asked.protocol !== 'status' ? null : undefined),
    tick(machine) {
      if (secret.length === 0) return;
      const { chain } = machine.core!;
      const overtaken = chain.tip().height > secretHeight;
      let publicHeight = 0;
      for (const other of machine.world.machines) {
        if (other !== machine) publicHeight = Math.max(publicHeight, other.core?.chain.tip().height ?? 0);
      }
      if (!overtaken && publicHeight < secretHeight - 1) return;
      for (const bytes of secret.splice(0)) publish(machine, bytes);
    },
  };
}

function publish(machine: Machine, bytes: Uint8Array): void {
  const { network } = machine.world;
  network.publish(machine.index, 'block', nextId(machine, 'block'), bytes);
}

function nextId(machine: Machine, topic: string): string {
  return `${topic}/${machine.index}/${machine.boots}/hostile ${machine.messages++}`;
}

/** The right header with the wrong transactions first. */
function badBody(): Behaviour {
  return {
    perform(machine, effect) {
      if (effect.type !== 'publish' || effect.topic !== 'block') return false;
      const block = decode(Block, effect.bytes)!;
      const { transactions } = block;
      const wrong = transactions.length > 0 ? transactions.slice(1) : [sampleOrder(machine)];
      publish(machine, encode(Block, { ...block, transactions: wrong }));
      return false;
    },
  };
}

function sampleOrder(machine: Machine) {
  const account = machine.options.miner!.member;
  const payload = { side: 0, energyWh: 1, limitMicroEurPerKwh: 100_000 };
  const body = createBody({ kind: 'order', step: 1, account, sequence: 0, payload });
  return { body, signatures: [new Uint8Array(64).fill(7)] };
}

/** A block whose header has work, a signature, and a state that no execution gives. */
function badState(): Behaviour {
  return {
    perform(machine, effect) {
      if (effect.type !== 'publish' || effect.topic !== 'block' || machine.rng.below(2) === 0) return false;
      const block = decode(Block, effect.bytes)!;
      const root = new Uint8Array(32).fill(machine.rng.below(256));
      publish(machine, encode(Block, forge(machine, block, { stateRoot: root })));
      return false;
    },
  };
}

/** The block with another header, worked for and signed. */
function forge(machine: Machine, block: BlockValue, change: Partial<HeaderBody>): BlockValue {
  const { world, options } = machine;
  const body = { ...block.signedHeader.header.body, ...change };
  const header = { body, nonce: world.work.find(body, machine.rng) };
  const signature = options.miner!.signer.sign(headerMessage(world.rules.genesisRoot, header));
  return { signedHeader: { header, signature }, transactions: block.transactions };
}

/** Garbage, forged transactions and old messages. */
function spam(): Behaviour {
  const heard: Uint8Array[] = [];
  return {
    perform(_, effect) {
      if (effect.type === 'publish' && heard.length < 50) heard.push(effect.bytes);
      return false;
    },
    tick(machine) {
      const { network } = machine.world;
      const { index, rng } = machine;
      const garbage = Uint8Array.from({ length: rng.below(200) }, () => rng.below(256));
      const forged = encode(TransactionBatch, [sampleOrder(machine)]);
      const old = heard[rng.below(Math.max(1, heard.length))];
      const messages = [garbage, forged, ...(old === undefined ? [] : [old])];
      for (const bytes of messages) {
        const topic = rng.below(2) === 0 ? 'block' : 'tx';
        network.publish(index, topic, nextId(machine, topic), bytes);
      }
    },
  };
}

/** Many signed headers with work on old parents: each starts a branch of its own. */
function flood(): Behaviour {
  return {
    tick(machine) {
      const { chain } = machine.core!;
      const { rng, world } = machine;
      for (let i = 0; i < 2; i++) {
        const height = Math.max(1, chain.tip().height - rng.below(30));
        const node = chain.mainChainAt(height);
        const block = node === null ? undefined : chain.block(node.idHex);
        if (block === undefined) continue;
        const timestampMs = block.signedHeader.header.body.timestampMs + 1 + rng.below(100);
        const change = {
          timestampMs,
          author: machine.options.miner!.member,
          transactionsRoot: transactionsRoot([]),
        };
        publish(machine, encode(Block, forge(machine, { ...block, transactions: [] }, change)));
      }
      world.trace.add('flood;');
    },
  };
}

/** Says that it knows more than anybody, and gives nothing. */
function stall(): Behaviour {
  return {
    answer(machine, { protocol }) {
      if (protocol === 'blocks') return machine.rng.below(2) === 0 ? null : new Uint8Array([1, 2, 3]);
      if (protocol === 'headers') return encode(HeadersAnswer, []);
      const { chain } = machine.core!;
      const tip = chain.tip();
      return encode(Status, {
        genesisId: chain.genesis.id,
        tipId: new Uint8Array(32).fill(machine.rng.below(256)),
        tipHeight: tip.height + 1000,
        finalHeight: tip.height,
        justifiedHeight: tip.height,
        work: tip.work * 2n,
      });
    },
  };
}
