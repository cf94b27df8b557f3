import { WattmeshError } from '../util/errors.ts';
import { describeKey } from './layout.ts';

type Kind = { code: string; words: string; remedy: string };

const DAMAGED: Kind = {
  code: 'STORE_DAMAGED',
  words: 'is damaged',
  remedy: 'Move this folder away and start again: the chain is fetched from peers.',
};
const NO_SPACE: Kind = {
  code: 'STORE_NO_SPACE',
  words: 'has no space left',
  remedy:
    'Free disk space or raise the quota: a running node then goes on by itself, one that could not start must be started again. Nothing that was confirmed is lost.',
};
const NO_PERMISSION: Kind = {
  code: 'STORE_NO_PERMISSION',
  words: 'may not be read and written by this user',
  remedy: 'Give the user of the node read and write permission, or choose another data folder.',
};
const NOT_A_FOLDER: Kind = {
  code: 'STORE_NOT_A_FOLDER',
  words: 'is not a folder',
  remedy: 'Choose another data folder, or move the file of that name away.',
};
const TOO_MANY_FILES: Kind = {
  code: 'STORE_TOO_MANY_FILES',
  words: 'cannot be opened: too many open files',
  remedy: 'Raise the limit of open files (ulimit -n) or run fewer nodes.',
};
const IO_FAILED: Kind = {
  code: 'STORE_IO_FAILED',
  words: 'failed to read or write',
  remedy: 'Check the disk and its messages in the system log, then start the node again.',
};

const BY_SYSTEM_CODE: Record<string, Kind> = {
  ENOSPC: NO_SPACE,
  EDQUOT: NO_SPACE,
  EFBIG: NO_SPACE,
  EACCES: NO_PERMISSION,
  EPERM: NO_PERMISSION,
  EROFS: NO_PERMISSION,
  ENOTDIR: NOT_A_FOLDER,
  EEXIST: NOT_A_FOLDER,
  EMFILE: TOO_MANY_FILES,
  ENFILE: TOO_MANY_FILES,
};

/** LevelDB reports the system's message, not its code. */
const BY_MESSAGE: readonly (readonly [RegExp, Kind])[] = [
  [/no space left|disk quota|file too large/i, NO_SPACE],
  [/permission denied|not permitted|read-only file system/i, NO_PERMISSION],
  [/not a directory/i, NOT_A_FOLDER],
  [/too many open files/i, TOO_MANY_FILES],
  // A table that is shorter than it was.
  [/\.(ldb|sst): invalid argument/i, DAMAGED],
  [/no such file/i, DAMAGED],
];

type Causes = { codes: string[]; text: string };

function causesOf(error: unknown): Causes {
  const causes: Causes = { codes: [], text: '' };
  for (let e = error; e instanceof Error; e = e.cause) {
    const { code } = e as Error & { code?: unknown };
    if (typeof code === 'string') causes.codes.push(code);
    causes.text += `${causes.text === '' ? '' : ': '}${e.message}`;
  }
  return causes;
}

/** Whether LevelDB itself could not make sense of what it read. */
export function isCorruption(error: unknown): boolean {
  return causesOf(error).codes.includes('LEVEL_CORRUPTION');
}

/** STORE_LOCKED: another process, or another part of this one, has the folder open. */
export function lockedError(dir: string, cause?: unknown): WattmeshError {
  return new WattmeshError({
    code: 'STORE_LOCKED',
    message: `the data folder ${dir} is in use by another process`,
    remedy:
      'Stop the node that uses it, or give this one a data folder of its own. A killed process holds no lock.',
    details: { dir },
    cause,
  });
}

/** STORE_CLOSED: a call after `close`. */
export function closedError(cause?: unknown): WattmeshError {
  return new WattmeshError({
    code: 'STORE_CLOSED',
    message: 'the store is closed',
    remedy: 'Open it again.',
    cause,
  });
}

/** STORE_RECORD_DAMAGED {key}: the stored bytes are not those written for this key. */
export function recordDamagedError(key: Uint8Array, cause?: unknown): WattmeshError {
  return new WattmeshError({
    code: 'STORE_RECORD_DAMAGED',
    message: `the stored record ${describeKey(key)} is damaged`,
    remedy: 'Fetch it again from peers and write it anew.',
    details: { key: Uint8Array.from(key) },
    cause,
  });
}

/** STORE_WRITES_STOPPED: an earlier write failed, so nothing is written after it. */
export function writesStoppedError(dir: string, cause: WattmeshError): WattmeshError {
  return new WattmeshError({
    code: 'STORE_WRITES_STOPPED',
    message: `the store ${dir} takes no writes since one failed: ${cause.message}`,
    remedy: `${cause.remedy} The store must be closed and opened again first.`,
    details: { dir, failure: cause.code },
    cause,
  });
}

/** STORE_DAMAGED for a folder whose files contradict each other. */
export function folderDamagedError(dir: string, finding: string): WattmeshError {
  return fromKind(DAMAGED, dir, finding, undefined);
}

/** Names an error of LevelDB or of the file system; a `WattmeshError` passes unchanged. */
export function storeError(error: unknown, dir: string): WattmeshError {
  if (error instanceof WattmeshError) return error;
  const { codes, text } = causesOf(error);
  if (codes.includes('LEVEL_LOCKED')) return lockedError(dir, error);
  if (codes.includes('LEVEL_CORRUPTION')) return fromKind(DAMAGED, dir, text, error);
  const kind =
    codes.map((code) => BY_SYSTEM_CODE[code]).find((found) => found !== undefined) ??
    BY_MESSAGE.find(([pattern]) => pattern.test(text))?.[1];
  if (kind !== undefined) return fromKind(kind, dir, text, error);
  if (
    codes.some((code) => /^LEVEL_(DATABASE|ITERATOR|SNAPSHOT)_NOT_OPEN$/.test(code)) &&
    codes.length === 1
  ) {
    return closedError(error);
  }
  return fromKind(IO_FAILED, dir, text, error);
}

function fromKind(kind: Kind, dir: string, text: string, cause: unknown): WattmeshError {
  return new WattmeshError({
    code: kind.code,
    message: `the store ${dir} ${kind.words} (${text})`,
    remedy: kind.remedy,
    details: { dir },
    cause,
  });
}
