/** Names of errors that say that one stream or connection has ended while the library was still writing to it. */
const ENDED = new Set([
  'StreamStateError',
  'StreamResetError',
  'StreamAbortedError',
  'StreamClosedError',
  'ConnectionClosedError',
  'MuxerClosedError',
]);

/**
 * Whether an error that nobody caught belongs to one ended link: libp2p throws such from its own timers and listeners,
 * and the rest of the node is none the worse for it.
 */
export function isEndedLink(error: unknown): boolean {
  return error instanceof Error && ENDED.has(error.name);
}
