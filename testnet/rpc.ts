/** Clients of the nodes that this process talks to, one for each, with its connections kept open. */
import { createRpcClient, type RpcClient } from '../node/rpc/client.ts';

export type RpcCall = RpcClient['call'];

export interface RpcTarget {
  /** `http://HOST:PORT` */
  url: string;
  /** For methods that write. */
  token?: string | null;
  timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 10_000;
const clients = new Map<string, RpcClient>();

/** The client of a node; its idle connections do not keep the process alive. */
export function clientOf(target: RpcTarget): RpcClient {
  const timeoutMs = target.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const token = target.token ?? undefined;
  const key = JSON.stringify([target.url, token, timeoutMs]);
  let client = clients.get(key);
  if (client === undefined) {
    client = createRpcClient({ url: target.url, timeoutMs, ...(token === undefined ? {} : { token }) });
    clients.set(key, client);
  }
  return client;
}

export function callOf(target: RpcTarget): RpcCall {
  return clientOf(target).call;
}
