/** A paused process cannot notice that its supervisor has died; this lets it go on, so that it can. */
import { spawn } from 'node:child_process';
import type { ProcessRecord } from './processes.ts';

/** Ends by itself: when the node goes on or is gone, or after it was resumed because the supervisor is gone. */
const WATCH = `
const { readFileSync } = require('node:fs');
const [supervisor, node] = process.argv.slice(1).map(Number);
const runs = (pid) => {
  try { process.kill(pid, 0); return true; } catch { return false; }
};
const isPaused = () => {
  if (process.platform !== 'linux') return runs(node);
  try {
    const stat = readFileSync('/proc/' + node + '/stat', 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).startsWith('T');
  } catch { return false; }
};
setInterval(() => {
  if (!isPaused()) process.exit();
  if (runs(supervisor)) return;
  process.kill(node, 'SIGCONT');
  process.exit();
}, 500);
`;

/** Watches over a node that was just paused, in a process that outlives both. */
export function guardPaused(node: ProcessRecord, supervisor: ProcessRecord): void {
  const args = ['-e', WATCH, String(supervisor.pid), String(node.pid)];
  const child = spawn(process.execPath, args, { detached: true, stdio: 'ignore' });
  child.on('error', () => signalAnyway(node));
  child.unref();
}

/** Without its guard a paused node could be left behind for ever: better not paused. */
function signalAnyway({ pid }: ProcessRecord): void {
  process.kill(pid, 'SIGCONT');
}
