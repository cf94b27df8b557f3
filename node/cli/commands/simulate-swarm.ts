/** `wattmesh simulate swarm|replay`: declarations; the work is in swarm-actions. */
import type { Argv } from 'yargs';
import { WattmeshError } from '../../util/errors.ts';

/** `A..B`, both included, or a single seed. */
export function parseSeeds(text: string): { from: bigint; to: bigint } {
  const match = /^(\d{1,18})(?:\.\.(\d{1,18}))?$/.exec(text);
  const from = match === null ? 1n : BigInt(match[1]!);
  const to = match === null ? 0n : BigInt(match[2] ?? match[1]!);
  if (from <= to) return { from, to };
  throw new WattmeshError({
    code: 'USAGE',
    message: `"${text}" is no range of seeds`,
    remedy: 'give the first and the last one, for example --seeds 1..100',
  });
}

export function swarmCommand(y: Argv): Argv {
  return y.command(
    'swarm',
    'simulated communities under random faults, one per seed, watched after every event',
    (options) =>
      options
        .option('seeds', { type: 'string', default: '1..100', describe: 'first..last' })
        .option('nodes', { type: 'number', describe: 'nodes of each community (default: 3 to 40, drawn)' })
        .option('everything', {
          type: 'boolean',
          default: false,
          describe: 'spacing 5 s and every class of fault in every seed: what the speed is measured at',
        })
        .option('execute', {
          choices: ['shared', 'all'] as const,
          default: 'shared' as const,
          describe: 'results shared and one in eight made again, or every node executing every block',
        })
        .option('keep', {
          type: 'string',
          default: 'swarm-failures',
          describe: 'folder for the minimised plans of failing seeds',
        })
        .option('json', { type: 'boolean', default: false, describe: 'the report as JSON on stdout' })
        .example('$0 simulate swarm --seeds 1..200', 'two hundred communities')
        .example('$0 simulate swarm --seeds 1..20 --nodes 10 --everything --json', 'how fast it is'),
    async (args) => (await import('../swarm-actions.ts')).swarm({ ...args, ...parseSeeds(args.seeds) }),
  );
}

export function replayCommand(y: Argv): Argv {
  return y.command(
    'replay <plan>',
    'runs one plan of a simulation again: a file, or the seed of a swarm',
    (options) =>
      options
        .positional('plan', { type: 'string', demandOption: true, describe: 'file, or seed' })
        .option('nodes', { type: 'number', describe: 'as the swarm was given' })
        .option('minimise', {
          type: 'boolean',
          default: false,
          describe: 'look for a smaller plan that fails the same way, and print it',
        })
        .option('json', { type: 'boolean', default: false, describe: 'the result as JSON on stdout' })
        .example('$0 simulate replay 4711', 'the seed of a swarm')
        .example('$0 simulate replay swarm-failures/liveness-4711.json', 'a kept plan'),
    async (args) => (await import('../swarm-actions.ts')).replay({ ...args, plan: String(args.plan) }),
  );
}
