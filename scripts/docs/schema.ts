/** JSON Schema, as zod makes it, in words and in a notation like TypeScript's. */

export interface Schema {
  type?: string | string[];
  description?: string;
  properties?: Record<string, Schema>;
  additionalProperties?: boolean | Schema;
  required?: string[];
  items?: Schema;
  anyOf?: Schema[];
  enum?: unknown[];
  const?: unknown;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  default?: unknown;
  $ref?: string;
}

/** Names of the patterns that recur; explained where the notation is used. */
const PATTERNS: Readonly<Record<string, string>> = {
  '^[0-9a-f]{64}$': 'Hash',
  '^(?:0[xX])?[0-9a-fA-F]{64}$': 'Hash',
  '^-?(?:0|[1-9][0-9]{0,30})$': 'NanoEur',
  '^(?:[0-9a-f]{2})*$': 'Hex',
  '^(?:0|[1-9a-f][0-9a-f]{0,63})$': 'HexNumber',
  '^[a-z][a-z0-9-]{0,39}$': 'Account',
  '^(?:[a-z][a-z0-9-]{0,39}|[0-9]{1,5})$': 'Account',
};

function scalarName(schema: Schema): string {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  if (schema.pattern !== undefined) return PATTERNS[schema.pattern] ?? 'string';
  if (Array.isArray(schema.type)) return schema.type.join(' | ');
  return schema.type ?? 'any';
}

/** An object in several lines, everything else in one. */
export function typeName(schema: Schema, indent = ''): string {
  if (schema.$ref !== undefined) return 'json';
  if (schema.anyOf !== undefined) return schema.anyOf.map((one) => typeName(one, indent)).join(' | ');
  if (schema.type === 'array') {
    const inner = typeName(schema.items ?? {}, indent);
    return inner.includes(' | ') && !inner.startsWith('{') ? `(${inner})[]` : `${inner}[]`;
  }
  if (schema.type !== 'object') return scalarName(schema);
  const entries = Object.entries(schema.properties ?? {});
  if (entries.length === 0) return 'object';
  const lines = entries.map(([name, one]) => {
    const optional = schema.required?.includes(name) === false ? '?' : '';
    const note = one.description === undefined ? '' : `  // ${one.description}`;
    return `${indent}  ${name}${optional}: ${typeName(one, `${indent}  `)}${note}`;
  });
  return `{\n${lines.join('\n')}\n${indent}}`;
}

/** `1..64`, `at least 0`; empty where nothing bounds the number beyond what JSON can hold. */
export function rangeText({ minimum, maximum }: Schema): string {
  const low = minimum !== undefined && minimum > Number.MIN_SAFE_INTEGER ? minimum : undefined;
  const high = maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER ? maximum : undefined;
  if (low !== undefined && high !== undefined) return `${low}..${high}`;
  if (low !== undefined) return `at least ${low}`;
  return high === undefined ? '' : `at most ${high}`;
}
