/** The verdict on a testnet, by RPC alone: every node verifies its whole chain, and all must agree. */
import { availableParallelism } from 'node:os';
import type { NodeAddress } from './observe.ts';
import { mapPool } from './pool.ts';
import { callOf } from './rpc.ts';

export interface NodeVerdict {
  name: string;
  peerId: string | null;
  /** Common final height, and the block and state there. */
  height: number;
  hash: string | null;
  stateRoot: string | null;
  /** Every block up to the height was read back and executed again without a difference. */
  verified: boolean;
  /** Why not, in words. */
  problem: string | null;
}

export interface Check {
  name: string;
  ok: boolean;
  detail: string;
}

export interface Verdict {
  nodes: NodeVerdict[];
  checks: Check[];
}

/** Re-execution of a long chain takes its time. */
const VERIFY_LIMIT_MS = 300_000;

async function finalHeightOf(address: NodeAddress): Promise<number | null> {
  try {
    return (await callOf({ url: address.url })('chain_getInfo', {})).finalHeight;
  } catch {
    return null;
  }
}

async function verifyNode(address: NodeAddress, height: number): Promise<NodeVerdict> {
  const verdict = { name: address.name, peerId: null, height, hash: null, stateRoot: null, verified: false };
  try {
    const call = callOf({ url: address.url, timeoutMs: VERIFY_LIMIT_MS });
    const { peerId } = await call('node_info', {});
    const result = await call('chain_verify', { from: 0, to: height });
    const failure = result.firstFailure;
    const whole = result.ok && result.from === 0 && result.to === height && result.checked === height + 1;
    const why =
      failure === null
        ? `checked ${result.checked} blocks from ${result.from} to ${result.to} instead of all up to ${height}`
        : `block ${failure.height}: ${failure.message} (${failure.rule})`;
    return {
      ...verdict,
      peerId,
      hash: result.hash,
      stateRoot: result.stateRoot,
      verified: whole,
      problem: whole ? null : why,
    };
  } catch (error) {
    return { ...verdict, problem: (error as Error).message };
  }
}

function agreement(name: string, nodes: readonly NodeVerdict[], key: 'hash' | 'stateRoot'): Check {
  const values = new Map<string, string[]>();
  for (const node of nodes) {
    const value = node[key] ?? 'unknown';
    values.set(value, [...(values.get(value) ?? []), node.name]);
  }
  const [first] = values.keys();
  const ok = values.size === 1 && first !== 'unknown';
  const groups = [...values].map(([value, names]) => `${names.join(' ')}: ${value.slice(0, 16)}`);
  return { name, ok, detail: ok ? `${first}` : groups.join('; ') };
}

/** The ledger's own residuals, as a node states them. */
async function ledgerCheck(address: NodeAddress): Promise<Check> {
  const name = 'energy and money balance';
  try {
    const kpis = await callOf({ url: address.url })('community_getKpis', {});
    const { residualNanoEur } = kpis.balances;
    const ok = kpis.residualWh === 0 && residualNanoEur === '0';
    return { name, ok, detail: `residual ${kpis.residualWh} Wh, ${residualNanoEur} nanoEUR` };
  } catch (error) {
    return { name, ok: false, detail: (error as Error).message };
  }
}

/** Judges every node at the highest block that is final on all of them. */
export async function verifyTestnet(addresses: readonly NodeAddress[]): Promise<Verdict> {
  const finals = await Promise.all(addresses.map(finalHeightOf));
  const silent = addresses.filter((_, i) => finals[i] === null).map(({ name }) => name);
  const known = finals.filter((height) => height !== null);
  const height = known.length === 0 ? 0 : Math.min(...known);
  const nodes = await mapPool(addresses, availableParallelism(), (address) => verifyNode(address, height));
  const broken = nodes.filter((node) => !node.verified && !silent.includes(node.name));
  const problems = broken.map((node) => `${node.name}: ${node.problem}`);
  const answering = addresses.find(({ name }) => !silent.includes(name));
  const checks: Check[] = [
    {
      name: 'every node answers',
      ok: silent.length === 0,
      detail: silent.length === 0 ? `${nodes.length} nodes` : `no answer from ${silent.join(', ')}`,
    },
    {
      name: 'some block is final',
      ok: height > 0,
      detail: `final on every node: block ${height}`,
    },
    {
      name: 'every block executed again on every node',
      ok: broken.length === 0 && known.length > 0,
      detail: problems.length === 0 ? `${height + 1} blocks on ${known.length} nodes` : problems.join('; '),
    },
    agreement('same final block', nodes, 'hash'),
    agreement('same state root', nodes, 'stateRoot'),
  ];
  if (answering !== undefined) checks.push(await ledgerCheck(answering));
  return { nodes, checks };
}
