/** Where things stand in a node's data folder: one table. */
import { join } from 'node:path';

export interface DataFolder {
  readonly root: string;
  /** Genesis of the chain: `{genesis: JSON of the SSZ value, nonce: hex}`. */
  readonly genesis: string;
  readonly config: string;
  /** Secrets, mode 0600. */
  readonly keys: string;
  /** LevelDB. */
  readonly chain: string;
  /** Token for writes by RPC, mode 0600, new at every start. */
  readonly token: string;
  /** `{url, pid, startedMs}` of the running node; how the CLI finds it. */
  readonly running: string;
  /** JSON lines. */
  readonly log: string;
  /** Registers and battery of the simulated household. */
  readonly household: string;
}

export function dataFolder(root: string): DataFolder {
  return {
    root,
    genesis: join(root, 'genesis.json'),
    config: join(root, 'node.json'),
    keys: join(root, 'keys.json'),
    chain: join(root, 'chain'),
    token: join(root, 'token'),
    running: join(root, 'running.json'),
    log: join(root, 'node.log'),
    household: join(root, 'household.json'),
  };
}
