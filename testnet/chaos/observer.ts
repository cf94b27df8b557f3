/** Watches every node by RPC alone and tells the ledger; a node that does not answer is left out until it does. */
import { setTimeout as delay } from 'node:timers/promises';
import type { NodeAddress } from '../observe.ts';
import { callOf, type RpcCall } from '../rpc.ts';
import type { BlockRef, Ledger } from './ledger.ts';

const PERIOD_MS = 600;
const ANSWER_LIMIT_MS = 4000;
const PAGE = 60;
/** Pending transactions are asked for every so many rounds. */
const PENDING_EVERY = 4;

export interface Observer {
  /** Asks everybody once, now; the names of those that answered. */
  look(): Promise<string[]>;
  /** Stops asking, and waits for what is under way. */
  stop(): Promise<void>;
}

/** Asks the nodes in a rhythm until it is stopped; `onError` hears of what is not mere silence. */
export function startObserver(
  addresses: () => readonly NodeAddress[],
  ledger: Ledger,
  onError: (error: unknown) => void,
): Observer {
  let round = 0;
  let stopped = false;
  const busy = new Set<string>();
  const lookAt = async ({ name, url }: NodeAddress, withPending: boolean): Promise<boolean> => {
    // A node that hangs must not be asked again meanwhile.
    if (busy.has(name)) return false;
    busy.add(name);
    try {
      const call = callOf({ url, timeoutMs: ANSWER_LIMIT_MS });
      await readChain(call, name, ledger);
      if (withPending) ledger.onPending((await call('tx_getPending', { limit: 500 })).items);
      return true;
    } catch {
      return false;
    } finally {
      busy.delete(name);
    }
  };
  const look = async (): Promise<string[]> => {
    const nodes = addresses();
    const withPending = round++ % PENDING_EVERY === 0;
    const answered = await Promise.all(nodes.map((node) => lookAt(node, withPending)));
    await readBodies(nodes, ledger);
    return nodes.filter((_, i) => answered[i]).map(({ name }) => name);
  };
  const loop = (async () => {
    while (!stopped) {
      const startMs = performance.now();
      await look().catch(onError);
      await delay(Math.max(50, PERIOD_MS - (performance.now() - startMs)));
    }
  })();
  return {
    look,
    async stop() {
      stopped = true;
      await loop;
    },
  };
}

/** The node's main chain down to where it joins what it said before. */
async function readChain(call: RpcCall, node: string, ledger: Ledger): Promise<void> {
  const info = await call('chain_getInfo', {});
  const blocks: BlockRef[] = [];
  let from: number | null = info.height;
  if (ledger.hashAt(node, info.height) === info.hash) from = null;
  while (from !== null) {
    const page: { items: BlockRef[]; nextFrom: number | null } = await call('chain_getBlocks', {
      from,
      limit: blocks.length === 0 ? 8 : PAGE,
      order: 'desc',
    });
    from = page.nextFrom;
    for (const { height, hash } of page.items) {
      if (ledger.hashAt(node, height) === hash) {
        from = null;
        break;
      }
      blocks.push({ height, hash });
    }
  }
  blocks.reverse();
  const tip = blocks.at(-1) ?? { height: info.height, hash: info.hash };
  // The chain may have moved between the two answers; what was final then is final now.
  ledger.onView(node, { tip, finalHeight: Math.min(info.finalHeight, tip.height), blocks });
}

async function readBodies(nodes: readonly NodeAddress[], ledger: Ledger): Promise<void> {
  for (const { node, hash } of ledger.missingBodies()) {
    const address = nodes.find(({ name }) => name === node);
    if (address === undefined) continue;
    try {
      const call = callOf({ url: address.url, timeoutMs: ANSWER_LIMIT_MS });
      const { transactions } = await call('chain_getBlock', { hash, transactions: 'full' });
      ledger.onBody(
        hash,
        transactions.flatMap((transaction) => (typeof transaction === 'string' ? [] : [transaction])),
      );
    } catch {
      // It is asked for again in the next round, of whichever node names the block then.
    }
  }
}
