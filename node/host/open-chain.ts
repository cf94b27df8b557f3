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
import type { Store } from '../storage/interface.ts';
import { openLevelStore, type StoreLog } from '../storage/level-store.ts';
import {
  createPatientStore,
  folderHasSpace,
  type Patience,
  type PatientStore,
} from '../storage/patient-store.ts';
import { folderDamagedError } from '../storage/store-errors.ts';
import { WattmeshError } from '../util/errors.ts';
import { createRng } from '../util/rng.ts';
import { type ChainStore, createChainStore } from './chain-store.ts';
import { type Damage, loadChain } from './load-chain.ts';
import { type Beginning, beginningOf, restoreChain } from './restore.ts';

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

/** What a store's chain is opened with. */
export interface ReadOptions {
  rules: ChainRules;
  beginning: Beginning;
  /** Null: this node does not mine. */
  miner: { member: number; signer: Signer } | null;
  mining: boolean;
  randomSeed: bigint;
}

/** Verifies what a store holds and executes the blocks after the last snapshot again. */
export async function readChain(
  raw: Store & Partial<Patience>,
  options: ReadOptions,
): Promise<Omit<OpenChain, 'document'>> {
  const { rules, beginning, miner } = options;
  const loaded = await loadChain(raw, beginning.block.signedHeader, miner?.member ?? null);
  const core = createCore({
    rules,
    ...restoreChain(beginning, loaded.stored),
    snapshotHeights: loaded.snapshotHeights,
    damagedHeights: loaded.damagedHeights,
    miner: miner === null ? null : { ...miner, ownBlocks: loaded.ownBlocks },
    mining: options.mining,
    isDamaged: loaded.damage.length > 0,
    rng: createRng(options.randomSeed),
  });
  return { store: createChainStore(raw, loaded.sequence), core, damage: loaded.damage };
}

/** The store of a folder, patient where the disk is full. */
async function openStore(dir: string, log: StoreLog): Promise<PatientStore> {
  return createPatientStore(await openLevelStore(dir, { log }), {
    hasSpace: (bytes) => folderHasSpace(dir, bytes),
    async reopen() {
      const store = await openLevelStore(dir, { log });
      if (store.losses.length === 0) return store;
      await store.close();
      // The core has seen the records that are gone: only a start looks for what is missing.
      throw folderDamagedError(dir, 'records were lost while it ran');
    },
  });
}

/** Opens the store of a data folder and the chain in it. */
export async function openChain(given: {
  config: NodeConfig;
  folder: DataFolder;
  account: Signer | null;
  verifier: Verifier;
  randomSeed: bigint;
  log: Logger;
}): Promise<OpenChain> {
  const { config, folder, account, log, verifier, randomSeed } = given;
  const document = readGenesis(folder.genesis, { development: config.dev });
  const { genesis } = document;
  const isMiner = config.roles.includes('miner') && account !== null && config.member !== null;
  const raw = await openStore(folder.chain, log);
  try {
    const chain = await readChain(raw, {
      rules: { genesis, genesisRoot: genesisRoot(genesis), verifier },
      beginning: beginningOf(document),
      miner: isMiner ? { member: config.member!, signer: account } : null,
      mining: config.mining.enabled,
      randomSeed,
    });
    for (const damage of chain.damage) log.warn({ damage }, 'damaged record');
    return { document, ...chain };
  } catch (error) {
    await raw.close();
    throw error;
  }
}
