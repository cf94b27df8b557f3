/** `wattmesh rpc METHOD [k=v ...]`. */
import type { Argv } from 'yargs';
import { WattmeshError } from '../../util/errors.ts';
import { withNodeOptions } from '../options.ts';
import { printJson } from '../output.ts';

function usage(message: string): WattmeshError {
  return new WattmeshError({ code: 'USAGE', message, remedy: 'See: wattmesh rpc --help' });
}

/** The value of `key=value`: JSON where it is JSON that keeps its digits, else text (hashes, 64-bit sums). */
function paramValue(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'number' && String(value) !== text ? text : value;
  } catch {
    return text;
  }
}

/** Parameters from words: `k=v` pairs give named ones, a single JSON object or array is taken as it is. Throws USAGE. */
export function parseRpcParams(words: readonly string[]): unknown {
  const [first] = words;
  if (first === undefined) return {};
  if (words.length === 1 && /^\s*[[{]/.test(first)) {
    try {
      return JSON.parse(first);
    } catch {
      throw usage(`the parameters are not JSON: ${first}`);
    }
  }
  const entries = words.map((word) => {
    const at = word.indexOf('=');
    if (at <= 0) throw usage(`"${word}" is not key=value`);
    return [word.slice(0, at), paramValue(word.slice(at + 1))];
  });
  return Object.fromEntries(entries);
}

export function rpcCommand(y: Argv): Argv {
  return y.command(
    'rpc <method> [params..]',
    'calls any method of a node; the answer is JSON',
    (options) =>
      withNodeOptions(options)
        .positional('method', {
          type: 'string',
          demandOption: true,
          describe: 'name; rpc_methods lists them',
        })
        .positional('params', { type: 'string', array: true, describe: 'key=value pairs, or one JSON value' })
        .example('$0 rpc chain_getBlock height=3', 'named parameters')
        .example(`$0 rpc chain_getBlock '[3]'`, 'positional parameters')
        .example('$0 rpc rpc.discover', 'the description of all methods (OpenRPC)'),
    async (args) => {
      const params = parseRpcParams((args.params ?? []).map(String));
      const { findNode } = await import('../target.ts');
      const { client } = await findNode(args);
      printJson(await client.callAny(args.method, params));
    },
  );
}
