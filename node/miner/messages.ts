import type { HasherName } from './native-hash.ts';

/** What a worker is started with. */
export interface WorkerSettings {
  readonly hasher: HasherName | null;
  /** null: no cap. */
  readonly hashesPerSecond: number | null;
  /** One shared unsigned 64-bit counter of hashes performed; it outlives the worker. */
  readonly counter: SharedArrayBuffer;
}

export interface WorkerJob {
  /** Counts the calls of `mine`: tells a stale result from a current one even if job ids repeat. */
  readonly generation: number;
  readonly timestampMs: number;
  readonly bodyRoot: Uint8Array;
  readonly target: Uint8Array;
  readonly nonceStart: Uint8Array;
}

export type ToWorker =
  | { readonly type: 'job'; readonly job: WorkerJob }
  | { readonly type: 'cancel' }
  | { readonly type: 'rate'; readonly hashesPerSecond: number | null };

export interface FoundMessage {
  readonly type: 'found';
  readonly generation: number;
  readonly timestampMs: number;
  readonly nonce: Uint8Array;
}

export type FromWorker =
  | { readonly type: 'ready'; readonly hasher: HasherName; readonly passedOver: readonly string[] }
  | FoundMessage;
