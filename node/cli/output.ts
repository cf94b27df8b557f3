/** What commands print: answers on stdout, everything else on stderr. */
import { WattmeshError } from '../util/errors.ts';
import { colorsOf } from './colors.ts';

export function printLine(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function printNote(text: string): void {
  process.stderr.write(`${text}\n`);
}

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** The answer as JSON, or as text for people. */
export function printResult(json: boolean, value: unknown, lines: () => readonly string[]): void {
  if (json) printJson(value);
  else for (const line of lines()) printLine(line);
}

/** Cause, remedy and code; the last log lines where a node has left some; never a stack. */
export function errorLines(error: unknown): string[] {
  if ((error as Error | null)?.name === 'AbortError') return ['error: interrupted (INTERRUPTED)'];
  if (!(error instanceof WattmeshError)) {
    const message = error instanceof Error ? error.message : String(error);
    return [
      `error: ${message.split('\n')[0]} (INTERNAL)`,
      'This is a defect of wattmesh; please report it with the command that you gave.',
    ];
  }
  const { logLines } = error.details;
  const log = Array.isArray(logLines) ? logLines.map((line) => `  ${line}`) : [];
  return [...log, `error: ${error.message} (${error.code})`, ...(error.remedy === '' ? [] : [error.remedy])];
}

export function printError(error: unknown): void {
  const [...lines] = errorLines(error);
  for (const line of lines) printNote(line.startsWith('error:') ? colorsOf(process.stderr).red(line) : line);
}

/** Rows under a heading; columns of numbers are right-aligned by a leading `>` in their title. */
export function tableLines(titles: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const names = titles.map((title) => title.replace(/^>/, ''));
  const widths = names.map((name, i) => Math.max(name.length, ...rows.map((row) => (row[i] ?? '').length)));
  const format = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (titles[i]!.startsWith('>') ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd();
  return [colorsOf(process.stdout).dim(format(names)), ...rows.map(format)];
}

/** Aligned `name  value` lines. */
export function fieldLines(fields: readonly (readonly [string, string | number | null])[]): string[] {
  const width = Math.max(...fields.map(([name]) => name.length));
  return fields.map(([name, value]) => `${name.padEnd(width)}  ${value ?? '-'}`);
}

export const kwhText = (wh: number): string => (wh / 1000).toFixed(3);
export const priceText = (microEurPerKwh: number | null): string =>
  microEurPerKwh === null ? '-' : (microEurPerKwh / 1_000_000).toFixed(4);

/** EUR with four decimals, cut towards zero. */
export function moneyText(nanoEur: string): string {
  const negative = nanoEur.startsWith('-');
  const digits = nanoEur.replace('-', '').padStart(10, '0');
  return `${negative ? '-' : ''}${digits.slice(0, -9)}.${digits.slice(-9, -5)}`;
}

/** `2025-08-15 09:00:00Z` */
export function timeText(utcMs: number): string {
  return new Date(utcMs)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, 'Z');
}
