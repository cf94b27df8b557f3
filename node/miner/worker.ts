import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../util/errors.ts';
import type { FromWorker, ToWorker, WorkerSettings } from './messages.ts';
import { createMiningLoop } from './mining-loop.ts';
import { loadBatchHasher } from './native-hash.ts';
import { createSearcher } from './search.ts';
import { createTokenBucket } from './token-bucket.ts';

assert(parentPort !== null, 'this file runs as a worker thread');
const port = parentPort;
const settings = workerData as WorkerSettings;
const counter = new BigUint64Array(settings.counter);
const now = () => performance.now();

const hasher = await loadBatchHasher(settings.hasher ?? undefined);
const bucket = createTokenBucket(settings.hashesPerSecond, now());
const send = (message: FromWorker) => port.postMessage(message);

const loop = createMiningLoop({
  searcher: createSearcher(hasher.hashInto),
  bucket,
  now,
  onHashes: (hashes) => void Atomics.add(counter, 0, BigInt(hashes)),
  onFound: send,
});

let immediate: NodeJS.Immediate | null = null;
let timer: NodeJS.Timeout | null = null;

function schedule(delayMs: number): void {
  // setImmediate lets messages in between two slices; a timer of 0 ms would idle for one.
  if (delayMs === 0) immediate = setImmediate(run);
  else timer = setTimeout(run, delayMs);
}

function run(): void {
  immediate = null;
  timer = null;
  const delayMs = loop.step();
  if (delayMs !== null) schedule(delayMs);
}

port.on('message', (message: ToWorker) => {
  if (message.type === 'rate') {
    bucket.setRate(message.hashesPerSecond, now());
    // The pending wait was computed for the old rate.
    if (timer !== null) {
      clearTimeout(timer);
      run();
    }
    return;
  }
  loop.setJob(message.type === 'job' ? message.job : null);
  if (immediate === null && timer === null) run();
});

send({ type: 'ready', hasher: hasher.name, passedOver: hasher.passedOver });
