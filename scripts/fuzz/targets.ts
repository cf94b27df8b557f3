/** The one table of fuzz targets. */
import type { Target } from './interface.ts';
import { PLANTED } from './planted.ts';
import { blockTargets } from './targets/blocks.ts';
import { cliTargets } from './targets/cli.ts';
import { coreTargets } from './targets/core.ts';
import { fileTargets } from './targets/files.ts';
import { p2pTargets } from './targets/p2p.ts';
import { proofTargets } from './targets/proof.ts';
import { rpcTargets } from './targets/rpc.ts';
import { sszTargets } from './targets/ssz.ts';
import { storageTargets } from './targets/storage.ts';
import { transactionTargets } from './targets/transactions.ts';

export const TARGETS: readonly Target[] = [
  ...sszTargets,
  ...storageTargets,
  ...p2pTargets,
  ...proofTargets,
  ...fileTargets,
  ...transactionTargets,
  ...blockTargets,
  ...coreTargets,
  ...rpcTargets,
  ...cliTargets,
];

/** Targets whose name contains the word; those with planted faults by their exact name only. */
export function findTargets(word: string): readonly Target[] {
  const exact = [...TARGETS, ...PLANTED].filter(({ name }) => name === word);
  return exact.length > 0 ? exact : TARGETS.filter(({ name }) => name.includes(word));
}
