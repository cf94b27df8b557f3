/** The secret that writes need: new at every start, in a file that only its owner reads. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { WattmeshError } from '../util/errors.ts';

export interface Token {
  /** Whether this is the token, in time that does not depend on where it differs. */
  matches(given: string): boolean;
  /** Writes the file atomically with mode 0600. Throws `RPC_TOKEN_FILE`. */
  publish(): Promise<void>;
  /** Removes the file unless another process has replaced it. */
  withdraw(): Promise<void>;
}

export function createToken(path: string): Token {
  const text = randomBytes(32).toString('hex');
  const digest = sha256(text);
  return {
    matches: (given) => timingSafeEqual(sha256(given), digest),
    async publish() {
      const temporary = `${path}.${process.pid}.tmp`;
      try {
        await rm(temporary, { force: true });
        const file = await open(temporary, 'wx', 0o600);
        try {
          await file.writeFile(`${text}\n`);
        } finally {
          await file.close();
        }
        await rename(temporary, path);
      } catch (cause) {
        throw new WattmeshError({
          code: 'RPC_TOKEN_FILE',
          message: `the token file ${path} cannot be written: ${(cause as Error).message}`,
          remedy: 'make the data folder writable for the user of the node',
          cause,
        });
      }
    },
    async withdraw() {
      try {
        if ((await readFile(path, 'utf8')).trim() === text) await rm(path, { force: true });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
    },
  };
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
