/** What a node process costs: CPU until it listens, memory, and the share of the machine that a demo testnet takes. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Benchmark, median, round } from './interface.ts';

const STARTS = 5;
/** Time that a demo testnet gets to settle before it is measured, and how long it is measured. */
const DEMO_SETTLE_MS = 30_000;
const DEMO_MEASURE_MS = 30_000;
/** Clock ticks per second of /proc, on every Linux. */
const TICKS = 100;
const START_LIMIT_MS = 60_000;

/** CPU ms that a running process has used; Linux only. */
function cpuMsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS;
}

function rssMbOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]) / 1024;
}

async function cpuToListening(root: string, args: readonly string[], isUp: () => boolean): Promise<number> {
  const child = spawn(process.execPath, [...args], { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  try {
    const limit = performance.now() + START_LIMIT_MS;
    while (!isUp()) {
      if (performance.now() > limit || child.exitCode !== null)
        throw new Error('the process did not come up');
      await delay(2);
    }
    return cpuMsOf(child.pid!);
  } finally {
    child.kill('SIGTERM');
    await ended;
    rmSync(root, { recursive: true, force: true });
  }
}

async function startOnce(wattmesh: string, node: string): Promise<number> {
  const root = mkdtempSync(join(tmpdir(), 'wattmesh-bench-'));
  execFileSync(process.execPath, [wattmesh, 'init', '--preset', 'demo', '--data-dir', root], {
    stdio: 'ignore',
  });
  const running = join(root, 'running.json');
  return cpuToListening(root, [node, 'start', '--data-dir', root], () => existsSync(running));
}

/** An empty Node process that listens on a port: what no node can go below. */
async function startEmpty(): Promise<number> {
  const root = mkdtempSync(join(tmpdir(), 'wattmesh-bench-'));
  const mark = join(root, 'up');
  const program = `require('http').createServer().listen(0,'127.0.0.1',()=>require('fs').writeFileSync(${JSON.stringify(mark)},''))`;
  return cpuToListening(root, ['-e', program], () => existsSync(mark));
}

export async function benchProcessStart(wattmesh: string, node: string): Promise<Benchmark> {
  const starts: number[] = [];
  const empty: number[] = [];
  for (let i = 0; i < STARTS; i++) {
    starts.push(await startOnce(wattmesh, node));
    empty.push(await startEmpty());
  }
  return {
    name: 'process-start',
    value: round(median(starts)),
    unit: `CPU ms to listening, median of ${STARTS}, Node ${process.versions.node}`,
    yardstick: { name: 'an empty process that listens', value: round(median(empty)), unit: 'CPU ms' },
    ratio: round(median(starts) / median(empty)),
  };
}

/** A demo testnet of real processes: memory of its largest node, and its share of two cores. */
export async function benchDemo(wattmesh: string): Promise<Benchmark[]> {
  const dir = mkdtempSync(join(tmpdir(), 'wattmesh-bench-demo-'));
  const verb = (name: string, ...more: string[]) =>
    execFileSync(process.execPath, [wattmesh, 'testnet', name, '--dir', dir, ...more], { encoding: 'utf8' });
  try {
    const up = JSON.parse(verb('up', '--preset', 'demo', '--json')) as { nodes: { pid: number }[] };
    const pids = up.nodes.map((node) => node.pid);
    await delay(DEMO_SETTLE_MS);
    const cpu = () => pids.reduce((sum, pid) => sum + cpuMsOf(pid), 0);
    const from = { cpuMs: cpu(), wallMs: performance.now() };
    await delay(DEMO_MEASURE_MS);
    const coresBusy = (cpu() - from.cpuMs) / (performance.now() - from.wallMs);
    const rss = pids.map(rssMbOf);
    const largest = Math.max(...rss);
    return [
      {
        name: 'process-rss',
        value: round(largest),
        unit: `MB, the largest of ${pids.length} nodes`,
        yardstick: { name: 'this empty Node process at its start', value: round(emptyRssMb()), unit: 'MB' },
        ratio: round(largest / emptyRssMb()),
      },
      {
        name: 'demo-cpu',
        value: round((100 * coresBusy) / 2),
        unit: `% of two cores, ${pids.length} nodes once up`,
        yardstick: {
          name: 'all cores of this machine',
          value: 50 * availableParallelism(),
          unit: '% of two cores',
        },
        ratio: round(coresBusy / availableParallelism()),
      },
    ];
  } finally {
    verb('down');
    rmSync(dir, { recursive: true, force: true });
  }
}

function emptyRssMb(): number {
  const out = execFileSync(process.execPath, ['-e', 'console.log(process.memoryUsage().rss)'], {
    encoding: 'utf8',
  });
  return Number(out) / 1024 / 1024;
}
