/** The logs of a testnet's nodes, merged by time. */

import { setTimeout as delay } from 'node:timers/promises';
import { dataFolder } from '../node/config/data-folder.ts';
import { nodeFolder } from './folders.ts';
import { outputPath } from './launcher.ts';
import {
  createLineReader,
  type LineReader,
  type LogFilter,
  type LogLine,
  matchesFilter,
  parseLogLine,
} from './log-lines.ts';
import type { Testnet } from './state.ts';

const FOLLOW_POLL_MS = 250;

export interface LogsOptions {
  /** Nodes to read; empty: all. */
  names: readonly string[];
  filter: LogFilter;
  /** Lines to show of what is there already. */
  tail: number;
  follow: boolean;
  signal: AbortSignal;
}

/** Calls `print` for each line, oldest first; with `follow` until the signal. */
export async function readLogs(
  testnet: Testnet,
  options: LogsOptions,
  print: (line: LogLine) => void,
): Promise<void> {
  const names = options.names.length > 0 ? options.names : testnet.manifest.nodes.map(({ name }) => name);
  const readers = names.flatMap((name): { name: string; reader: LineReader; lastMs: number }[] => {
    const root = nodeFolder(testnet.dir, name);
    return [dataFolder(root).log, outputPath(root)].map((path) => ({
      name,
      reader: createLineReader(path),
      lastMs: 0,
    }));
  });
  const collect = (): LogLine[] => {
    const lines = readers.flatMap((source) =>
      source.reader.read().map((text) => {
        const line = parseLogLine(source.name, text);
        // What is no JSON stays behind the line that it followed.
        source.lastMs = line.timeMs || source.lastMs;
        return { line, sortMs: source.lastMs };
      }),
    );
    return lines
      .sort((a, b) => a.sortMs - b.sortMs)
      .map(({ line }) => line)
      .filter((line) => matchesFilter(line, options.filter));
  };
  for (const line of collect().slice(-options.tail)) print(line);
  while (options.follow && !options.signal.aborted) {
    await delay(FOLLOW_POLL_MS, undefined, { signal: options.signal }).catch(() => {});
    for (const line of collect()) print(line);
  }
}
