import type { FoundMessage, WorkerJob } from './messages.ts';
import { addToNonce, type Searcher } from './search.ts';
import type { TokenBucket } from './token-bucket.ts';

/** A search call blocks the worker's messages, so its length is steered into this range. */
const SHORT_CALL_MS = 5;
const LONG_CALL_MS = 20;
const MIN_CALL_HASHES = 512;

export interface MiningLoopDeps {
  readonly searcher: Searcher;
  readonly bucket: TokenBucket;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly onHashes: (hashes: number) => void;
  readonly onFound: (found: FoundMessage) => void;
}

export interface MiningLoop {
  /** Replaces whatever was searched before; null idles. */
  setJob(job: WorkerJob | null): void;
  /** Searches at most one slice; the delay in ms until the next step, or null when there is no job (left). */
  step(): number | null;
}

/** What the worker does between messages, without its timers. A found nonce ends the job. */
export function createMiningLoop(deps: MiningLoopDeps): MiningLoop {
  const { searcher, bucket, now } = deps;
  let job: WorkerJob | null = null;
  let nonce = new Uint8Array(32);
  let callHashes = MIN_CALL_HASHES;

  const adaptCall = (elapsedMs: number): void => {
    if (elapsedMs < SHORT_CALL_MS) callHashes *= 2;
    else if (elapsedMs > LONG_CALL_MS) callHashes = Math.max(MIN_CALL_HASHES, callHashes / 2);
  };
  return {
    setJob(next) {
      job = next;
      if (next !== null) nonce = Uint8Array.from(next.nonceStart);
    },
    step() {
      if (job === null) return null;
      const startMs = now();
      const allowed = bucket.available(startMs);
      const maxHashes = Math.min(allowed, callHashes);
      if (maxHashes < 1) return bucket.waitMs(startMs);
      const { bodyRoot, target, generation, timestampMs } = job;
      const result = searcher.search({ bodyRoot, target, nonceStart: nonce, maxHashes });
      bucket.spend(result.hashes);
      deps.onHashes(result.hashes);
      if (result.nonce !== null) {
        job = null;
        deps.onFound({ type: 'found', generation, timestampMs, nonce: result.nonce });
        return null;
      }
      addToNonce(nonce, result.hashes);
      const endMs = now();
      if (allowed <= maxHashes) return bucket.waitMs(endMs);
      adaptCall(endMs - startMs);
      return 0;
    },
  };
}
