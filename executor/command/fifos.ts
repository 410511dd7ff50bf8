/**
 * FIFOs for the command's standard output and error. The stdio that Node.js makes is a socket pair, which can't be
 * opened through /dev/stdout (ENXIO), and a pipe of root can be opened by root only.
 */
import { execFile } from 'node:child_process';
import { constants, openSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** The command, another user, opens them through /dev/stdout. It can't reach them by their path. */
const FIFO_MODE = '666';

export interface FifoOptions {
  /** Where they are made. */
  readonly directory: string;
  /** Paths of other FIFOs to make with them. */
  readonly moreFifos: readonly string[];
  /** Program and first arguments that make FIFOs. */
  readonly mkfifo: readonly [string, ...string[]];
  /** Environment of that program. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Descriptors of one FIFO. The command gets `write`, which must be closed here after that. */
export interface FifoEnds {
  readonly read: number;
  readonly write: number;
}

export interface OutputFifos {
  readonly stdout: FifoEnds;
  readonly stderr: FifoEnds;
}

/** Makes and opens both. Removes files of the same names first. @throws Error if one can't be made or opened */
export const openFifos = async (options: FifoOptions): Promise<OutputFifos> => {
  const paths = [join(options.directory, 'stdout'), join(options.directory, 'stderr')] as const;
  const all = [...paths, ...options.moreFifos];
  for (const path of all) await rm(path, { force: true });
  const [program, ...args] = options.mkfifo;
  await run(program, [...args, '-m', FIFO_MODE, ...all], { env: options.environment });
  return { stdout: openEnds(paths[0]), stderr: openEnds(paths[1]) };
};

/** Without O_NONBLOCK the first open would wait for the second (fifo(7)). */
const openEnds = (path: string): FifoEnds => ({
  read: openSync(path, constants.O_RDONLY | constants.O_NONBLOCK),
  write: openSync(path, constants.O_WRONLY),
});
