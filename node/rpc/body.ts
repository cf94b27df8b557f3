/** From the text of a request to checked envelopes. */
import { WattmeshError } from '../util/errors.ts';
import { limitExceeded } from './errors.ts';
import type { RpcLimits } from './limits.ts';

export type RpcId = string | number | null;

export interface RpcRequest {
  jsonrpc: '2.0';
  method: string;
  params?: unknown[] | Record<string, unknown>;
  /** Absent: a notification. */
  id?: RpcId;
}

/** One member of a request: an envelope, or why it is none. */
export type ParsedEntry = { request: RpcRequest } | { id: RpcId; error: WattmeshError };

export interface ParsedBody {
  batch: boolean;
  entries: ParsedEntry[];
}

/** Never throws: what is wrong becomes an entry with an error. */
export function parseBody(text: string, limits: RpcLimits): ParsedBody {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return refusal('RPC_PARSE', 'the body is not JSON', 'send one JSON-RPC 2.0 request, or an array of them');
  }
  const flaw = flawOf(value, limits.maxDepth);
  if (flaw === 'deep') {
    return refusal(
      'RPC_DEPTH_LIMIT',
      `the body is nested more than ${limits.maxDepth} deep`,
      'send flatter parameters',
    );
  }
  if (flaw === 'proto') {
    return refusal('RPC_INVALID_REQUEST', 'the key "__proto__" is not allowed', 'leave that key out');
  }
  if (!Array.isArray(value)) return { batch: false, entries: [envelope(value)] };
  if (value.length === 0) {
    return refusal('RPC_INVALID_REQUEST', 'the batch is empty', 'put at least one request into the array');
  }
  if (value.length > limits.maxBatch) {
    const error = limitExceeded(
      'RPC_BATCH_LIMIT',
      `the batch has ${value.length} requests, the limit is ${limits.maxBatch}`,
      'send several smaller batches',
    );
    return { batch: false, entries: [{ id: null, error }] };
  }
  return { batch: true, entries: value.map(envelope) };
}

function refusal(code: string, message: string, remedy: string): ParsedBody {
  return { batch: false, entries: [{ id: null, error: new WattmeshError({ code, message, remedy }) }] };
}

/** A value's depth counts its arrays and objects: `1` has 0, `[]` has 1. */
function flawOf(value: unknown, depthLeft: number): 'deep' | 'proto' | null {
  if (typeof value !== 'object' || value === null) return null;
  if (depthLeft === 0) return 'deep';
  for (const key of Object.keys(value)) {
    if (key === '__proto__') return 'proto';
    const flaw = flawOf((value as Record<string, unknown>)[key], depthLeft - 1);
    if (flaw !== null) return flaw;
  }
  return null;
}

function envelope(value: unknown): ParsedEntry {
  const given = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  const id = isId(given.id) ? given.id : null;
  const fault = envelopeFault(value, given);
  if (fault === null) return { request: given as unknown as RpcRequest };
  const error = new WattmeshError({
    code: 'RPC_INVALID_REQUEST',
    message: fault,
    remedy: 'send {"jsonrpc":"2.0","method":"…","params":{…},"id":1}',
  });
  return { id, error };
}

function envelopeFault(value: unknown, given: Record<string, unknown>): string | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'a request is an object';
  if (given.jsonrpc !== '2.0') return 'jsonrpc must be "2.0"';
  if (typeof given.method !== 'string') return 'method must be a string';
  if (given.id !== undefined && !isId(given.id)) return 'id must be a string, a number or null';
  if (given.params !== undefined && (typeof given.params !== 'object' || given.params === null)) {
    return 'params must be an array or an object';
  }
  return null;
}

function isId(id: unknown): id is RpcId {
  return id === null || typeof id === 'string' || typeof id === 'number';
}
