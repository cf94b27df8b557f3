/** Stored inputs: one small text file each, in a folder per target. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromHex, toHex } from '../../node/util/bytes.ts';

export interface StoredInput {
  /** Name without its ending. */
  name: string;
  path: string;
  bytes: Uint8Array;
}

const HEX_LINE = 100;
/** Text that no editor and no version control changes: printable ASCII in lines. */
const PLAIN = /^[\n\x20-\x7e]*$/;

/** Reads a stored input: `.txt` is the input itself, `.hex` its digits in lines. Throws where it is neither. */
export function readInput(path: string): Uint8Array {
  const text = readFileSync(path, 'utf8');
  if (path.endsWith('.txt')) return new TextEncoder().encode(text);
  const bytes = fromHex(text.replace(/\s+/g, ''));
  if (bytes === null) throw new Error(`${path} is not hex`);
  return bytes;
}

/** The stored inputs of a target, in the order of their names. */
export function readCorpus(root: string, target: string): StoredInput[] {
  const folder = join(root, target);
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).filter((file) => /\.(txt|hex)$/.test(file));
  return files.sort().map((file) => {
    const path = join(folder, file);
    return { name: file.replace(/\.(txt|hex)$/, ''), path, bytes: readInput(path) };
  });
}

/** Stores an input and gives its path. */
export function storeInput(root: string, target: string, input: { name: string; bytes: Uint8Array }): string {
  const folder = join(root, target);
  mkdirSync(folder, { recursive: true });
  const text = Buffer.from(input.bytes).toString('latin1');
  const isPlain = PLAIN.test(text) && text !== '';
  const path = join(folder, `${input.name}.${isPlain ? 'txt' : 'hex'}`);
  const lines = toHex(input.bytes).match(new RegExp(`.{1,${HEX_LINE}}`, 'g')) ?? [];
  writeFileSync(path, isPlain ? text : `${lines.join('\n')}\n`);
  return path;
}

/** A file name for an input that broke a promise: the same for the same bytes. */
export function foundName(bytes: Uint8Array): string {
  return `found-${createHash('sha256').update(bytes).digest('hex').slice(0, 10)}`;
}
