/** For tests only: a program that starts, answers and ends like a node, without a chain. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Runs under plain Node.js. Files in its data folder change its ways: `crash` (text to die with), `silent`. */
const PROGRAM = `
import { createServer } from 'node:http';
import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
const root = process.argv[process.argv.indexOf('--data-dir') + 1];
const path = (name) => join(root, name);
const config = JSON.parse(readFileSync(path('node.json'), 'utf8'));
const log = (level, msg) => appendFileSync(path('node.log'), JSON.stringify({ level, time: Date.now(), msg }) + '\\n');
if (process.argv.includes('--die-with-parent')) {
  process.stdin.on('end', () => process.exit(0)).resume();
}
if (existsSync(path('crash'))) {
  for (let i = 1; i <= 30; i++) log(30, 'line ' + i);
  process.stderr.write(readFileSync(path('crash'), 'utf8') + '\\n');
  process.exit(9);
}
const answers = {
  node_info: { name: config.name, peerId: 'peer-' + config.name },
  net_peers: [{}, {}, {}],
  chain_getInfo: { height: 2, hash: 'ab', finalHeight: 1, step: -1, phase: 'waiting', reorgs: 0, finality: { reached: true }, marketClockMs: 0 },
  mining_getInfo: { enabled: true, hashesPerSecond: 1000, blocksMined: 1, blocksStale: 0 },
};
const answer = (call) => ({ jsonrpc: '2.0', id: call.id, result: answers[call.method] ?? null });
const server = createServer((request, response) => {
  let body = '';
  request.on('data', (part) => { body += part; });
  request.on('end', () => {
    const call = JSON.parse(body);
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(Array.isArray(call) ? call.map(answer) : answer(call)));
  });
});
server.on('error', (error) => { process.stderr.write(error.message + '\\n'); process.exit(1); });
server.listen(config.rpc.port, '127.0.0.1', () => {
  const url = 'http://127.0.0.1:' + server.address().port;
  const p2p = ['/ip4/127.0.0.1/tcp/' + config.p2p.port + '/p2p/peer-' + config.name];
  log(30, 'up');
  writeFileSync(path('running.json'), JSON.stringify({ url, p2p, pid: process.pid, startedMs: Date.now(), peerId: 'peer-' + config.name }));
});
process.on('SIGTERM', () => {
  if (existsSync(path('stubborn'))) return;
  rmSync(path('running.json'), { force: true });
  process.exit(0);
});
`;

/** Writes the program into a folder and gives its path. */
export function writeFakeNode(folder: string): string {
  const path = join(folder, 'fake-node.mjs');
  writeFileSync(path, PROGRAM);
  return path;
}
