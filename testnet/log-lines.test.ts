import { appendFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLineReader, formatLogLine, matchesFilter, parseLogLine, tailOf } from './log-lines.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'wattmesh-logs-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('a log line', () => {
  it('is read from JSON with its level, time and fields', () => {
    const line = parseLogLine('n03', '{"level":40,"time":1000,"msg":"late","pid":7,"height":12}');
    expect(line).toEqual({
      node: 'n03',
      timeMs: 1000,
      level: 'warn',
      message: 'late',
      fields: { height: 12 },
    });
    const iso = parseLogLine('n03', '{"level":"error","time":"1970-01-01T00:00:02.000Z","msg":"x"}');
    expect(iso).toMatchObject({ level: 'error', timeMs: 2000 });
  });

  it('that is no JSON object is an error with its text', () => {
    for (const text of ['Segmentation fault', '[1]', 'null', '"x"']) {
      expect(parseLogLine('n01', text)).toMatchObject({ level: 'error', message: text, timeMs: 0 });
    }
  });

  it('is readable', () => {
    const text = formatLogLine(
      parseLogLine(
        'n03',
        '{"level":50,"time":1000,"msg":"no luck","peer":"12D3","why":"two words","err":{"code":"E","message":"boom"}}',
      ),
    );
    expect(text).toMatch(/^\d\d:\d\d:01\.000 n03 ERROR no luck peer=12D3 why="two words" err="E: boom"$/);
  });

  it('passes the filter at its level and above, and by what it shows', () => {
    const line = parseLogLine('n03', '{"level":40,"time":1000,"msg":"reorganised","depth":2}');
    expect(matchesFilter(line, { level: 'warn', grep: null })).toBe(true);
    expect(matchesFilter(line, { level: 'error', grep: null })).toBe(false);
    expect(matchesFilter(line, { level: 'trace', grep: /depth=2/ })).toBe(true);
    expect(matchesFilter(line, { level: 'trace', grep: /depth=3/ })).toBe(false);
  });
});

describe('a growing file', () => {
  it('is read from where the last call stopped, by whole lines', () => {
    const path = join(dir, 'log');
    const reader = createLineReader(path);
    expect(reader.read()).toEqual([]);
    writeFileSync(path, 'one\ntw');
    expect(reader.read()).toEqual(['one']);
    appendFileSync(path, 'o\nthrée\n');
    expect(reader.read()).toEqual(['two', 'thrée']);
    expect(reader.read()).toEqual([]);
    truncateSync(path);
    appendFileSync(path, 'new\n');
    expect(reader.read()).toEqual(['new']);
  });

  it('is longer than one chunk', () => {
    const path = join(dir, 'log');
    const lines = Array.from({ length: 20_000 }, (_, i) => `line ${i}`);
    writeFileSync(path, `${lines.join('\n')}\n`);
    expect(createLineReader(path).read()).toEqual(lines);
    const tail = createLineReader(path, 1000).read();
    expect(tail.at(-1)).toBe('line 19999');
    expect(lines.slice(-tail.length)).toEqual(tail);
  });

  it('shows its tail before what the process wrote past it', () => {
    const [log, output] = [join(dir, 'node.log'), join(dir, 'output.log')];
    writeFileSync(log, Array.from({ length: 5 }, (_, i) => `{"level":30,"time":1,"msg":"m${i}"}\n`).join(''));
    writeFileSync(output, 'boom\n');
    const tail = tailOf('n01', [log, output, join(dir, 'none')], 3);
    expect(tail).toHaveLength(3);
    expect(tail[0]).toContain('m3');
    expect(tail[2]).toContain('boom');
  });
});
