/** Re-execution of the stored chain from genesis: every body, signature, phase and root. */
import { checkExecution, executeBody, isViolation } from '../consensus/apply-block.ts';
import { createGenesisState } from '../consensus/genesis.ts';
import { checkHeader } from '../consensus/header.ts';
import { type HeaderNode, marketClockMs } from '../consensus/header-chain.ts';
import type { Chain } from '../core/chain.ts';
import { encode } from '../protocol/codec.ts';
import { Receipts } from '../protocol/receipts.ts';
import type { Block } from '../protocol/types.ts';
import { equalBytes, toHex } from '../util/bytes.ts';
import { WattmeshError } from '../util/errors.ts';
import type { ChainStore } from './chain-store.ts';

export interface ChainVerification {
  ok: boolean;
  checked: number;
  /** Block and state that the check ended with. */
  hash: string;
  stateRoot: string;
  firstFailure: { height: number; hash: string; rule: string; message: string } | null;
}

/** Blocks executed before other work gets a turn. */
const BLOCKS_PER_TURN = 8;

/**
 * Executes the main chain again up to a height and reads every block from disk. With `mend`, receipts that are missing
 * or damaged are written anew: execution is what they come from.
 */
export async function verifyChain(
  chain: Chain,
  store: ChainStore,
  options: { to: number; mend: boolean },
): Promise<ChainVerification> {
  const path: HeaderNode[] = [];
  for (let height = 1; height <= options.to; height++) {
    const node = chain.mainChainAt(height);
    if (node === null) break;
    path.push(node);
  }
  let state = createGenesisState(chain.rules.genesis);
  let last = chain.genesis;
  const result = (failure: ChainVerification['firstFailure']): ChainVerification => ({
    ok: failure === null,
    checked: last.height,
    hash: last.idHex,
    stateRoot: toHex(state.root()),
    firstFailure: failure,
  });
  for (const [i, node] of path.entries()) {
    if (i % BLOCKS_PER_TURN === 0) await new Promise(setImmediate);
    const failed = (rule: string, message: string) =>
      result({ height: node.height, hash: node.idHex, rule, message });
    const read = await readBlock(store, node);
    if ('rule' in read) return failed(read.rule, read.message);
    const refused = checkHeader(chain.rules, last, chain.rules.genesis.miners, read.signedHeader);
    if (refused) return failed(refused.code, refused.message);
    const execution = executeBody(
      chain.rules,
      { parentState: state, clockMs: marketClockMs(last), author: node.author },
      { transactions: read.transactions, isKnown: () => false },
    );
    if (isViolation(execution)) return failed(execution.code, execution.message);
    const wrong = checkExecution(read, execution);
    if (wrong) return failed(wrong.code, wrong.message);
    const receipts = await checkReceipts(store, node, execution.receipts, options.mend);
    if (receipts !== null) return failed('RECEIPTS_RECORD', receipts);
    state = execution.state;
    last = node;
  }
  return result(null);
}

async function readBlock(
  store: ChainStore,
  node: HeaderNode,
): Promise<Block | { rule: string; message: string }> {
  try {
    const block = await store.block(node.height, node.id);
    return block ?? { rule: 'BLOCK_RECORD_MISSING', message: 'the block is not on disk' };
  } catch (error) {
    if (!(error instanceof WattmeshError)) throw error;
    return { rule: error.code, message: error.message };
  }
}

async function checkReceipts(
  store: ChainStore,
  node: HeaderNode,
  made: Receipts,
  mend: boolean,
): Promise<string | null> {
  let problem: string | null = null;
  try {
    const stored = await store.receipts(node.id);
    if (stored === null) problem = 'the receipts are not on disk';
    else if (!equalBytes(encode(Receipts, stored), encode(Receipts, made)))
      problem = 'the receipts are others';
  } catch (error) {
    if (!(error instanceof WattmeshError)) throw error;
    problem = error.message;
  }
  if (problem === null || !mend) return problem;
  await store.rewrite({ height: node.height, id: node.id, receipts: made });
  return null;
}
