/** Finds the node that a command is about. */
import { resolve } from 'node:path';
import { requireNode } from '../../testnet/control.ts';
import { nodeFolder } from '../../testnet/folders.ts';
import { clientOf } from '../../testnet/rpc.ts';
import { readRunningFile, readToken } from '../../testnet/running-file.ts';
import { currentTestnet, findTestnet } from '../../testnet/state.ts';
import type { RpcClient } from '../rpc/client.ts';
import { WattmeshError } from '../util/errors.ts';
import type { NodeOptions } from './options.ts';
import { defaultDataDir } from './paths.ts';

/** A node that may be there. */
interface Candidate {
  url: string;
  dataDir: string | null;
}

export interface Target extends Candidate {
  client: RpcClient;
}

const PROBE_MS = 2000;

function noNode(message: string, remedy: string): WattmeshError {
  return new WattmeshError({ code: 'NODE_NONE', message, remedy });
}

function inFolder(dataDir: string): Candidate {
  const running = readRunningFile(dataDir);
  if (running !== null) return { url: running.url, dataDir };
  throw noNode(`no node runs in ${dataDir}`, `start it: wattmesh start --data-dir ${dataDir}`);
}

/** The nodes of a testnet that have left an address, in its order. */
function inTestnet(dir: string | undefined): Candidate[] {
  const testnet = findTestnet(dir);
  return testnet.manifest.nodes.flatMap(({ name }) => {
    const dataDir = nodeFolder(testnet.dir, name);
    const running = readRunningFile(dataDir);
    return running === null ? [] : [{ url: running.url, dataDir }];
  });
}

function checkedUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url !== null && (url.protocol === 'http:' || url.protocol === 'https:')) {
    return url.href.replace(/\/$/, '');
  }
  throw new WattmeshError({
    code: 'USAGE',
    message: `"${text}" is not the address of a node`,
    remedy: 'give it as http://HOST:PORT, for example --rpc http://127.0.0.1:20000',
  });
}

/** A node named by its address keeps the token of the data folder that goes with it, if we know which. */
function byUrl(text: string, options: NodeOptions): Candidate {
  const url = checkedUrl(text);
  if (options['data-dir'] !== undefined) return { url, dataDir: resolve(options['data-dir']) };
  const known =
    options.dir === undefined && currentTestnet() === null ? [] : safely(() => inTestnet(options.dir));
  return known.find((candidate) => candidate.url === url) ?? { url, dataDir: null };
}

function safely(find: () => Candidate[]): Candidate[] {
  try {
    return find();
  } catch (error) {
    if (error instanceof WattmeshError) return [];
    throw error;
  }
}

async function firstThatAnswers(candidates: readonly Candidate[]): Promise<Candidate | null> {
  for (const candidate of candidates) {
    try {
      await clientOf({ url: candidate.url, timeoutMs: PROBE_MS }).call('node_info');
      return candidate;
    } catch (error) {
      if (!(error instanceof WattmeshError)) throw error;
    }
  }
  return null;
}

async function choose(options: NodeOptions): Promise<Candidate> {
  const rpc = options.rpc ?? process.env.WATTMESH_RPC;
  if (rpc !== undefined && rpc !== '') return byUrl(rpc, options);
  if (options['data-dir'] !== undefined) return inFolder(resolve(options['data-dir']));
  if (options.node !== undefined) {
    const testnet = findTestnet(options.dir);
    return inFolder(nodeFolder(testnet.dir, requireNode(testnet, options.node).name));
  }
  const inDefault = readRunningFile(defaultDataDir());
  const own = inDefault === null ? [] : [{ url: inDefault.url, dataDir: defaultDataDir() }];
  const candidates =
    options.dir === undefined ? [...safely(() => inTestnet(undefined)), ...own] : inTestnet(options.dir);
  const found = await firstThatAnswers(candidates);
  if (found !== null) return found;
  throw noNode('no node answers', 'start some: wattmesh testnet up, or name one with --rpc or --data-dir');
}

/** `--rpc` or WATTMESH_RPC, `--data-dir`, `--node`, else the first node of the testnet that answers. Throws NODE_NONE. */
export async function findNode(options: NodeOptions): Promise<Target> {
  const candidate = await choose(options);
  const token = candidate.dataDir === null ? null : readToken(candidate.dataDir);
  const client = clientOf({ url: candidate.url, token, timeoutMs: Math.round(options.timeout * 1000) });
  return { ...candidate, client };
}
