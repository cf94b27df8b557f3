/** Results of block executions, shared between the nodes of a simulation. */
import type { Execution } from '../../consensus/apply-block.ts';
import { executeBody, isViolation } from '../../consensus/apply-block.ts';
import type { ExecuteBlock } from '../../core/chain.ts';
import { equalBytes, toHex } from '../../util/bytes.ts';
import { assert } from '../../util/errors.ts';
import type { Rng } from '../../util/rng.ts';

/** Results kept at once. */
const KEPT = 2000;

export interface SharedExecutions {
  readonly execute: ExecuteBlock;
  /** What a miner made itself. */
  offer(parentRoot: Uint8Array, id: Uint8Array, execution: Execution): void;
  counts(): { executed: number; shared: number; repeated: number };
}

/**
 * Executes a block once and gives the result to every node that stands on the same parent state; one in `repeatOneIn`
 * (1: all) is executed again by itself, and must come out the same. Where signatures matter each node checks its own.
 */
export function createSharedExecutions(repeatOneIn: number, rng: Rng): SharedExecutions {
  const results = new Map<string, ReturnType<ExecuteBlock>>();
  const counts = { executed: 0, shared: 0, repeated: 0 };
  const keyOf = (parentRoot: Uint8Array, id: Uint8Array) => toHex(parentRoot) + toHex(id);
  const keep = (key: string, result: ReturnType<ExecuteBlock>): void => {
    results.set(key, result);
    if (results.size > KEPT) results.delete(results.keys().next().value!);
  };
  return {
    counts: () => counts,
    offer: (parentRoot, id, execution) => keep(keyOf(parentRoot, id), execution),
    execute(rules, input, block) {
      if (repeatOneIn === 1) {
        counts.executed++;
        return executeBody(rules, input, block);
      }
      const key = keyOf(input.parentState.root(), block.id);
      const known = results.get(key);
      if (known !== undefined && rng.below(repeatOneIn) > 0) {
        counts.shared++;
        return known;
      }
      const result = executeBody(rules, input, block);
      if (known === undefined) counts.executed++;
      else {
        counts.repeated++;
        assert(isSame(known, result), 'two executions of one block on one state differ');
      }
      if (known === undefined) keep(key, result);
      return result;
    },
  };
}

function isSame(a: ReturnType<ExecuteBlock>, b: ReturnType<ExecuteBlock>): boolean {
  if (isViolation(a) || isViolation(b)) return isViolation(a) && isViolation(b) && a.code === b.code;
  return equalBytes(a.stateRoot, b.stateRoot) && equalBytes(a.receiptsRoot, b.receiptsRoot);
}
