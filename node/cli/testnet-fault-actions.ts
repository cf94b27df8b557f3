/** What the fault verbs of a testnet do; loaded when one is called. */

import { reportLines } from '../../testnet/chaos/report.ts';
import { runChaos } from '../../testnet/chaos/run.ts';
import { requireNode, startDownNode } from '../../testnet/control.ts';
import { corruptFiles } from '../../testnet/corrupt.ts';
import {
  halves,
  healLinks,
  type ImposedFaults,
  partition,
  pauseNode,
  resumeNode,
  skewNode,
  slowNode,
} from '../../testnet/faults.ts';
import { addNode, removeNode } from '../../testnet/members.ts';
import { stopProcesses } from '../../testnet/processes.ts';
import { requireScenario } from '../../testnet/scenarios/scenarios.ts';
import { findTestnet, runningNodes } from '../../testnet/state.ts';
import { STOP_GRACE_MS } from '../../testnet/up.ts';
import { WattmeshError } from '../util/errors.ts';
import { withInterrupt } from './interrupt.ts';
import { printLine, printNote, printResult } from './output.ts';
import { startBase } from './testnet-actions.ts';

interface OnNode {
  dir: string | undefined;
  name: string;
  json: boolean;
}

const quiet = { bound: false, onProgress: () => {} };

function usage(message: string, remedy: string): WattmeshError {
  return new WattmeshError({ code: 'USAGE', message, remedy });
}

export async function pause({ dir, name, json }: OnNode): Promise<void> {
  pauseNode(findTestnet(dir), name);
  printResult(json, { node: name, paused: true }, () => [
    `${name} stands still; let it go on: wattmesh testnet resume ${name}`,
  ]);
}

export async function resume({ dir, name, json }: OnNode): Promise<void> {
  await resumeNode(findTestnet(dir), name);
  printResult(json, { node: name, paused: false }, () => [`${name} goes on`]);
}

function silentLines(silent: readonly string[]): string[] {
  return silent.length === 0
    ? []
    : [`Did not answer, and will hear of it on resume or start: ${silent.join(' ')}`];
}

export async function cut(args: {
  dir: string | undefined;
  sets: readonly string[];
  halves: boolean;
  oneWay: boolean;
  json: boolean;
}): Promise<void> {
  if (args.halves === args.sets.length > 0) {
    throw usage(
      'name sets of nodes, or say --halves',
      'for example: wattmesh testnet partition n01,n02 n03,n04',
    );
  }
  const testnet = findTestnet(args.dir);
  const named = args.halves
    ? halves(testnet.manifest)
    : args.sets.map((set) => set.split(',').filter((name) => name !== ''));
  const imposed: ImposedFaults = await partition(testnet, named, { oneWay: args.oneWay });
  printResult(args.json, { ...imposed, oneWay: args.oneWay }, () => [
    imposed.sets.map((set) => set.join(' ')).join(args.oneWay ? '  >|  ' : '  |  '),
    ...silentLines(imposed.silent),
    'End it: wattmesh testnet heal',
  ]);
}

export async function heal(args: { dir: string | undefined; json: boolean }): Promise<void> {
  const healed = await healLinks(findTestnet(args.dir));
  printResult(args.json, healed, () => ['every link is whole and fast again', ...silentLines(healed.silent)]);
}

export async function slow(
  args: OnNode & { delay: number; jitter: number; kbit: number | undefined },
): Promise<void> {
  const slowness = { delayMs: args.delay, jitterMs: args.jitter, kbitPerSecond: args.kbit ?? null };
  const whole = [args.delay, args.jitter].every((ms) => Number.isInteger(ms) && ms >= 0 && ms <= 60_000);
  if (!whole || (args.kbit !== undefined && (!Number.isInteger(args.kbit) || args.kbit < 1))) {
    throw usage(
      '--delay and --jitter are whole milliseconds up to 60000, --kbit a whole number from 1',
      'for example: wattmesh testnet slow n03 --delay 300 --jitter 50 --kbit 512',
    );
  }
  await slowNode(findTestnet(args.dir), args.name, slowness);
  const width = args.kbit === undefined ? '' : ` at ${args.kbit} kbit/s`;
  printResult(args.json, { node: args.name, ...slowness }, () => [
    `what ${args.name} sends leaves ${args.delay} to ${args.delay + args.jitter} ms later${width}; end it: wattmesh testnet heal`,
  ]);
}

/** `+14s`, `300ms`, `2m`, `0` in ms; a bare number counts seconds. Throws USAGE. */
export function parseOffset(text: string): number {
  const match = /^\+?(\d{1,9})(ms|s|m|h)?$/.exec(text);
  const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[match?.[2] ?? 's'] ?? 0;
  const ms = match === null ? Number.NaN : Number(match[1]) * unitMs;
  if (ms <= 86_400_000) return ms;
  throw usage(
    `"${text}" is no offset of a clock`,
    'give up to a day: +14s, 300ms, 2m; behind: --behind 14s; right again: 0',
  );
}

export async function skew(
  args: OnNode & { offset: string | undefined; behind: string | undefined },
): Promise<void> {
  const behind = args.behind === undefined ? 0 : parseOffset(args.behind);
  if (args.behind === undefined && args.offset === undefined) {
    throw usage('say how far the clock is off', 'for example: wattmesh testnet skew n03 +14s');
  }
  const skewMs = args.offset === undefined ? 0 - behind : parseOffset(args.offset);
  await skewNode(findTestnet(args.dir), args.name, skewMs);
  printResult(args.json, { node: args.name, skewMs }, () => [
    skewMs === 0
      ? `the clock of ${args.name} is right`
      : `${args.name} believes to be ${Math.abs(skewMs)} ms ${skewMs > 0 ? 'ahead' : 'behind'}; right again: wattmesh testnet skew ${args.name} 0`,
  ]);
}

export async function corrupt(args: OnNode & { seed: string; bytes: number }): Promise<void> {
  const testnet = findTestnet(args.dir);
  requireNode(testnet, args.name);
  if (!Number.isInteger(args.bytes) || args.bytes < 1) throw usage('--bytes is a whole number from 1', '');
  const record = runningNodes(testnet.dir, testnet.manifest).get(args.name);
  if (record !== undefined) await stopProcesses([record], STOP_GRACE_MS);
  const flips = corruptFiles(testnet, args.name, { seed: BigInt(args.seed), count: args.bytes });
  if (record !== undefined) {
    await withInterrupt((signal) => startDownNode(testnet, args.name, { ...startBase(signal), ...quiet }));
  }
  printResult(args.json, { node: args.name, flips, restarted: record !== undefined }, () => [
    ...flips.map(({ file, offset }) => `flipped a bit of ${file} at ${offset}`),
    `see what it finds: wattmesh chain verify --node ${args.name}`,
  ]);
}

export async function add(args: { dir: string | undefined; json: boolean }): Promise<void> {
  const { testnet, node } = await addNode(findTestnet(args.dir));
  const { name } = node;
  const rpc = await withInterrupt((signal) =>
    startDownNode(testnet, name, { ...startBase(signal), ...quiet }),
  );
  printResult(args.json, { name, rpc }, () => [`${name} has joined; JSON-RPC: ${rpc}`]);
}

export async function rm({ dir, name, json }: OnNode): Promise<void> {
  await removeNode(findTestnet(dir), name);
  printResult(json, { removed: name }, () => [`${name} is gone, with its data`]);
}

export async function chaos(args: {
  dir: string | undefined;
  scenario: string;
  seed: string;
  minutes: number;
  kills: number;
  quick: boolean;
  json: boolean;
}): Promise<void> {
  const scenario = requireScenario(args.scenario);
  if (!(args.minutes > 0) || !Number.isInteger(args.kills) || args.kills < 1) {
    throw usage('--minutes is above 0, --kills a whole number from 1', '');
  }
  const print = args.json ? printNote : printLine;
  const report = await withInterrupt((signal) =>
    runChaos(
      scenario,
      {
        dir: args.dir,
        seed: BigInt(args.seed),
        minutes: args.minutes,
        kills: args.kills,
        quick: args.quick,
        start: startBase(signal),
      },
      { line: print, progress: () => {} },
    ),
  );
  printResult(args.json, report, () => reportLines(report));
  if (report.ok) return;
  const reasons = [
    ...report.violations.map(
      ({ invariant, nodes, heights, detail }) =>
        `${invariant}: ${detail} (nodes ${nodes.join(' ') || '-'}, heights ${heights.join(' ') || '-'})`,
    ),
    ...report.bars
      .filter(({ verdict }) => verdict === 'failed')
      .map(({ name, valueMs, limitMs }) => `${name}: ${Math.round(valueMs)} ms, at most ${limitMs} ms`),
  ];
  throw new WattmeshError({
    code: 'CHECK_FAILED',
    message: reasons.join('; '),
    remedy: `the logs are in ${report.dir}; again: wattmesh testnet chaos ${report.scenario} --seed ${report.seed}`,
    details: { logLines: report.logLines },
  });
}
