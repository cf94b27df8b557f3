/** Handlers of `community_*`. */
import { totalBalanceNanoEur } from '../../market/ledger.ts';
import { deliveryStartMs, stepAt } from '../../market/windows.ts';
import { AGGREGATOR, accountName, FUND, NETWORK_OPERATOR, TREASURY } from '../../protocol/accounts.ts';
import type { StateStore } from '../../protocol/state-store.ts';
import { BPS_ONE, floorDiv } from '../../protocol/units.ts';
import { moneyToJson } from '../../rpc/codec.ts';
import type { Params, Result, RpcHandlers } from '../../rpc/schema/methods.ts';
import type { NodeAccess } from '../access.ts';
import { addTotals, closes, residualWh, type Totals, zeroTotals } from './digest.ts';
import { asOf, genesisOf, type Queries, tipState } from './queries.ts';
import { clockOf, firstHeightAt, mainChainFrom } from './receipt-walk.ts';

type CommunityHandlers = Pick<RpcHandlers, 'community_getKpis'>;
type Kpis = Result<'community_getKpis'>;

/** Totals of a range of steps; the residual covers those that are settled. */
async function totalsOf(
  { access, walk }: Queries,
  range: { fromStep: number; toStep: number; settledEnd: number },
): Promise<{ totals: Totals; residualWh: number }> {
  const { fromStep, toStep, settledEnd } = range;
  const { chain } = access.core;
  const totals = zeroTotals();
  const settled = zeroTotals();
  for (const node of mainChainFrom(
    chain,
    firstHeightAt(chain, deliveryStartMs(genesisOf(access), fromStep)),
  )) {
    const digest = await walk.digest(node);
    for (const [step, part] of digest.steps) {
      if (step < fromStep || step > toStep) continue;
      addTotals(totals, part);
      if (step < settledEnd) addTotals(settled, part);
    }
    if (closes(digest, toStep)) break;
  }
  return { totals, residualWh: residualWh(settled) };
}

/** (P2P + auction) / all that members bought, rounded down; null: they bought nothing. */
function localShareBps({ p2pWh, auctionWh, gridBuyWh }: Totals): number | null {
  const boughtWh = p2pWh + auctionWh + gridBuyWh;
  return boughtWh === 0 ? null : Math.floor(((p2pWh + auctionWh) * BPS_ONE) / boughtWh);
}

/** What buying members paid per kWh, rounded down; null: nobody bought. */
function communityPrice({ purchasedWh, paidNanoEur }: Totals): number | null {
  return purchasedWh === 0 ? null : Number(floorDiv(paidNanoEur, BigInt(purchasedWh)));
}

function balancesOf(state: StateStore): Kpis['balances'] {
  const system = (account: number) => {
    const { creditNanoEur, debitNanoEur } = state.systemBalance(account);
    return moneyToJson(creditNanoEur - debitNanoEur);
  };
  const members = state
    .accounts()
    .reduce((sum, account) => sum + account.creditNanoEur - account.debitNanoEur, 0n);
  return {
    membersNanoEur: moneyToJson(members),
    aggregatorNanoEur: system(AGGREGATOR),
    networkOperatorNanoEur: system(NETWORK_OPERATOR),
    fundNanoEur: system(FUND),
    treasuryNanoEur: system(TREASURY),
    residualNanoEur: moneyToJson(totalBalanceNanoEur(state)),
  };
}

/** Blocks of the main chain by author, over all of it or over those executed while the given steps delivered. */
function blocksPerMiner(access: NodeAccess, params: Params<'community_getKpis'>): Kpis['blocksPerMiner'] {
  const genesis = genesisOf(access);
  const { fromStep = Number.NEGATIVE_INFINITY, toStep = Number.POSITIVE_INFINITY } = params;
  const counts = new Map(genesis.miners.map(({ member }) => [member, 0]));
  for (const node of mainChainFrom(access.core.chain, 1)) {
    const step = stepAt(genesis, clockOf(node));
    if (step >= fromStep && step <= toStep) counts.set(node.author, (counts.get(node.author) ?? 0) + 1);
  }
  return [...counts]
    .sort(([a], [b]) => a - b)
    .map(([member, blocks]) => ({ member: accountName(member), blocks }));
}

export function communityHandlers(queries: Queries): CommunityHandlers {
  const { access } = queries;
  return {
    async community_getKpis(params) {
      const state = tipState(access);
      const at = asOf(access);
      const { nextToClear, nextToSettle } = state.market();
      const fromStep = params.fromStep ?? 0;
      const toStep = params.toStep ?? Math.max(fromStep, nextToClear - 1);
      const blocks = blocksPerMiner(access, params);
      const { totals, residualWh } = await totalsOf(queries, { fromStep, toStep, settledEnd: nextToSettle });
      const { p2pWh, auctionWh, gridBuyWh, gridSellWh } = totals;
      return {
        fromStep,
        toStep,
        settledSteps: Math.max(0, Math.min(toStep + 1, nextToSettle) - fromStep),
        trades: totals.trades,
        energy: { p2pWh, auctionWh, gridBuyWh, gridSellWh },
        importWh: totals.importWh,
        exportWh: totals.exportWh,
        residualWh,
        localShareBps: localShareBps(totals),
        communityPriceMicroEurPerKwh: communityPrice(totals),
        feesNanoEur: moneyToJson(totals.feesNanoEur),
        bonusesNanoEur: moneyToJson(totals.bonusesNanoEur),
        penaltiesNanoEur: moneyToJson(totals.penaltiesNanoEur),
        balances: balancesOf(state),
        blocksPerMiner: blocks,
        asOf: at,
      };
    },
  };
}
