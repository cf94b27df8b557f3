/** `wattmesh market step|book|order|trades`. */
import type { Argv } from 'yargs';
import { TRADE_KIND_NAMES } from '../../rpc/schema/shared.ts';
import { WattmeshError } from '../../util/errors.ts';
import { withNodeOptions } from '../options.ts';
import { fieldLines, kwhText, priceText, printResult, tableLines, timeText } from '../output.ts';

function stepCommand(y: Argv): Argv {
  return y.command(
    'step [step]',
    'windows, phase, prices and energy of a step (default: the one that delivers)',
    (options) =>
      withNodeOptions(options)
        .positional('step', { type: 'number', describe: 'number of the step' })
        .example('$0 market step', 'the step that delivers now')
        .example('$0 market step 3 --json', 'step 3, as JSON'),
    async (args) => {
      const { findNode } = await import('../target.ts');
      const { client } = await findNode(args);
      const step = await client.call('market_getStep', args.step === undefined ? {} : { step: args.step });
      const prices = step.zonePrices.map(
        (zone) => `zone ${zone.zone}: ${priceText(zone.priceMicroEurPerKwh)}`,
      );
      printResult(args.json, step, () =>
        fieldLines([
          ['step', `${step.step} ${step.phase}`],
          ['calendar', timeText(step.calendarMs)],
          ['orders', step.orders],
          ['trades', step.trades],
          ['wholesale', `${priceText(step.wholesaleMicroEurPerKwh)} EUR/kWh`],
          ['local prices', prices.length === 0 ? null : `${prices.join(', ')} EUR/kWh`],
          ['local market', `${kwhText(step.energy.auctionWh)} kWh`],
          ['contracts', `${kwhText(step.energy.p2pWh)} kWh`],
          ['bought from aggregator', `${kwhText(step.energy.gridBuyWh)} kWh`],
          ['sold to aggregator', `${kwhText(step.energy.gridSellWh)} kWh`],
        ]),
      );
    },
  );
}

function bookCommand(y: Argv): Argv {
  return y.command(
    'book [step]',
    'open orders by price (default: the next step to clear)',
    (options) =>
      withNodeOptions(options)
        .positional('step', { type: 'number', describe: 'number of the step' })
        .option('depth', { type: 'number', default: 20, describe: 'price levels per side' })
        .example('$0 market book', 'what is bid and asked for the next step'),
    async (args) => {
      const { findNode } = await import('../target.ts');
      const { client } = await findNode(args);
      const step = args.step === undefined ? {} : { step: args.step };
      const book = await client.call('market_getOrderBook', { ...step, depth: args.depth });
      const rows = (side: string, levels: typeof book.bids) =>
        levels.map((level) => [
          side,
          priceText(level.priceMicroEurPerKwh),
          kwhText(level.energyWh),
          String(level.orders),
        ]);
      printResult(args.json, book, () => [
        `step ${book.step}`,
        ...tableLines(
          ['SIDE', '>EUR/kWh', '>kWh', '>ORDERS'],
          [...rows('sell', [...book.asks].reverse()), ...rows('buy', book.bids)],
        ),
      ]);
    },
  );
}

function tradesCommand(y: Argv): Argv {
  return y.command(
    'trades',
    'trades of the chain, newest first',
    (options) =>
      withNodeOptions(options)
        .option('step', { type: 'number', describe: 'of one step' })
        .option('kind', { choices: TRADE_KIND_NAMES, describe: 'of one tier' })
        .option('member', { type: 'string', describe: 'of one member, such as p-0003' })
        .option('limit', { type: 'number', default: 20, describe: 'rows, at most 500' })
        .option('cursor', { type: 'string', describe: 'nextCursor of the page before' })
        .example('$0 market trades --limit 5', 'the last five')
        .example('$0 market trades --kind AUCTION --json', 'of the local market, as JSON'),
    async (args) => {
      const { findNode } = await import('../target.ts');
      const { client } = await findNode(args);
      const page = await client.call('market_listTrades', {
        limit: args.limit,
        ...(args.step === undefined ? {} : { step: args.step }),
        ...(args.kind === undefined ? {} : { kind: args.kind }),
        ...(args.member === undefined ? {} : { member: args.member }),
        ...(args.cursor === undefined ? {} : { cursor: args.cursor }),
      });
      printResult(args.json, page, () => [
        ...tableLines(
          ['TRADE', '>STEP', 'KIND', 'SELLER', 'BUYER', '>kWh', '>EUR/kWh', '>BLOCK', ''],
          page.items.map((trade) => [
            trade.id,
            String(trade.step),
            trade.kind,
            trade.seller,
            trade.buyer,
            kwhText(trade.energyWh),
            priceText(trade.priceMicroEurPerKwh),
            String(trade.blockHeight),
            trade.final ? 'final' : '',
          ]),
        ),
        ...(page.nextCursor === null ? [] : [`more: --cursor ${page.nextCursor}`]),
      ]);
    },
  );
}

/** A positive number of the smallest unit, out of a decimal number of the large one. */
function scaled(value: number, factor: number, what: string, positive: boolean): number {
  const result = Math.round(value * factor);
  if (Number.isFinite(result) && (!positive || result > 0)) return result;
  throw new WattmeshError({
    code: 'USAGE',
    message: `"${value}" is no ${what}`,
    remedy: 'See: wattmesh market order --help',
  });
}

function orderCommand(y: Argv): Argv {
  return y.command(
    'order <side>',
    "signs an order with the node's member key and publishes it",
    (options) =>
      withNodeOptions(options)
        .positional('side', {
          choices: ['buy', 'sell'] as const,
          demandOption: true,
          describe: 'buy or sell',
        })
        .option('kwh', { type: 'number', demandOption: true, describe: 'energy in kWh' })
        .option('price', {
          alias: ['max', 'min'],
          type: 'number',
          demandOption: true,
          describe: 'limit in EUR/kWh: the most you pay, the least you take',
        })
        .option('step', { type: 'number', describe: 'step (default: the last one that takes orders)' })
        .example('$0 market order buy --kwh 1 --max 0.25', 'for the next open step')
        .example('$0 market order sell --kwh 0.5 --min 0.1 --node n03', 'as the member of n03'),
    async (args) => {
      const energyWh = scaled(args.kwh, 1000, 'energy in kWh', true);
      const limitMicroEurPerKwh = scaled(args.price, 1_000_000, 'price in EUR/kWh', false);
      const { findNode } = await import('../target.ts');
      const { client } = await findNode(args);
      const step = args.step === undefined ? {} : { step: args.step };
      const order = { side: args.side, energyWh, limitMicroEurPerKwh, ...step };
      const result = await client.call('market_submitOrder', order);
      printResult(args.json, result, () => [
        `${result.account} ${args.side}s ${kwhText(energyWh)} kWh at ${priceText(limitMicroEurPerKwh)} EUR/kWh in step ${result.step}: ${result.status}`,
        `transaction ${result.id}`,
      ]);
    },
  );
}

export function marketCommand(y: Argv): Argv {
  return y.command('market', 'steps, orders and trades', (group) => {
    for (const register of [stepCommand, bookCommand, orderCommand, tradesCommand]) register(group);
    return group.demandCommand(1, 'name one of: step, book, order, trades');
  });
}
