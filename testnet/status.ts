/** `testnet status`: which processes live, and what the nodes say. */
import { nodeFolder } from './folders.ts';
import { type CommunityView, type NodeView, observe } from './observe.ts';
import { readRunningFile } from './running-file.ts';
import { livingSupervisor, runningNodes, type Testnet } from './state.ts';
import type { Colors } from './view.ts';

export interface NodeStatus {
  name: string;
  roles: string[];
  /** `up`: answers; `silent`: the process lives and does not answer; `down`: no process. */
  state: 'up' | 'silent' | 'down';
  pid: number | null;
  rpc: string | null;
  view: NodeView['up'];
  dataDir: string;
}

export interface TestnetStatus {
  dir: string;
  preset: string;
  seed: string;
  supervised: boolean;
  nodes: NodeStatus[];
  community: CommunityView | null;
}

export async function testnetStatus({ dir, manifest }: Testnet): Promise<TestnetStatus> {
  const processes = runningNodes(dir, manifest);
  const addresses = manifest.nodes.flatMap(({ name }) => {
    const running = processes.has(name) ? readRunningFile(nodeFolder(dir, name)) : null;
    return running === null ? [] : [{ name, url: running.url }];
  });
  const view = await observe(addresses);
  const views = new Map(view.nodes.map((node) => [node.name, node.up]));
  const nodes = manifest.nodes.map(({ name, roles }): NodeStatus => {
    const process = processes.get(name);
    const up = views.get(name) ?? null;
    return {
      name,
      roles: [...roles],
      state: process === undefined ? 'down' : up === null ? 'silent' : 'up',
      pid: process?.pid ?? null,
      rpc: addresses.find((address) => address.name === name)?.url ?? null,
      view: up,
      dataDir: nodeFolder(dir, name),
    };
  });
  return {
    dir,
    preset: manifest.preset,
    seed: manifest.seed,
    supervised: livingSupervisor(dir) !== null,
    nodes,
    community: view.community,
  };
}

function rowOf({ name, roles, state, pid, rpc, view }: NodeStatus): string[] {
  const shown = view === null ? null : view;
  const number = (value: number | undefined | null) =>
    value === undefined || value === null ? '-' : String(value);
  return [
    name,
    roles.join(','),
    state === 'up' ? 'up' : state.toUpperCase(),
    number(shown?.height),
    shown === null ? '-' : shown.hash.slice(0, 12),
    number(shown?.finalHeight),
    number(shown?.peers),
    roles.includes('miner') ? number(shown?.blocksMined) : '-',
    shown === null || shown.hashesPerSecond === null
      ? '-'
      : `${(shown.hashesPerSecond / 1000).toFixed(1)} kH/s`,
    number(pid),
    rpc ?? '-',
  ];
}

export function statusLines(status: TestnetStatus, colors: Colors): string[] {
  const { nodes, community } = status;
  const up = nodes.filter((node) => node.state === 'up').length;
  const step =
    community === null
      ? 'no node answers'
      : `height ${community.height}  final ${community.finalHeight}  step ${community.step} ${community.phase}  trades ${community.trades}`;
  const titles = [
    'NODE',
    'ROLES',
    'STATE',
    'HEIGHT',
    'TIP',
    'FINAL',
    'PEERS',
    'MINED',
    'HASH RATE',
    'PID',
    'RPC',
  ];
  const rows = nodes.map(rowOf);
  const widths = titles.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
  const format = (cells: readonly string[]) =>
    cells
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join('  ')
      .trimEnd();
  return [
    `${status.preset}  ${up}/${nodes.length} up  ${step}  seed ${status.seed}`,
    colors.dim(format(titles)),
    ...nodes.map((node, i) => (node.state === 'up' ? format(rows[i]!) : colors.red(format(rows[i]!)))),
    colors.dim(`folder ${status.dir}${status.supervised ? '; held by a running "testnet run"' : ''}`),
  ];
}
