/** The nodes' logs: JSON lines in files, readable lines for people. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LogLine {
  node: string;
  /** UTC ms; 0 for a line that is no JSON. */
  timeMs: number;
  level: LogLevel;
  message: string;
  fields: Readonly<Record<string, unknown>>;
}

/** Keys that say nothing a reader of merged logs wants. */
const DULL = new Set(['level', 'time', 'msg', 'pid', 'hostname', 'name', 'node', 'v']);
const CHUNK_BYTES = 65_536;

/** pino counts levels in tens: 10 trace to 60 fatal. */
function levelOf(value: unknown): LogLevel {
  if (typeof value === 'number') return LOG_LEVELS[Math.min(Math.max(Math.floor(value / 10) - 1, 0), 5)]!;
  return LOG_LEVELS.find((level) => level === value) ?? 'info';
}

function timeOf(value: unknown): number {
  const ms = typeof value === 'string' ? Date.parse(value) : value;
  return typeof ms === 'number' && Number.isFinite(ms) ? ms : 0;
}

/** Reads one line; text that is no JSON object becomes a line of level error: it is what a crash leaves. */
export function parseLogLine(node: string, text: string): LogLine {
  try {
    const record = JSON.parse(text) as Record<string, unknown>;
    if (typeof record !== 'object' || record === null || Array.isArray(record)) throw new TypeError(text);
    const fields = Object.fromEntries(Object.entries(record).filter(([key]) => !DULL.has(key)));
    const message = typeof record.msg === 'string' ? record.msg : '';
    return { node, timeMs: timeOf(record.time), level: levelOf(record.level), message, fields };
  } catch {
    return { node, timeMs: 0, level: 'error', message: text, fields: {} };
  }
}

function fieldText(value: unknown): string {
  if (typeof value === 'string') return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
  if (typeof value !== 'object' || value === null) return String(value);
  const { message, code } = value as { message?: unknown; code?: unknown };
  return typeof message === 'string'
    ? JSON.stringify(code ? `${code}: ${message}` : message)
    : JSON.stringify(value);
}

/** `12:00:01.250 n03 WARN  message key=value`, local time. */
export function formatLogLine(line: LogLine): string {
  const date = new Date(line.timeMs);
  const pad = (value: number, width: number) => String(value).padStart(width, '0');
  const clock = `${pad(date.getHours(), 2)}:${pad(date.getMinutes(), 2)}:${pad(date.getSeconds(), 2)}.${pad(date.getMilliseconds(), 3)}`;
  const fields = Object.entries(line.fields).map(([key, value]) => ` ${key}=${fieldText(value)}`);
  const time = line.timeMs === 0 ? '-'.repeat(12) : clock;
  return `${time} ${line.node} ${line.level.toUpperCase().padEnd(5)} ${line.message}${fields.join('')}`;
}

/** What a reader asked to see. */
export interface LogFilter {
  level: LogLevel;
  grep: RegExp | null;
}

export function matchesFilter(line: LogLine, filter: LogFilter): boolean {
  if (LOG_LEVELS.indexOf(line.level) < LOG_LEVELS.indexOf(filter.level)) return false;
  return filter.grep === null || filter.grep.test(formatLogLine(line));
}

/** A file that grows, read line by line from where the last call stopped. */
export interface LineReader {
  /** Complete lines that were added since; none where the file is missing; from its start when it was cut. */
  read(): string[];
}

export function createLineReader(path: string, maxBackBytes = Number.POSITIVE_INFINITY): LineReader {
  let offset = -1;
  let rest = Buffer.alloc(0);
  return {
    read() {
      let file: number;
      try {
        file = openSync(path, 'r');
      } catch {
        return [];
      }
      try {
        const { size } = fstatSync(file);
        const skipsFirst = offset < 0 && size > maxBackBytes;
        if (offset < 0) offset = Math.max(0, size - maxBackBytes);
        if (size < offset) {
          offset = 0;
          rest = Buffer.alloc(0);
        }
        const parts = [rest];
        while (offset < size) {
          const chunk = Buffer.alloc(Math.min(CHUNK_BYTES, size - offset));
          const got = readSync(file, chunk, 0, chunk.length, offset);
          if (got === 0) break;
          parts.push(chunk.subarray(0, got));
          offset += got;
        }
        const all = Buffer.concat(parts);
        const end = all.lastIndexOf(0x0a) + 1;
        rest = all.subarray(end);
        const lines = all
          .subarray(0, end)
          .toString('utf8')
          .split('\n')
          .slice(skipsFirst ? 1 : 0, -1);
        return lines.filter((line) => line !== '');
      } finally {
        closeSync(file);
      }
    },
  };
}

/** The last lines of a node's log and of what it wrote past it, readable, oldest first. */
export function tailOf(node: string, paths: readonly string[], count: number): string[] {
  const lines = paths.flatMap((path) => createLineReader(path, 262_144).read().slice(-count));
  return lines.slice(-count).map((text) => formatLogLine(parseLogLine(node, text)));
}
