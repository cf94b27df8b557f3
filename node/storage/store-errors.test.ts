import { describe, expect, it } from 'vitest';
import { closedError, storeError } from './store-errors.ts';

function withCode(code: string, message: string, cause?: Error): Error {
  return Object.assign(new Error(message, { cause }), { code });
}

/** As `level` wraps what stopped an opening. */
function opening(code: string, message: string): Error {
  return withCode('LEVEL_DATABASE_NOT_OPEN', 'Database failed to open', withCode(code, message));
}

describe('storeError', () => {
  const table: [Error, string][] = [
    [opening('LEVEL_LOCKED', 'IO error: lock x/LOCK: Resource temporarily unavailable'), 'STORE_LOCKED'],
    [opening('LEVEL_CORRUPTION', 'Corruption: no meta-nextfile entry in descriptor'), 'STORE_DAMAGED'],
    [opening('LEVEL_IO_ERROR', 'IO error: x/MANIFEST-000004: No such file or directory'), 'STORE_DAMAGED'],
    [opening('LEVEL_IO_ERROR', 'IO error: x/LOCK: Permission denied'), 'STORE_NO_PERMISSION'],
    [opening('LEVEL_IO_ERROR', 'IO error: x/000005.log: Too many open files'), 'STORE_TOO_MANY_FILES'],
    [withCode('LEVEL_IO_ERROR', 'IO error: x/000005.log: No space left on device'), 'STORE_NO_SPACE'],
    [withCode('LEVEL_IO_ERROR', 'IO error: x/000005.log: Disk quota exceeded'), 'STORE_NO_SPACE'],
    [withCode('LEVEL_IO_ERROR', 'IO error: x/000005.log: Input/output error'), 'STORE_IO_FAILED'],
    [withCode('ENOSPC', 'ENOSPC: no space left on device, mkdir x'), 'STORE_NO_SPACE'],
    [withCode('EACCES', 'EACCES: permission denied, mkdir x'), 'STORE_NO_PERMISSION'],
    [withCode('EROFS', 'EROFS: read-only file system, mkdir x'), 'STORE_NO_PERMISSION'],
    [withCode('ENOTDIR', 'ENOTDIR: not a directory, mkdir x'), 'STORE_NOT_A_FOLDER'],
    [withCode('LEVEL_DATABASE_NOT_OPEN', 'Database is not open'), 'STORE_CLOSED'],
    [withCode('LEVEL_ITERATOR_NOT_OPEN', 'Iterator is not open'), 'STORE_CLOSED'],
    [new Error('something else'), 'STORE_IO_FAILED'],
  ];
  for (const [error, code] of table) {
    it(`names ${(error.cause as Error | undefined)?.message ?? error.message}: ${code}`, () => {
      const named = storeError(error, '/data/store');
      expect(named.code).toBe(code);
      expect(named.cause).toBe(error);
      expect(named.remedy).not.toBe('');
      if (code !== 'STORE_CLOSED') expect(named.message).toContain('/data/store');
    });
  }

  it('leaves an error that has a name already', () => {
    const named = closedError();
    expect(storeError(named, 'x')).toBe(named);
  });
});
