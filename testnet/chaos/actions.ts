/** The faults of scenarios, done to real processes; what they do is counted. */
import { setTimeout as delay } from 'node:timers/promises';
import { WattmeshError } from '../../node/util/errors.ts';
import { killNode, startDownNode } from '../control.ts';
import { corruptFiles, moveDatabaseAway } from '../corrupt.ts';
import {
  adminCall,
  healLinks,
  imposeFaults,
  partition,
  pauseNode,
  readFaults,
  resumeNode,
  skewNode,
  slowNode,
} from '../faults.ts';
import type { StartOptions } from '../launcher.ts';
import { stopProcesses } from '../processes.ts';
import { runningNodes, type Testnet } from '../state.ts';
import { STOP_GRACE_MS } from '../up.ts';
import { type ChaosActions, count, type Figures } from './scenario.ts';

/** A port may linger for a moment after its process. */
const START_TRIES = 20;
const RETRY_MS = 250;

export interface ActionParts {
  testnet: Testnet;
  start: StartOptions;
  figures: Figures;
  seed: bigint;
  log(text: string): void;
  /** A node that nobody had killed was found dead. */
  onDeath(name: string): void;
  /** The disk of a node is about to be damaged. */
  onDamage(name: string): void;
}

export function createActions(parts: ActionParts): ChaosActions {
  const { testnet, figures, log } = parts;
  const done = (fault: string, text: string): void => {
    count(figures, fault);
    log(text);
  };
  const stop = async (name: string): Promise<void> => {
    const record = runningNodes(testnet.dir, testnet.manifest).get(name);
    if (record !== undefined) await stopProcesses([record], STOP_GRACE_MS);
  };
  /** What acts on a living node: where it died by itself, that is told, and it is started again first. */
  const alive = async <T>(name: string, act: () => Promise<T> | T): Promise<T> => {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof WattmeshError) || error.code !== 'NODE_NOT_RUNNING') throw error;
      parts.onDeath(name);
      await startAgain(parts, name);
      return act();
    }
  };
  let corruptions = 0n;
  return {
    async kill(name) {
      await alive(name, () => killNode(testnet, name));
      figures.kills++;
      done('kill', `kill ${name}`);
    },
    async stop(name) {
      await stop(name);
      done('stop', `stop ${name}`);
    },
    start: (name) => startAgain(parts, name),
    async pause(name) {
      await alive(name, () => pauseNode(testnet, name));
      done('pause', `pause ${name}`);
    },
    async resume(name) {
      await alive(name, () => resumeNode(testnet, name));
      log(`resume ${name}`);
    },
    async partition(sets, options = { oneWay: false }) {
      const imposed = await partition(testnet, sets, options);
      const text = imposed.sets.map((set) => set.join(',')).join(' | ');
      done(options.oneWay ? 'one-way' : 'partition', `${options.oneWay ? 'one-way ' : ''}partition ${text}`);
    },
    async heal() {
      await healLinks(testnet);
      log('heal');
    },
    async slow(name, slowness) {
      await alive(name, () => slowNode(testnet, name, slowness));
      done('slow', `slow ${name} ${slowness.delayMs} ms +- ${slowness.jitterMs} ms`);
    },
    async skew(name, skewMs) {
      await alive(name, () => skewNode(testnet, name, skewMs));
      if (skewMs !== 0) done('skew', `skew ${name} ${skewMs} ms`);
    },
    async setMining(name, on) {
      await alive(name, () => adminCall(testnet, name)(on ? 'mining_start' : 'mining_stop', {}));
      done(on ? 'mining-on' : 'mining-off', `${on ? 'start' : 'stop'} mining on ${name}`);
    },
    async corrupt(name, bytes) {
      await stop(name);
      parts.onDamage(name);
      const flips = corruptFiles(testnet, name, { seed: parts.seed + corruptions++, count: bytes });
      done('corrupt', `corrupt ${name}: ${flips.map(({ file, offset }) => `${file}@${offset}`).join(' ')}`);
    },
    startDamaged: (name) => startDamaged(parts, name),
  };
}

async function startAgain({ testnet, start, log }: ActionParts, name: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await startDownNode(testnet, name, start);
      break;
    } catch (error) {
      const passing = error instanceof WattmeshError && error.code === 'PORT_BUSY';
      if (!passing || tries >= START_TRIES) throw error;
      await delay(RETRY_MS);
    }
  }
  const { links, skewsMs } = readFaults(testnet.dir);
  if (links[name] !== undefined || skewsMs[name] !== undefined) await imposeFaults(testnet, name);
  log(`start ${name}`);
}

/** A database that LevelDB cannot open is refused by name, with what to do: move it away and fetch it from peers. */
async function startDamaged(parts: ActionParts, name: string): Promise<boolean> {
  try {
    await startAgain(parts, name);
    return false;
  } catch (error) {
    const lines = error instanceof WattmeshError ? error.details.logLines : null;
    const named = Array.isArray(lines) && lines.some((line) => String(line).includes('STORE_DAMAGED'));
    if (!named) throw error;
    parts.log(`${name} refuses its database by name; moved to ${moveDatabaseAway(parts.testnet, name)}`);
    await startAgain(parts, name);
    return true;
  }
}
