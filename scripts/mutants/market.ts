/** Bugs of clearing, settlement, the regulator, observations and the ledger. */
import type { Mutant } from './interface.ts';

type Entry = Omit<Mutant, 'class'>;

const CLEARING: readonly Entry[] = [
  {
    name: 'tie-by-account',
    file: 'node/market/clear.ts',
    find: '(a, b) => a.hash - b.hash ||',
    replace: '(a, b) =>',
    why: 'equal orders are served in the order of accounts',
  },
  {
    name: 'zone-fee-not-halved',
    file: 'node/market/clear.ts',
    find: 'policy.networkFeeBps) / (2 * BPS_ONE)',
    replace: 'policy.networkFeeBps) / BPS_ONE',
    why: 'each leg bears the whole network fee',
  },
  {
    name: 'reservation-kept',
    file: 'node/market/clear.ts',
    find: 'for (const order of all) reserve(context, order.account, -worstCaseNanoEur(order));',
    replace: '',
    why: 'credit that was reserved for an order is never released',
  },
  {
    name: 'bonus-rounded-up',
    file: 'node/market/clear.ts',
    find: 'cost - ceilDiv(cost * one, buyerBps)',
    replace: 'cost - (cost * one) / buyerBps',
    why: "a buyer's bonus is rounded against the fund",
  },
  {
    name: 'bonus-from-operator',
    file: 'node/market/clear.ts',
    find: 'ledger.transfer(FUND, seller, sellerBonus);',
    replace: 'ledger.transfer(NETWORK_OPERATOR, seller, sellerBonus);',
    why: 'a bonus is paid from the wrong account',
  },
  {
    name: 'fee-without-miner',
    file: 'node/market/clear.ts',
    find: 'ledger.transfer(NETWORK_OPERATOR, context.author, (fee * minerShareBps) / BigInt(BPS_ONE));',
    replace: '',
    why: "the miner's share of the fee is not paid",
  },
  {
    name: 'median-is-upper',
    file: 'node/market/observations.ts',
    find: '[Math.floor((values.length - 1) / 2)]!',
    replace: '[Math.ceil((values.length - 1) / 2) + 1]!',
    why: 'the highest of three reports is taken',
  },
  {
    name: 'two-reports-suffice',
    file: 'node/market/observations.ts',
    find: 'MIN_REPORTS = 3',
    replace: 'MIN_REPORTS = 2',
    why: 'one liar of two decides the price',
  },
  {
    name: 'order-window-longer',
    file: 'node/market/windows.ts',
    find: 'return { fromMs: start - genesis.params.orderWindowMs, untilMs: start };',
    replace:
      'return { fromMs: start - genesis.params.orderWindowMs, untilMs: start + genesis.params.spacingMs };',
    why: 'orders are taken after the gate has closed',
  },
];

const SETTLEMENT: readonly Entry[] = [
  {
    name: 'money-from-nowhere',
    file: 'node/market/ledger.ts',
    find: 'entry(from).debitNanoEur += amountNanoEur;',
    replace: 'entry(from).debitNanoEur += amountNanoEur - (amountNanoEur % 2n);',
    why: 'an odd amount is credited whole and debited short',
  },
  {
    name: 'aggregator-without-fee',
    file: 'node/market/settle.ts',
    find: 'sellMicroEurPerKwh: referenceMicroEurPerKwh - margin,',
    replace: 'sellMicroEurPerKwh: referenceMicroEurPerKwh,',
    why: 'the aggregator buys without its fee',
  },
  {
    name: 'margin-rounded-down',
    file: 'node/market/settle.ts',
    find: 'Math.ceil((Math.abs(referenceMicroEurPerKwh) * feeBps) / BPS_ONE)',
    replace: 'Math.floor((Math.abs(referenceMicroEurPerKwh) * feeBps) / BPS_ONE)',
    why: 'a fraction of the margin is given to the member',
  },
  {
    name: 'member-0-not-settled',
    file: 'node/market/settle.ts',
    find: 'for (let member = 0; member < state.memberCount(); member++) {',
    replace: 'for (let member = 1; member < state.memberCount(); member++) {',
    why: 'a member is left out of the settlement',
  },
  {
    name: 'substitution-not-corrected',
    file: 'node/market/settle.ts',
    find: 'substitutedWh: account.substitutedWh - correctedWh,',
    replace: 'substitutedWh: account.substitutedWh,',
    why: 'what a substituted reading settled is credited again and again',
  },
  {
    name: 'reading-counted-twice',
    file: 'node/market/settle.ts',
    find: 'importRegisterWh: reading.importRegisterWh,\n    exportRegisterWh',
    replace: 'importRegisterWh: account.importRegisterWh,\n    exportRegisterWh',
    why: 'the import register stays behind, so that its energy is settled again',
  },
  {
    name: 'penalty-not-paid',
    file: 'node/market/settle.ts',
    find: 'ledger.transfer(member, FUND, penaltyNanoEur);',
    replace: '',
    why: 'the surcharge stands in the receipt only',
  },
  {
    name: 'penalty-rounded-down',
    file: 'node/protocol/units.ts',
    find: 'return Math.ceil((priceMicroEurPerKwh * factorBps) / BPS_ONE);',
    replace: 'return Math.floor((priceMicroEurPerKwh * factorBps) / BPS_ONE);',
    why: 'what somebody pays is rounded down',
  },
  {
    name: 'counter-off-by-one',
    file: 'node/market/regulator.ts',
    find: 'count >= tier.threshold &&',
    replace: 'count > tier.threshold &&',
    why: 'a tier is reached one step late',
  },
  {
    name: 'balanced-counts-as-grid',
    file: 'node/market/settle.ts',
    find: 'boughtFromAggregator: deviationWh < 0,',
    replace: 'boughtFromAggregator: deviationWh !== 0,',
    why: 'who sells to the aggregator is counted as a buyer',
  },
  {
    name: 'usage-forgets-a-week',
    file: 'node/market/settle.ts',
    find: 'firstDay && firstInHour ? 0 : before',
    replace: 'firstInHour ? 0 : before',
    why: 'the largest import of an hour is the last one',
  },
  {
    name: 'settled-before-readings',
    file: 'node/market/pipeline.ts',
    find: 'readingWindow(genesis, nextToSettle).untilMs : Infinity',
    replace: 'readingWindow(genesis, nextToSettle).fromMs : Infinity',
    why: 'a step is settled before its readings can come',
  },
  {
    name: 'three-phases',
    file: 'node/market/pipeline.ts',
    find: 'MAX_PHASES_PER_BLOCK = 4',
    replace: 'MAX_PHASES_PER_BLOCK = 3',
    why: 'a block performs fewer due phases than the rule says',
  },
];

export const MARKET: readonly Mutant[] = [...CLEARING, ...SETTLEMENT].map((entry) => ({
  ...entry,
  class: 'market',
}));
