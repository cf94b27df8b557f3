/** For tests only: damages a real LevelDB at random and says what became of the node on top of it. */
import { cp, mkdtemp, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Core } from '../core/node.ts';
import { encode } from '../protocol/codec.ts';
import { Block } from '../protocol/types.ts';
import { decodeAuthored } from '../storage/authored.ts';
import { decodeCommit } from '../storage/commit.ts';
import type { Store } from '../storage/interface.ts';
import { addressesKey, parseKey, tipKey } from '../storage/layout.ts';
import { openLevelStore } from '../storage/level-store.ts';
import { equalBytes, fromHex, toHex } from '../util/bytes.ts';
import { assert, WattmeshError } from '../util/errors.ts';
import { createRng, type Rng } from '../util/rng.ts';
import type { ChainStore } from './chain-store.ts';
import { loadChain } from './load-chain.ts';
import { readChain } from './open-chain.ts';
import type { Life } from './test-crash-world.ts';
import { createTestPeer, SILENT, startTestNode, type TestNode, until } from './test-node.ts';

/**
 * harmless: nothing is missing and nothing was noticed. healed: it was noticed, or blocks were missing, and all came
 * again. refused: a named error at start whose remedy works. silent: a wrong record is believed. stuck: none of these.
 */
export type Outcome = 'harmless' | 'healed' | 'refused' | 'silent' | 'stuck';

export interface Trial {
  seed: number;
  what: string;
  outcome: Outcome;
  detail: string;
  /** Own blocks above the final one that a start with the damage did not know of. */
  guardsLost: number;
  healMs: number;
}

/** A folder that every trial starts from, and what it holds. */
export interface Specimen {
  life: Life;
  dir: string;
  records: ReadonlyMap<string, Uint8Array>;
}

const HEAL_LIMIT_MS = 60_000;

/** Writes a life into a LevelDB with several tables and a log. */
export async function createSpecimen(life: Life): Promise<Specimen> {
  const dir = await mkdtemp(join(tmpdir(), 'wattmesh-specimen-'));
  const parts = 4;
  for (let part = 0; part < parts; part++) {
    // Every opening turns the log of the one before into a table.
    const store = await openLevelStore(dir, { log: SILENT });
    const size = Math.ceil(life.batches.length / parts);
    for (const batch of life.batches.slice(part * size, (part + 1) * size)) {
      await store.write(batch, { sync: false });
    }
    await store.write([{ type: 'del', key: addressesKey() }], { sync: true });
    await store.close();
  }
  const copy = `${dir}-read`;
  await cp(dir, copy, { recursive: true });
  const store = await openLevelStore(copy, { log: SILENT });
  const records = await contentOf(store);
  await store.close();
  await rm(copy, { recursive: true });
  return { life, dir, records };
}

async function contentOf(store: Store): Promise<Map<string, Uint8Array>> {
  const records = new Map<string, Uint8Array>();
  for await (const entry of store.range(Uint8Array.of(0), Uint8Array.of(255))) {
    records.set(toHex(entry.key), 'damaged' in entry ? Uint8Array.of() : entry.value);
  }
  return records;
}

const KINDS = [/\.log$/, /\.ldb$/, /^MANIFEST-/, /^CURRENT$/];

/** Damages one file: each kind of file is as likely, and each kind of damage. */
async function corrupt(data: string, rng: Rng): Promise<string> {
  const kind = KINDS[rng.below(KINDS.length)]!;
  const names = (await readdir(data)).filter((name) => kind.test(name)).sort();
  const name = names[rng.below(names.length)]!;
  const path = join(data, name);
  const bytes = new Uint8Array(await readFile(path));
  const zero = (size: number) => {
    const at = rng.below(Math.ceil(bytes.length / size)) * size;
    bytes.fill(0, at, at + size);
    return writeFile(path, bytes);
  };
  const flip = () => {
    const bit = rng.below(bytes.length * 8);
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    return writeFile(path, bytes);
  };
  const damages = [
    ['bit flip', flip],
    ['512 bytes zeroed', () => zero(512)],
    ['4 KiB zeroed', () => zero(4096)],
    ['truncated', () => truncate(path, rng.below(bytes.length))],
    ['deleted', () => rm(path)],
  ] as const;
  const [what, act] = damages[rng.below(damages.length)]!;
  await act();
  return `${name} ${what}`;
}

/** One damaged copy of the specimen: started, healed from a peer, compared, and started again. */
export async function tryCorruption(
  specimen: Specimen,
  seed: number,
  damage: (dir: string) => Promise<string> = (dir) => corrupt(join(dir, 'data'), createRng(BigInt(seed))),
): Promise<Trial> {
  const dir = await mkdtemp(join(tmpdir(), 'wattmesh-corrupt-'));
  try {
    await cp(specimen.dir, dir, { recursive: true });
    const what = await damage(dir);
    const trial: Trial = { seed, what, outcome: 'stuck', detail: '', guardsLost: 0, healMs: 0 };
    try {
      Object.assign(trial, await live(specimen, dir));
    } catch (error) {
      trial.detail = String(error);
    }
    return trial;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

type Result = Pick<Trial, 'outcome' | 'detail'> & Partial<Trial> & { neededRepair?: boolean };

async function live(specimen: Specimen, dir: string): Promise<Result> {
  let refusal: WattmeshError | null = null;
  const first = await run(specimen, dir).catch((error: unknown) => {
    if (!(error instanceof WattmeshError) || error.remedy === '') throw error;
    refusal = error;
    return null;
  });
  if (first === null) {
    const { code, remedy } = refusal!;
    assert(remedy.startsWith('Move this folder away and start again'), `a remedy that works: ${remedy}`);
    await rename(dir, `${dir}-away`);
    await rm(`${dir}-away`, { recursive: true });
    const anew = await run(specimen, dir);
    return { outcome: anew.outcome === 'silent' ? 'silent' : 'refused', detail: code };
  }
  if (first.outcome === 'silent') return first;
  const second = await run(specimen, dir);
  const isWhole = second.outcome !== 'silent' && !second.neededRepair;
  return isWhole ? first : { ...first, outcome: 'stuck', detail: `after a restart: ${second.detail}` };
}

/** Starts, heals and stops a node; compares before and after. */
async function run({ life, records }: Specimen, dir: string): Promise<Result> {
  const raw = await openLevelStore(dir, { log: SILENT });
  try {
    const chain = await readChain(raw, life.options);
    const before = await wrongBlocks(life, chain.store, chain.core);
    const lostHeight = chain.core.chain.tip().height < life.tip.height;
    const wasDamaged = chain.damage.length > 0 || raw.losses.length > 0;
    const guardsLost = await lostGuards(raw, life, records);
    if (before !== null) return { outcome: 'silent', detail: `as it starts: ${before}` };
    const startedMs = performance.now();
    const peer = createTestPeer({ tip: () => life.tip, block: (idHex) => life.blocks.get(idHex)?.block });
    const node = startTestNode(chain, { peer });
    const neededRepair = lostHeight || node.repair.damage().some(({ repaired }) => !repaired);
    await until('healed', () => isWhole(node, life), HEAL_LIMIT_MS).finally(() => node.stop());
    const healMs = performance.now() - startedMs;
    const detail = chain.damage.map(({ what, height, reason }) => `${what} ${height}: ${reason}`).join('; ');
    const held = await contentOf(raw);
    const wrong = (await wrongBlocks(life, chain.store, chain.core)) ?? wrongRecords(life, records, held);
    if (wrong !== null) return { outcome: 'silent', detail: `healed: ${wrong}` };
    const outcome = wasDamaged || lostHeight ? 'healed' : 'harmless';
    return { outcome, detail, guardsLost, healMs, neededRepair };
  } finally {
    await raw.close();
  }
}

function isWhole(node: TestNode, life: Life): boolean {
  if (node.fatal.length > 0) throw node.fatal[0];
  const isThere = node.core.chain.tip().idHex === life.tip.idHex;
  return isThere && node.repair.damage().every(({ repaired }) => repaired);
}

/** Own blocks above the final one that a start no longer knows of. */
async function lostGuards(
  raw: Store,
  { options }: Life,
  records: ReadonlyMap<string, Uint8Array>,
): Promise<number> {
  const { ownBlocks } = await loadChain(raw, options.beginning.block.signedHeader, options.miner!.member);
  const known = new Set(ownBlocks.map(({ parent }) => toHex(parent)));
  const { finalHeight } = decodeCommit(records.get(toHex(tipKey()))!)!;
  let lost = 0;
  for (const [key, value] of records) {
    const parsed = parseKey(fromHex(key)!);
    if (parsed?.family !== 'authored') continue;
    if (decodeAuthored(value)!.height > finalHeight && !known.has(toHex(parsed.id))) lost += 1;
  }
  return lost;
}

/** What the node would serve, or stands on, that is not of the original life. */
async function wrongBlocks(life: Life, store: ChainStore, core: Core): Promise<string | null> {
  const tip = core.chain.tip();
  for (let node = tip; node.parent !== null; node = node.parent) {
    const original = life.blocks.get(node.idHex);
    if (original === undefined) return `block ${node.height} is of no chain`;
    const served = await store.block(node.height, node.id).catch((error: unknown) => {
      if (error instanceof WattmeshError) return null;
      throw error;
    });
    if (served !== null && !equalBytes(encode(Block, served), encode(Block, original.block))) {
      return `block ${node.height} is served with another content`;
    }
  }
  const state = tip.parent === null ? null : life.blocks.get(tip.idHex)!.state.root();
  if (state !== null && !equalBytes(core.chain.execution(tip).state.root(), state)) return 'another state';
  return null;
}

/** After healing, what belongs to the main chain is there as it was. */
function wrongRecords(
  life: Life,
  records: ReadonlyMap<string, Uint8Array>,
  held: ReadonlyMap<string, Uint8Array>,
): string | null {
  const main = new Set<string>();
  for (let node = life.tip; node.parent !== null; node = node.parent) main.add(node.idHex);
  for (const [key, value] of records) {
    const parsed = parseKey(fromHex(key)!);
    if (parsed === null || !['block', 'header', 'receipts'].includes(parsed.family)) continue;
    if (!('id' in parsed) || !main.has(toHex(parsed.id))) continue;
    const now = held.get(key);
    if (now === undefined) return `${parsed.family} ${key} is missing`;
    if (!equalBytes(now, value)) return `${parsed.family} ${key} is another`;
  }
  return null;
}

export interface Figures extends Record<Outcome, number> {
  trials: number;
  guardsLost: number;
  healMsP50: number;
  healMsP99: number;
}

/** So many trials, some at a time; each kind of outcome counted. */
export async function corruptAtRandom(
  life: Life,
  given: { trials: number; seed: number; atOnce: number; onTrial?: (trial: Trial) => void },
): Promise<Figures> {
  const specimen = await createSpecimen(life);
  const figures: Figures = {
    ...{ trials: 0, harmless: 0, healed: 0, refused: 0, silent: 0, stuck: 0 },
    ...{ guardsLost: 0, healMsP50: 0, healMsP99: 0 },
  };
  const healMs: number[] = [];
  let next = given.seed;
  const work = async (): Promise<void> => {
    while (next < given.seed + given.trials) {
      const trial = await tryCorruption(specimen, next++);
      figures.trials += 1;
      figures[trial.outcome] += 1;
      figures.guardsLost += trial.guardsLost;
      if (trial.outcome === 'healed') healMs.push(trial.healMs);
      given.onTrial?.(trial);
    }
  };
  await Promise.all(Array.from({ length: given.atOnce }, work));
  await rm(specimen.dir, { recursive: true });
  healMs.sort((a, b) => a - b);
  figures.healMsP50 = Math.round(healMs[Math.floor(healMs.length / 2)] ?? 0);
  figures.healMsP99 = Math.round(healMs[Math.floor(healMs.length * 0.99)] ?? 0);
  return figures;
}
