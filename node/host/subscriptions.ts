/** What subscribers hear when the tip moves. */
import type { Notice } from '../core/events.ts';
import { openSteps } from '../market/windows.ts';
import type { StepPhase } from '../rpc/schema/shared.ts';
import type { RpcServer } from '../rpc/server.ts';
import type { NodeAccess } from './access.ts';
import { readSummary } from './queries/blocks.ts';
import { reorganisationOf } from './queries/chain.ts';
import { queriesOf, tipState } from './queries/queries.ts';
import { phaseOf, stepStateOf } from './queries/steps.ts';

export interface Events {
  /** Tells subscribers of new blocks, changed steps and reorganisations, in order. */
  onTip(notice: Extract<Notice, { type: 'tip' }>): void;
}

export function createEvents(
  access: NodeAccess,
  server: Pick<RpcServer, 'emit'>,
  onError: (error: unknown) => void,
): Events {
  const phases = new Map<number, StepPhase>();
  let queue: Promise<void> = Promise.resolve();

  const announce = async (notice: Extract<Notice, { type: 'tip' }>): Promise<void> => {
    const [latest] = access.reorgs();
    if (notice.disconnected.length > 0 && latest !== undefined) {
      server.emit('reorg', reorganisationOf(latest));
    }
    for (const { node } of notice.connected) {
      server.emit('newBlock', await readSummary(queriesOf(access), node));
    }
    for (const step of changedSteps(access, phases)) server.emit('newStep', await stepStateOf(access, step));
  };

  return {
    onTip(notice) {
      queue = queue.then(() => announce(notice)).catch(onError);
    },
  };
}

/** Steps whose phase is another than when this was asked last, oldest first. */
function changedSteps(access: NodeAccess, phases: Map<number, StepPhase>): number[] {
  const { end } = openSteps(access.core.chain.rules.genesis, access.core.clockMs());
  const settled = tipState(access).market().nextToSettle;
  const first = Math.min(settled, ...phases.keys());
  const changed: number[] = [];
  for (let step = first; step < end; step++) {
    const phase = phaseOf(access, step);
    if (phases.get(step) !== phase) changed.push(step);
    if (phase === 'settled') phases.delete(step);
    else phases.set(step, phase);
  }
  return changed;
}
