/** Runs a scenario on a testnet of real processes and judges it by what the nodes say. */
import { existsSync, readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { dataFolder } from '../../node/config/data-folder.ts';
import { createRng, deriveSeed } from '../../node/util/rng.ts';
import { stopTestnet } from '../control.ts';
import { nodeFolder, readManifest } from '../folders.ts';
import { outputPath, type StartOptions } from '../launcher.ts';
import { tailOf } from '../log-lines.ts';
import { requirePreset } from '../manifest.ts';
import type { NodeAddress } from '../observe.ts';
import { callOf } from '../rpc.ts';
import { runningNodes, type Testnet } from '../state.ts';
import { bringUp, openTestnet, STOP_GRACE_MS } from '../up.ts';
import { verifyTestnet } from '../verify.ts';
import { createActions } from './actions.ts';
import { startCalibration } from './calibrate.ts';
import { createLedger, type Ledger, type Violation } from './ledger.ts';
import { type Observer, startObserver } from './observer.ts';
import { type ChaosReport, makeReport } from './report.ts';
import type { Bar, ChaosContext, Figures, Scenario } from './scenario.ts';
import { settle } from './settle.ts';
import { waitForOneTip } from './tips.ts';

export interface ChaosOptions {
  /** A running testnet is used and left running; else a new one is made there, or in a folder of its own. */
  dir: string | undefined;
  seed: bigint;
  minutes: number;
  kills: number;
  quick: boolean;
  start: Omit<StartOptions, 'bound' | 'onProgress'>;
}

export interface ChaosOutput {
  line(text: string): void;
  progress(done: number, total: number, what: string): void;
}

const LOG_LINES = 8;
const CONFIRMED_LIMIT_MS = 120_000;

function runningTestnet(dir: string | undefined): Testnet | null {
  if (dir === undefined) return null;
  const root = resolve(dir);
  if (!existsSync(root) || readdirSync(root).length === 0) return null;
  const manifest = readManifest(root);
  if (manifest === null || runningNodes(root, manifest).size === 0) return null;
  return { dir: root, manifest };
}

/** Runs the scenario; a testnet made for it is taken down whatever happens. */
export async function runChaos(
  scenario: Scenario,
  options: ChaosOptions,
  output: ChaosOutput,
): Promise<ChaosReport> {
  const present = runningTestnet(options.dir);
  const start: StartOptions = { ...options.start, bound: present === null, onProgress: output.progress };
  if (present !== null) return observeScenario(scenario, { testnet: present, start, options, output });
  const opened = await openTestnet({
    preset: undefined,
    dir: options.dir,
    seed: String(options.seed),
    portBase: undefined,
    prices: undefined,
    date: undefined,
    steps: undefined,
    fresh: true,
  });
  const { testnet } = opened;
  output.line(`Testnet of ${testnet.manifest.nodes.length} nodes in ${testnet.dir}`);
  try {
    await bringUp(opened, start);
    return await observeScenario(scenario, { testnet, start, options, output });
  } finally {
    const manifest = readManifest(testnet.dir) ?? testnet.manifest;
    const { left } = await stopTestnet({ dir: testnet.dir, manifest }, STOP_GRACE_MS);
    if (left.length > 0) output.line(`still running: pid ${left.map(({ pid }) => pid).join(', ')}`);
  }
}

interface Run {
  testnet: Testnet;
  start: StartOptions;
  options: ChaosOptions;
  output: ChaosOutput;
}

const addressesOf = ({ manifest }: Testnet): NodeAddress[] =>
  manifest.nodes.map(({ name, rpcPort }) => ({ name, url: `http://127.0.0.1:${rpcPort}` }));

async function observeScenario(scenario: Scenario, run: Run): Promise<ChaosReport> {
  const { testnet, options, output } = run;
  const { confirmationDepth } = requirePreset(testnet.manifest.preset).params;
  const ledger = createLedger(confirmationDepth);
  const violations: Violation[] = [];
  const bars: Bar[] = [];
  const figures: Figures = { kills: 0, faults: {}, backAtTipMs: [], oneTipMs: [] };
  const calibrate = startCalibration(testnet.dir);
  const startMs = performance.now();
  const observer = startObserver(
    () => addressesOf(testnet),
    ledger,
    (error) => output.line(`observer: ${(error as Error).message}`),
  );
  const context = createContext(scenario, run, { ledger, observer, violations, bars, figures, startMs });
  try {
    await scenario.run(context);
    context.log('the faults are over: one tip, finality and the outcome of every transaction');
    const reference = () => addressesOf(testnet)[0]!.name;
    const settled = await settle(context, { scenario, ledger, observer, reference });
    const verdict = await verifyTestnet(addressesOf(testnet));
    for (const check of verdict.checks.filter(({ ok }) => !ok)) {
      violations.push({ invariant: check.name, nodes: [], heights: [], detail: check.detail });
    }
    await observer.stop();
    const report = makeReport({
      scenario: scenario.name,
      seed: options.seed,
      dir: testnet.dir,
      durationMs: performance.now() - startMs,
      violations: [...ledger.violations(), ...violations],
      bars,
      figures,
      settled,
      calibration: calibrate(),
    });
    return {
      ...report,
      logLines: report.ok
        ? []
        : lastLines(
            testnet,
            report.violations.flatMap(({ nodes }) => nodes),
          ),
    };
  } finally {
    await observer.stop();
  }
}

function lastLines({ dir, manifest }: Testnet, names: readonly string[]): string[] {
  return manifest.nodes
    .filter(({ name }) => names.includes(name))
    .slice(0, 4)
    .flatMap(({ name }) => {
      const root = nodeFolder(dir, name);
      return tailOf(name, [dataFolder(root).log, outputPath(root)], LOG_LINES);
    });
}

interface Watching {
  ledger: Ledger;
  observer: Observer;
  violations: Violation[];
  bars: Bar[];
  figures: Figures;
  startMs: number;
}

function createContext(scenario: Scenario, run: Run, watching: Watching): ChaosContext {
  const { testnet, options, output, start } = run;
  const { figures, violations, bars } = watching;
  const { signal } = start;
  const log = (text: string): void => {
    const at = ((performance.now() - watching.startMs) / 1000).toFixed(1).padStart(6);
    output.line(`${at} s  ${text}`);
  };
  const addresses = () => addressesOf(testnet);
  const onDeath = (name: string): void => {
    log(`${name} has died by itself`);
    const detail = `${name} was found dead: ${lastLines(testnet, [name]).at(-1) ?? 'it left no word'}`;
    violations.push({ invariant: 'no node dies by itself', nodes: [name], heights: [], detail });
  };
  return {
    testnet,
    seed: options.seed,
    rng: createRng(deriveSeed(options.seed, scenario.name)),
    signal,
    minutes: options.minutes,
    kills: options.kills,
    quick: options.quick,
    figures,
    actions: createActions({
      ...{ testnet, start, figures, seed: options.seed, log, onDeath },
      onDamage: watching.ledger.onDamage,
    }),
    addresses,
    names: () => testnet.manifest.nodes.map(({ name }) => name),
    miners: () =>
      testnet.manifest.nodes.filter(({ roles }) => roles.includes('miner')).map(({ name }) => name),
    log,
    sleep: (ms) => delay(ms, undefined, { signal }),
    async waitOneTip({ names, limitMs }) {
      const wanted = names ?? addresses().map(({ name }) => name);
      const { times, missing, top } = await waitForOneTip(addresses(), wanted, { limitMs, signal });
      if (missing.length > 0) {
        const tips = missing.map(({ name, tip }) => `${name} ${tip === null ? 'silent' : `${tip.height}`}`);
        violations.push({
          invariant: 'all nodes share one tip',
          nodes: missing.map(({ name }) => name),
          heights: missing.map(({ tip }) => tip?.height ?? 0),
          detail: `after ${limitMs / 1000} s the highest is ${top?.height ?? 'unknown'}; ${tips.join(', ')}`,
        });
      }
      return times;
    },
    topHeight: () => topHeight(addresses()),
    waitConfirmed: () => waitConfirmed(watching, { addresses: addresses(), signal }),
    bar: (bar) => void bars.push(bar),
    violate: (violation) => void violations.push(violation),
  };
}

async function topHeight(addresses: readonly NodeAddress[]): Promise<number> {
  const heights = await Promise.all(
    addresses.map(({ url }) =>
      callOf({ url, timeoutMs: 3000 })('chain_getInfo', {}).then(
        ({ height }) => height,
        () => 0,
      ),
    ),
  );
  return Math.max(...heights);
}

async function waitConfirmed(
  { ledger, violations }: Watching,
  { addresses, signal }: { addresses: readonly NodeAddress[]; signal: AbortSignal },
): Promise<void> {
  const endMs = performance.now() + CONFIRMED_LIMIT_MS;
  while (ledger.account(addresses[0]!.name).confirmed === 0) {
    if (performance.now() > endMs) {
      const detail = `nothing was confirmed within ${CONFIRMED_LIMIT_MS / 1000} s, before any fault`;
      violations.push({ invariant: 'transactions are confirmed', nodes: [], heights: [], detail });
      return;
    }
    await delay(300, undefined, { signal });
  }
}
