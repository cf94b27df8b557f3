/** `running.json`: how others find the node of a data folder. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { dataFolder } from '../node/config/data-folder.ts';

const RunningFile = z.object({
  /** `http://127.0.0.1:PORT` */
  url: z.string(),
  /** Multiaddresses with the peer id. */
  p2p: z.array(z.string()),
  pid: z.int(),
  startedMs: z.int(),
  peerId: z.string(),
});
export type RunningFile = z.infer<typeof RunningFile>;

/** Null where no node has written one; a killed node leaves its last one behind. */
export function readRunningFile(root: string): RunningFile | null {
  try {
    return RunningFile.parse(JSON.parse(readFileSync(dataFolder(root).running, 'utf8')));
  } catch {
    return null;
  }
}

/** The token for writes of the node that runs in a data folder; null where it cannot be read. */
export function readToken(root: string): string | null {
  try {
    return readFileSync(dataFolder(root).token, 'utf8').trim();
  } catch {
    return null;
  }
}
