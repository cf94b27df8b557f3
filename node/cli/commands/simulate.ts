/** `wattmesh simulate run`: declarations; the work is in simulate-actions. */

import type { Argv } from 'yargs';
import { checkSeed } from '../options.ts';
import { replayCommand, swarmCommand } from './simulate-swarm.ts';

function runCommand(y: Argv): Argv {
  return y.command(
    'run',
    'a community trades in virtual time; its books are the same for the same seed',
    (options) =>
      options
        .option('preset', { type: 'string', default: 'turin-100', describe: 'kind of community' })
        .option('steps', { type: 'number', describe: 'market steps (default: as the preset says)' })
        .option('seed', {
          type: 'string',
          default: '42',
          coerce: checkSeed,
          describe: 'everything follows from it',
        })
        .option('out', {
          type: 'string',
          demandOption: true,
          describe: 'folder for prosumer_stats.csv, blockchain_stats.csv and summary.json',
        })
        .option('json', { type: 'boolean', default: false, describe: 'the summary as JSON on stdout' })
        .example('$0 simulate run --out ./books', 'a day of 100 prosumers, ten of them mining')
        .example('$0 simulate run --preset demo --steps 3 --seed 7 --out ./books', 'smaller and shorter'),
    async (args) => (await import('../simulate-actions.ts')).run(args),
  );
}

export function simulateCommand(y: Argv): Argv {
  return y.command('simulate', 'communities in virtual time, in one process', (group) => {
    for (const register of [runCommand, swarmCommand, replayCommand]) register(group);
    return group.demandCommand(1, 'name one of: run, swarm, replay');
  });
}
