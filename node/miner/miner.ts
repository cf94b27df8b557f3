import { createHash } from 'node:crypto';
import { bigintFromBytes, bytesFromBigint } from '../util/bytes.ts';
import { assert, WattmeshError } from '../util/errors.ts';
import type { FoundMessage, FromWorker, WorkerJob } from './messages.ts';
import type { HasherName } from './native-hash.ts';
import { createRateMeter, type RateMeter } from './rate-meter.ts';
import { createSupervisor, type Supervisor } from './supervisor.ts';

export interface MiningJob {
  readonly id: number;
  /**
   * The 32-byte body root of the block with this timestamp. A pure function of the timestamp while the job
   * lasts: it is evaluated again at every refresh and to verify a found nonce.
   */
  rootAt(timestampMs: number): Uint8Array;
  /** A block id is a hit when it is at most this; 0..2^256 - 1. */
  readonly target: bigint;
  /** The least timestamp the block may carry. */
  readonly earliestMs: number;
}

export interface FoundNonce {
  readonly jobId: number;
  readonly timestampMs: number;
  readonly nonce: Uint8Array;
}

export interface MinerOptions {
  /** The worker's file: `miner-worker.mjs` of the build. */
  readonly workerUrl: URL;
  /** The cap on real hashes per second; null: none. */
  readonly hashesPerSecond: number | null;
  readonly randomBytes: (length: number) => Uint8Array;
  /** Wall clock in ms, for block timestamps only. */
  readonly now: () => number;
  /** How often the block's timestamp is refreshed; default 250. */
  readonly refreshMs?: number;
  /** Forces one hasher; default: the fastest that loads. */
  readonly hasher?: HasherName;
  /** Called once per job at most, with a nonce already verified on this side. */
  readonly onFound: (found: FoundNonce) => void;
  /** `MINER_WORKER_CRASHED` (the worker is restarted by itself) or `MINER_INVALID_NONCE`. */
  readonly onError: (error: WattmeshError) => void;
}

export interface MinerStats {
  /** Between `start` and `stop`. */
  readonly running: boolean;
  /** Hashes really performed since this miner was created, across restarts of its worker. */
  readonly hashesTotal: number;
  /** Measured over about the last 10 s, idle times included. */
  readonly hashesPerSecond: number;
  /** The cap; null: none. */
  readonly declaredHashesPerSecond: number | null;
  /** The hasher in use; null until the worker is ready. */
  readonly hasher: HasherName | null;
  /** Why faster hashers were passed over, in words. */
  readonly hashersPassedOver: readonly string[];
}

export interface Miner {
  /** Resolves when the worker is ready; rejects with `MINER_WORKER_FAILED` or `MINER_STOPPED`. */
  start(): Promise<void>;
  /** Drops the job; resolves when no worker thread is left. A stopped miner may be started again. */
  stop(): Promise<void>;
  /** Replaces the job at once; the replaced one is never reported. Before `start` it waits for it. */
  mine(job: MiningJob): void;
  cancel(): void;
  /** Positive, or null for no cap; otherwise throws `MINER_INVALID_RATE`. */
  setHashesPerSecond(hashesPerSecond: number | null): void;
  stats(): MinerStats;
}

const DEFAULT_REFRESH_MS = 250;
const RATE_WINDOW_MS = 10_000;

interface ActiveJob {
  readonly job: MiningJob;
  readonly generation: number;
  readonly target: Uint8Array;
  postedMs: number | null;
}

interface MinerState {
  readonly options: MinerOptions;
  readonly counter: SharedArrayBuffer;
  readonly meter: RateMeter;
  readonly supervisor: Supervisor;
  rate: number | null;
  current: ActiveJob | null;
  generation: number;
  ready: { readonly hasher: HasherName; readonly passedOver: readonly string[] } | null;
  refreshTimer: NodeJS.Timeout | null;
}

/** The main side of the mining adapter: one worker thread, one job at a time. */
export function createMiner(options: MinerOptions): Miner {
  assertRate(options.hashesPerSecond);
  const counter = new SharedArrayBuffer(8);
  const supervisor = createSupervisor({
    workerUrl: options.workerUrl,
    settings: () => ({ hasher: options.hasher ?? null, hashesPerSecond: state.rate, counter }),
    onMessage: (message) => receive(state, message),
    onError: options.onError,
  });
  const state: MinerState = {
    options,
    counter,
    meter: createRateMeter(RATE_WINDOW_MS),
    supervisor,
    rate: options.hashesPerSecond,
    current: null,
    generation: 0,
    ready: null,
    refreshTimer: null,
  };
  return {
    start: () => start(state),
    async stop() {
      stopTimer(state);
      state.current = null;
      await supervisor.stop();
    },
    mine(job) {
      const target = bytesFromBigint(job.target, 32);
      state.current = { job, generation: ++state.generation, target, postedMs: null };
      postJob(state);
    },
    cancel: () => cancel(state),
    setHashesPerSecond(hashesPerSecond) {
      assertRate(hashesPerSecond);
      state.rate = hashesPerSecond;
      supervisor.post({ type: 'rate', hashesPerSecond });
    },
    stats: () => stats(state),
  };
}

async function start(state: MinerState): Promise<void> {
  if (state.refreshTimer === null) {
    state.meter.reset();
    state.meter.record(performance.now(), hashesTotal(state));
    state.refreshTimer = setInterval(() => refresh(state), state.options.refreshMs ?? DEFAULT_REFRESH_MS);
  }
  const timer = state.refreshTimer;
  try {
    await state.supervisor.start();
  } catch (error) {
    // A stop and a second start may have come in between.
    if (state.refreshTimer === timer) stopTimer(state);
    throw error;
  }
}

function stopTimer(state: MinerState): void {
  if (state.refreshTimer !== null) clearInterval(state.refreshTimer);
  state.refreshTimer = null;
}

function cancel(state: MinerState): void {
  state.current = null;
  state.supervisor.post({ type: 'cancel' });
}

function refresh(state: MinerState): void {
  state.meter.record(performance.now(), hashesTotal(state));
  const { current, options } = state;
  if (current !== null && current.postedMs !== timestampNow(current.job, options)) postJob(state);
}

function postJob({ current, options, supervisor }: MinerState): void {
  if (current !== null) supervisor.post({ type: 'job', job: workerJob(current, options) });
}

function receive(state: MinerState, message: FromWorker): void {
  if (message.type === 'ready') {
    state.ready = message;
    state.supervisor.post({ type: 'rate', hashesPerSecond: state.rate });
    postJob(state);
  } else if (state.current !== null && message.generation === state.current.generation) {
    settle(state, state.current, message);
  }
}

function settle(state: MinerState, { job }: ActiveJob, found: FoundMessage): void {
  if (!isValid(job, found)) {
    postJob(state);
    state.options.onError(invalidNonce(job));
    return;
  }
  cancel(state);
  state.options.onFound({ jobId: job.id, timestampMs: found.timestampMs, nonce: found.nonce });
}

function hashesTotal(state: MinerState): number {
  return Number(Atomics.load(new BigUint64Array(state.counter), 0));
}

function stats(state: MinerState): MinerStats {
  const running = state.refreshTimer !== null;
  const total = hashesTotal(state);
  return {
    running,
    hashesTotal: total,
    hashesPerSecond: running ? state.meter.perSecond(performance.now(), total) : 0,
    declaredHashesPerSecond: state.rate,
    hasher: state.ready?.hasher ?? null,
    hashersPassedOver: state.ready?.passedOver ?? [],
  };
}

function timestampNow(job: MiningJob, { now }: MinerOptions): number {
  return Math.max(Math.trunc(now()), job.earliestMs);
}

function workerJob(active: ActiveJob, options: MinerOptions): WorkerJob {
  const { job, generation, target } = active;
  const timestampMs = timestampNow(job, options);
  // Copies: posting a view would clone the whole buffer behind it.
  const bodyRoot = Uint8Array.from(job.rootAt(timestampMs));
  const nonceStart = Uint8Array.from(options.randomBytes(32));
  assert(bodyRoot.length === 32 && nonceStart.length === 32, 'a body root and a nonce have 32 bytes');
  active.postedMs = timestampMs;
  return { generation, timestampMs, bodyRoot, target, nonceStart };
}

function isValid(job: MiningJob, { timestampMs, nonce }: FoundMessage): boolean {
  if (nonce.length !== 32) return false;
  const blockId = createHash('sha256').update(job.rootAt(timestampMs)).update(nonce).digest();
  return bigintFromBytes(blockId) <= job.target;
}

function invalidNonce(job: MiningJob): WattmeshError {
  return new WattmeshError({
    code: 'MINER_INVALID_NONCE',
    message: `the mining worker reported a nonce for job ${job.id} whose block id is above the target`,
    remedy:
      'Force another hasher; if it happens with node-crypto too, the body root depends on more than the time.',
    details: { jobId: job.id },
  });
}

function assertRate(hashesPerSecond: number | null): void {
  if (hashesPerSecond === null || (Number.isFinite(hashesPerSecond) && hashesPerSecond > 0)) return;
  throw new WattmeshError({
    code: 'MINER_INVALID_RATE',
    message: `${hashesPerSecond} is no hash rate`,
    remedy: 'Give a positive number of hashes per second, or null for no cap; stop or cancel to idle.',
  });
}
