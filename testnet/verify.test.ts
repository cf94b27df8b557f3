import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { NodeAddress } from './observe.ts';
import { verifyTestnet } from './verify.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

interface Answers {
  finalHeight: number;
  hash: string;
  stateRoot: string;
  checked: number;
  failure: { height: number; hash: null; rule: string; message: string } | null;
  residualNanoEur: string;
}

const SOUND: Answers = {
  finalHeight: 10,
  hash: 'aa',
  stateRoot: 'bb',
  checked: 11,
  failure: null,
  residualNanoEur: '0',
};

/** A node that states what a test wants. */
async function serve(name: string, change: Partial<Answers> = {}): Promise<NodeAddress> {
  const answers = { ...SOUND, ...change };
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (part) => {
      body += part;
    });
    request.on('end', () => {
      const { id, method, params } = JSON.parse(body);
      const results: Record<string, unknown> = {
        node_info: { peerId: `peer-${name}` },
        chain_getInfo: { finalHeight: answers.finalHeight },
        chain_verify: {
          ok: answers.failure === null,
          from: 0,
          to: params?.to,
          checked: answers.checked,
          hash: answers.hash,
          stateRoot: answers.stateRoot,
          firstFailure: answers.failure,
        },
        community_getKpis: { residualWh: 0, balances: { residualNanoEur: answers.residualNanoEur } },
      };
      response.end(JSON.stringify({ jsonrpc: '2.0', id, result: results[method] }));
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { name, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

async function failedChecks(addresses: NodeAddress[]): Promise<Record<string, string>> {
  const { checks } = await verifyTestnet(addresses);
  return Object.fromEntries(checks.filter((check) => !check.ok).map(({ name, detail }) => [name, detail]));
}

describe('the verdict on a testnet', () => {
  it('is good when all nodes verify the same chain, at the height that is final on all', async () => {
    const nodes = [await serve('n01'), await serve('n02', { finalHeight: 12 })];
    const { nodes: verdicts, checks } = await verifyTestnet(nodes);
    expect(checks.filter((check) => !check.ok)).toEqual([]);
    expect(verdicts).toEqual(
      ['n01', 'n02'].map((name) => ({
        name,
        peerId: `peer-${name}`,
        height: 10,
        hash: 'aa',
        stateRoot: 'bb',
        verified: true,
        problem: null,
      })),
    );
  });

  it('names the node that differs in block or state', async () => {
    const nodes = [await serve('n01'), await serve('n02', { stateRoot: 'cc' }), await serve('n03')];
    const failed = await failedChecks(nodes);
    expect(Object.keys(failed)).toEqual(['same state root']);
    expect(failed['same state root']).toContain('n02: cc');
    const other = await failedChecks([await serve('n01'), await serve('n02', { hash: 'ab' })]);
    expect(Object.keys(other)).toEqual(['same final block']);
  });

  it('names the damaged block of a node', async () => {
    const failure = { height: 4, hash: null, rule: 'STATE_ROOT', message: 'wrong state root' };
    const failed = await failedChecks([await serve('n01'), await serve('n02', { failure })]);
    expect(failed).toEqual({
      'every block executed again on every node': 'n02: block 4: wrong state root (STATE_ROOT)',
    });
  });

  it('does not take a part of the chain for the whole', async () => {
    const failed = await failedChecks([await serve('n01'), await serve('n02', { checked: 10 })]);
    expect(Object.keys(failed)).toEqual(['every block executed again on every node']);
  });

  it('names a node that does not answer, and a chain without a final block', async () => {
    const gone = { name: 'n02', url: 'http://127.0.0.1:9' };
    const failed = await failedChecks([await serve('n01', { finalHeight: 0, checked: 1 }), gone]);
    expect(failed['every node answers']).toContain('n02');
    expect(failed).toHaveProperty('some block is final');
    expect(failed).toHaveProperty('same final block');
  });

  it('reports money that was made or lost', async () => {
    const failed = await failedChecks([await serve('n01', { residualNanoEur: '-1' })]);
    expect(failed['energy and money balance']).toContain('-1 nanoEUR');
  });
});
