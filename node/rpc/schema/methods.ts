/** The one table of methods. */
import type * as z from 'zod';
import { chainMethods } from './chain.ts';
import { communityMethods } from './community.ts';
import { devMethods } from './dev.ts';
import { marketMethods } from './market.ts';
import type { Access, MethodDefinition } from './method.ts';
import { miningMethods } from './mining.ts';
import { netMethods } from './net.ts';
import { nodeMethods } from './node.ts';
import { prosumerMethods } from './prosumer.ts';
import { regulatorMethods } from './regulator.ts';
import { rpcMethods } from './rpc.ts';
import { txMethods } from './tx.ts';

/** Version of the interface as a whole. */
export const RPC_VERSION = '1.0.0';

export const METHODS = {
  ...rpcMethods,
  ...nodeMethods,
  ...netMethods,
  ...chainMethods,
  ...txMethods,
  ...miningMethods,
  ...marketMethods,
  ...prosumerMethods,
  ...communityMethods,
  ...regulatorMethods,
  ...devMethods,
};

type Table = typeof METHODS;
export type MethodName = keyof Table;
/** Answered by the server itself. */
export type ServerMethodName = keyof typeof rpcMethods;
/** Answered by the node's handlers. */
export type HandlerName = Exclude<MethodName, ServerMethodName>;

/** Parameters as a handler gets them: checked, defaults filled in, hex without prefix. */
export type Params<M extends MethodName> = z.output<ReturnType<Table[M]['params']>>;
/** Parameters as a caller may give them. */
export type ParamsInput<M extends MethodName> = z.input<ReturnType<Table[M]['params']>>;
export type Result<M extends MethodName> = z.output<ReturnType<Table[M]['result']>>;

export interface RpcContext {
  readonly access: Access;
}

export type RpcHandlers = {
  readonly [M in HandlerName]: (params: Params<M>, context: RpcContext) => Promise<Result<M>> | Result<M>;
};

export type AnyMethod = MethodDefinition<z.ZodObject, z.ZodType>;

export const METHOD_NAMES = Object.keys(METHODS) as MethodName[];

/** A method by a name that may not exist; never finds what objects inherit. */
export function findMethod(name: string): AnyMethod | null {
  return Object.hasOwn(METHODS, name) ? (METHODS[name as MethodName] as unknown as AnyMethod) : null;
}
