/** A rule that a block breaks: thrown by the reference model. */
export class ReferenceViolation extends Error {
  readonly code: string;
  /** All rules broken at that point: which of them is named first is not part of the protocol. */
  readonly codes: readonly string[];

  constructor(codes: readonly [string, ...string[]], where: string) {
    super(`reference: ${where} breaks ${codes.join(', ')}`);
    this.name = 'ReferenceViolation';
    this.code = codes[0];
    this.codes = codes;
  }
}
