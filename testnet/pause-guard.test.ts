import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { guardPaused } from './pause-guard.ts';
import { birthOf, type ProcessRecord } from './processes.ts';

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** A process that ends as soon as its standard input does, as a node of a supervisor. */
async function start(): Promise<{ child: ChildProcess; record: ProcessRecord }> {
  const program = `process.stdin.on('end', () => process.exit(0)).resume(); console.log('up')`;
  const child = spawn(process.execPath, ['-e', program], { stdio: ['pipe', 'pipe', 'ignore'] });
  children.push(child);
  await once(child.stdout!, 'data');
  return { child, record: { pid: child.pid!, birth: birthOf(child.pid!)! } };
}

const stateOf = ({ pid }: ProcessRecord): string => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3);
};
const isPaused = (node: ProcessRecord) => expect.poll(() => stateOf(node), { timeout: 30_000 });

describe.skipIf(process.platform !== 'linux')('a paused process', () => {
  it('goes on when its supervisor is gone, and not before', async () => {
    const [supervisor, node] = [await start(), await start()];
    node.child.kill('SIGSTOP');
    await isPaused(node.record).toBe('T');
    guardPaused(node.record, supervisor.record);
    node.child.stdin!.end();
    const ended = once(node.child, 'exit');
    // It cannot have seen the end of its input: nothing lets it go on yet.
    expect(stateOf(node.record)).toBe('T');
    supervisor.child.kill('SIGKILL');
    await once(supervisor.child, 'exit');
    expect(await ended).toEqual([0, null]);
  });
});
