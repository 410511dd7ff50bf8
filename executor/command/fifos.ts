/**
 * The command's standard output and error are FIFOs: Node's own child stdio is a socket pair, which nobody can open
 * through /dev/stdout (ENXIO), and a pipe of root's only root can.
 */
import { execFile } from 'node:child_process';
import { constants, openSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** The command opens them through /dev/stdout as another user; by their path it cannot reach them. */
const FIFO_MODE = '666';

export interface FifoPlace {
  /** Where they are made. */
  readonly directory: string;
  /** Paths of others that are made with them. */
  readonly moreFifos: readonly string[];
  /** Program and first arguments that make FIFOs. */
  readonly mkfifo: readonly [string, ...string[]];
  readonly environment: Readonly<Record<string, string>>;
}

/** Open ends of one FIFO. The writing end goes to the command and must be closed here after that. */
export interface Ends {
  readonly read: number;
  readonly write: number;
}

/** Makes and opens both. @throws Error where they can't be made or opened */
export const openFifos = async (place: FifoPlace): Promise<{ readonly stdout: Ends; readonly stderr: Ends }> => {
  const paths = [join(place.directory, 'stdout'), join(place.directory, 'stderr')] as const;
  const all = [...paths, ...place.moreFifos];
  for (const path of all) await rm(path, { force: true });
  const [program, ...args] = place.mkfifo;
  await run(program, [...args, '-m', FIFO_MODE, ...all], { env: place.environment });
  return { stdout: openEnds(paths[0]), stderr: openEnds(paths[1]) };
};

/** Without O_NONBLOCK the first open would wait for the other end (fifo(7)). */
const openEnds = (path: string): Ends => ({
  read: openSync(path, constants.O_RDONLY | constants.O_NONBLOCK),
  write: openSync(path, constants.O_WRONLY),
});
