/** `rpc.md` and `openrpc.json`: the interface of a running node. */

import { RPC_CODES } from '../../node/rpc/errors.ts';
import { DEFAULT_LIMITS } from '../../node/rpc/limits.ts';
import { type OpenRpcMethod, openRpcDocument } from '../../node/rpc/open-rpc.ts';
import { TOPICS } from '../../node/rpc/schema/rpc.ts';
import { cell, code, fenced, page, table } from './markdown.ts';
import { rangeText, type Schema, typeName } from './schema.ts';

export function openRpcFile(): string {
  return `${JSON.stringify(openRpcDocument(), null, 2)}\n`;
}

function parametersOf({ params }: OpenRpcMethod): string {
  if (params.length === 0) return 'No parameters.';
  const rows = params.map(({ name, required, schema }) => {
    const one = schema as Schema;
    const given = one.default === undefined ? 'optional' : `default ${code(JSON.stringify(one.default))}`;
    return [
      code(name),
      cell(typeName(one)),
      rangeText(one),
      required === true ? 'required' : given,
      cell(one.description ?? ''),
    ];
  });
  return table(['Parameter', 'Type', 'Range', '', 'Meaning'], rows);
}

function exampleOf({ name, examples }: OpenRpcMethod): string {
  const [example] = examples;
  const params = Object.fromEntries((example?.params ?? []).map((one) => [one.name, one.value]));
  return JSON.stringify({ jsonrpc: '2.0', id: 1, method: name, params });
}

function methodSection(method: OpenRpcMethod): string {
  const only = method['x-web-socket-only'] ? ', WebSocket only' : '';
  return [
    `### ${method.name}`,
    `${method.summary}. Access: ${method['x-access']}${only}.`,
    parametersOf(method),
    'Result:',
    fenced('text', typeName(method.result.schema as Schema)),
    'Example request:',
    fenced('json', exampleOf(method)),
  ].join('\n\n');
}

const NOTATION = [
  '`Hash`: 64 lower-case hex digits (parameters also take upper case and a leading `0x`). `Hex`: bytes as lower-case hex. `HexNumber`: an unsigned number in hex without leading zeros. `NanoEur`: an integer amount as a decimal string. `Account`: `p-0003`, `aggregator`, `network-operator`, `fund`, `treasury`, `oracle-0`; parameters also take the bare number of a member.',
  'Units stand in the names: Wh, W, MicroEurPerKwh, NanoEur, Bps (10 000 = 1.00), CentiC, Ms. `asOf {height, hash}` names the tip that an answer was read at.',
];

export function rpcPage(): string {
  const { methods, info } = openRpcDocument();
  const limits = Object.entries(DEFAULT_LIMITS).map(([name, value]) => [code(name), String(value)]);
  const namespaces = [...new Set(methods.map((method) => method.tags[0]!.name))];
  return page('JSON-RPC', [
    `Interface version ${info.version}. JSON-RPC 2.0 by \`POST /\` and over a WebSocket on the same port; batches are allowed, parameters are named or positional. \`rpc.discover\` answers [openrpc.json](openrpc.json), the machine-readable form of this page.`,
    'Access `read` needs nothing. Every other level needs the header `Authorization: Bearer TOKEN`; the token stands in the file `token` of the data folder (mode 0600) and is new at every start. The server listens on the loopback address by default and refuses foreign `Host` and `Origin` headers.',
    'On the same port: `GET /healthz` (200 while the node lives), `GET /readyz` (200 with mesh peers and nothing known to catch up with, else 503 with the reasons), `GET /metrics` ([metrics](metrics.md)).',
    ...NOTATION,
    `## Methods\n\n${table(
      ['Method', 'Access', 'Summary'],
      methods.map((method) => [
        `[${method.name}](#${method.name.toLowerCase().replace(/[^a-z0-9_-]/g, '')})`,
        method['x-access'],
        cell(method.summary),
      ]),
    )}`,
    `## Subscriptions\n\nTopics of \`sub_subscribe\`: ${TOPICS.map(code).join(', ')}. Events come as notifications \`sub_event {subscription, seq, dropped, data}\`; \`seq\` counts from 0 and counts dropped events too, which happen when a client reads too slowly.`,
    `## Errors\n\n${table(
      ['Number', 'Name'],
      Object.entries(RPC_CODES).map(([name, number]) => [String(number), name]),
    )}\n\n\`error.data\` is \`{reason, hint}\` and details; \`reason\` is one of the [error codes](errors.md).`,
    `## Limits\n\n${table(['Limit', 'Value'], limits)}`,
    ...namespaces.map((name) =>
      [`## ${name}`, ...methods.filter((one) => one.tags[0]!.name === name).map(methodSection)].join('\n\n'),
    ),
  ]);
}
