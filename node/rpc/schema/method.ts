import type * as z from 'zod';

/** Rising rights: each includes those before it. */
export const ACCESS_LEVELS = ['read', 'member', 'regulator', 'admin'] as const;
export type Access = (typeof ACCESS_LEVELS)[number];

/** One row of the table of methods: validation, types, documentation and client all follow from it. */
export interface MethodDefinition<P extends z.ZodObject, R extends z.ZodType> {
  readonly summary: string;
  readonly access: Access;
  /** Only over WebSocket. */
  readonly webSocketOnly?: boolean;
  /** Positional parameters follow the order of its keys; built at the first use. */
  readonly params: () => P;
  readonly result: () => R;
  readonly example: () => { params: z.input<P>; result: z.input<R> };
  /** Rewrites positional parameters whose first place takes several types. */
  readonly alignPositional?: (values: readonly unknown[]) => readonly unknown[];
}

/** A definition whose schemas are built once, at the first call. */
export function method<P extends z.ZodObject, R extends z.ZodType>(
  definition: MethodDefinition<P, R>,
): MethodDefinition<P, R> {
  return { ...definition, params: once(definition.params), result: once(definition.result) };
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
