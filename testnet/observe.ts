/** What a testnet looks like from outside: everything here was asked of the nodes by RPC. */

import type { Outcome } from '../node/rpc/client-errors.ts';
import type { Result } from '../node/rpc/schema/methods.ts';
import { callOf, clientOf, type RpcCall } from './rpc.ts';

export interface NodeAddress {
  name: string;
  url: string;
}

export interface NodeView {
  name: string;
  /** Null: the node does not answer. */
  up: {
    height: number;
    hash: string;
    finalHeight: number;
    peers: number;
    /** Null: it mines nothing. */
    hashesPerSecond: number | null;
    blocksMined: number;
    blocksStale: number;
    reorgs: number;
  } | null;
}

export interface CommunityView {
  /** Step that delivers now, -1 before the first. */
  step: number;
  phase: string;
  marketClockMs: number;
  height: number;
  finalHeight: number;
  finality: boolean;
  /** Of all steps so far. */
  trades: number;
  p2pWh: number;
  auctionWh: number;
  gridBuyWh: number;
  gridSellWh: number;
  /** Zone prices of the last cleared step. */
  prices: { step: number; microEurPerKwh: number[] } | null;
}

export interface TestnetView {
  nodes: NodeView[];
  /** Null: nobody answers. */
  community: CommunityView | null;
}

const ANSWER_LIMIT_MS = 4000;

export function nodeCall(address: { url: string }): RpcCall {
  return callOf({ url: address.url, timeoutMs: ANSWER_LIMIT_MS });
}

function resultOf<T>(outcome: Outcome<T>): T {
  if (outcome.ok) return outcome.result;
  throw outcome.error;
}

async function viewNode(address: NodeAddress): Promise<NodeView & { info: Result<'chain_getInfo'> | null }> {
  try {
    const client = clientOf({ url: address.url, timeoutMs: ANSWER_LIMIT_MS });
    const answers = await client.batch([
      { method: 'chain_getInfo' },
      { method: 'net_peers' },
      { method: 'mining_getInfo' },
    ]);
    const [info, peers, mining] = [resultOf(answers[0]), resultOf(answers[1]), resultOf(answers[2])];
    const up = {
      height: info.height,
      hash: info.hash,
      finalHeight: info.finalHeight,
      peers: peers.length,
      hashesPerSecond: mining.enabled ? mining.hashesPerSecond : null,
      blocksMined: mining.blocksMined,
      blocksStale: mining.blocksStale,
      reorgs: info.reorgs,
    };
    return { name: address.name, up, info };
  } catch {
    return { name: address.name, up: null, info: null };
  }
}

/** The step cleared last is the one that delivers. */
async function lastPrices(call: RpcCall, step: number): Promise<CommunityView['prices']> {
  if (step < 0) return null;
  const state = await call('market_getStep', { step });
  if (!state.cleared || state.zonePrices.length === 0) return null;
  return { step, microEurPerKwh: state.zonePrices.map((zone) => zone.priceMicroEurPerKwh) };
}

async function viewCommunity(call: RpcCall, info: Result<'chain_getInfo'>): Promise<CommunityView | null> {
  try {
    const [kpis, prices] = await Promise.all([call('community_getKpis', {}), lastPrices(call, info.step)]);
    const { p2pWh, auctionWh, gridBuyWh, gridSellWh } = kpis.energy;
    return {
      step: info.step,
      phase: info.phase,
      marketClockMs: info.marketClockMs,
      height: info.height,
      finalHeight: info.finalHeight,
      finality: info.finality.reached,
      trades: kpis.trades,
      p2pWh,
      auctionWh,
      gridBuyWh,
      gridSellWh,
      prices,
    };
  } catch {
    return null;
  }
}

/** Asks every node, and for the community the first that answers with the highest block. */
export async function observe(addresses: readonly NodeAddress[]): Promise<TestnetView> {
  const views = await Promise.all(addresses.map(viewNode));
  let best: { address: NodeAddress; info: Result<'chain_getInfo'> } | null = null;
  views.forEach((view, i) => {
    if (view.info !== null && (best === null || view.info.height > best.info.height)) {
      best = { address: addresses[i]!, info: view.info };
    }
  });
  const chosen = best as { address: NodeAddress; info: Result<'chain_getInfo'> } | null;
  return {
    nodes: views.map(({ name, up }) => ({ name, up })),
    community: chosen === null ? null : await viewCommunity(nodeCall(chosen.address), chosen.info),
  };
}

/** Height at which a step was seen settled on some node's main chain; null while it is not. */
export async function settledHeight(address: NodeAddress, step: number): Promise<number | null> {
  try {
    const state = await nodeCall(address)('market_getStep', { step });
    return state.settled ? state.asOf.height : null;
  } catch {
    return null;
  }
}
