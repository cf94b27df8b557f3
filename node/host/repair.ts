/** What is damaged on disk, how it is mended while the node runs, and what verification has to say about it. */
import type { CoreEvent } from '../core/events.ts';
import type { Core } from '../core/node.ts';
import type { Logger } from '../log/logger.ts';
import { fromHex } from '../util/bytes.ts';
import type { DamageRecord } from './access.ts';
import type { ChainStore } from './chain-store.ts';
import type { Damage } from './load-chain.ts';
import { type ChainVerification, verifyChain } from './verify-chain.ts';

export interface Repair {
  /** Mends what start-up found; returns at once. */
  start(): void;
  /** A block came again from a peer and is on disk. */
  onRepaired(height: number): void;
  /** Executes the chain again from disk; a record that is found damaged is fetched or made again afterwards. */
  verify(options: { to: number }): Promise<ChainVerification>;
  damage(): readonly DamageRecord[];
  stop(): void;
}

/** Pause between two looks at whether the missing bodies have come. */
const RETRY_MS = 500;
const BLOCK_RULES: ReadonlySet<string> = new Set([
  'STORE_RECORD_DAMAGED',
  'BLOCK_RECORD_MISSING',
  'BLOCK_RECORD_WRONG',
]);

interface Bench {
  readonly core: Core;
  readonly store: ChainStore;
  readonly dispatch: (event: CoreEvent) => void;
  readonly log: Logger;
  readonly records: DamageRecord[];
  timer: NodeJS.Timeout | null;
  isMending: boolean;
  isStopped: boolean;
}

export function createRepair(
  found: readonly Damage[],
  parts: Pick<Bench, 'core' | 'store' | 'dispatch' | 'log'>,
): Repair {
  const bench: Bench = {
    ...parts,
    records: found.map((damage) => ({ ...damage, repaired: isReplaced(damage) })),
    timer: null,
    isMending: false,
    isStopped: false,
  };
  return {
    start: () => mendSoon(bench, 0),
    onRepaired(height) {
      for (const record of bench.records) {
        if (record.height === height && record.what === 'block') record.repaired = true;
      }
      bench.log.info({ height }, 'damaged block came again from a peer');
    },
    async verify({ to }) {
      const result = await verifyChain(bench.core.chain, bench.store, { to, mend: false });
      if (note(bench, result)) mendSoon(bench, 0);
      return result;
    },
    damage() {
      for (const record of bench.records) {
        // A block that was lost without a trace has its name again once it has come from peers.
        if (record.what === 'block' && record.height !== null) {
          record.hash ??= bench.core.chain.mainChainAt(record.height)?.idHex ?? null;
        }
      }
      return bench.records;
    },
    stop() {
      bench.isStopped = true;
      if (bench.timer !== null) clearTimeout(bench.timer);
    },
  };
}

/** The next block writes a new commit record, and a restart without a snapshot begins at genesis. */
function isReplaced({ what }: Damage): boolean {
  return what === 'tip' || what === 'snapshot';
}

/** Takes up a damaged record that a verification ended with; false when it ended with none. */
function note(bench: Bench, { firstFailure }: ChainVerification): boolean {
  if (firstFailure === null) return false;
  const { rule, height, hash, message: reason } = firstFailure;
  if (rule !== 'RECEIPTS_RECORD' && !BLOCK_RULES.has(rule)) return false;
  const what = rule === 'RECEIPTS_RECORD' ? 'receipts' : 'block';
  const known = bench.records.some((r) => r.what === what && r.hash === hash && !r.repaired);
  if (!known) bench.records.push({ what, height, hash, reason, repaired: false });
  if (what === 'block') bench.dispatch({ type: 'damaged', height });
  return true;
}

function mendSoon(bench: Bench, delayMs: number): void {
  if (bench.isMending || bench.isStopped || bench.records.every((record) => record.repaired)) return;
  bench.isMending = true;
  const run = async (): Promise<void> => {
    const isDone = await mend(bench).finally(() => {
      bench.isMending = false;
    });
    if (!isDone) mendSoon(bench, RETRY_MS);
  };
  bench.timer = setTimeout(() => {
    run().catch((error: unknown) => bench.log.error({ err: error }, 'records cannot be mended'));
  }, delayMs);
  bench.timer.unref();
}

/** Writes anew what executing the chain again gives; true when there is nothing more that can be done. */
async function mend(bench: Bench): Promise<boolean> {
  const { core, store, log, records } = bench;
  const open = records.filter((record) => !record.repaired);
  const highest = Math.max(0, ...open.map((record) => record.height ?? 0));
  // Bodies are still on their way from peers.
  if (core.repairsLeft() > 0 || core.chain.tip().height < highest) return false;
  const result = await verifyChain(core.chain, store, { to: core.chain.tip().height, mend: true });
  if (!result.ok) {
    if (note(bench, result)) return false;
    log.error({ failure: result.firstFailure }, 'the stored chain breaks a rule: records cannot be mended');
    return true;
  }
  for (const record of open) {
    await settle(bench, record);
    record.repaired = true;
  }
  log.info({ checked: result.checked }, 'all records are whole again');
  return true;
}

/** What verification does not read: headers beside their blocks, and what belongs to abandoned branches. */
async function settle({ core, store }: Bench, { what, height, hash }: DamageRecord): Promise<void> {
  if (hash === null || what === 'tip' || what === 'snapshot') return;
  const node = core.chain.node(hash);
  if (node === undefined || core.chain.mainChainAt(node.height) !== node) {
    if (node === undefined) await store.discard(what, { height: height ?? 0, id: fromHex(hash)! });
    return;
  }
  if (what !== 'header') return;
  const block = await store.block(node.height, node.id);
  if (block !== null) await store.rewrite({ height: node.height, id: node.id, block });
}
