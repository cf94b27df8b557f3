/** `config.md`: the settings of a node. */
import * as z from 'zod';
import { NodeConfig } from '../../node/config/node-config.ts';
import { cell, code, page, table } from './markdown.ts';
import { rangeText, type Schema, typeName } from './schema.ts';

/** The object behind a nullable one. */
function objectOf(schema: Schema): Schema | null {
  if (schema.properties !== undefined) return schema;
  return schema.anyOf?.find((one) => one.properties !== undefined) ?? null;
}

function rowsOf(schema: Schema, prefix: string): string[][] {
  const required = new Set(schema.required ?? []);
  return Object.entries(schema.properties ?? {}).flatMap(([name, one]) => {
    const path = `${prefix}${name}`;
    const inner = objectOf(one);
    const row = [
      code(path),
      cell(inner === null ? typeName(one) : one.anyOf === undefined ? 'object' : 'object | null'),
      rangeText(one.anyOf?.[0] ?? one),
      required.has(name) ? 'required' : code(JSON.stringify(one.default ?? null)),
      cell(one.description ?? ''),
    ];
    return inner === null ? [row] : [row, ...rowsOf(inner, `${path}.`)];
  });
}

export function configPage(): string {
  const schema = z.toJSONSchema(NodeConfig, { io: 'input' }) as Schema;
  return page('Configuration', [
    'Each node reads `node.json` in its data folder once, at the start. `wattmesh init` and `wattmesh testnet` write it. An unknown setting or a value out of range stops the node with `CONFIG_INVALID`. No setting comes from the environment.',
    table(['Setting', 'Type', 'Range', 'Default', 'Meaning'], rowsOf(schema, '')),
    'Secrets stand apart in `keys.json` (mode 0600). What follows from the genesis (spacing, windows, market rule, tariffs) is not a setting: all nodes of a chain share it ([protocol](../protocol.md), section 6).',
  ]);
}
