/** Small files of a data folder, written so that a crash leaves the old or the new one. */
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import type { z } from 'zod';
import { WattmeshError } from '../util/errors.ts';

export function writeFileAtomic(path: string, text: string, mode = 0o644): void {
  const temporary = `${path}.tmp`;
  const file = openSync(temporary, 'w', mode);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
}

/** Reads and checks a JSON file. Throws CONFIG_MISSING or CONFIG_INVALID with the path and the field. */
export function readJsonFile<T>(path: string, schema: z.ZodType<T>): T {
  if (!existsSync(path)) {
    throw new WattmeshError({
      code: 'CONFIG_MISSING',
      message: `there is no ${path}`,
      remedy: 'make a data folder with `wattmesh init`, or name another with --data-dir',
    });
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new WattmeshError({
      code: 'CONFIG_INVALID',
      message: `${path} is not JSON: ${(cause as Error).message}`,
      remedy: 'mend the file, or restore it from a backup',
      cause,
    });
  }
  const result = schema.safeParse(parsed);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new WattmeshError({
    code: 'CONFIG_INVALID',
    message: `${path}: ${issue!.path.join('.')}: ${issue!.message}`,
    remedy: 'mend this field',
  });
}
