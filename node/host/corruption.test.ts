/** Random damage to real LevelDB files: none of it is believed. */
import { rm } from 'node:fs/promises';
import { beforeAll, expect, it } from 'vitest';
import { blockKey, receiptsKey } from '../storage/layout.ts';
import { openLevelStore } from '../storage/level-store.ts';
import { equalBytes } from '../util/bytes.ts';
import { installHasher } from './hasher.ts';
import { corruptAtRandom, createSpecimen, type Trial, tryCorruption } from './test-corruption.ts';
import { type Life, recordLife } from './test-crash-world.ts';
import { SILENT } from './test-node.ts';

/** `WATTMESH_CORRUPTIONS=1000` for the long run, which prints its figures. */
const ASKED = process.env.WATTMESH_CORRUPTIONS;
const TRIALS = Number(ASKED ?? 30);

let life: Life;
beforeAll(async () => {
  await installHasher();
  life = await recordLife({ blocks: 200, seed: 2n });
});

/** Puts the record of one block under the key of another: sound in itself, and wrong. */
async function swap(dir: string, family: 'block' | 'receipts'): Promise<string> {
  const store = await openLevelStore(dir, { log: SILENT });
  const keys: Uint8Array[] = [];
  for (let node = life.tip; node.parent !== null; node = node.parent) {
    keys.push(family === 'block' ? blockKey(node.height, node.id) : receiptsKey(node.id));
  }
  const values = await Promise.all(keys.map(async (key) => (await store.get(key))!));
  const at = values.findLastIndex((value) => !equalBytes(value, values[0]!));
  expect(at).toBeGreaterThan(0);
  const [key, value] = [keys[at]!, values[0]!];
  await store.write([{ type: 'put', key, value }], { sync: true });
  await store.close();
  return `${family} swapped`;
}

it.each(['block', 'receipts'] as const)('the judge calls a wrong record (%s) silent', async (family) => {
  const specimen = await createSpecimen(life);
  try {
    const trial = await tryCorruption(specimen, 1, (dir) => swap(dir, family));
    expect(trial).toMatchObject({ outcome: 'silent', detail: expect.stringContaining(`${family} `) });
    const none = await tryCorruption(specimen, 1, async () => 'nothing');
    expect(none.outcome).toBe('harmless');
  } finally {
    await rm(specimen.dir, { recursive: true });
  }
});

it(`${TRIALS} random corruptions: none silent, nearly all healed from peers`, {
  timeout: 7_200_000,
}, async () => {
  const odd: Trial[] = [];
  const figures = await corruptAtRandom(life, {
    trials: TRIALS,
    seed: 1,
    atOnce: 8,
    onTrial: (trial) => {
      if (ASKED !== undefined && process.env.WATTMESH_TRIALS)
        process.stdout.write(`${JSON.stringify(trial)}\n`);
      if (trial.outcome === 'silent' || trial.outcome === 'stuck') odd.push(trial);
    },
  });
  if (ASKED !== undefined) process.stdout.write(`${JSON.stringify(figures)}\n`);
  expect(odd).toEqual([]);
  expect(figures.trials).toBe(TRIALS);
  expect(figures.healed).toBeGreaterThan(0);
  expect(figures.harmless + figures.healed).toBeGreaterThanOrEqual(0.95 * TRIALS);
});
