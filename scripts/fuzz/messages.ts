/** What the thread that runs targets and the one that watches it say to each other. */
import type { Finding } from './interface.ts';

/** What a thread is started with. */
export interface Job {
  targets: readonly string[];
  corpus: string;
  seed: string;
  /** Of every target. */
  millisPerTarget: number;
  /** Stores the shortest input of every new outcome. */
  keep: boolean;
  board: SharedArrayBuffer;
}

/** What one target came to. */
export interface TargetReport {
  target: string;
  runs: number;
  seconds: number;
  /** Of the whole process: the machine may be busy with other things. */
  runsPerCpuSecond: number;
  outcomes: string[];
  /** Inputs that were stored for new outcomes. */
  stored: number;
}

/** A finding with the command that repeats it. */
export interface StoredFinding {
  finding: Finding;
  command: string;
}

export type Message =
  | { type: 'begin'; target: string }
  | { type: 'report'; report: TargetReport }
  | { type: 'finding'; stored: StoredFinding };

const HEADER_BYTES = 8;
const MAX_INPUT_BYTES = 65_536;

/** The input that runs now, in memory that both threads see. */
export interface Board {
  write(input: Uint8Array): void;
  /** Changes with every input. */
  count(): number;
  read(): Uint8Array;
}

export function createBoard(buffer: SharedArrayBuffer): Board {
  const head = new Int32Array(buffer, 0, 2);
  const body = new Uint8Array(buffer, HEADER_BYTES);
  return {
    write(input) {
      const shown = input.subarray(0, MAX_INPUT_BYTES);
      body.set(shown);
      Atomics.store(head, 1, shown.length);
      Atomics.add(head, 0, 1);
    },
    count: () => Atomics.load(head, 0),
    read: () => new Uint8Array(body.subarray(0, Atomics.load(head, 1))),
  };
}

export function createBoardBuffer(): SharedArrayBuffer {
  return new SharedArrayBuffer(HEADER_BYTES + MAX_INPUT_BYTES);
}
