/** Exit codes of the command line, and which error means which. */
import { WattmeshError } from '../util/errors.ts';

export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  unreachable: 3,
  notFound: 4,
  refused: 5,
  timeout: 6,
  checkFailed: 7,
  interrupted: 130,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** The first pattern that fits the error's code decides. */
const BY_CODE: readonly (readonly [RegExp, ExitCode])[] = [
  [/^INTERRUPTED$/, EXIT.interrupted],
  [/^CHECK_FAILED$|^PROOF_INVALID$/, EXIT.checkFailed],
  [/^NODE_UNREACHABLE$|^NODE_NONE$|^NODE_NOT_RUNNING$/, EXIT.unreachable],
  [/_TIMEOUT$|^TESTNET_NOT_READY$/, EXIT.timeout],
  [/^USAGE$|^PRESET_UNKNOWN$|^PORT_RANGE$|^DATE_INVALID$|^PRICE_DATE_NEEDED$/, EXIT.usage],
  [/^RPC_INVALID_PARAMS$|^RPC_METHOD_NOT_FOUND$/, EXIT.usage],
  [/_NOT_FOUND$|^NODE_UNKNOWN$|^TESTNET_NONE$|^TESTNET_MISSING$/, EXIT.notFound],
  [/^TESTNET_EXISTS$|^DATA_FOLDER_IN_USE$|^NODE_RUNNING$|^RPC_UNAUTHORISED$/, EXIT.refused],
];

/** Numbers with which a node says that it understood and will not do it. */
const REFUSALS = new Set([-32002, -32003, -32005, -32006, -32009]);

export function exitCodeOf(error: unknown): ExitCode {
  if ((error as Error | null)?.name === 'AbortError') return EXIT.interrupted;
  if (!(error instanceof WattmeshError)) return EXIT.failure;
  const known = BY_CODE.find(([pattern]) => pattern.test(error.code));
  if (known !== undefined) return known[1];
  return REFUSALS.has(error.details.rpcCode as number) ? EXIT.refused : EXIT.failure;
}
