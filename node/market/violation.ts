/** A rule that foreign data broke. Expected, hence a value and not an exception. */
export interface Violation {
  /** Stable UPPER_SNAKE code; docs/reference lists them. */
  code: string;
  /** What was found and what the rule wants. */
  message: string;
}

export function violation(code: string, message: string): Violation {
  return { code, message };
}
