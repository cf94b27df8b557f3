/** Colours where a person reads: on a terminal, unless NO_COLOR says otherwise; FORCE_COLOR wins over both. */
import pc from 'picocolors';

/** Whether a stream gets colours, by the conventions of no-color.org. A build machine's log is not a terminal. */
export function wantsColor(
  stream: { isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>>,
  argv: readonly string[],
): boolean {
  if (argv.includes('--no-color')) return false;
  const { NO_COLOR, FORCE_COLOR, TERM } = env;
  if (FORCE_COLOR !== undefined && FORCE_COLOR !== '') return FORCE_COLOR !== '0';
  if (NO_COLOR !== undefined && NO_COLOR !== '') return false;
  return stream.isTTY === true && TERM !== 'dumb';
}

export function colorsOf(stream: { isTTY?: boolean }): ReturnType<typeof pc.createColors> {
  return pc.createColors(wantsColor(stream, process.env, process.argv));
}
