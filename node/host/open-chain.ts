/** From a data folder to a core that stands on its stored tip. */
import { readFileSync } from 'node:fs';
import type { DataFolder } from '../config/data-folder.ts';
import type { NodeConfig } from '../config/node-config.ts';
import { genesisRoot, requireGenesis } from '../consensus/genesis.ts';
import type { ChainRules } from '../consensus/header.ts';
import { type Core, createCore } from '../core/node.ts';
import type { Logger } from '../log/logger.ts';
import { type GenesisDocument, genesisFromJson } from '../protocol/genesis-file.ts';
import type { Signer, Verifier } from '../protocol/signing.ts';
import { openLevelStore } from '../storage/level-store.ts';
import { WattmeshError } from '../util/errors.ts';
import { createRng } from '../util/rng.ts';
import { type ChainStore, createChainStore } from './chain-store.ts';
import { type Damage, loadChain } from './load-chain.ts';
import { beginningOf, restoreChain } from './restore.ts';

export interface OpenChain {
  document: GenesisDocument;
  store: ChainStore;
  core: Core;
  damage: Damage[];
}

/** Throws GENESIS_FILE, GENESIS_MISSING or the code of the genesis rule that is broken. */
export function readGenesis(path: string, options: { development: boolean }): GenesisDocument {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new WattmeshError({
      code: 'GENESIS_MISSING',
      message: `there is no genesis at ${path}`,
      remedy: 'make a data folder with `wattmesh init`, or copy genesis.json from a node of the chain',
      cause,
    });
  }
  const document = genesisFromJson(text);
  requireGenesis(document.genesis, options);
  return document;
}

/** Opens the store, verifies what it holds and executes the blocks after the last snapshot again. */
export async function openChain(given: {
  config: NodeConfig;
  folder: DataFolder;
  account: Signer | null;
  verifier: Verifier;
  randomSeed: bigint;
  log: Logger;
}): Promise<OpenChain> {
  const { config, folder, account, log } = given;
  const document = readGenesis(folder.genesis, { development: config.dev });
  const beginning = beginningOf(document);
  const raw = await openLevelStore(folder.chain, { log });
  try {
    const loaded = await loadChain(raw, beginning.block.signedHeader);
    for (const damage of loaded.damage) log.warn({ damage }, 'damaged record');
    const rules: ChainRules = {
      genesis: document.genesis,
      genesisRoot: genesisRoot(document.genesis),
      verifier: given.verifier,
    };
    const isMiner = config.roles.includes('miner') && account !== null && config.member !== null;
    const core = createCore({
      rules,
      ...restoreChain(beginning, loaded.stored),
      snapshotHeights: loaded.snapshotHeights,
      damagedHeights: loaded.damagedHeights,
      miner: isMiner
        ? { member: config.member!, signer: account, authoredParents: loaded.authoredParents }
        : null,
      mining: config.mining.enabled,
      rng: createRng(given.randomSeed),
    });
    return { document, store: createChainStore(raw, loaded.sequence), core, damage: loaded.damage };
  } catch (error) {
    await raw.close();
    throw error;
  }
}
