/** Handlers of `chain_*`. */
import { quorumOf } from '../../consensus/finality.ts';
import { ancestorAt, type HeaderNode } from '../../consensus/header-chain.ts';
import { transactionId } from '../../protocol/codec.ts';
import { numberToHex, targetToHex } from '../../rpc/codec.ts';
import { invalidParams, limitExceeded, notFound } from '../../rpc/errors.ts';
import type { Params, Result, RpcHandlers } from '../../rpc/schema/methods.ts';
import { toHex } from '../../util/bytes.ts';
import type { NodeAccess, ReorgRecord } from '../access.ts';
import type { ChainVerification } from '../verify-chain.ts';
import { blockBytes, headerOf, leadingZeros, readBlock, readSummary, receiptsOf } from './blocks.ts';
import { chainName } from './node.ts';
import { getProof } from './proofs.ts';
import { asOf, confirmations, genesisOf, isFinal, nameOf, type Queries } from './queries.ts';
import { clockOf } from './receipt-walk.ts';
import { deliveringStep, phaseOf } from './steps.ts';
import { transactionOf } from './transactions.ts';

type ChainHandlers = Pick<
  RpcHandlers,
  | 'chain_getInfo'
  | 'chain_getBlock'
  | 'chain_getBlocks'
  | 'chain_getHeaders'
  | 'chain_getReorgs'
  | 'chain_verify'
  | 'chain_getProof'
>;
type Info = Result<'chain_getInfo'>;

/** Blocks over which the mean spacing is taken. */
const MEAN_BLOCKS = 50;
/** Finality depths of newest blocks whose authors tell whether there is a quorum at present. */
const QUORUM_LOOKBACK = 3;

/** Distinct authors of the blocks from the tip down to above `floorHeight`. */
function authorsAbove(tip: HeaderNode, floorHeight: number): number {
  const authors = new Set<number>();
  for (let node: HeaderNode | null = tip; node !== null && node.height > floorHeight; node = node.parent) {
    authors.add(node.author);
  }
  return authors.size;
}

function finalityOf(access: NodeAccess): Info['finality'] {
  const { chain } = access.core;
  const { params, miners } = genesisOf(access);
  const tip = chain.tip();
  const quorum = quorumOf(miners.length);
  // A healthy chain shows a quorum well within this window; a partition or dead miners do not.
  const recent = authorsAbove(tip, Math.max(0, tip.height - QUORUM_LOOKBACK * params.finalityDepth));
  return {
    depth: params.finalityDepth,
    quorum,
    authors: authorsAbove(tip, chain.final().height),
    reached: recent >= quorum,
  };
}

/** Mean distance of the newest blocks; genesis does not count, for its time was not mined. */
function meanBlockMs(tip: HeaderNode): number | null {
  const from = ancestorAt(tip, Math.max(1, tip.height - MEAN_BLOCKS));
  if (from === null || from === tip) return null;
  return Math.round((tip.timestampMs - from.timestampMs) / (tip.height - from.height));
}

function infoOf(access: NodeAccess): Info {
  const { chain } = access.core;
  const tip = chain.tip();
  const final = chain.final();
  const stats = access.core.stats();
  const step = deliveringStep(access);
  return {
    chainName: chainName(access),
    genesisHash: chain.genesis.idHex,
    height: tip.height,
    hash: tip.idHex,
    timestampMs: tip.timestampMs,
    author: nameOf(tip.author),
    stateRoot: toHex(tip.signed.header.body.stateRoot),
    finalHeight: final.height,
    finalHash: final.idHex,
    finality: finalityOf(access),
    work: numberToHex(tip.work),
    targetHex: targetToHex(tip.target),
    leadingZeros: leadingZeros(tip.idHex),
    step,
    phase: phaseOf(access, Math.max(0, step)),
    marketClockMs: access.core.clockMs(),
    meanBlockMs: meanBlockMs(tip),
    reorgs: stats.reorganisations,
    maxReorgDepth: stats.deepestReorganisation,
    staleBlocks: stats.blocksStale,
    safeMode: chain.safeMode(),
    bestHeaderHeight: chain.bestHeader().height,
    asOf: asOf(access),
  };
}

function findNode(access: NodeAccess, { height, hash }: Params<'chain_getBlock'>): HeaderNode {
  const { chain } = access.core;
  const node = hash === undefined ? chain.mainChainAt(height!) : (chain.node(hash) ?? null);
  if (node !== null) return node;
  throw notFound(
    'BLOCK',
    hash === undefined ? `the chain has no height ${height} yet` : `no block ${hash} is known`,
    `the tip is at height ${chain.tip().height}; chain_getBlocks lists what there is`,
  );
}

async function getBlock(
  queries: Queries,
  params: Params<'chain_getBlock'>,
): Promise<Result<'chain_getBlock'>> {
  const { access, walk } = queries;
  const node = findNode(access, params);
  const block = await readBlock(access, node);
  const entry = await walk.find(node);
  return {
    ...headerOf(node),
    marketClockMs: clockOf(node),
    work: numberToHex(node.work),
    sizeBytes: blockBytes(block),
    transactions:
      params.transactions === 'full'
        ? block.transactions.map(transactionOf)
        : block.transactions.map((transaction) => toHex(transactionId(transaction))),
    receipts: entry === null ? null : receiptsOf(entry.receipts, entry.tradeIds),
    mainChain: access.core.chain.mainChainAt(node.height) === node,
    confirmations: confirmations(access, node),
    final: isFinal(access, node),
    asOf: asOf(access),
  };
}

/** A page of the main chain as it stands now. */
function pageOf(
  access: NodeAccess,
  { from, limit, order }: Params<'chain_getBlocks'>,
): { nodes: HeaderNode[]; nextFrom: number | null } {
  const { chain } = access.core;
  const tipHeight = chain.tip().height;
  const direction = order === 'asc' ? 1 : -1;
  const start = order === 'asc' ? (from ?? 0) : Math.min(from ?? tipHeight, tipHeight);
  const nodes: HeaderNode[] = [];
  for (let height = start; nodes.length < limit; height += direction) {
    const node = height < 0 ? null : chain.mainChainAt(height);
    if (node === null) return { nodes, nextFrom: null };
    nodes.push(node);
  }
  const next = start + direction * nodes.length;
  return { nodes, nextFrom: next < 0 || next > tipHeight ? null : next };
}

/** A reorganisation as lists and the topic `reorg` show it. */
export function reorganisationOf(record: ReorgRecord): Result<'chain_getReorgs'>[number] {
  const { oldTip, newTip, fork, depth } = record;
  return {
    atMs: Math.floor(record.atMs),
    depth,
    forkHeight: fork.height,
    forkHash: fork.hash,
    oldHeight: oldTip.height,
    oldHash: oldTip.hash,
    newHeight: newTip.height,
    newHash: newTip.hash,
  };
}

/** One verification at a time: it is the dearest thing that a reader can ask for. */
function createVerify(access: NodeAccess): RpcHandlers['chain_verify'] {
  let running: { to: number; done: Promise<ChainVerification> } | null = null;
  return async ({ from, to: wanted }) => {
    const tipHeight = access.core.chain.tip().height;
    if ((from ?? 0) > tipHeight) throw invalidParams(`from: the tip is at height ${tipHeight}`);
    if (running !== null && wanted !== undefined && wanted !== running.to) {
      throw limitExceeded('VERIFY_BUSY', 'another verification is under way', 'call again when it is done');
    }
    const startedMs = performance.now();
    if (running === null) {
      const to = Math.min(wanted ?? tipHeight, tipHeight);
      running = { to, done: access.verify({ to }) };
    }
    const mine = running;
    try {
      const { ok, checked, hash, stateRoot, firstFailure } = await mine.done;
      return {
        ok,
        // State begins at genesis, so every check does.
        from: 0,
        to: mine.to,
        checked: checked + 1,
        durationMs: Math.round(performance.now() - startedMs),
        hash,
        stateRoot,
        firstFailure,
        damage: access.damage().map(({ what, height, hash: damaged, reason, repaired }) => ({
          what,
          height,
          hash: damaged,
          reason,
          repaired,
        })),
        asOf: asOf(access),
      };
    } finally {
      if (running === mine) running = null;
    }
  };
}

export function chainHandlers(queries: Queries): ChainHandlers {
  const { access } = queries;
  return {
    chain_getInfo: () => infoOf(access),
    chain_getBlock: (params) => getBlock(queries, params),
    async chain_getBlocks(params) {
      const { nodes, nextFrom } = pageOf(access, params);
      const at = asOf(access);
      const items = [];
      for (const node of nodes) items.push(await readSummary(queries, node));
      return { items, nextFrom, asOf: at };
    },
    chain_getHeaders(params) {
      const { nodes, nextFrom } = pageOf(access, params);
      return { items: nodes.map(headerOf), nextFrom, asOf: asOf(access) };
    },
    chain_getReorgs: ({ limit }) =>
      access
        .reorgs()
        .slice(0, limit)
        .map((record) => reorganisationOf(record)),
    chain_verify: createVerify(access),
    chain_getProof: (params) => getProof(queries, params),
  };
}
