/** `wattmesh mine start|stop|info`. */
import type { Argv } from 'yargs';
import { withNodeOptions } from '../options.ts';
import { fieldLines, printResult } from '../output.ts';

function switchCommand(y: Argv, verb: 'start' | 'stop'): Argv {
  return y.command(
    verb,
    verb === 'start' ? 'lets a node mine' : 'ends the mining of a node, which still follows the chain',
    (options) => withNodeOptions(options).example(`$0 mine ${verb} --node n03`, 'a node of the testnet'),
    async (args) => {
      const { findNode } = await import('../target.ts');
      const { client, url } = await findNode(args);
      const result = await client.call(verb === 'start' ? 'mining_start' : 'mining_stop');
      printResult(args.json, result, () => [`${url} mines: ${result.enabled ? 'yes' : 'no'}`]);
    },
  );
}

function infoCommand(y: Argv): Argv {
  return y.command(
    'info',
    'what a node mines: declared and performed hashes, blocks won and lost',
    (options) => withNodeOptions(options).example('$0 mine info --node n03 --json', 'as JSON'),
    async (args) => {
      const { findNode } = await import('../target.ts');
      const info = await (await findNode(args)).client.call('mining_getInfo');
      printResult(args.json, info, () =>
        fieldLines([
          ['mining', info.enabled ? 'yes' : 'no'],
          ['member', info.member],
          [
            'hash rate',
            `${info.hashesPerSecond} H/s of ${info.declaredHashesPerSecond ?? 'any number'} declared`,
          ],
          ['hashes', info.hashesTotal],
          ['hasher', info.hasher],
          ['blocks', `${info.blocksMined} mined, ${info.blocksStale} stale`],
          ['searching', `block ${info.currentHeight}`],
        ]),
      );
    },
  );
}

export function mineCommand(y: Argv): Argv {
  return y.command('mine', 'mining', (group) =>
    infoCommand(switchCommand(switchCommand(group, 'start'), 'stop')).demandCommand(
      1,
      'name one of: start, stop, info',
    ),
  );
}
