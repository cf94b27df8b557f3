import type { LinkShape } from './interface.ts';

/** Bytes that wait in one link before its writer is told to pause. */
export const MAX_WAITING_BYTES = 1_048_576;

/** One direction of one connection: what leaves us, when, or never. */
export interface ShapedLink {
  /** Takes bytes to send now or later. False: wait for `onRoom`. */
  send(bytes: Uint8Array): boolean;
  /** Whether bytes still wait, so that later ones must queue behind them. */
  isBusy(): boolean;
  /** Whether bytes vanished: the stream of the connection has a hole and cannot be mended. */
  hasHole(): boolean;
  /** Sends what waits at once. */
  flush(): void;
  /** Forgets what waits. */
  clear(): void;
}

export interface ShapedLinkParts {
  /** The rule of the moment; `null`: none. */
  shape(): LinkShape | null;
  deliver(bytes: Uint8Array): void;
  /** The queue has room again after `send` said no. */
  onRoom(): void;
  nowMs(): number;
  /** 0 to 1. */
  random(): number;
  after(delayMs: number, run: () => void): { cancel(): void };
}

interface Waiting {
  bytes: Uint8Array;
  dueMs: number;
}

/** Delays, narrows or swallows bytes in order; without a rule and with nothing waiting it delivers at once. */
export function createShapedLink(parts: ShapedLinkParts): ShapedLink {
  const queue: Waiting[] = [];
  let waitingBytes = 0;
  let hole = false;
  let blocked = false;
  /** When the narrow link has sent what was given to it; when the last bytes are due. */
  let freeMs = 0;
  let lastDueMs = 0;
  let timer: { cancel(): void } | null = null;

  const room = (): void => {
    if (!blocked || waitingBytes >= MAX_WAITING_BYTES) return;
    blocked = false;
    parts.onRoom();
  };
  const pump = (untilMs: number): void => {
    timer?.cancel();
    timer = null;
    while (queue.length > 0 && queue[0]!.dueMs <= untilMs) {
      const { bytes } = queue.shift()!;
      waitingBytes -= bytes.length;
      parts.deliver(bytes);
    }
    const [next] = queue;
    if (next !== undefined)
      timer = parts.after(Math.max(1, next.dueMs - parts.nowMs()), () => pump(parts.nowMs()));
    room();
  };
  const dueOf = (shape: LinkShape | null, length: number): number => {
    const now = parts.nowMs();
    if (shape === null) return Math.max(now, lastDueMs);
    freeMs = Math.max(now, freeMs) + (shape.bytesPerMs === null ? 0 : length / shape.bytesPerMs);
    return Math.max(lastDueMs, freeMs + shape.delayMs + parts.random() * shape.jitterMs);
  };

  return {
    send(bytes) {
      const shape = parts.shape();
      if (shape?.swallow === true) {
        hole = true;
        return true;
      }
      if (shape === null && queue.length === 0) {
        parts.deliver(bytes);
        return true;
      }
      lastDueMs = dueOf(shape, bytes.length);
      queue.push({ bytes, dueMs: lastDueMs });
      waitingBytes += bytes.length;
      if (queue.length === 1)
        timer = parts.after(Math.max(1, lastDueMs - parts.nowMs()), () => pump(parts.nowMs()));
      blocked = waitingBytes >= MAX_WAITING_BYTES;
      return !blocked;
    },
    isBusy: () => queue.length > 0,
    hasHole: () => hole,
    flush: () => pump(Number.POSITIVE_INFINITY),
    clear() {
      timer?.cancel();
      timer = null;
      queue.length = 0;
      waitingBytes = 0;
    },
  };
}
