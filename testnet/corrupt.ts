/** Damage to the database of a node that is down. */
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dataFolder } from '../node/config/data-folder.ts';
import { WattmeshError } from '../node/util/errors.ts';
import { createRng } from '../node/util/rng.ts';
import { nodeFolder } from './folders.ts';
import type { Testnet } from './state.ts';

export interface Flip {
  file: string;
  offset: number;
}

/** Which bytes of files of these sizes a seed flips: every byte of all files is as likely. */
export function drawFlips(
  files: readonly { name: string; bytes: number }[],
  options: { seed: bigint; count: number },
): Flip[] {
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  if (total === 0) return [];
  const rng = createRng(options.seed);
  return Array.from({ length: options.count }, () => {
    let offset = Math.floor(rng.next() * total);
    const file = files.find(({ bytes }) => {
      if (offset < bytes) return true;
      offset -= bytes;
      return false;
    })!;
    return { file: file.name, offset };
  });
}

/** Flips one bit of each of `count` bytes in the node's tables and log; throws NODE_EMPTY. The node must be down. */
export function corruptFiles(
  testnet: Testnet,
  name: string,
  options: { seed: bigint; count: number },
): Flip[] {
  const folder = join(dataFolder(nodeFolder(testnet.dir, name)).chain, 'data');
  const files = databaseFiles(folder);
  const flips = drawFlips(files, options);
  if (flips.length === 0) {
    throw new WattmeshError({
      code: 'NODE_EMPTY',
      message: `node ${name} has written nothing that could be damaged`,
      remedy: `start it and let it follow the chain: wattmesh testnet start ${name}`,
      details: { node: name },
    });
  }
  for (const { file, offset } of flips) {
    const path = join(folder, file);
    const bytes = readFileSync(path);
    bytes[offset]! ^= 0x10;
    writeFileSync(path, bytes);
  }
  return flips;
}

function databaseFiles(folder: string): { name: string; bytes: number }[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return [];
  }
  return names
    .filter((name) => /\.(?:ldb|log)$/.test(name))
    .sort()
    .map((name) => ({ name, bytes: readFileSync(join(folder, name)).length }));
}

/** Moves the database of a node aside, as the refusal to open a damaged one says; the new place. */
export function moveDatabaseAway(testnet: Testnet, name: string): string {
  const { chain } = dataFolder(nodeFolder(testnet.dir, name));
  const away = `${chain}-damaged-${Date.now()}`;
  renameSync(chain, away);
  return away;
}
