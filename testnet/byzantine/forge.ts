/** The chain as the attacker follows it, and blocks and transactions on it with one thing wrong. */
import { createPrivateKey, sign } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { digest64 } from '@chainsafe/as-sha256';
import { buildBody, executeBody, isViolation } from '../../node/consensus/apply-block.ts';
import { createGenesisBlock, createGenesisState, genesisRoot } from '../../node/consensus/genesis.ts';
import { type ChainRules, earliestTimestampMs, targetAfter } from '../../node/consensus/header.ts';
import { type HeaderNode, linkHeader, marketClockMs } from '../../node/consensus/header-chain.ts';
import { openSteps } from '../../node/market/windows.ts';
import { createBody, decode, encode } from '../../node/protocol/codec.ts';
import type { GenesisDocument } from '../../node/protocol/genesis-file.ts';
import { headerMessage, type Signer, transactionMessage } from '../../node/protocol/signing.ts';
import type { StateStore } from '../../node/protocol/state-store.ts';
import {
  type Block,
  HeaderBody,
  PROTOCOL_VERSION,
  type SignedHeader,
  type Transaction,
  type TransactionBody,
} from '../../node/protocol/types.ts';
import {
  BlocksAnswer,
  BlocksRequest,
  HeadersAnswer,
  HeadersRequest,
  MAX_BLOCKS,
  MAX_HEADERS,
  MAX_LOCATOR,
} from '../../node/protocol/wire.ts';
import { bytesFromBigint, compareBytes, concatBytes, equalBytes } from '../../node/util/bytes.ts';
import { assert } from '../../node/util/errors.ts';
import type { Rng } from '../../node/util/rng.ts';
import { publicKeyOf } from '../keys.ts';

/** DER frame of an ed25519 seed (RFC 8410). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

/** A few milliseconds of work. */
const HASHES_AT_ONCE = 4096;
/** Requests for headers within which the tip is reached. */
const MAX_ROUNDS = 64;

export function signerOf(seed: Uint8Array): Signer {
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' });
  return {
    publicKey: publicKeyOf(seed),
    sign: (message) => new Uint8Array(sign(null, message, key)),
  };
}

/** A block of the chain with the state after it. */
export interface Tip {
  node: HeaderNode;
  block: Block;
  state: StateStore;
}

export interface Forge {
  readonly rules: ChainRules;
  readonly genesisTip: Tip;
  /** The admitted miner whose key is held; null: none. */
  readonly miner: { member: number; signer: Signer } | null;
  /** Follows the target's chain to its tip. */
  follow(request: (protocol: string, bytes: Uint8Array) => Promise<Uint8Array>): Promise<void>;
  tip(): Tip;
  /** The block at a height of the followed chain. */
  at(height: number): Tip;
  /** A header body that is right on a parent, but for `change`. */
  headerOn(parent: HeaderNode, change?: Partial<HeaderBody>): HeaderBody;
  /** Finds a nonce within the body's target, or `within` another, and signs with the miner's key, or with `signer`. */
  seal(body: HeaderBody, by?: { signer?: Signer; within?: bigint }): Promise<SignedHeader>;
  /** A header whose nonce was not searched and whose signature is none. */
  unsealed(body: HeaderBody): SignedHeader;
  /** An empty block without a fault on a parent, by the held miner. */
  blockOn(parent: Tip): Promise<Block>;
  /** The header body of that block. */
  rightBody(parent: Tip): HeaderBody;
  /** An order of a step whose window is open; `change` overrides what a correct one holds. */
  order(account: number, change?: Partial<Pick<TransactionBody, 'sequence' | 'step'>>): TransactionBody;
  /** Signed for this chain, or for the one with the given genesis root. */
  signed(body: TransactionBody, signer: Signer, root?: Uint8Array): Transaction;
}

export interface ForgeOptions {
  document: GenesisDocument;
  minerSeed: Uint8Array | null;
  rng: Rng;
  now(): number;
}

/** Searches the nonce of a header body: SHA-256(root(body) || nonce) within its target. Lets others run meanwhile. */
export async function findNonce(body: HeaderBody, rng: Rng, within = body.target): Promise<Uint8Array> {
  const message = concatBytes(HeaderBody.hashTreeRoot(body), new Uint8Array(32));
  const view = new DataView(message.buffer);
  const limit = bytesFromBigint(within, 32);
  view.setUint32(48, rng.below(2 ** 32));
  for (let i = 0; ; i++) {
    if (i % HASHES_AT_ONCE === HASHES_AT_ONCE - 1) await setImmediate();
    view.setUint32(60, i);
    if (compareBytes(digest64(message), limit) <= 0) return message.slice(32);
  }
}

function minerOf(options: ForgeOptions): Forge['miner'] {
  if (options.minerSeed === null) return null;
  const signer = signerOf(options.minerSeed);
  const miner = options.document.genesis.miners.find(({ key }) => equalBytes(key, signer.publicKey));
  assert(miner !== undefined, 'the given key is that of an admitted miner');
  return { member: miner.member, signer };
}

export function createForge(options: ForgeOptions): Forge {
  const { genesis, nonce } = options.document;
  const { spacingMs } = genesis.params;
  // What it follows was checked by the target already.
  const rules: ChainRules = { genesis, genesisRoot: genesisRoot(genesis), verifier: { verify: () => true } };
  const state = createGenesisState(genesis);
  const first = createGenesisBlock(genesis, state, nonce);
  const main: Tip[] = [{ node: linkHeader(null, first.signedHeader), block: first, state }];
  const miner = minerOf(options);
  const tip = () => main[main.length - 1]!;

  const headerOn: Forge['headerOn'] = (parent, change = {}) => ({
    ...HeaderBody.defaultValue(),
    version: PROTOCOL_VERSION,
    height: parent.height + 1,
    parent: parent.id,
    timestampMs: Math.max(earliestTimestampMs(parent, spacingMs), options.now()),
    target: targetAfter(parent, spacingMs),
    author: miner?.member ?? genesis.miners[0]!.member,
    ...change,
  });
  const rightBody: Forge['rightBody'] = (parent) => {
    const author = miner?.member ?? genesis.miners[0]!.member;
    const input = { parentState: parent.state, clockMs: marketClockMs(parent.node), author };
    const { transactionsRoot, receiptsRoot, stateRoot, minersRoot } = buildBody(rules, input, []).execution;
    return headerOn(parent.node, { transactionsRoot, receiptsRoot, stateRoot, minersRoot });
  };
  const seal: Forge['seal'] = async (body, by = {}) => {
    const signer = by.signer ?? miner?.signer;
    assert(signer !== undefined, 'a miner signs the header');
    const header = { body, nonce: await findNonce(body, options.rng, by.within) };
    return { header, signature: signer.sign(headerMessage(rules.genesisRoot, header)) };
  };
  return {
    rules,
    genesisTip: main[0]!,
    miner,
    follow: (request) => follow(rules, main, request),
    tip,
    at: (height) => main[Math.min(height, main.length - 1)]!,
    headerOn,
    seal,
    unsealed: (body) => ({
      header: { body, nonce: bytesFromBigint(BigInt(options.rng.below(2 ** 32)), 32) },
      signature: new Uint8Array(64).fill(1),
    }),
    rightBody,
    blockOn: async (parent) => ({ signedHeader: await seal(rightBody(parent)), transactions: [] }),
    order(account, change = {}) {
      const { first: open, end } = openSteps(genesis, marketClockMs(tip().node));
      const payload = { side: 0, energyWh: 1 + options.rng.below(100), limitMicroEurPerKwh: 1 };
      return createBody({
        kind: 'order',
        step: Math.max(open, end - 1),
        account,
        sequence: genesis.params.orderQuota - 1,
        payload,
        ...change,
      });
    },
    signed: (body, signer, root = rules.genesisRoot) => ({
      body,
      signatures: [signer.sign(transactionMessage(root, body))],
    }),
  };
}

/** Headers after the last common block, then their bodies, executed; a branch that was left is forgotten. */
async function follow(
  rules: ChainRules,
  main: Tip[],
  request: (protocol: string, bytes: Uint8Array) => Promise<Uint8Array>,
): Promise<void> {
  for (let round = 0; ; round++) {
    assert(round < MAX_ROUNDS, 'the target gives the chain that it tells of');
    const locator = main
      .slice(-(MAX_LOCATOR - 1))
      .reverse()
      .map(({ node }) => node.id);
    if (main.length >= MAX_LOCATOR) locator.push(main[0]!.node.id);
    const asked = encode(HeadersRequest, { locator, limit: MAX_HEADERS });
    const headers = decode(HeadersAnswer, await request('headers', asked));
    assert(headers !== null, 'the target answers with headers');
    if (headers.length === 0) return;
    const forkId = headers[0]!.header.body.parent;
    const fork = main.findLastIndex(({ node }) => equalBytes(node.id, forkId));
    assert(fork >= 0, 'the headers follow the locator');
    main.length = fork + 1;
    for (let i = 0; i < headers.length; i += MAX_BLOCKS) {
      const before = main.length;
      await fetchBodies(rules, main, headers.slice(i, i + MAX_BLOCKS), request);
      // The target left that branch meanwhile, or its answer was full: ask for headers again.
      if (main.length - before < Math.min(MAX_BLOCKS, headers.length - i)) break;
    }
  }
}

async function fetchBodies(
  rules: ChainRules,
  main: Tip[],
  headers: readonly SignedHeader[],
  request: (protocol: string, bytes: Uint8Array) => Promise<Uint8Array>,
): Promise<void> {
  let node = main[main.length - 1]!.node;
  const wanted = headers.map((signed) => {
    node = linkHeader(node, signed);
    return node;
  });
  const ids = wanted.map(({ id }) => id);
  const blocks = decode(BlocksAnswer, await request('blocks', encode(BlocksRequest, ids)));
  assert(blocks !== null, 'the target answers with blocks');
  for (const [i, block] of blocks.entries()) {
    const parent = main[main.length - 1]!;
    const input = {
      parentState: parent.state,
      clockMs: marketClockMs(parent.node),
      author: wanted[i]!.author,
    };
    const body = { transactions: block.transactions, isKnown: () => true };
    const execution = executeBody(rules, input, body);
    assert(!isViolation(execution), 'the target holds valid blocks');
    main.push({ node: wanted[i]!, block, state: execution.state });
  }
}
