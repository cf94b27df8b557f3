/** Options that many commands share. */
import type { Argv } from 'yargs';
import { WattmeshError } from '../util/errors.ts';

export interface NodeOptions {
  rpc: string | undefined;
  node: string | undefined;
  dir: string | undefined;
  'data-dir': string | undefined;
  timeout: number;
  json: boolean;
}

/** How a command finds the node that it talks to, and in which form it answers. */
export function withNodeOptions<T>(y: Argv<T>): Argv<T & NodeOptions> {
  return y
    .option('rpc', { type: 'string', describe: 'address of the node, http://HOST:PORT (or WATTMESH_RPC)' })
    .option('node', { type: 'string', describe: 'name of a node of the testnet, such as n03' })
    .option('dir', { type: 'string', describe: 'folder of the testnet (default: the one started last)' })
    .option('data-dir', { type: 'string', describe: 'data folder of the node' })
    .option('timeout', { type: 'number', default: 30, describe: 'seconds to wait for an answer' })
    .option('json', { type: 'boolean', default: false, describe: 'JSON on stdout' }) as unknown as Argv<
    T & NodeOptions
  >;
}

export interface TestnetOptions {
  dir: string | undefined;
}

export function withTestnetOptions<T>(y: Argv<T>): Argv<T & TestnetOptions> {
  return y.option('dir', {
    type: 'string',
    describe: 'folder of the testnet (default: the one started last)',
  }) as unknown as Argv<T & TestnetOptions>;
}

/** A seed as it was given; throws USAGE unless it is a whole number. */
export function checkSeed(seed: string): string {
  if (/^\d{1,18}$/.test(seed)) return seed;
  throw new WattmeshError({
    code: 'USAGE',
    message: `"${seed}" is no seed`,
    remedy: 'give a whole number, for example --seed 42',
  });
}

/** A number of steps as it was given, undefined where it was not; throws USAGE unless it is a whole number from 1. */
export function checkSteps(steps: number | undefined): number | undefined {
  if (steps === undefined || (Number.isInteger(steps) && steps >= 1)) return steps;
  throw new WattmeshError({
    code: 'USAGE',
    message: `--steps ${steps} is not a number of steps`,
    remedy: 'give a whole number from 1',
  });
}
