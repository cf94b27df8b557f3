/** A store that waits out a full disk: synced writes are held and done again, in order, once there is space. */
import { open, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { WattmeshError } from '../util/errors.ts';
import type { Store, StoreOp } from './interface.ts';
import { closedError, storeError } from './store-errors.ts';

/** Bytes of held writes; what comes on top is refused. */
export const MAX_HELD_BYTES = 64 * 1024 * 1024;
/** Opening a LevelDB turns its log (4 MiB) into a table and begins another. */
const REOPEN_BYTES = 8 * 1024 * 1024;
const RETRY_MS = 1000;

/** What is known of a store that may wait. */
export interface Patience {
  /** STORE_NO_SPACE while writes wait for space; null: they do not. */
  waiting(): WattmeshError | null;
  /** Told at each change of `waiting`. */
  onWaiting(listener: (cause: WattmeshError | null) => void): void;
  /** Writes that wait fail with STORE_NO_SPACE, now and from now on: the process is about to end. */
  giveUp(): void;
}

export type PatientStore = Store & Patience;

/** What surrounds the store. */
export interface PatienceParts {
  /** Opens it again after `close`. */
  reopen(): Promise<Store>;
  /** Whether so many bytes may be expected to fit. */
  hasSpace(bytes: number): Promise<boolean>;
  /** Pause between two looks; default 1000 ms. */
  retryMs?: number;
  /** Default 64 MiB. */
  maxHeldBytes?: number;
}

interface Held {
  readonly ops: StoreOp[];
  readonly bytes: number;
  readonly sync: boolean;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

interface Desk {
  readonly parts: PatienceParts;
  /** Null: closed, and not to be opened for lack of space. */
  store: Store | null;
  /** Writes that are not done, in the order of the calls. */
  queue: Held[];
  /** Writes of `queue` that were handed to the store. */
  underWay: number;
  cause: WattmeshError | null;
  readonly listeners: ((cause: WattmeshError | null) => void)[];
  timer: NodeJS.Timeout | null;
  /** The look under way, and the part of it in which the store is closed. */
  attempt: Promise<void> | null;
  reopening: Promise<void> | null;
  hasGivenUp: boolean;
  closing: Promise<void> | null;
}

/**
 * Puts patience around a store. Only lack of space is waited out: every other failure is the writer's, as is any of a
 * write without sync. Held writes are whole batches of puts and deletions, so that doing them twice does no harm.
 */
export function createPatientStore(store: Store, parts: PatienceParts): PatientStore {
  const desk: Desk = {
    parts,
    store,
    queue: [],
    underWay: 0,
    cause: null,
    listeners: [],
    timer: null,
    attempt: null,
    reopening: null,
    hasGivenUp: false,
    closing: null,
  };
  return {
    write: (ops, { sync }) => write(desk, ops, sync),
    async get(wanted) {
      const key = Uint8Array.from(wanted);
      return (await readable(desk)).get(key);
    },
    range(from, to, limit) {
      const bounds = [Uint8Array.from(from), Uint8Array.from(to)] as const;
      return (async function* () {
        yield* (await readable(desk)).range(...bounds, limit);
      })();
    },
    close() {
      desk.closing ??= close(desk);
      return desk.closing;
    },
    waiting: () => desk.cause,
    onWaiting: (listener) => void desk.listeners.push(listener),
    giveUp: () => giveUp(desk),
  };
}

async function write(desk: Desk, ops: readonly StoreOp[], sync: boolean): Promise<void> {
  if (desk.closing !== null) throw closedError();
  if (desk.cause === null) return enqueue(desk, ops, sync);
  const { maxHeldBytes = MAX_HELD_BYTES } = desk.parts;
  const held = desk.queue.reduce((sum, { bytes }) => sum + bytes, 0);
  if (!sync || desk.hasGivenUp || held + bytesOf(ops) > maxHeldBytes) throw desk.cause;
  return enqueue(desk, ops, sync);
}

function bytesOf(ops: readonly StoreOp[]): number {
  return ops.reduce((sum, op) => sum + op.key.length + (op.type === 'put' ? op.value.length : 0), 0);
}

function copyOf(op: StoreOp): StoreOp {
  const key = Uint8Array.from(op.key);
  return op.type === 'del' ? { type: 'del', key } : { type: 'put', key, value: Uint8Array.from(op.value) };
}

function enqueue(desk: Desk, ops: readonly StoreOp[], sync: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const held: Held = { ops: ops.map(copyOf), bytes: bytesOf(ops), sync, resolve, reject };
    desk.queue.push(held);
    if (desk.cause === null) hand(desk, held);
  });
}

function hand(desk: Desk, held: Held): void {
  desk.underWay += 1;
  const after = (act: () => void) => {
    desk.underWay -= 1;
    act();
  };
  desk.store!.write(held.ops, { sync: held.sync }).then(
    () => after(() => done(desk, held)),
    (error: unknown) => after(() => failed(desk, held, error)),
  );
}

function done(desk: Desk, held: Held): void {
  remove(desk, held);
  held.resolve();
}

/** Whoever gave up may have emptied the queue. */
function remove(desk: Desk, held: Held): void {
  desk.queue = desk.queue.filter((other) => other !== held);
}

/** The write that found no space, and those that were stopped for it. */
function isLackOfSpace(error: unknown): error is WattmeshError {
  if (!(error instanceof WattmeshError)) return false;
  return error.code === 'STORE_NO_SPACE' || error.details.failure === 'STORE_NO_SPACE';
}

function failed(desk: Desk, held: Held, error: unknown): void {
  const mayWait = isLackOfSpace(error) && !desk.hasGivenUp && desk.closing === null;
  if (!mayWait || !held.sync) {
    remove(desk, held);
    held.reject(error);
  }
  if (mayWait && desk.cause === null) startWaiting(desk, error);
}

function startWaiting(desk: Desk, cause: WattmeshError): void {
  setCause(desk, cause);
  lookLater(desk);
}

function setCause(desk: Desk, cause: WattmeshError | null): void {
  desk.cause = cause;
  for (const listener of desk.listeners) listener(cause);
}

function lookLater(desk: Desk): void {
  if (desk.hasGivenUp || desk.closing !== null) return;
  desk.timer = setTimeout(() => {
    desk.attempt = look(desk).finally(() => {
      desk.attempt = null;
    });
  }, desk.parts.retryMs ?? RETRY_MS);
}

/** Ends the wait when there is space; never rejects. */
async function look(desk: Desk): Promise<void> {
  try {
    const held = desk.queue.reduce((sum, { bytes }) => sum + bytes, 0);
    // The store must have answered every write before it is closed: what it did not do is done again.
    if (desk.underWay > 0 || !(await desk.parts.hasSpace(2 * held))) return lookLater(desk);
    desk.reopening = reopen(desk);
    await desk.reopening;
    await writeHeld(desk);
    setCause(desk, null);
  } catch (error) {
    if (isLackOfSpace(error)) return lookLater(desk);
    for (const held of desk.queue.splice(0)) held.reject(error);
  } finally {
    desk.reopening = null;
  }
}

async function reopen(desk: Desk): Promise<void> {
  await desk.store?.close();
  desk.store = null;
  desk.store = await desk.parts.reopen();
}

async function writeHeld(desk: Desk): Promise<void> {
  for (let held = desk.queue[0]; held !== undefined; held = desk.queue[0]) {
    await desk.store!.write(held.ops, { sync: true });
    done(desk, held);
  }
}

/** The store as a reader may use it: not while it is closed. */
async function readable(desk: Desk): Promise<Store> {
  if (desk.closing !== null) throw closedError();
  await desk.reopening?.catch(() => null); // the reader hears of it by the missing store
  if (desk.store === null) throw desk.cause ?? closedError();
  return desk.store;
}

function giveUp(desk: Desk): void {
  desk.hasGivenUp = true;
  if (desk.timer !== null) clearTimeout(desk.timer);
  const { cause } = desk;
  if (cause === null) return;
  for (const held of desk.queue.splice(0)) held.reject(cause);
}

async function close(desk: Desk): Promise<void> {
  giveUp(desk);
  await desk.attempt;
  await desk.store?.close();
}

/** Whether a file of so many bytes, and what a LevelDB needs to open, fits into a folder. Fails with STORE_IO_FAILED. */
export async function folderHasSpace(dir: string, bytes: number): Promise<boolean> {
  const needed = bytes + REOPEN_BYTES;
  const path = join(dir, 'space-probe');
  try {
    const { bavail, bsize } = await statfs(dir);
    if (bavail * bsize < needed) return false;
    // Quotas and limits of the process show only when something is written.
    const file = await open(path, 'w');
    try {
      await file.writeFile(new Uint8Array(needed));
      await file.sync();
    } finally {
      await file.close();
    }
    return true;
  } catch (error) {
    const named = storeError(error, dir);
    if (named.code === 'STORE_NO_SPACE') return false;
    throw named;
  } finally {
    await rm(path, { force: true });
  }
}
