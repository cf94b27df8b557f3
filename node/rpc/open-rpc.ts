/** The OpenRPC 1.2.6 document, made from the table of methods (later versions are refused by its test tools). */
import * as z from 'zod';
import { RPC_CODES } from './errors.ts';
import type { AnyMethod } from './schema/methods.ts';
import { findMethod, METHOD_NAMES, RPC_VERSION } from './schema/methods.ts';

type JsonSchema = Record<string, unknown>;

export interface ContentDescriptor {
  name: string;
  required?: boolean;
  description?: string;
  schema: JsonSchema;
}

export interface OpenRpcMethod {
  name: string;
  summary: string;
  tags: { name: string }[];
  paramStructure: 'either';
  params: ContentDescriptor[];
  result: ContentDescriptor;
  errors: { code: number; message: string }[];
  examples: {
    name: string;
    params: { name: string; value: unknown }[];
    result: { name: string; value: unknown };
  }[];
  'x-access': string;
  'x-web-socket-only': boolean;
}

export interface OpenRpcDocument {
  openrpc: '1.2.6';
  info: { title: string; version: string; description: string };
  methods: OpenRpcMethod[];
  components: { schemas: Record<string, JsonSchema> };
}

let document: OpenRpcDocument | null = null;

/** Built at the first call. */
export function openRpcDocument(): OpenRpcDocument {
  document ??= build();
  return document;
}

function build(): OpenRpcDocument {
  const schemas: Record<string, JsonSchema> = {};
  const methods = METHOD_NAMES.map((name) => describe(name, findMethod(name)!, schemas));
  return {
    openrpc: '1.2.6',
    info: {
      title: 'Wattmesh node',
      version: RPC_VERSION,
      description:
        'Units stand in the names of fields. Ids are lower-case hex; money in nanoEUR is a decimal string.',
    },
    methods,
    components: { schemas },
  };
}

function describe(name: string, method: AnyMethod, schemas: Record<string, JsonSchema>): OpenRpcMethod {
  const object = jsonSchema(method.params(), { io: 'input', prefix: name, schemas });
  const properties = (object.properties ?? {}) as Record<string, JsonSchema>;
  const required = (object.required ?? []) as string[];
  const example = method.example();
  return {
    name,
    summary: method.summary,
    tags: [{ name: name.split(/[._]/)[0]! }],
    paramStructure: 'either',
    params: Object.entries(properties).map(([key, schema]) => ({
      name: key,
      required: required.includes(key),
      schema,
    })),
    result: {
      name: 'result',
      schema: jsonSchema(method.result(), { io: 'output', prefix: name, schemas }),
    },
    errors: errorsOf(method),
    examples: [
      {
        name: 'example',
        params: Object.entries(example.params).map(([key, value]) => ({ name: key, value })),
        result: { name: 'result', value: example.result },
      },
    ],
    'x-access': method.access,
    'x-web-socket-only': method.webSocketOnly === true,
  };
}

function errorsOf(method: AnyMethod): { code: number; message: string }[] {
  const errors: { code: number; message: string }[] = [
    { code: RPC_CODES.invalidParams, message: 'invalid params' },
  ];
  if (method.access !== 'read')
    errors.push({ code: RPC_CODES.unauthorised, message: 'the token is missing' });
  return errors;
}

/** A schema whose recursive parts stand in the document's components. */
function jsonSchema(
  schema: z.ZodType,
  target: { io: 'input' | 'output'; prefix: string; schemas: Record<string, JsonSchema> },
): JsonSchema {
  const {
    $schema: _,
    definitions,
    ...made
  } = z.toJSONSchema(schema, {
    target: 'draft-7',
    io: target.io,
  }) as JsonSchema;
  if (definitions === undefined) return made;
  const prefix = target.prefix.replaceAll('.', '_');
  for (const [key, value] of Object.entries(definitions as Record<string, JsonSchema>)) {
    target.schemas[`${prefix}${key}`] = rebase(value, prefix) as JsonSchema;
  }
  return rebase(made, prefix) as JsonSchema;
}

function rebase(value: unknown, prefix: string): unknown {
  if (Array.isArray(value)) return value.map((entry) => rebase(entry, prefix));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]) => [
      key,
      key === '$ref' && typeof entry === 'string'
        ? entry.replace('#/definitions/', `#/components/schemas/${prefix}`)
        : rebase(entry, prefix),
    ]),
  );
}
