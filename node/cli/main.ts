/** The command line: parses, runs one command, turns every outcome into an exit code. */
import '../util/polyfill.ts';
import { exitCodeOf } from './exit-codes.ts';
import { printError } from './output.ts';
import { createParser } from './parser.ts';

function onOutputError(error: NodeJS.ErrnoException): void {
  // The reader of our output has gone: there is nobody left to tell.
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
}

/** Runs `wattmesh` with the arguments after the program's name; sets the process's exit code and never throws. */
export async function main(argv: readonly string[]): Promise<void> {
  process.stdout.off('error', onOutputError).on('error', onOutputError);
  try {
    await createParser(argv).parseAsync();
  } catch (error) {
    printError(error);
    if (process.env.WATTMESH_DEBUG) console.error(error);
    process.exitCode = exitCodeOf(error);
  }
}
