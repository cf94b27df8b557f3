/** JSON lines per node, by pino. */
import { type Logger, pino } from 'pino';

export type { Logger };

/** Fields that never reach a log, whatever object carries them. */
const SECRETS = ['keys', '*.keys', 'privateKey', '*.privateKey', 'token', '*.token', 'seed', '*.seed'];

/** Writes to a file, synchronously: the last lines before a crash are the ones that matter. */
export function createLogger(options: { path: string; level: string; node: string }): Logger {
  return pino(
    { level: options.level, base: { node: options.node }, redact: { paths: SECRETS, censor: '[secret]' } },
    pino.destination({ dest: options.path, sync: true, mkdir: true }),
  );
}
