import type { Connection, Stream } from '@libp2p/interface';
import { WattmeshError } from '../util/errors.ts';
import { asError, type Fault, faultOf, frameStream, withDeadline } from './frames.ts';
import type { Log, ProtocolLimits, RequestOptions } from './interface.ts';
import { POINTS } from './penalties.ts';

const READ_TIMEOUT_MS = 15_000;
const WRITE_TIMEOUT_MS = 30_000;

export interface Answering {
  limits: ProtocolLimits;
  handlerTimeoutMs: number;
  stopping: AbortSignal;
  log: Log;
  /** False where the peer may not talk to us: the stream is reset. */
  admit(peerId: string): boolean;
  answer(from: string, request: Uint8Array): Promise<Uint8Array | null>;
  penalise(peerId: string, points: number, reason: string): void;
}

/** A stream handler: reads one request, writes one answer; a fault of the peer costs it points and the stream. */
export function createAnswerer(
  options: Answering,
): (stream: Stream, connection: Connection) => Promise<void> {
  const { limits, handlerTimeoutMs, stopping, log } = options;
  return async (stream, connection) => {
    const from = connection.remotePeer.toString();
    const frames = frameStream(stream, limits.maxRequestBytes);
    if (!options.admit(from)) return stream.abort(new Error('link denied'));
    let request: Uint8Array;
    try {
      request = (await withDeadline(READ_TIMEOUT_MS, stopping, (signal) => frames.read({ signal }))).slice();
    } catch (error) {
      stream.abort(asError(error));
      return blame(options, connection, faultOf(error));
    }
    try {
      const reply = await withDeadline(handlerTimeoutMs, stopping, () => options.answer(from, request));
      if (reply === null) return stream.abort(new Error('request refused'));
      if (reply.length > limits.maxResponseBytes)
        throw new Error(`answer of ${reply.length} bytes is over the limit`);
      await withDeadline(WRITE_TIMEOUT_MS, stopping, async (signal) => {
        await frames.write(reply, { signal });
        await stream.close({ signal });
      });
    } catch (error) {
      stream.abort(asError(error));
      const ours = connection.status === 'open' && stream.status !== 'reset' && faultOf(error) !== 'stopped';
      log(ours ? 'error' : 'debug', 'request not answered', { protocol: limits.name, from, error });
    }
  };
}

function blame(options: Answering, connection: Connection, fault: Fault): void {
  const from = connection.remotePeer.toString();
  const { log, limits } = options;
  log('debug', 'request not read', { protocol: limits.name, from, fault });
  if (fault === 'oversized')
    options.penalise(from, POINTS.oversizedFrame, `oversized request (${limits.name})`);
  if (fault === 'timeout') options.penalise(from, POINTS.silentStream, `silent stream (${limits.name})`);
  // A peer that dies mid-frame has not misbehaved.
  if (fault === 'truncated' && connection.status === 'open') {
    options.penalise(from, POINTS.truncatedFrame, `truncated request (${limits.name})`);
  }
}

export interface Asking {
  protocolId: string;
  stopping: AbortSignal;
  /** Told when the answer breaks the limits, with the points it costs. */
  penalise(points: number, reason: string): void;
}

/** Sends one request and reads one answer. Errors: see `Network.request`. */
export async function ask(
  connection: Connection,
  bytes: Uint8Array,
  options: RequestOptions,
  parts: Asking,
): Promise<Uint8Array> {
  const { protocolId, stopping } = parts;
  let stream: Stream | undefined;
  try {
    return await withDeadline(options.timeoutMs, stopping, async (signal) => {
      stream = await connection.newStream(protocolId, { signal });
      const frames = frameStream(stream, options.maxResponseBytes);
      await frames.write(bytes, { signal });
      await stream.close({ signal });
      return (await frames.read({ signal })).slice();
    });
  } catch (error) {
    stream?.abort(asError(error));
    const fault = faultOf(error);
    if (fault === 'oversized') parts.penalise(POINTS.oversizedFrame, 'oversized answer');
    throw requestError(fault, connection, protocolId, error);
  }
}

const REQUEST_ERRORS: Readonly<Record<Fault, [code: string, what: string, remedy: string]>> = {
  timeout: ['P2P_REQUEST_TIMEOUT', 'did not answer in time', 'Ask another peer, or allow more time.'],
  stopped: ['P2P_NOT_RUNNING', 'was not asked to the end: the network is stopping', 'Start the node again.'],
  oversized: ['P2P_RESPONSE_TOO_LARGE', 'answered more than the limit', 'Ask for less, or ask another peer.'],
  truncated: ['P2P_RESPONSE_TRUNCATED', 'ended its answer early', 'Ask another peer.'],
  refused: ['P2P_REQUEST_REFUSED', 'refused the request', 'Ask another peer.'],
  unsupported: ['P2P_PROTOCOL_UNSUPPORTED', 'does not speak the protocol', 'Ask a peer of the same version.'],
  failed: ['P2P_STREAM_FAILED', 'could not be asked', 'Ask another peer.'],
};

function requestError(
  fault: Fault,
  connection: Connection,
  protocolId: string,
  cause: unknown,
): WattmeshError {
  const [code, what, remedy] = REQUEST_ERRORS[fault];
  const peerId = connection.remotePeer.toString();
  return new WattmeshError({
    code,
    message: `Peer ${peerId} ${what} (${protocolId}).`,
    remedy,
    details: { peerId, protocolId },
    cause,
  });
}
