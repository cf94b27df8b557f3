/** For tests only: the daemon's runtime and repair over any store, with peers that answer from a given chain. */
import { pino } from 'pino';
import { ancestorAt, type HeaderNode } from '../consensus/header-chain.ts';
import type { Core } from '../core/node.ts';
import type { Miner } from '../miner/miner.ts';
import type { Network, Verdict } from '../p2p/interface.ts';
import { decode, encode } from '../protocol/codec.ts';
import { Block } from '../protocol/types.ts';
import { BlocksAnswer, BlocksRequest, HeadersAnswer, HeadersRequest, Status } from '../protocol/wire.ts';
import { toHex } from '../util/bytes.ts';
import type { ChainStore } from './chain-store.ts';
import type { Damage } from './load-chain.ts';
import { createRepair, type Repair } from './repair.ts';
import { createRuntime, type Runtime } from './runtime.ts';

export const SILENT = pino({ level: 'silent' });

/** Answers as an honest node whose tip is `tip()`. */
export function createTestPeer(chain: {
  tip: () => HeaderNode;
  block: (idHex: string) => Block | undefined;
}): (protocol: string, bytes: Uint8Array) => Uint8Array | null {
  const genesis = ancestorAt(chain.tip(), 0)!;
  return (protocol, bytes) => {
    const tip = chain.tip();
    if (protocol === 'status') {
      const { id: tipId, height: tipHeight, work } = tip;
      return encode(Status, { ...Status.defaultValue(), genesisId: genesis.id, tipId, tipHeight, work });
    }
    if (protocol === 'headers') {
      const asked = decode(HeadersRequest, bytes)!;
      const path = new Map<string, HeaderNode>();
      for (let node: HeaderNode | null = tip; node !== null; node = node.parent) path.set(node.idHex, node);
      const fork = asked.locator.map((id) => path.get(toHex(id))).find((node) => node !== undefined);
      const above = [...path.values()].reverse().slice((fork ?? genesis).height + 1);
      return encode(
        HeadersAnswer,
        above.slice(0, asked.limit).map((node) => node.signed),
      );
    }
    const blocks = decode(BlocksRequest, bytes)!.map((id) => chain.block(toHex(id)));
    return blocks.some((block) => block === undefined) ? null : encode(BlocksAnswer, blocks as Block[]);
  };
}

/** A node in this process. */
export interface TestNode {
  readonly core: Core;
  readonly store: ChainStore;
  readonly runtime: Runtime;
  readonly repair: Repair;
  /** Blocks that this node announced. */
  readonly published: Block[];
  readonly fatal: unknown[];
  /** The last verdict on each gossip message. */
  readonly verdicts: ReadonlyMap<string, Verdict>;
  stop(): Promise<void>;
}

/** Wires a chain as the daemon does; `peer` answers its requests, `miner` gets its jobs. */
export function startTestNode(
  chain: { core: Core; store: ChainStore; damage: readonly Damage[] },
  parts: {
    peer?: (protocol: string, bytes: Uint8Array) => Uint8Array | null;
    miner?: Miner;
    published?: Block[];
  } = {},
): TestNode {
  const { core, store } = chain;
  const published = parts.published ?? [];
  const fatal: unknown[] = [];
  const verdicts = new Map<string, Verdict>();
  const network = {
    publish: async (topic: string, bytes: Uint8Array) => {
      if (topic === 'block') published.push(decode(Block, bytes)!);
      return { recipients: 1, duplicate: false };
    },
    report: (messageId: string, _from: string, verdict: Verdict) => void verdicts.set(messageId, verdict),
    penalise: () => {},
    request: async (_peer: string, protocol: string, bytes: Uint8Array) => {
      const answer = parts.peer?.(protocol, bytes) ?? null;
      if (answer === null) throw new Error('the peer has no answer');
      return answer;
    },
  } as Pick<Network, 'publish' | 'report' | 'penalise' | 'request'> as Network;
  const repair = createRepair(chain.damage, {
    core,
    store,
    log: SILENT,
    dispatch: (event) => runtime.dispatch(event),
  });
  const runtime = createRuntime({
    core,
    store,
    network,
    miner: parts.miner ?? null,
    log: SILENT,
    onNotice: () => {},
    onRepaired: repair.onRepaired,
    onFatal: (error) => void fatal.push(error),
  });
  runtime.dispatch({ type: 'wake' });
  repair.start();
  if (parts.peer !== undefined) runtime.dispatch({ type: 'peerUp', peer: 'peer' });
  return {
    core,
    store,
    runtime,
    repair,
    published,
    fatal,
    verdicts,
    async stop() {
      repair.stop();
      await runtime.stop();
    },
  };
}

/** Lets everything that is under way without a timer happen. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise(setImmediate);
}

/** Waits for a condition; the words say what did not come. */
export async function until(what: string, isTrue: () => boolean, limitMs = 60_000): Promise<void> {
  const end = performance.now() + limitMs;
  while (!isTrue()) {
    if (performance.now() > end) throw new Error(`${what}: not within ${limitMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
