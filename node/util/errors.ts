/**
 * An operating error: a stable code, a cause in words, and what to do next.
 * Programmer errors are plain `Error`s thrown by `assert` and end the process.
 */
export class WattmeshError extends Error {
  readonly code: string;
  readonly remedy: string;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(fields: {
    code: string;
    message: string;
    remedy: string;
    details?: Record<string, unknown>;
    cause?: unknown;
  }) {
    super(fields.message, fields.cause === undefined ? undefined : { cause: fields.cause });
    this.name = 'WattmeshError';
    this.code = fields.code;
    this.remedy = fields.remedy;
    this.details = fields.details ?? {};
  }
}

/** A broken assumption of ours: throws, and nothing catches it below the process boundary. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`);
}
