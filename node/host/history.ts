/** What a running node remembers of its own chain's life: reorganisations and where transactions went. */
import type { Notice } from '../core/events.ts';
import type { Core } from '../core/node.ts';
import { transactionId } from '../protocol/codec.ts';
import { toHex } from '../util/bytes.ts';
import type { ReorgRecord, TransactionStatus } from './access.ts';

const MAX_REORGS = 256;
const MAX_TRANSACTIONS = 50_000;

export interface History {
  onNotice(core: Core, notice: Notice, nowMs: number): void;
  reorgs(): readonly ReorgRecord[];
  status(core: Core, idHex: string): TransactionStatus;
}

export function createHistory(): History {
  const reorgs: ReorgRecord[] = [];
  const statuses = new Map<string, TransactionStatus>();
  const remember = (idHex: string, status: TransactionStatus): void => {
    statuses.delete(idHex);
    statuses.set(idHex, status);
    if (statuses.size > MAX_TRANSACTIONS) statuses.delete(statuses.keys().next().value!);
  };

  const onTip = (core: Core, notice: Extract<Notice, { type: 'tip' }>, nowMs: number): void => {
    const dropped = notice.disconnected.flatMap((node) =>
      (core.chain.block(node.idHex)?.transactions ?? []).map((transaction) =>
        toHex(transactionId(transaction)),
      ),
    );
    for (const idHex of dropped) remember(idHex, { status: 'pending' });
    const included = new Set<string>();
    for (const { node, block } of notice.connected) {
      for (const transaction of block.transactions) {
        const idHex = toHex(transactionId(transaction));
        included.add(idHex);
        remember(idHex, { status: 'included', height: node.height, blockHash: node.idHex });
      }
    }
    const [oldTip] = notice.disconnected;
    if (oldTip === undefined) return;
    const tip = core.chain.tip();
    const fork = notice.disconnected.at(-1)!.parent!;
    reorgs.unshift({
      atMs: nowMs,
      depth: notice.disconnected.length,
      oldTip: { height: oldTip.height, hash: oldTip.idHex },
      newTip: { height: tip.height, hash: tip.idHex },
      fork: { height: fork.height, hash: fork.idHex },
      droppedTransactions: dropped,
      includedAgain: dropped.filter((idHex) => included.has(idHex)),
    });
    reorgs.length = Math.min(reorgs.length, MAX_REORGS);
  };

  return {
    onNotice(core, notice, nowMs) {
      if (notice.type === 'tip') onTip(core, notice, nowMs);
      if (notice.type === 'dropped') {
        remember(toHex(transactionId(notice.transaction)), {
          status: 'dropped',
          violation: notice.violation,
        });
      }
    },
    reorgs: () => reorgs,
    status(core, idHex) {
      if (core.mempool.get(idHex) !== undefined) return { status: 'pending' };
      return statuses.get(idHex) ?? { status: 'unknown' };
    },
  };
}
