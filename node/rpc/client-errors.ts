/** Every way a call can fail, as a WattmeshError. */
import { WattmeshError } from '../util/errors.ts';

/** What one call of a batch came to. */
export type Outcome<T> = { ok: true; result: T } | { ok: false; error: WattmeshError };

export const RETRY = Symbol('retry');

/** The result or the error in an answer of the server. */
export function answerOf(answer: unknown, url: string): Outcome<unknown> {
  const given = (typeof answer === 'object' && answer !== null ? answer : {}) as Record<string, unknown>;
  if (typeof given.error === 'object' && given.error !== null) {
    return { ok: false, error: serverError(given.error as Record<string, unknown>) };
  }
  if (given.jsonrpc !== '2.0' || !('result' in given)) {
    return { ok: false, error: connectionError('RPC_BAD_RESPONSE', url) };
  }
  return { ok: true, result: given.result };
}

function serverError(error: Record<string, unknown>): WattmeshError {
  const { reason, hint, ...details } = (
    typeof error.data === 'object' && error.data !== null ? error.data : {}
  ) as Record<string, unknown>;
  return new WattmeshError({
    code: typeof reason === 'string' ? reason : 'RPC_ERROR',
    message: String(error.message),
    remedy: typeof hint === 'string' ? hint : 'look into the log of the node',
    details: { ...details, rpcCode: error.code },
  });
}

/** What went wrong on the way to the node; `code` as the operating system names it. */
export function connectionError(code: string, url: string, cause?: unknown): WattmeshError {
  const common = { details: { url, code }, ...(cause === undefined ? {} : { cause }) };
  if (code === 'RPC_BAD_RESPONSE') {
    return new WattmeshError({
      code,
      message: `the answer from ${url} is not JSON-RPC`,
      remedy: 'check that this address is the RPC of a node',
      ...common,
    });
  }
  if (code === 'ETIMEDOUT') {
    return new WattmeshError({
      code: 'RPC_TIMEOUT',
      message: `${url} did not answer in time`,
      remedy: 'try again; if it stays so, look into the log of the node',
      ...common,
    });
  }
  return new WattmeshError({
    code: 'NODE_UNREACHABLE',
    message: `no node answers at ${url} (${code})`,
    remedy: 'start the node, or name the address of a running one',
    ...common,
  });
}
