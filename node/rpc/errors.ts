/** One table from our error codes to JSON-RPC's numbers. Clients decide by `error.data.reason`. */
import { WattmeshError } from '../util/errors.ts';
import { jsonOf } from './codec.ts';

export const RPC_CODES = {
  parse: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internal: -32603,
  /** Any other error of the node; `data.reason` names it. */
  node: -32000,
  notFound: -32001,
  unauthorised: -32002,
  transactionRejected: -32003,
  limitExceeded: -32005,
  disabled: -32006,
  conflict: -32009,
} as const;

/** The first pattern that fits decides. */
const CODE_OF_REASON: readonly (readonly [RegExp, number])[] = [
  [/^RPC_PARSE$/, RPC_CODES.parse],
  [/^RPC_INVALID_REQUEST$/, RPC_CODES.invalidRequest],
  [/^RPC_METHOD_NOT_FOUND$/, RPC_CODES.methodNotFound],
  [/^RPC_INVALID_PARAMS$/, RPC_CODES.invalidParams],
  [/^RPC_INTERNAL$/, RPC_CODES.internal],
  [/^RPC_(?:UNAUTHORISED|FORBIDDEN_HOST|FORBIDDEN_ORIGIN)$/, RPC_CODES.unauthorised],
  [/_NOT_FOUND$/, RPC_CODES.notFound],
  [/^TX_DUPLICATE$|_CONFLICT$/, RPC_CODES.conflict],
  [/_FULL$|_LIMIT$|_TOO_LARGE$|_BUSY$/, RPC_CODES.limitExceeded],
  [/_DISABLED$|^RPC_WEBSOCKET_ONLY$/, RPC_CODES.disabled],
  [/^(?:TX|ORDER|CANCEL|CONTRACT|READING|OBSERVATION|EVIDENCE)_/, RPC_CODES.transactionRejected],
];

export interface RpcErrorObject {
  code: number;
  message: string;
  data: { reason: string; hint: string } & Record<string, unknown>;
}

/** JSON-RPC's number for one of our codes. */
export function rpcCodeOf(reason: string): number {
  return CODE_OF_REASON.find(([pattern]) => pattern.test(reason))?.[1] ?? RPC_CODES.node;
}

/** What a client is told; anything but a WattmeshError is an internal error whose text stays in the log. */
export function toRpcError(error: unknown): RpcErrorObject {
  if (!(error instanceof WattmeshError)) return toRpcError(internalError());
  return {
    code: rpcCodeOf(error.code),
    message: error.message,
    data: { ...safeDetails(error.details), reason: error.code, hint: error.remedy },
  };
}

function safeDetails(details: Readonly<Record<string, unknown>>): Record<string, unknown> {
  try {
    return jsonOf(details) as Record<string, unknown>;
  } catch {
    return {};
  }
}

function internalError(): WattmeshError {
  return new WattmeshError({
    code: 'RPC_INTERNAL',
    message: 'internal error',
    remedy: 'look into the log of the node',
  });
}

/** For handlers: `what` in upper snake case, as BLOCK, TX, TRADE, PROSUMER, STEP. */
export function notFound(what: string, message: string, remedy: string): WattmeshError {
  return new WattmeshError({ code: `${what}_NOT_FOUND`, message, remedy });
}

/** For what the schema cannot check, as a damaged cursor. */
export function invalidParams(message: string, details: Record<string, unknown> = {}): WattmeshError {
  return new WattmeshError({
    code: 'RPC_INVALID_PARAMS',
    message,
    remedy: 'rpc.discover describes the parameters of every method',
    details,
  });
}

/** For a transaction that breaks a rule: the rule's own code becomes the reason. */
export function rejected(
  violation: { code: string; message: string },
  remedy = 'correct the transaction, sign it again and submit it again',
): WattmeshError {
  return new WattmeshError({ code: violation.code, message: violation.message, remedy });
}

export function limitExceeded(code: string, message: string, remedy: string): WattmeshError {
  return new WattmeshError({ code, message, remedy });
}
