/** Handlers of `regulator_*`. */
import { OBJECTIVES } from '../../market/regulator.ts';
import { FUND } from '../../protocol/accounts.ts';
import { moneyToJson } from '../../rpc/codec.ts';
import type { RpcHandlers } from '../../rpc/schema/methods.ts';
import { toHex } from '../../util/bytes.ts';
import { asOf, genesisOf, type Queries, tipState } from './queries.ts';

type RegulatorHandlers = Pick<RpcHandlers, 'regulator_getPolicy'>;

export function regulatorHandlers({ access }: Queries): RegulatorHandlers {
  return {
    regulator_getPolicy() {
      const state = tipState(access);
      const policy = state.policy();
      const fund = state.systemBalance(FUND);
      const { regulators, regulatorThreshold } = genesisOf(access);
      return {
        objective: OBJECTIVES[policy.objective] ?? 'none',
        aggregatorFeeBps: policy.aggregatorFeeBps,
        networkFeeBps: policy.networkFeeBps,
        minerFeeShareBps: policy.minerFeeShareBps,
        bonusTiers: policy.bonusTiers.map((tier) => ({ ...tier })),
        penaltyTiers: policy.penaltyTiers.map((tier) => ({ ...tier })),
        zoneFeeMicroEurPerKwh: [...policy.zoneFeeMicroEurPerKwh],
        fundNanoEur: moneyToJson(fund.creditNanoEur - fund.debitNanoEur),
        regulatorThreshold,
        regulators: regulators.map((key) => toHex(key)),
        asOf: asOf(access),
      };
    },
  };
}
