/** `testnet run`: a community trades a number of steps, is verified on every node, and leaves its books behind. */

import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Preset } from '../node/protocol/presets/interface.ts';
import { type ChainData, collectChain } from './collect.ts';
import { type DownResult, stopTestnet } from './control.ts';
import { blockchainCsv, type MinerPower, prosumerCsv, type StepCalendar } from './csv.ts';
import { askCalendar } from './export.ts';
import { readManifest } from './folders.ts';
import { type StartOptions, startNode } from './launcher.ts';
import { requirePreset } from './manifest.ts';
import { type NodeAddress, nodeCall, observe, settledHeight, type TestnetView } from './observe.ts';
import { mapPool } from './pool.ts';
import { runningNodes, type Testnet, takeStartRequest } from './state.ts';
import { type Summary, summarise, summaryLines } from './summary.ts';
import { bringUp, openTestnet, STOP_GRACE_MS, type UpOptions } from './up.ts';
import { type Check, type Verdict, verifyTestnet } from './verify.ts';
import { durationText, type ViewFrame } from './view.ts';

export interface RunOptions extends UpOptions {
  keep: boolean;
  start: Omit<StartOptions, 'bound' | 'onProgress'>;
}

export interface RunOutput {
  line(text: string): void;
  /** How many of the nodes are there yet. */
  progress(done: number, total: number, what: string): void;
  frame(frame: ViewFrame): void;
  /** The live view is over. */
  frameEnd(): void;
}

const POLL_MS = 2000;
/** How long nodes behind the others may take to make the last block final. */
const STRAGGLER_MS = 30_000;
const STARTUP_MS = 10_000;

/** Wall time from genesis until the last step is settled and that block final, as the preset promises it. */
export function expectedMs({ params }: Preset, steps: number): number {
  const { firstStepDelayMs, stepMs, readingWindowMs, finalityDepth, spacingMs } = params;
  // The market clock runs behind by the median of five blocks.
  return firstStepDelayMs + steps * stepMs + readingWindowMs + (finalityDepth + 3) * spacingMs;
}

function introduction(testnet: Testnet, preset: Preset, steps: number): string[] {
  const { params } = preset;
  const seconds = (ms: number) => `${ms / 1000} s`;
  const minutes = (expectedMs(preset, steps) + STARTUP_MS) / 60_000;
  const { nodes } = testnet.manifest;
  const miners = nodes.filter((node) => node.roles.includes('miner')).length;
  return [
    `Testnet ${preset.name}: ${nodes.length} nodes, ${miners} of them miners, ${steps} steps; seed ${testnet.manifest.seed}`,
    `Expected wall time: about ${minutes.toFixed(1)} min (order window ${seconds(params.firstStepDelayMs)} + ${steps} steps x ${seconds(params.stepMs)} + reading window ${seconds(params.readingWindowMs)} + finality about ${seconds(params.finalityDepth * params.spacingMs)})`,
    `Folder: ${testnet.dir}`,
    'Try in a second terminal: npx wattmesh market trades --limit 5',
  ];
}

interface Watch {
  testnet: Testnet;
  addresses: readonly NodeAddress[];
  preset: Preset;
  steps: number;
  startOptions: StartOptions;
  output: RunOutput;
}

function present({ dir, manifest }: Testnet): Testnet {
  return { dir, manifest: readManifest(dir) ?? manifest };
}

/** Starts nodes that another terminal asked for: they must hang on this process like the others. */
async function serveRequests({ testnet: begun, startOptions, output }: Watch): Promise<void> {
  // Nodes may have joined since.
  const testnet = present(begun);
  const running = runningNodes(testnet.dir, testnet.manifest);
  for (const node of testnet.manifest.nodes) {
    if (!takeStartRequest(testnet.dir, node.name) || running.has(node.name)) continue;
    try {
      await startNode(testnet, node, startOptions);
    } catch (error) {
      startOptions.signal.throwIfAborted();
      output.line(`node ${node.name} did not start again: ${(error as Error).message}`);
    }
  }
}

function frameOf(watch: Watch, view: TestnetView): ViewFrame {
  const { testnet, preset, steps } = watch;
  const totalMs = expectedMs(preset, steps);
  const clockMs = view.community?.marketClockMs ?? testnet.manifest.timeMs;
  const doneMs = Math.min(totalMs, Math.max(0, clockMs - testnet.manifest.timeMs));
  return {
    title: `wattmesh testnet ${preset.name}  (${testnet.dir})`,
    view,
    steps,
    progress: doneMs / totalMs,
    remainingMs: totalMs - doneMs,
    roles: new Map(testnet.manifest.nodes.map((node) => [node.name, node.roles])),
  };
}

/** Where the step is settled, asked of the nodes in turn. */
async function findSettled(addresses: readonly NodeAddress[], step: number): Promise<number | null> {
  for (const address of addresses) {
    const height = await settledHeight(address, step);
    if (height !== null) return height;
  }
  return null;
}

/** Waits until the last step is settled in a block that is final on every node that answers; says what is missing. */
async function watchUntilFinal(watch: Watch): Promise<Check> {
  const { addresses, steps, preset, startOptions, output } = watch;
  const name = `step ${steps - 1} settled and final`;
  const limitMs = 2 * expectedMs(preset, steps) + 180_000;
  const endMs = performance.now() + limitMs;
  let settled: number | null = null;
  let firstFinalMs: number | null = null;
  while (performance.now() < endMs) {
    startOptions.signal.throwIfAborted();
    await serveRequests(watch);
    const view = await observe(addresses);
    output.frame(frameOf(watch, view));
    if (settled === null) settled = await findSettled(addresses, steps - 1);
    const finals = view.nodes.flatMap((node) => (node.up === null ? [] : [node.up.finalHeight]));
    const height = settled;
    if (height !== null && finals.length > 0 && Math.max(...finals) >= height) {
      firstFinalMs ??= performance.now();
      const everybody = finals.every((final) => final >= height);
      if (everybody || performance.now() - firstFinalMs > STRAGGLER_MS) {
        return { name, ok: true, detail: `by block ${height}` };
      }
    }
    await delay(POLL_MS, undefined, { signal: startOptions.signal });
  }
  const reached =
    settled === null ? 'it was never settled' : `settled by block ${settled}, which is not final`;
  return { name, ok: false, detail: `${reached} after ${durationText(limitMs)}` };
}

/** The steps of the range that no final block has closed. */
function openSteps(data: ChainData, steps: number): number[] {
  const closed = new Set(data.settlements.map((line) => line.step));
  for (const { firstStep, endStep } of data.emptyRanges) {
    for (let step = firstStep; step < endStep; step++) closed.add(step);
  }
  return Array.from({ length: steps }, (_, step) => step).filter((step) => !closed.has(step));
}

/** Declared hash powers and counters, as the miners state them. */
async function askMiners(watch: Watch): Promise<{ powers: MinerPower[]; mined: number; stale: number }> {
  const { hashUnit } = watch.preset.params;
  const answers = await mapPool(watch.addresses, availableParallelism(), (address) =>
    nodeCall(address)('mining_getInfo', {}).catch(() => null),
  );
  const miners = answers.flatMap((info) => (info === null || info.member === null ? [] : [info]));
  const powers = miners.flatMap((info) => {
    if (info.member === null || info.declaredHashesPerSecond === null) return [];
    return [
      { member: info.member, hashPower: Math.round((1000 * info.declaredHashesPerSecond) / hashUnit) / 1000 },
    ];
  });
  return {
    powers,
    mined: miners.reduce((sum, info) => sum + info.blocksMined, 0),
    stale: miners.reduce((sum, info) => sum + info.blocksStale, 0),
  };
}

/** Reads the chain from the first node that can show all of it. */
async function collect(watch: Watch, verdict: Verdict): Promise<ChainData | null> {
  const height = verdict.nodes[0]?.height ?? 0;
  for (const node of verdict.nodes.filter((candidate) => candidate.verified)) {
    const address = watch.addresses.find(({ name }) => name === node.name)!;
    const data = await collectChain(address, { height, steps: watch.steps });
    if (data.complete) return data;
  }
  return null;
}

const NO_DATA: ChainData = {
  url: '',
  blocks: [],
  orders: [],
  trades: [],
  clearings: [],
  settlements: [],
  emptyRanges: [],
  prosumers: [],
  complete: false,
};

async function judge(watch: Watch, finished: Check): Promise<Summary> {
  const { testnet, preset, steps, output } = watch;
  output.line('Verifying the chain on every node ...');
  const verdict = await verifyTestnet(watch.addresses);
  const data = await collect(watch, verdict);
  const open = openSteps(data ?? NO_DATA, steps);
  const checks: Check[] = [
    finished,
    ...verdict.checks,
    {
      name: 'the final blocks settle every step',
      ok: data !== null && open.length === 0,
      detail:
        data === null
          ? 'no node shows its whole chain'
          : open.length === 0
            ? `${steps} steps`
            : `open: ${open.join(' ')}`,
    },
  ];
  const miners = await askMiners(watch);
  const summary = summarise({
    preset: preset.name,
    seed: testnet.manifest.seed,
    steps,
    verdict: { nodes: verdict.nodes, checks },
    data: data ?? NO_DATA,
    blocksMined: miners.mined,
    blocksStale: miners.stale,
  });
  await writeBooks(watch, summary, data ?? NO_DATA, miners.powers);
  return summary;
}

/** The calendar as some node states it; a chain that nobody showed has none. */
async function calendarOf(data: ChainData): Promise<StepCalendar> {
  if (!data.complete) return { startMs: 0, stepMs: 0 };
  return askCalendar(nodeCall({ url: data.url }));
}

async function writeBooks(
  watch: Watch,
  summary: Summary,
  data: ChainData,
  powers: readonly MinerPower[],
): Promise<void> {
  const { testnet, output } = watch;
  const calendar = await calendarOf(data);
  const files = {
    'summary.json': `${JSON.stringify(summary, null, 2)}\n`,
    'prosumer_stats.csv': prosumerCsv(data, calendar),
    'blockchain_stats.csv': blockchainCsv(data, calendar, powers),
  };
  for (const line of summaryLines(summary)) output.line(line);
  output.line('Checks');
  for (const check of summary.checks) {
    output.line(`  ${check.ok ? 'ok    ' : 'FAILED'} ${check.name}: ${check.detail}`);
  }
  for (const [name, content] of Object.entries(files)) {
    const path = join(testnet.dir, name);
    writeFileSync(path, content);
    output.line(path);
  }
}

/** What `down` found, for people. */
export function downLine({ stopped, killed, left, busyPorts }: DownResult): string {
  const total = stopped + killed;
  const ended = total === 0 ? 'Nothing was running' : `Stopped ${total} node${total === 1 ? '' : 's'}`;
  const hard = killed > 0 ? `, ${killed} of them only by SIGKILL` : '';
  if (left.length > 0) return `${ended}${hard}; still running: pid ${left.map(({ pid }) => pid).join(', ')}`;
  const ports = busyPorts.length > 0 ? `; ports still in use: ${busyPorts.join(', ')}` : '';
  return `${ended}${hard}; nothing left running${ports}.`;
}

export interface RunResult {
  summary: Summary;
  dir: string;
}

/** Runs a testnet from nothing to its verdict; tears it down whatever happens, unless it is to be kept. */
export async function runTestnet(options: RunOptions, output: RunOutput): Promise<RunResult> {
  const opened = await openTestnet(options);
  const { testnet } = opened;
  const preset = requirePreset(testnet.manifest.preset);
  const steps = options.steps ?? preset.steps;
  for (const line of introduction(testnet, preset, steps)) output.line(line);
  const startOptions: StartOptions = {
    ...options.start,
    bound: !options.keep,
    onProgress: (done, total, what) => output.progress(done, total, what),
  };
  let keep = false;
  try {
    const nodes = await bringUp(opened, startOptions);
    const addresses = nodes.map(({ name, rpc }) => ({ name, url: rpc }));
    const watch: Watch = { testnet, addresses, preset, steps, startOptions, output };
    const finished = await watchUntilFinal(watch);
    output.frameEnd();
    const summary = await judge(watch, finished);
    keep = options.keep;
    return { summary, dir: testnet.dir };
  } finally {
    output.frameEnd();
    if (!keep) output.line(downLine(await stopTestnet(present(testnet), STOP_GRACE_MS)));
    else output.line('The testnet keeps running; end it with: npx wattmesh testnet down');
  }
}
