/** `wattmesh status` and `wattmesh peers`. */
import type { Argv } from 'yargs';
import { withNodeOptions } from '../options.ts';
import { fieldLines, printResult, tableLines, timeText } from '../output.ts';

export function statusCommand(y: Argv): Argv {
  return y.command(
    'status',
    'what a node is and how it is',
    (options) =>
      withNodeOptions(options)
        .example('$0 status', 'the first node of the testnet that answers')
        .example('$0 status --node n03 --json', 'one node, as JSON'),
    async (args) => {
      const { findNode } = await import('../target.ts');
      const { client, url } = await findNode(args);
      const [info, health, chain] = await Promise.all([
        client.call('node_info'),
        client.call('node_health'),
        client.call('chain_getInfo'),
      ]);
      printResult(args.json, { info, health, chain }, () => [
        ...fieldLines([
          ['node', `${info.name} (${info.roles.join(', ') || 'no roles'})`],
          ['rpc', url],
          ['peer id', info.peerId],
          ['member', info.member],
          ['chain', `${info.chainName} ${info.genesisHash.slice(0, 16)}`],
          ['height', `${chain.height} ${chain.hash.slice(0, 16)}`],
          [
            'final',
            `${chain.finalHeight}${chain.finality.reached ? '' : ' (no quorum: nothing becomes final)'}`,
          ],
          ['step', `${chain.step} ${chain.phase}`],
          ['started', timeText(info.startedMs)],
          ['data', info.dataDir],
          ['ready', health.ready ? 'yes' : 'no'],
        ]),
        ...health.checks.map((check) => `  ${check.ok ? 'ok    ' : 'not ok'} ${check.name}: ${check.detail}`),
      ]);
    },
  );
}

export function peersCommand(y: Argv): Argv {
  return y.command(
    'peers',
    'the peers that a node is connected to',
    (options) => withNodeOptions(options).example('$0 peers --node n03', 'of one node of the testnet'),
    async (args) => {
      const { findNode } = await import('../target.ts');
      const { client } = await findNode(args);
      const peers = await client.call('net_peers');
      printResult(args.json, peers, () =>
        tableLines(
          ['PEER', 'ADDRESS', 'DIRECTION', '>SCORE', '>RTT ms', 'MESH'],
          peers.map((peer) => [
            peer.peerId,
            peer.address.replace(/\/p2p\/.*$/, ''),
            peer.direction,
            String(peer.score),
            peer.rttMs === null ? '-' : String(peer.rttMs),
            peer.meshTopics.join(' '),
          ]),
        ),
      );
    },
  );
}
