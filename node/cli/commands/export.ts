/** `wattmesh export csv`. */
import type { Argv } from 'yargs';
import { withNodeOptions } from '../options.ts';
import { printNote, printResult } from '../output.ts';

function csvCommand(y: Argv): Argv {
  return y.command(
    'csv',
    'prosumer_stats.csv and blockchain_stats.csv of the steps that final blocks have settled',
    (options) =>
      withNodeOptions(options)
        .option('out', { type: 'string', default: '.', describe: 'folder to write to' })
        .option('steps', { type: 'number', describe: 'only steps below this number' })
        .example('$0 export csv --out results', 'into the folder results'),
    async (args) => {
      const [{ findNode }, { exportCsv }] = await Promise.all([
        import('../target.ts'),
        import('../../../testnet/export.ts'),
      ]);
      const { url } = await findNode(args);
      const result = await exportCsv(url, { folder: args.out, steps: args.steps ?? null });
      if (!result.complete)
        printNote('warning: this node lacks the receipts of some blocks; rows are missing');
      printResult(args.json, result, () => result.files);
    },
  );
}

export function exportCommand(y: Argv): Argv {
  return y.command('export', 'files for spreadsheets and notebooks', (group) =>
    csvCommand(group).demandCommand(1, 'name one of: csv'),
  );
}
