/** A live node against foreign input: from peers, from clients, and in its own files. It stays up and says what is wrong. */
import { createPrivateKey, sign } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dataFolder } from '../node/config/data-folder.ts';
import { generateIdentity } from '../node/p2p/identity.ts';
import type { Network } from '../node/p2p/interface.ts';
import { createNetwork } from '../node/p2p/network.ts';
import { createBody, decode, encode } from '../node/protocol/codec.ts';
import { Block, type Transaction } from '../node/protocol/types.ts';
import {
  BlocksAnswer,
  HeadersAnswer,
  PROTOCOLS,
  Status,
  TOPICS,
  TransactionBatch,
} from '../node/protocol/wire.ts';
import { type MadeChain, makeChain, writeChainFolder } from './test-chain-folder.ts';
import { build, type Daemon, spawnDaemon, startDaemon, until, wattmesh } from './test-daemon.ts';

const HEIGHT = 40;
/** The node starts with these; an honest peer tells it of the others one by one. */
const STORED = 20;

let home: string;
let made: MadeChain;
let victim: Daemon;
let honest: Network;
const networks: Network[] = [];
const root = (name: string) => join(home, name);
const block = (height: number) => made.blocks[height - 1]!.block;

type Answer = (protocol: string) => Uint8Array | null;

/** A peer that speaks the chain's protocols and whatever it likes in them. */
async function createPeer(answer: Answer = () => null): Promise<Network> {
  const network: Network = await createNetwork(
    {
      privateKey: (await generateIdentity()).privateKey,
      listen: '/ip4/127.0.0.1/tcp/0',
      seeds: [victim.address],
      chain: (await victim.call('chain_getInfo', {})).genesisHash.slice(0, 16),
      topics: [...TOPICS],
      protocols: PROTOCOLS.map((name) => ({ name, maxRequestBytes: 1e6, maxResponseBytes: 2e6 })),
      maxMessageBytes: 1e6,
      targetPeers: 1,
      addressBook: { load: () => [], save() {} },
      log() {},
      now: Date.now,
    },
    {
      onMessage: ({ messageId, from }) => network.report(messageId, from, 'ignore'),
      onRequest: async ({ protocol }) => answer(protocol),
      onPeerUp() {},
      onPeerDown() {},
    },
  );
  networks.push(network);
  await network.start();
  return network;
}

/** A peer that the node listens to. */
async function createGossiper(): Promise<Network> {
  const network = await createPeer();
  await until('a peer in the gossip mesh', () => network.meshPeers('block').includes(victim.peerId));
  return network;
}

/** What the node's log says of a peer: reasons of penalties, and of a ban. */
function blameOf({ peerId }: Network): { penalties: string[]; ban: string | null } {
  const lines = readFileSync(dataFolder(root('victim')).log, 'utf8')
    .trimEnd()
    .split('\n');
  const entries = lines
    .map((line) => JSON.parse(line) as { msg: string; peerId?: string; reason: string })
    .filter((entry) => entry.peerId === peerId);
  const reasonsOf = (msg: string) => entries.filter((entry) => entry.msg === msg).map(({ reason }) => reason);
  return { penalties: reasonsOf('peer penalised'), ban: reasonsOf('peer banned')[0] ?? null };
}

const heightOf = async (node: Daemon) => (await node.call('chain_getInfo', {})).height;

/** The node takes the next block of an honest peer: nothing stands still, and nothing was taken from the bad one. */
async function goesOn(): Promise<void> {
  const height = await heightOf(victim);
  await honest.publish('block', encode(Block, block(height + 1)));
  await until('the next block', async () => (await heightOf(victim)) === height + 1);
  expect((await victim.call('chain_getInfo', {})).hash).toBe(made.blocks[height]!.idHex);
  expect(blameOf(honest)).toEqual({ penalties: [], ban: null });
}

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'wattmesh-bad-input-'));
  await build();
  made = await makeChain(8, HEIGHT);
  await writeChainFolder(root('victim'), made, { seeds: [], peerKey: 1, batches: STORED, logLevel: 'debug' });
  victim = await startDaemon(root('victim'));
  honest = await createGossiper();
});
afterAll(async () => {
  await Promise.all(networks.map((network) => network.stop()));
  expect(await victim?.stop()).toMatchObject({ code: 0, err: '' });
  rmSync(home, { recursive: true, force: true });
});

/** A block on the tip whose only fault is its author: somebody who is no miner. */
async function blockOfStranger(): Promise<Uint8Array> {
  const next = block((await heightOf(victim)) + 1);
  const { header, signature } = next.signedHeader;
  const body = { ...header.body, author: 77 };
  return encode(Block, { ...next, signedHeader: { header: { ...header, body }, signature } });
}

function foreignOrder(account: number): Transaction {
  const { privateKey } = {
    privateKey: createPrivateKey({ key: pkcs8(account), format: 'der', type: 'pkcs8' }),
  };
  const payload = { side: 0, energyWh: 10, limitMicroEurPerKwh: 100_000 };
  const body = createBody({ kind: 'order', step: 5, account, sequence: 0, payload });
  return { body, signatures: [new Uint8Array(sign(null, Buffer.from('another chain'), privateKey))] };
}
const pkcs8 = (seed: number) =>
  Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.alloc(32, seed + 1)]);

describe('gossip', () => {
  const CASES: [string, 'tx' | 'block', RegExp, (i: number) => Promise<Uint8Array> | Uint8Array][] = [
    ['bytes that are no block', 'block', /rejected message/, (i) => new Uint8Array(100).fill(i + 1)],
    ['bytes that are no transactions', 'tx', /rejected message/, (i) => new Uint8Array(99).fill(i + 1)],
    ['messages over the limit', 'block', /rejected message/, (i) => new Uint8Array(300_000).fill(i + 1)],
    ['a block without work', 'block', /BLOCK_WORK/, blockOfStranger],
    [
      'transactions that were signed for another chain',
      'tx',
      /TX_SIGNATURE|rejected message/,
      (i) => encode(TransactionBatch, [foreignOrder(i)]),
    ],
  ];

  it.each(CASES)('bans a peer for %s', async (_, topic, reason, make) => {
    const mallory = await createGossiper();
    for (let i = 0; i < 5 && blameOf(mallory).ban === null; i++) await mallory.publish(topic, await make(i));
    await until('the ban', () => blameOf(mallory).ban !== null);
    expect(blameOf(mallory).ban).toMatch(reason);
    await until('the end of the link', async () => {
      return (await victim.call('net_peers', {})).every((peer) => peer.peerId !== mallory.peerId);
    });
    await goesOn();
  });
});

describe('answers', () => {
  const status = (change: object = {}) => {
    const { header } = block(HEIGHT).signedHeader;
    return encode(Status, {
      genesisId: made.batches[0]!.blocks[0]!.node.parent!.id,
      tipId: made.blocks[HEIGHT - 1]!.id,
      tipHeight: header.body.height,
      finalHeight: 0,
      justifiedHeight: 0,
      work: 1n << 60n,
      ...change,
    });
  };
  const headers = (from: number, to: number) =>
    encode(
      HeadersAnswer,
      made.blocks.slice(from, to).map((entry) => entry.block.signedHeader),
    );
  const CASES: [string, RegExp, Record<string, () => Uint8Array>][] = [
    [
      'a status of another chain',
      /PEER_WRONG_CHAIN/,
      { status: () => status({ genesisId: new Uint8Array(32) }) },
    ],
    ['an answer that does not decode', /PEER_MALFORMED/, { status: () => new Uint8Array(7) }],
    ['headers that do not link', /PEER_HEADERS/, { status, headers: () => headers(HEIGHT - 2, HEIGHT) }],
    [
      'bodies that nobody asked for',
      /PEER_BLOCKS/,
      {
        status,
        headers: () => headers(0, HEIGHT - 5),
        blocks: () => encode(BlocksAnswer, [block(HEIGHT)]),
      },
    ],
  ];

  it.each(CASES)('blames a peer for %s', async (_, reason, answers) => {
    const mallory = await createPeer((protocol) => answers[protocol]?.() ?? null);
    await until('the blame', () => blameOf(mallory).penalties.some((entry) => reason.test(entry)));
    await mallory.stop();
    await goesOn();
  });

  it('blames a peer for a request over the limit, and answers the others', async () => {
    const mallory = await createGossiper();
    const limits = { timeoutMs: 20_000, maxResponseBytes: 1e6 };
    await expect(
      mallory.request(victim.peerId, 'headers', new Uint8Array(100_000), limits),
    ).rejects.toMatchObject({ code: expect.stringMatching(/^P2P_/) });
    await until('the blame', () =>
      blameOf(mallory).penalties.some((entry) => /oversized request/.test(entry)),
    );
    await expect(mallory.request(victim.peerId, 'headers', new Uint8Array(33), limits)).rejects.toMatchObject(
      { code: expect.stringMatching(/^P2P_/) },
    );
    const answer = await honest.request(victim.peerId, 'status', status(), limits);
    expect(decode(Status, answer)?.tipHeight).toBe(await heightOf(victim));
    await goesOn();
  });
});

describe('clients', () => {
  const post = (body: string) =>
    fetch(victim.url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });

  it('are told what is wrong with a body', async () => {
    const codes = [];
    for (const body of ['{"jsonrpc":', '[]', '{"jsonrpc":"2.0","id":1,"method":"no_such"}']) {
      codes.push(((await (await post(body)).json()) as { error: { code: number } }).error.code);
    }
    expect(codes).toEqual([-32700, -32600, -32601]);
    expect((await post('x'.repeat(20_000_000)).catch(() => ({ status: 413 }))).status).toBe(413);
    await goesOn();
  });
});

describe('a node that cannot start', () => {
  /** Exit code 1, the code, a remedy, and no stack. */
  async function refusal(dir: string): Promise<string> {
    const { code, err } = await spawnDaemon(dir).exit;
    expect({ code, err }).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^error: .+\n {2}.+\n {2}code [A-Z0-9_]+\n$/),
    });
    return err.match(/code (.+)\n$/)![1]!;
  }
  const write = async (name: string) => {
    await writeChainFolder(root(name), made, { seeds: [], peerKey: 9, batches: 1 });
    return dataFolder(root(name));
  };

  it('because another process has its data folder', async () => {
    expect(await refusal(root('victim'))).toBe('STORE_LOCKED');
    await goesOn();
  });

  it.each([
    ['rpc', 'RPC_PORT_BUSY'],
    ['p2p', 'P2P_PORT_BUSY'],
  ])('because its %s port is busy', async (part, code) => {
    const holder: Server = createServer();
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
    const { config } = await write(`busy-${part}`);
    const text = JSON.parse(readFileSync(config, 'utf8'));
    text[part].port = (holder.address() as { port: number }).port;
    writeFileSync(config, JSON.stringify(text));
    expect(await refusal(root(`busy-${part}`))).toBe(code);
    holder.close();
  });

  it.each([
    ['genesis', '{"genesis": 1', 'GENESIS_FILE'],
    ['genesis', null, 'GENESIS_MISSING'],
    ['config', '{', 'CONFIG_INVALID'],
    ['config', '{"name": "x", "colour": 1}', 'CONFIG_INVALID'],
    ['keys', '{"peer": "abc"}', 'CONFIG_INVALID'],
    ['keys', null, 'CONFIG_MISSING'],
  ] as const)('because of its %s file (%s)', async (file, text, code) => {
    const name = `damaged-${file}-${text?.length ?? 'none'}`;
    const path = (await write(name))[file];
    if (text === null) rmSync(path);
    else writeFileSync(path, text);
    expect(await refusal(root(name))).toBe(code);
  });

  it('because nobody knows its preset', async () => {
    const { code, err } = await wattmesh('init', '--preset', 'mars', '--data-dir', root('mars'));
    expect({ code, err }).toMatchObject({ code: 2, err: expect.stringContaining('PRESET_UNKNOWN') });
  });
});
