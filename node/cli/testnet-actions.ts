/** What the testnet verbs do; loaded when one is called. */
import { resolve } from 'node:path';
import { killNode, requireNode, startDownNode, stopTestnet } from '../../testnet/control.ts';
import { imposeFaults, readFaults } from '../../testnet/faults.ts';
import type { StartOptions } from '../../testnet/launcher.ts';
import { formatLogLine, type LogLevel } from '../../testnet/log-lines.ts';
import { readLogs } from '../../testnet/logs.ts';
import { downLine, type RunOutput, runTestnet } from '../../testnet/run.ts';
import { currentTestnet, findTestnet } from '../../testnet/state.ts';
import { statusLines, testnetStatus } from '../../testnet/status.ts';
import { bringUp, openTestnet, STOP_GRACE_MS, type UpOptions } from '../../testnet/up.ts';
import { createScreen, plainLine, renderFrame } from '../../testnet/view.ts';
import { WattmeshError } from '../util/errors.ts';
import { colorsOf } from './colors.ts';
import { withInterrupt } from './interrupt.ts';
import { checkSteps } from './options.ts';
import { printJson, printLine, printNote } from './output.ts';
import { nodeScriptPath } from './paths.ts';

const START_LIMIT_MS = 90_000;
const READY_LIMIT_MS = 180_000;

/** What every start of a node needs. Throws BUILD_MISSING. */
export function startBase(signal: AbortSignal): Omit<StartOptions, 'bound' | 'onProgress'> {
  return {
    nodeScript: nodeScriptPath(),
    signal,
    startLimitMs: START_LIMIT_MS,
    readyLimitMs: READY_LIMIT_MS,
  };
}

/** What `run` and `up` are given to make a testnet from. */
export interface LaunchArguments {
  preset: string | undefined;
  dir: string | undefined;
  seed: string | undefined;
  'port-base': number | undefined;
  prices: string | undefined;
  date: string | undefined;
}

function upOptions(args: LaunchArguments, more: Pick<UpOptions, 'steps' | 'fresh'>): UpOptions {
  return {
    preset: args.preset,
    dir: args.dir,
    seed: args.seed,
    portBase: args['port-base'],
    prices: args.prices,
    date: args.date,
    ...more,
  };
}

/** Progress of a start on stderr: in place on a terminal, else one line when something is complete. */
function progressNotes(): (done: number, total: number, what: string) => void {
  let shown = '';
  return (done, total, what) => {
    const text = `${done}/${total} ${what}`;
    if (text === shown) return;
    shown = text;
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${text}${done === total ? '\n' : ''}`);
    else if (done === total) printNote(text);
  };
}

/** The live view on a terminal; plain lines, one per change, elsewhere. With `json` all of it goes to stderr. */
function runOutput(json: boolean): RunOutput {
  const out = json ? process.stderr : process.stdout;
  const screen = out.isTTY ? createScreen(out) : null;
  const print = json ? printNote : printLine;
  let last = '';
  return {
    line: print,
    progress: progressNotes(),
    frame(frame) {
      if (screen !== null) return screen.draw(renderFrame(frame, colorsOf(out)));
      const { community } = frame.view;
      const key = community === null ? 'none' : `${community.step} ${community.trades}`;
      if (key === last) return;
      last = key;
      print(plainLine(frame));
    },
    frameEnd: () => screen?.end(),
  };
}

export async function run(
  args: LaunchArguments & { steps: number | undefined; keep: boolean; json: boolean },
): Promise<void> {
  const options = upOptions(args, { steps: checkSteps(args.steps), fresh: true });
  const output = runOutput(args.json);
  const { summary } = await withInterrupt((signal) =>
    runTestnet({ ...options, keep: args.keep, start: startBase(signal) }, output),
  );
  if (args.json) printJson(summary);
  const failed = summary.checks.filter((check) => !check.ok);
  if (failed.length === 0) return;
  throw new WattmeshError({
    code: 'CHECK_FAILED',
    message: failed.map((check) => `${check.name}: ${check.detail}`).join('; '),
    remedy: 'read the logs: wattmesh testnet logs --level warn',
  });
}

export async function up(args: LaunchArguments & { json: boolean }): Promise<void> {
  await withInterrupt(async (signal) => {
    const opened = await openTestnet(upOptions(args, { steps: undefined, fresh: false }));
    const { dir } = opened.testnet;
    printNote(`testnet in ${dir}`);
    const start = { ...startBase(signal), bound: false, onProgress: progressNotes() };
    const nodes = await bringUp(opened, start);
    if (args.json) return printJson({ nodes });
    printLine(`${nodes.length} nodes are up; JSON-RPC of ${nodes[0]!.name}: ${nodes[0]!.rpc}`);
    printLine('See them: wattmesh testnet status    End them: wattmesh testnet down');
  });
}

export async function status(args: { dir: string | undefined; json: boolean }): Promise<void> {
  const state = await testnetStatus(findTestnet(args.dir));
  if (args.json) return printJson(state);
  for (const line of statusLines(state, colorsOf(process.stdout))) printLine(line);
}

function pattern(text: string | undefined): RegExp | null {
  if (text === undefined) return null;
  try {
    return new RegExp(text, 'i');
  } catch {
    throw new WattmeshError({
      code: 'USAGE',
      message: `"${text}" is not a regular expression`,
      remedy: 'escape special characters by a backslash',
    });
  }
}

export async function logs(args: {
  dir: string | undefined;
  nodes: readonly string[];
  level: LogLevel;
  grep: string | undefined;
  tail: number;
  follow: boolean;
  json: boolean;
}): Promise<void> {
  const testnet = findTestnet(args.dir);
  for (const name of args.nodes) requireNode(testnet, name);
  const filter = { level: args.level, grep: pattern(args.grep) };
  const print = (line: Parameters<typeof formatLogLine>[0]): void => {
    printLine(args.json ? JSON.stringify(line) : formatLogLine(line));
  };
  await withInterrupt((signal) =>
    readLogs(testnet, { names: args.nodes, filter, tail: args.tail, follow: args.follow, signal }, print),
  );
}

export async function kill(args: { dir: string | undefined; name: string }): Promise<void> {
  const { pid } = await killNode(findTestnet(args.dir), args.name);
  printLine(`${args.name} (pid ${pid}) is dead; start it again: wattmesh testnet start ${args.name}`);
}

export async function start(args: { dir: string | undefined; name: string }): Promise<void> {
  const testnet = findTestnet(args.dir);
  const url = await withInterrupt((signal) =>
    startDownNode(testnet, args.name, { ...startBase(signal), bound: false, onProgress: () => {} }),
  );
  const { links, skewsMs } = readFaults(testnet.dir);
  if (links[args.name] !== undefined || skewsMs[args.name] !== undefined) {
    await imposeFaults(testnet, args.name);
  }
  printLine(`${args.name} is up at ${url}`);
}

export async function down(args: { dir: string | undefined }): Promise<void> {
  if (args.dir === undefined && currentTestnet() === null) {
    printLine('No testnet has been started yet; nothing left running.');
    return;
  }
  const result = await stopTestnet(findTestnet(args.dir && resolve(args.dir)), STOP_GRACE_MS);
  printLine(downLine(result));
  if (result.left.length === 0 && result.busyPorts.length === 0) return;
  throw new WattmeshError({
    code: 'DOWN_INCOMPLETE',
    message: 'something of the testnet is left',
    remedy: 'end the processes named above, then: wattmesh testnet down',
  });
}
