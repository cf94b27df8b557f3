/** What bounds a node's memory and pace: policy of this node, not consensus. */
export interface CoreLimits {
  /** Transactions that wait, and their encoded size. */
  readonly mempoolCount: number;
  readonly mempoolBytes: number;
  /** Verified transaction ids remembered, so that a signature is checked once. */
  readonly knownTransactions: number;
  /** Blocks from the future that wait; the oldest goes first. */
  readonly laterBlocks: number;
  /** Headers beside the main chain; whoever ends most branches loses the weakest first. */
  readonly sideHeaders: number;
  /** The body of a template is made anew on the same tip at most this often. */
  readonly rebuildMs: number;
  /** A peer is asked for its status again after this long. */
  readonly statusMs: number;
  /** Requests for bodies in flight, over all peers. */
  readonly bodyRequests: number;
}

export const DEFAULT_LIMITS: CoreLimits = {
  mempoolCount: 5000,
  mempoolBytes: 16 * 1024 * 1024,
  knownTransactions: 20_000,
  laterBlocks: 64,
  sideHeaders: 4096,
  rebuildMs: 1000,
  statusMs: 3000,
  bodyRequests: 4,
};
