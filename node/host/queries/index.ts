/** The handlers of every method that the node answers, over one view of the running node. */
import type { RpcHandlers } from '../../rpc/schema/methods.ts';
import type { NodeAccess } from '../access.ts';
import { chainHandlers } from './chain.ts';
import { communityHandlers } from './community.ts';
import { devHandlers } from './dev.ts';
import { marketHandlers } from './market.ts';
import { miningHandlers } from './mining.ts';
import { netHandlers } from './net.ts';
import { nodeHandlers } from './node.ts';
import { prosumerHandlers } from './prosumer.ts';
import { queriesOf } from './queries.ts';
import { regulatorHandlers } from './regulator.ts';
import { txHandlers } from './tx.ts';

export function createHandlers(access: NodeAccess): RpcHandlers {
  const queries = queriesOf(access);
  return {
    ...nodeHandlers(queries),
    ...netHandlers(queries),
    ...chainHandlers(queries),
    ...txHandlers(queries),
    ...miningHandlers(queries),
    ...marketHandlers(queries),
    ...prosumerHandlers(queries),
    ...communityHandlers(queries),
    ...regulatorHandlers(queries),
    ...devHandlers(queries),
  };
}
