import '../util/polyfill.ts';
import type { Stream } from '@libp2p/interface';
import type { LengthPrefixedStream } from '@libp2p/utils';
import { lpStream } from '@libp2p/utils';

const READ_SLACK_BYTES = 262_144;

/** Frames of a stream: 4 bytes big-endian length, then the payload, at most `maxReadBytes` of it. */
export function frameStream(stream: Stream, maxReadBytes: number): LengthPrefixedStream<Stream> {
  return lpStream(stream, {
    maxDataLength: maxReadBytes,
    maxLengthLength: 4,
    maxBufferSize: maxReadBytes + READ_SLACK_BYTES,
    lengthEncoder: encodeLength,
    lengthDecoder: (data) => {
      // A RangeError asks for another byte; a varint never stops asking, four bytes do.
      if (data.byteLength < 4) throw new RangeError('length incomplete');
      return data.getUint32(0, false);
    },
  });
}

export function encodeLength(length: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, length, false);
  return bytes;
}

/** Why a stream failed. `refused`: the other side reset it. `stopped`: our own network is stopping. */
export type Fault = 'timeout' | 'stopped' | 'oversized' | 'truncated' | 'refused' | 'unsupported' | 'failed';

const FAULTS: Readonly<Record<string, Fault>> = {
  InvalidDataLengthError: 'oversized',
  InvalidDataLengthLengthError: 'oversized',
  StreamBufferError: 'oversized',
  UnexpectedEOFError: 'truncated',
  StreamResetError: 'refused',
  UnsupportedProtocolError: 'unsupported',
};

/** Carries the fault out of a `withDeadline` whose time or network ended. */
class DeadlineError extends Error {
  readonly fault: 'timeout' | 'stopped';

  constructor(fault: 'timeout' | 'stopped') {
    super(fault === 'timeout' ? 'time limit reached' : 'network stopping');
    this.name = 'DeadlineError';
    this.fault = fault;
  }
}

export function faultOf(error: unknown): Fault {
  if (error instanceof DeadlineError) return error.fault;
  return error instanceof Error ? (FAULTS[error.name] ?? 'failed') : 'failed';
}

export function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(`stream failed: ${String(error)}`);
}

/** Runs a task that obeys the signal; rejects with a `DeadlineError` after `timeoutMs` or when `stopping` fires. */
export async function withDeadline<T>(
  timeoutMs: number,
  stopping: AbortSignal,
  task: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const { promise: ended, reject } = Promise.withResolvers<never>();
  const end = (fault: 'timeout' | 'stopped'): void => {
    const error = new DeadlineError(fault);
    reject(error);
    controller.abort(error);
  };
  const onStop = (): void => end('stopped');
  const timer = setTimeout(() => end('timeout'), timeoutMs);
  stopping.addEventListener('abort', onStop, { once: true });
  try {
    if (stopping.aborted) throw new DeadlineError('stopped');
    return await Promise.race([task(controller.signal), ended]);
  } finally {
    clearTimeout(timer);
    stopping.removeEventListener('abort', onStop);
  }
}
