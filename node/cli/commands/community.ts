/** `wattmesh community kpis`. */
import type { Argv } from 'yargs';
import { withNodeOptions } from '../options.ts';
import { fieldLines, kwhText, moneyText, priceText, printResult } from '../output.ts';

function kpisCommand(y: Argv): Argv {
  return y.command(
    'kpis',
    'energy, money and blocks of the community',
    (options) =>
      withNodeOptions(options)
        .option('from-step', { type: 'number', describe: 'first step (default: 0)' })
        .option('to-step', { type: 'number', describe: 'last step (default: the last one settled)' })
        .example('$0 community kpis', 'of all steps so far')
        .example('$0 community kpis --from-step 0 --to-step 5 --json', 'of six steps, as JSON'),
    async (args) => {
      const { findNode } = await import('../target.ts');
      const { client } = await findNode(args);
      const kpis = await client.call('community_getKpis', {
        ...(args.fromStep === undefined ? {} : { fromStep: args.fromStep }),
        ...(args.toStep === undefined ? {} : { toStep: args.toStep }),
      });
      const { energy, balances } = kpis;
      printResult(args.json, kpis, () =>
        fieldLines([
          ['steps', `${kpis.fromStep} to ${kpis.toStep}, ${kpis.settledSteps} of them settled`],
          ['trades', kpis.trades],
          ['local market', `${kwhText(energy.auctionWh)} kWh`],
          ['contracts', `${kwhText(energy.p2pWh)} kWh`],
          ['bought from aggregator', `${kwhText(energy.gridBuyWh)} kWh`],
          ['sold to aggregator', `${kwhText(energy.gridSellWh)} kWh`],
          ['local share', kpis.localShareBps === null ? null : `${(kpis.localShareBps / 100).toFixed(1)} %`],
          ['community price', `${priceText(kpis.communityPriceMicroEurPerKwh)} EUR/kWh`],
          ['network fees', `${moneyText(kpis.feesNanoEur)} EUR`],
          ['bonuses', `${moneyText(kpis.bonusesNanoEur)} EUR`],
          ['penalties', `${moneyText(kpis.penaltiesNanoEur)} EUR`],
          ['fund', `${moneyText(balances.fundNanoEur)} EUR`],
          ['residuals', `${kpis.residualWh} Wh, ${balances.residualNanoEur} nanoEUR`],
          [
            'blocks',
            kpis.blocksPerMiner.map(({ member, blocks }) => `${member} ${blocks}`).join('  ') || null,
          ],
        ]),
      );
    },
  );
}

export function communityCommand(y: Argv): Argv {
  return y.command('community', 'the community as a whole', (group) =>
    kpisCommand(group).demandCommand(1, 'name one of: kpis'),
  );
}
