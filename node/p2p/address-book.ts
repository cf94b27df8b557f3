import type { DialAddress } from './addresses.ts';
import { parseAddress, parseToldAddress } from './addresses.ts';
import type { AddressBookPort, Log } from './interface.ts';

const MAX_ENTRIES = 512;
const MAX_SAVED = 128;
const MAX_PER_PEER = 3;
const FORGET_AFTER_FAILURES = 6;
const FIRST_BACKOFF_MS = 1_000;
const LAST_BACKOFF_MS = 30_000;
const LAST_SEED_BACKOFF_MS = 8_000;
const FOREIGN_BACKOFF_MS = 600_000;

export interface BookEntry {
  readonly address: DialAddress;
  /** The peer found at the address; known from the start where the address names it. */
  readonly peerId: string | null;
  readonly seed: boolean;
}

interface Entry extends BookEntry {
  peerId: string | null;
  /** A peer of our chain was reached here, or told this as its own address. */
  known: boolean;
  failures: number;
  nextDialMs: number;
}

export interface AddressBook {
  /** Entries whose back-off has passed, fewest failures first, otherwise in random order. */
  due(): BookEntry[];
  /** Counts the attempt as failed until `settle`, so that a peer that drops us at once is not dialled in a tight loop. */
  attempt(entry: BookEntry): void;
  reached(entry: BookEntry, peerId: string): void;
  /** A connected peer told its own addresses. */
  own(peerId: string, addresses: readonly string[], fromLoopback: boolean): void;
  /** A peer told addresses of others; returns how many were new. */
  learn(addresses: readonly string[], fromLoopback: boolean): number;
  /** The peer has stayed connected: its address is good. */
  settle(peerId: string): void;
  /** The peer belongs to another chain. */
  foreign(peerId: string): void;
  remove(entry: BookEntry): void;
  share(limit: number, exceptPeerId: string, toLoopback: boolean): string[];
  /** Makes every address due at once, except those of other chains. */
  retryAll(): void;
  /** Saves the known addresses if they changed. */
  flush(): void;
}

export interface AddressBookOptions {
  selfId: string;
  seeds: readonly string[];
  port: AddressBookPort;
  log: Log;
  now: () => number;
  random: () => number;
}

/** Loads the saved addresses and the seeds. Bounded to 512 addresses, 3 per peer; 128 are saved. */
export function createAddressBook(options: AddressBookOptions): AddressBook {
  const { port, log, now, random } = options;
  const entries = new Map<string, Entry>();
  const ofPeer = (peerId: string): Entry[] => [...entries.values()].filter((e) => e.peerId === peerId);
  const found = (entry: BookEntry): Entry | undefined => entries.get(entry.address.text);

  for (const text of options.seeds) {
    const address = parseAddress(text);
    if (address === null) log('error', 'seed address not usable', { address: text });
    else add(entries, options, address, { known: false, seed: true });
  }
  loadSaved(port, log, (address) => add(entries, options, address, { known: true, seed: false }));

  return {
    due: () => {
      const ready = shuffled(entries, random).filter((e) => e.nextDialMs <= now());
      return ready.sort((a, b) => a.failures - b.failures);
    },
    attempt(entry) {
      const tried = found(entry);
      if (tried === undefined) return;
      if (tried.failures >= FORGET_AFTER_FAILURES && !tried.seed && !tried.known)
        entries.delete(tried.address.text);
      else backOff(tried, now(), random());
    },
    reached(entry, peerId) {
      const tried = found(entry);
      if (tried !== undefined) tried.peerId = peerId;
    },
    own(peerId, addresses, fromLoopback) {
      for (const text of addresses.slice(0, 2 * MAX_PER_PEER)) {
        const address = parseToldAddress(
          text.includes('/p2p/') ? text : `${text}/p2p/${peerId}`,
          fromLoopback,
        );
        if (address?.peerId === peerId) add(entries, options, address, { known: true, seed: false });
      }
    },
    learn(addresses, fromLoopback) {
      const valid = addresses.map((text) => parseToldAddress(text, fromLoopback)).filter((a) => a !== null);
      return valid.filter((address) => add(entries, options, address, { known: false, seed: false })).length;
    },
    settle(peerId) {
      for (const entry of ofPeer(peerId)) entry.failures = 0;
    },
    foreign(peerId) {
      for (const entry of ofPeer(peerId)) {
        entry.known = false;
        entry.nextDialMs = now() + FOREIGN_BACKOFF_MS;
      }
    },
    remove: (entry) => void entries.delete(entry.address.text),
    share: (limit, exceptPeerId, toLoopback) =>
      shuffled(entries, random)
        .filter((e) => e.known && e.address.peerId !== null && e.peerId !== exceptPeerId)
        .filter((e) => parseToldAddress(e.address.text, toLoopback) !== null)
        .slice(0, limit)
        .map((e) => e.address.text),
    retryAll() {
      for (const entry of entries.values()) {
        if (entry.nextDialMs - now() <= 2 * LAST_BACKOFF_MS) entry.nextDialMs = now();
      }
    },
    flush: createFlush(entries, port, log),
  };
}

type Entries = Map<string, Entry>;

function add(
  entries: Entries,
  options: AddressBookOptions,
  address: DialAddress,
  as: { known: boolean; seed: boolean },
): boolean {
  if (address.peerId === options.selfId) return false;
  const present = entries.get(address.text);
  if (present !== undefined) {
    present.known ||= as.known;
    return false;
  }
  if (!as.seed) {
    const same = [...entries.values()].filter((e) => e.peerId === address.peerId && !e.seed);
    if (same.length >= MAX_PER_PEER && !evict(entries, same, as.known)) return false;
    if (entries.size >= MAX_ENTRIES && !evict(entries, [...entries.values()], as.known)) return false;
  }
  const { peerId } = address;
  entries.set(address.text, { address, peerId, ...as, failures: 0, nextDialMs: options.now() });
  return true;
}

function backOff(entry: Entry, nowMs: number, random: number): void {
  const cap = entry.seed ? LAST_SEED_BACKOFF_MS : LAST_BACKOFF_MS;
  const pause = Math.min(cap, FIRST_BACKOFF_MS * 2 ** entry.failures);
  entry.failures++;
  entry.nextDialMs = nowMs + pause * (0.5 + random);
}

function shuffled(entries: Entries, random: () => number): Entry[] {
  const keyed = [...entries.values()].map((entry) => ({ entry, key: random() }));
  return keyed.sort((a, b) => a.key - b.key).map(({ entry }) => entry);
}

function createFlush(entries: Entries, port: AddressBookPort, log: Log): () => void {
  let saved = '';
  return () => {
    const known = [...entries.values()].filter((e) => e.known && e.address.peerId !== null);
    const best = known.sort((a, b) => a.failures - b.failures).slice(0, MAX_SAVED);
    const list = best.map((e) => e.address.text).sort();
    if (list.join() === saved) return;
    try {
      port.save(list);
      saved = list.join();
    } catch (error) {
      log('error', 'address book not saved', { error });
    }
  };
}

function loadSaved(port: AddressBookPort, log: Log, add: (address: DialAddress) => void): void {
  let texts: string[];
  try {
    texts = port.load();
  } catch (error) {
    log('error', 'address book not loaded; the seeds remain', { error });
    return;
  }
  for (const text of texts.slice(0, MAX_SAVED)) {
    const address = parseAddress(text);
    if (address?.peerId) add(address);
    else log('warn', 'saved address not usable', { address: text });
  }
}

/** Makes room: an unknown address goes first, the one that failed most; a newcomer never displaces a better one. */
function evict(entries: Map<string, Entry>, among: Entry[], newcomerKnown: boolean): boolean {
  const removable = among.filter((e) => !e.seed && (!e.known || newcomerKnown));
  removable.sort((a, b) => Number(a.known) - Number(b.known) || b.failures - a.failures);
  const victim = removable.find((e) => !e.known || e.failures > 0);
  return victim !== undefined && entries.delete(victim.address.text);
}
