export type StoreOp = { type: 'put'; key: Uint8Array; value: Uint8Array } | { type: 'del'; key: Uint8Array };

/** One entry of a range: a record that proved itself, or the key of one that did not. */
export type StoreEntry = { key: Uint8Array; value: Uint8Array } | { key: Uint8Array; damaged: true };

/**
 * An ordered map of bytes that never returns a value other than the one written.
 *
 * Keys are non-empty and sort as unsigned bytes. Arguments may be reused as soon as a call has returned;
 * results belong to the caller. After `close` every call fails with STORE_CLOSED.
 */
export interface Store {
  /**
   * Applies one atomic batch, later operations on a key winning over earlier ones; `sync` true = on disk
   * before it resolves. Batches apply in the order of the calls. An empty batch does nothing, not even sync.
   *
   * A failed write leaves the disk in an unknown state: it and every later one reject (STORE_NO_SPACE,
   * STORE_IO_FAILED, STORE_DAMAGED; later ones STORE_WRITES_STOPPED) until the store is closed and opened again.
   */
  write(ops: readonly StoreOp[], options: { sync: boolean }): Promise<void>;

  /** `null` when absent; STORE_RECORD_DAMAGED {key} when the record's own checksum fails or it cannot be read. */
  get(key: Uint8Array): Promise<Uint8Array | null>;

  /**
   * Ascending keys in [from, to) as they stand at the first pull, at most `limit`. A damaged record is an
   * entry of its own. Where not even the keys can be read, STORE_DAMAGED is thrown: after the last readable
   * entry, or in place of the entry that would fill the limit.
   */
  range(from: Uint8Array, to: Uint8Array, limit?: number): AsyncIterable<StoreEntry>;

  /** Waits for the writes under way, then releases the store; calling it again is harmless. */
  close(): Promise<void>;
}
