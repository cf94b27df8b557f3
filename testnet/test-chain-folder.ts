/** For tests only: data folders that hold a long chain, made in virtual time by the simulation. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dataFolder } from '../node/config/data-folder.ts';
import { NodeConfig } from '../node/config/node-config.ts';
import { genesisRoot } from '../node/consensus/genesis.ts';
import type { PersistBatch } from '../node/core/events.ts';
import { createCore } from '../node/core/node.ts';
import { createChainStore } from '../node/host/chain-store.ts';
import { loadVerifier, signerFromSeed } from '../node/host/crypto.ts';
import { installHasher } from '../node/host/hasher.ts';
import { beginningOf, restoreChain } from '../node/host/restore.ts';
import { createSimCommunity } from '../node/host/simulation/community.ts';
import { GOOD_LINKS } from '../node/host/simulation/network.ts';
import { createSimulation } from '../node/host/simulation.ts';
import { encode } from '../node/protocol/codec.ts';
import { type GenesisDocument, genesisToJson } from '../node/protocol/genesis-file.ts';
import { Block } from '../node/protocol/types.ts';
import { openLevelStore } from '../node/storage/level-store.ts';
import { encodeRecord } from '../node/storage/record.ts';
import { createRng } from '../node/util/rng.ts';
import { writeNodeFolder } from './folders.ts';

const NODES = 5;
const SPACING_MS = 2000;
const SILENT = { info() {}, warn() {} };

export interface MadeChain {
  document: GenesisDocument;
  blocks: { height: number; id: Uint8Array; idHex: string; block: Block }[];
  /** What a node wrote as it took the blocks, one batch for each. */
  batches: PersistBatch[];
}

/** A chain on which members trade, at least `blocks` long. */
export async function makeChain(seed: number, blocks: number): Promise<MadeChain> {
  await installHasher();
  const community = createSimCommunity({ seed: BigInt(seed), members: NODES, miners: NODES, signerFromSeed });
  const { document } = community;
  const { verifier } = loadVerifier();
  const made = new Map<string, Block>();
  const simulation = await createSimulation({
    seed: BigInt(seed),
    document,
    verifier,
    nodes: community.members.map(({ account }, member) => ({
      miner: { member, signer: account },
      hashesPerSecond: 4096 / (SPACING_MS / 1000) / NODES,
    })),
    conditions: GOOD_LINKS,
    degree: 3,
    traffic: community.traffic,
    observer: {
      onNotice(_, notice) {
        if (notice.type !== 'tip') return;
        for (const { node, block } of notice.connected) made.set(node.idHex, block);
      },
    },
  });
  const core = () => simulation.machines[0]!.core!;
  while (core().chain.tip().height < blocks) await simulation.run(20_000);
  const chain: MadeChain['blocks'] = [];
  for (let height = 1; height <= blocks; height++) {
    const { id, idHex } = core().chain.mainChainAt(height)!;
    chain.push({ height, id, idHex, block: made.get(idHex)! });
  }
  return { document, blocks: chain, batches: batchesOf(document, chain) };
}

function batchesOf(document: GenesisDocument, chain: MadeChain['blocks']): PersistBatch[] {
  const core = createCore({
    rules: {
      genesis: document.genesis,
      genesisRoot: genesisRoot(document.genesis),
      verifier: loadVerifier().verifier,
    },
    ...restoreChain(beginningOf(document), null),
    snapshotHeights: [],
    miner: null,
    mining: false,
    rng: createRng(1n),
  });
  return chain.flatMap(({ block, idHex }) => {
    const wallMs = block.signedHeader.header.body.timestampMs;
    const bytes = encode(Block, block);
    const effects = core.step(
      { type: 'gossip', topic: 'block', messageId: idHex, from: 'sim', bytes },
      { wallMs, monoMs: 0 },
    );
    return effects.flatMap((effect) => (effect.type === 'persist' ? [effect.batch] : []));
  });
}

/** A data folder of a node that does not mine. Batches before `tablesUntil` lie in a table, the others in the log. */
export async function writeChainFolder(
  root: string,
  made: MadeChain,
  options: { seeds: string[]; peerKey: number; tablesUntil?: number; batches?: number; logLevel?: 'debug' },
): Promise<void> {
  const { seeds, peerKey, batches = made.batches.length, tablesUntil = 0 } = options;
  writeNodeFolder(root, {
    genesis: genesisToJson(made.document),
    config: NodeConfig.parse({
      name: `node-${peerKey}`,
      roles: [],
      member: null,
      p2p: { port: 0, seeds },
      rpc: { port: 0 },
      mining: { enabled: false },
      feeds: {},
      log: { level: options.logLevel ?? 'info' },
      dev: true,
    }),
    keys: {
      peer: peerKey.toString(16).padStart(64, '0'),
      account: null,
      meter: null,
      oracle: null,
      regulator: null,
    },
  });
  let sequence = 0n;
  // Every opening turns the log of the one before into a table.
  for (const part of [made.batches.slice(0, tablesUntil), made.batches.slice(tablesUntil, batches)]) {
    const store = createChainStore(await openLevelStore(dataFolder(root).chain, { log: SILENT }), sequence);
    for (const batch of part) await store.persist(batch);
    sequence += BigInt(part.length);
    await store.raw.close();
  }
}

/** Flips a bit in the stored record of a key; says in which file. Throws unless the record lies there exactly once. */
export function flipRecord(root: string, key: Uint8Array, payload: Uint8Array): string {
  const record = encodeRecord(key, payload);
  // Long enough to be unique, short enough to lie in one piece.
  const needle = record.subarray(5, Math.min(record.length, 45));
  const folder = join(dataFolder(root).chain, 'data');
  const found = readdirSync(folder)
    .filter((name) => /\.(log|ldb)$/.test(name))
    .flatMap((name) => {
      const at = readFileSync(join(folder, name)).indexOf(needle);
      return at < 0 ? [] : [{ name, at }];
    });
  const [place] = found;
  if (place === undefined || found.length > 1) throw new Error(`the record lies in ${found.length} files`);
  flipByte(join(folder, place.name), place.at + needle.length - 1);
  return place.name;
}

export function flipByte(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at]! ^= 0x10;
  writeFileSync(path, bytes);
}
