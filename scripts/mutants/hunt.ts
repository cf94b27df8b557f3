/** Runs one bundle over seeds in a process of its own, until something is found. */
import { spawn } from 'node:child_process';
import type { SeedResult } from './interface.ts';

export interface HuntOptions {
  readonly bundle: string;
  readonly first: number;
  readonly last: number;
  /** 0: as the seed draws them. */
  readonly nodes: number;
  /** Go on after a violation. */
  readonly all: boolean;
  /** A seed that takes longer, on the clock of the wall, hangs. */
  readonly limitMs: number;
}

/** One result per seed that was begun. A process that dies or hangs is a finding of the seed it was at. */
export function hunt(options: HuntOptions): Promise<SeedResult[]> {
  const { bundle, first, last, nodes, all, limitMs } = options;
  const args = [bundle, String(first), String(last), String(nodes), all ? 'all' : 'first'];
  const child = spawn(process.execPath, ['--max-semi-space-size=64', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const results: SeedResult[] = [];
  let rest = '';
  let errors = '';
  let hangs = false;
  const stopHanging = (): void => {
    hangs = true;
    child.kill('SIGKILL');
  };
  let timer = setTimeout(stopHanging, limitMs);
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop()!;
    for (const line of lines) results.push(JSON.parse(line) as SeedResult);
    clearTimeout(timer);
    timer = setTimeout(stopHanging, limitMs);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-2000);
  });
  const finding = (checker: string, detail: string): SeedResult => ({
    seed: first + results.length,
    cpuSeconds: 0,
    violations: [{ checker, detail }],
    traceHash: '',
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(timer);
      if (hangs) results.push(finding('hangs', `no end within ${limitMs / 1000} s`));
      else if (code !== 0) results.push(finding('exit', errors));
      resolve(results);
    });
  });
}
