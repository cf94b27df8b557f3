import { Worker } from 'node:worker_threads';
import { WattmeshError } from '../util/errors.ts';
import type { FromWorker, ToWorker, WorkerSettings } from './messages.ts';

export interface SupervisorOptions {
  readonly workerUrl: URL;
  /** Read at every start of a worker, so that a restarted one gets the settings of now. */
  readonly settings: () => WorkerSettings;
  readonly onMessage: (message: FromWorker) => void;
  readonly onError: (error: WattmeshError) => void;
}

/** Keeps one worker thread alive between `start` and `stop`. */
export interface Supervisor {
  /** Resolves when the worker is ready; rejects with `MINER_WORKER_FAILED` or `MINER_STOPPED`. */
  start(): Promise<void>;
  /** Resolves when no worker thread is left. */
  stop(): Promise<void>;
  /** Dropped unless a ready worker is there: whoever posts repeats itself on `ready`. */
  post(message: ToWorker): void;
}

const FIRST_RESTART_MS = 250;
const LAST_RESTART_MS = 30_000;
/** A worker that lived this long owes nothing to the crashes before it. */
const HEALTHY_MS = 60_000;
/** The search allocates next to nothing; small heaps keep a community of processes on one machine. */
const RESOURCE_LIMITS = { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 64 };

interface SupervisorState {
  worker: Worker | null;
  ready: boolean;
  spawnedAtMs: number;
  crashes: number;
  restartTimer: NodeJS.Timeout | null;
  starting: { promise: Promise<void>; resolve: () => void; reject: (error: WattmeshError) => void } | null;
}

export function createSupervisor(options: SupervisorOptions): Supervisor {
  const state: SupervisorState = {
    worker: null,
    ready: false,
    spawnedAtMs: 0,
    crashes: 0,
    restartTimer: null,
    starting: null,
  };
  return {
    start() {
      if (state.starting !== null) return state.starting.promise;
      let settle: { resolve: () => void; reject: (error: WattmeshError) => void } | undefined;
      const promise = new Promise<void>((resolve, reject) => {
        settle = { resolve, reject };
      });
      state.starting = { promise, ...settle! };
      state.crashes = 0;
      spawn(state, options);
      return promise;
    },
    async stop() {
      const { worker, starting, restartTimer } = state;
      if (restartTimer !== null) clearTimeout(restartTimer);
      Object.assign(state, { worker: null, ready: false, starting: null, restartTimer: null });
      starting?.reject(stopped());
      await worker?.terminate();
    },
    post(message) {
      if (state.ready) state.worker?.postMessage(message);
    },
  };
}

function spawn(state: SupervisorState, options: SupervisorOptions): void {
  state.restartTimer = null;
  state.spawnedAtMs = performance.now();
  let reason: unknown = null;
  let worker: Worker;
  try {
    const workerData = options.settings();
    // execArgv: flags of the main entry (--input-type, a loader, --inspect) can break a plain worker file.
    const common = { name: 'miner', execArgv: [], resourceLimits: RESOURCE_LIMITS };
    worker = new Worker(options.workerUrl, { ...common, workerData });
  } catch (error) {
    ended(state, options, null, error);
    return;
  }
  state.worker = worker;
  worker.on('message', (message: FromWorker) => {
    if (state.worker !== worker) return;
    if (message.type === 'ready') {
      state.ready = true;
      state.starting?.resolve();
    }
    options.onMessage(message);
  });
  worker.on('error', (error) => {
    reason = error;
  });
  worker.on('messageerror', (error) => {
    reason = error;
    void worker.terminate();
  });
  worker.on('exit', (exitCode) => {
    if (state.worker === worker) ended(state, options, exitCode, reason);
  });
}

/** The worker ended although nobody stopped it. */
function ended(
  state: SupervisorState,
  options: SupervisorOptions,
  exitCode: number | null,
  reason: unknown,
): void {
  const neverReady = state.crashes === 0 && !state.ready;
  const cause = reason instanceof Error ? reason.message : `exit code ${exitCode}`;
  state.worker = null;
  state.ready = false;
  if (neverReady) {
    const starting = state.starting;
    state.starting = null;
    starting?.reject(failed(cause, reason));
    return;
  }
  if (performance.now() - state.spawnedAtMs > HEALTHY_MS) state.crashes = 0;
  const restartInMs = Math.min(LAST_RESTART_MS, FIRST_RESTART_MS * 2 ** state.crashes);
  state.crashes++;
  state.restartTimer = setTimeout(() => spawn(state, options), restartInMs);
  options.onError(crashed(cause, reason, { exitCode, restartInMs, crashes: state.crashes }));
}

function failed(cause: string, reason: unknown): WattmeshError {
  return new WattmeshError({
    code: 'MINER_WORKER_FAILED',
    message: `the mining worker did not start: ${cause}`,
    remedy:
      'Check that the worker file of the build exists and that the hasher setting names one that loads.',
    cause: reason,
  });
}

function crashed(cause: string, reason: unknown, details: Record<string, unknown>): WattmeshError {
  return new WattmeshError({
    code: 'MINER_WORKER_CRASHED',
    message: `the mining worker ended unexpectedly (${cause}); it is started again in ${details.restartInMs} ms`,
    remedy: 'Nothing to do if it happens once; if it repeats, try another hasher and report the cause.',
    details,
    cause: reason,
  });
}

function stopped(): WattmeshError {
  return new WattmeshError({
    code: 'MINER_STOPPED',
    message: 'the miner was stopped before its worker was ready',
    remedy: 'Start it again if that was not intended.',
  });
}
