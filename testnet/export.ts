/** The CSV files of a running node's chain. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { collectChain } from './collect.ts';
import { blockchainCsv, prosumerCsv, type StepCalendar } from './csv.ts';
import { callOf, type RpcCall } from './rpc.ts';

/** When the steps happen, as a node states it. */
export async function askCalendar(call: RpcCall): Promise<StepCalendar> {
  const [first, second] = await Promise.all([
    call('market_getStep', { step: 0 }),
    call('market_getStep', { step: 1 }),
  ]);
  return { startMs: first.calendarMs, stepMs: second.calendarMs - first.calendarMs };
}

export interface ExportResult {
  files: string[];
  height: number;
  /** False: the node lacks the receipts of some blocks. */
  complete: boolean;
}

/** Writes both files; hash powers are unknown here and left out. Reads up to the node's final block. */
export async function exportCsv(
  url: string,
  options: { folder: string; steps: number | null },
): Promise<ExportResult> {
  const call = callOf({ url });
  const { finalHeight: height } = await call('chain_getInfo');
  const calendar = await askCalendar(call);
  const steps = options.steps ?? Number.POSITIVE_INFINITY;
  const data = await collectChain({ name: url, url }, { height, steps });
  const authors = [...new Set(data.blocks.map((block) => block.author))].sort();
  const miners = authors.map((member) => ({ member, hashPower: null }));
  const folder = resolve(options.folder);
  mkdirSync(folder, { recursive: true });
  const contents = {
    'prosumer_stats.csv': prosumerCsv(data, calendar),
    'blockchain_stats.csv': blockchainCsv(data, calendar, miners),
  };
  const files = Object.entries(contents).map(([name, content]) => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  });
  return { files, height, complete: data.complete };
}
