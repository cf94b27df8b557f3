/** What the simulate verbs do; loaded when one is called. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type ChainData, collectFrom } from '../../testnet/collect.ts';
import { blockchainCsv, type MinerPower, prosumerCsv } from '../../testnet/csv.ts';
import { askCalendar } from '../../testnet/export.ts';
import { buildGenesis, keySeedsOf } from '../../testnet/genesis.ts';
import { createManifest, type Manifest, type ManifestNode, requirePreset } from '../../testnet/manifest.ts';
import { expectedMs } from '../../testnet/run.ts';
import { type Summary, summarise, summaryLines } from '../../testnet/summary.ts';
import type { Check, NodeVerdict } from '../../testnet/verify.ts';
import { NodeConfig } from '../config/node-config.ts';
import { createGenesisBlock, createGenesisState, requireGenesis } from '../consensus/genesis.ts';
import { FLOOR_TARGET, workOf } from '../consensus/target.ts';
import { signerFromSeed } from '../host/crypto.ts';
import { installHasher } from '../host/hasher.ts';
import {
  createHouseholdRun,
  type HouseholdNode,
  type HouseholdRun,
} from '../host/simulation/household-run.ts';
import { identityFromSeed } from '../p2p/identity.ts';
import type { GenesisDocument } from '../protocol/genesis-file.ts';
import type { Preset } from '../protocol/presets/interface.ts';
import { WattmeshError } from '../util/errors.ts';
import { deriveSeed } from '../util/rng.ts';
import { withInterrupt } from './interrupt.ts';
import { checkSteps } from './options.ts';
import { printJson, printLine, printNote } from './output.ts';

export interface SimulateRunArguments {
  preset: string;
  steps: number | undefined;
  seed: string;
  out: string;
  json: boolean;
}

/** The summary of a testnet's run, and what only a simulation can say. */
export interface SimulationSummary extends Summary {
  simulation: {
    /** Virtual time that passed. */
    durationMs: number;
    /** Digest over every event on every node, in order. */
    traceHash: string;
    /** Hash rate of all miners together. */
    hashesPerSecond: number;
    /** Hashes performed: those of the search that found a block. */
    hashes: number;
    /** Blocks that a node executed first, took over from another, or executed again and compared. */
    executions: { executed: number; shared: number; repeated: number };
    residualWh: number;
    residualNanoEur: string;
  };
}

/** First of the ports in the manifest; nothing listens. */
const NO_PORTS = 1;
/** Part of a spacing that passes before a block may follow, and hash rate over what the floor then asks for. */
const SPACING_LEFT = 0.9;
const ABOVE_FLOOR = 2;

interface Community {
  preset: Preset;
  manifest: Manifest;
  document: GenesisDocument;
  nodes: HouseholdNode[];
}

/** The testnet of the same preset and seed; its genesis is dated to the preset's calendar, so that files repeat. */
export function communityOf(presetName: string, seed: string): Community {
  const preset = requirePreset(presetName);
  const timeMs = preset.params.calendarStartMs;
  const manifest = createManifest({ preset: preset.name, seed, timeMs, portBase: NO_PORTS });
  const genesis = buildGenesis(manifest);
  requireGenesis(genesis, { development: false });
  const { signedHeader } = createGenesisBlock(genesis, createGenesisState(genesis));
  const document = { genesis, nonce: signedHeader.header.nonce };
  return { preset, manifest, document, nodes: manifest.nodes.map((node) => nodeOf(manifest, node)) };
}

/** What the node's data folder would say of it; neither ports nor prices of a file. */
function nodeOf(manifest: Manifest, node: ManifestNode): HouseholdNode {
  const seed = BigInt(manifest.seed);
  const keys = keySeedsOf(manifest, node);
  const config = NodeConfig.parse({
    name: node.name,
    roles: node.roles,
    member: node.member,
    oracle: node.oracle,
    p2p: { port: node.p2pPort },
    rpc: { port: node.rpcPort },
    mining: { enabled: node.roles.includes('miner'), hashPower: node.hashPower },
    feeds: { seed: String(deriveSeed(seed, 'weather')) },
    household: { seed: String(deriveSeed(seed, `household ${node.name}`)) },
    log: {},
  });
  return {
    config,
    keys: {
      account: signerFromSeed(keys.account),
      meter: signerFromSeed(keys.meter),
      oracle: keys.oracle === null ? null : signerFromSeed(keys.oracle),
    },
    peerId: identityFromSeed(keys.peer).peerId,
  };
}

/** Hash rate of all miners at which the target stays close to the floor. */
function floorHashesPerSecond({ params }: Preset): number {
  const atFloor = Number(workOf(FLOOR_TARGET)) / ((SPACING_LEFT * params.spacingMs) / 1000);
  return Math.round(ABOVE_FLOOR * atFloor);
}

async function isFinalOnAll({ nodes }: HouseholdRun, height: number): Promise<boolean> {
  for (const { call } of nodes) {
    if ((await call('chain_getInfo')).finalHeight < height) return false;
  }
  return true;
}

/** Lets time pass until the last step is settled in a block that is final on every node; says what is missing. */
async function runUntilFinal(
  run: HouseholdRun,
  { preset, steps, signal }: { preset: Preset; steps: number; signal: AbortSignal },
): Promise<Check> {
  const name = `step ${steps - 1} settled and final`;
  const limitMs = 2 * expectedMs(preset, steps) + 180_000;
  const [first] = run.nodes;
  const { firstStepDelayMs, stepMs, spacingMs } = preset.params;
  let settledAt: number | null = null;
  while (run.simulation.nowMs() < limitMs) {
    signal.throwIfAborted();
    await run.simulation.run(spacingMs);
    // Before the end of the last delivery there is nothing to ask.
    if (run.simulation.nowMs() < firstStepDelayMs + steps * stepMs) continue;
    if (settledAt === null) {
      const step = await first!.call('market_getStep', { step: steps - 1 });
      if (!step.settled) continue;
      settledAt = step.asOf.height;
    }
    if (await isFinalOnAll(run, settledAt)) return { name, ok: true, detail: `by block ${settledAt}` };
  }
  const reached =
    settledAt === null ? 'it was never settled' : `settled by block ${settledAt}, which is not final`;
  return { name, ok: false, detail: `${reached} after ${limitMs / 1000} s` };
}

/** Every node at the highest block that is final on all; the first one executes its chain again. */
async function verdictsOf({ nodes }: HouseholdRun): Promise<NodeVerdict[]> {
  const infos = await Promise.all(nodes.map(({ call }) => call('chain_getInfo')));
  const height = Math.min(...infos.map((info) => info.finalHeight));
  return Promise.all(
    nodes.map(async ({ name, call }, i) => {
      const { peerId } = await call('node_info');
      const { hash, stateRoot } = await call('chain_getBlock', { height });
      const verdict = { name, peerId, height, hash, stateRoot, verified: false, problem: null };
      if (i > 0) return verdict;
      const { ok, checked, firstFailure } = await call('chain_verify', { to: height });
      const verified = ok && checked === height + 1;
      const problem = verified ? null : `${checked} blocks checked; ${firstFailure?.message ?? 'too few'}`;
      return { ...verdict, verified, problem };
    }),
  );
}

function isAgreed(verdicts: readonly NodeVerdict[], key: 'hash' | 'stateRoot'): boolean {
  return verdicts.every((verdict) => verdict[key] !== null && verdict[key] === verdicts[0]![key]);
}

function checksOf(run: HouseholdRun, verdicts: readonly NodeVerdict[]): Check[] {
  const [first] = verdicts;
  const { height, hash, stateRoot, verified, problem, name } = first!;
  const bans = run.simulation.machines.flatMap((machine) => machine.bans);
  return [
    { name: 'some block is final', ok: height > 0, detail: `final on every node: block ${height}` },
    {
      name: 'every block executed again on one node',
      ok: verified,
      detail: verified ? `${height + 1} blocks on ${name}` : `${name}: ${problem}`,
    },
    { name: 'same final block', ok: isAgreed(verdicts, 'hash'), detail: `${hash}` },
    { name: 'same state root', ok: isAgreed(verdicts, 'stateRoot'), detail: `${stateRoot}` },
    { name: 'no node bans another', ok: bans.length === 0, detail: `${bans.length} bans` },
  ];
}

/** The steps of the range that no final block has closed. */
function settlementCheck(data: ChainData, steps: number): Check {
  const settled = new Set(data.settlements.map((line) => line.step));
  const isEmpty = (step: number) =>
    data.emptyRanges.some((range) => step >= range.firstStep && step < range.endStep);
  const all = Array.from({ length: steps }, (_, step) => step);
  const open = all.filter((step) => !settled.has(step) && !isEmpty(step));
  const detail = open.length === 0 ? `${steps} steps` : `open: ${open.join(' ')}`;
  return { name: 'the final blocks settle every step', ok: data.complete && open.length === 0, detail };
}

async function minersOf(run: HouseholdRun, { params }: Preset) {
  const infos = await Promise.all(run.nodes.map(({ call }) => call('mining_getInfo')));
  const powers = infos.flatMap(({ member, declaredHashesPerSecond }): MinerPower[] => {
    if (member === null || declaredHashesPerSecond === null) return [];
    return [{ member, hashPower: Math.round((1000 * declaredHashesPerSecond) / params.hashUnit) / 1000 }];
  });
  return {
    powers,
    mined: infos.reduce((sum, info) => sum + info.blocksMined, 0),
    stale: infos.reduce((sum, info) => sum + info.blocksStale, 0),
  };
}

export interface SimulatedBooks {
  summary: SimulationSummary;
  /** Contents by file name. */
  files: Record<string, string>;
}

/** Simulates a preset's community until its steps are settled and final; the same arguments give the same books. */
export async function simulateCommunity(
  given: { preset: string; steps: number | undefined; seed: string },
  signal: AbortSignal,
): Promise<SimulatedBooks> {
  await installHasher();
  const { preset, document, nodes } = communityOf(given.preset, given.seed);
  const steps = given.steps ?? preset.steps;
  const hashesPerSecond = floorHashesPerSecond(preset);
  const seed = deriveSeed(BigInt(given.seed), 'simulation');
  const run = await createHouseholdRun({ seed, document, nodes, hashesPerSecond });
  const finished = await runUntilFinal(run, { preset, steps, signal });
  const verdicts = await verdictsOf(run);
  const { name, call } = run.nodes[0]!;
  const data = await collectFrom({ url: name, call }, { height: verdicts[0]!.height, steps });
  const { residualWh, balances } = await call('community_getKpis', {});
  const { residualNanoEur } = balances;
  const checks: Check[] = [
    finished,
    ...checksOf(run, verdicts),
    {
      name: 'energy and money balance',
      ok: residualWh === 0 && residualNanoEur === '0',
      detail: `residual ${residualWh} Wh, ${residualNanoEur} nanoEUR`,
    },
    settlementCheck(data, steps),
  ];
  const miners = await minersOf(run, preset);
  const summary: SimulationSummary = {
    ...summarise({
      preset: preset.name,
      seed: given.seed,
      steps,
      verdict: { nodes: verdicts, checks },
      data,
      blocksMined: miners.mined,
      blocksStale: miners.stale,
    }),
    simulation: {
      durationMs: run.simulation.nowMs(),
      traceHash: run.simulation.traceHash(),
      hashesPerSecond,
      hashes: run.hashes(),
      executions: run.simulation.counts(),
      residualWh,
      residualNanoEur,
    },
  };
  const calendar = await askCalendar(call);
  return {
    summary,
    files: {
      'summary.json': `${JSON.stringify(summary, null, 2)}\n`,
      'prosumer_stats.csv': prosumerCsv(data, calendar),
      'blockchain_stats.csv': blockchainCsv(data, calendar, miners.powers),
    },
  };
}

function outFolderError(path: string, cause: unknown): WattmeshError {
  return new WattmeshError({
    code: 'OUT_FOLDER',
    message: `${path} cannot be written: ${(cause as Error).message}`,
    remedy: 'name a folder that you may write to, for example --out ./books',
    details: { path },
    cause,
  });
}

/** Makes the folder before any work is done; throws OUT_FOLDER. */
function makeFolder(path: string): string {
  const folder = resolve(path);
  try {
    mkdirSync(folder, { recursive: true });
  } catch (cause) {
    throw outFolderError(folder, cause);
  }
  return folder;
}

/** Replaces files of the same names; returns their paths. Throws OUT_FOLDER. */
function writeBooks(folder: string, files: Record<string, string>): string[] {
  return Object.entries(files).map(([name, content]) => {
    const path = join(folder, name);
    try {
      writeFileSync(path, content);
    } catch (cause) {
      throw outFolderError(path, cause);
    }
    return path;
  });
}

/** `simulate run`. Throws CHECK_FAILED after the files are written, OUT_FOLDER, PRESET_UNKNOWN, USAGE. */
export async function run(args: SimulateRunArguments): Promise<void> {
  checkSteps(args.steps);
  requirePreset(args.preset);
  const folder = makeFolder(args.out);
  const startedMs = performance.now();
  const { summary, files } = await withInterrupt((signal) => simulateCommunity(args, signal));
  const print = args.json ? printNote : printLine;
  const paths = writeBooks(folder, files);
  for (const line of [...simulationLines(summary), ...paths]) print(line);
  const cpu = process.cpuUsage();
  const seconds = (ms: number) => (ms / 1000).toFixed(1);
  printNote(
    `${seconds(summary.simulation.durationMs)} s of the community in ${seconds(performance.now() - startedMs)} s, ${seconds((cpu.user + cpu.system) / 1000)} s of CPU`,
  );
  if (args.json) printJson(summary);
  const failed = summary.checks.filter((check) => !check.ok);
  if (failed.length === 0) return;
  throw new WattmeshError({
    code: 'CHECK_FAILED',
    message: failed.map((check) => `${check.name}: ${check.detail}`).join('; '),
    remedy: `the same seed shows it again: wattmesh simulate run --preset ${summary.preset} --steps ${summary.steps} --seed ${summary.seed} --out DIR`,
  });
}

function simulationLines(summary: SimulationSummary): string[] {
  const { traceHash, hashes, hashesPerSecond } = summary.simulation;
  return [
    `Simulation ${summary.preset}: ${summary.nodes.length} nodes, ${summary.steps} steps; seed ${summary.seed}`,
    ...summaryLines(summary),
    `Proof of work: ${hashes} hashes; all miners together ${hashesPerSecond} per second of virtual time`,
    'Checks',
    ...summary.checks.map(({ ok, name, detail }) => `  ${ok ? 'ok    ' : 'FAILED'} ${name}: ${detail}`),
    `Trace ${traceHash}`,
  ];
}
