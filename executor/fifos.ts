/**
 * The command's standard output and error are FIFOs of its own user: Node's own child stdio is a socket
 * pair, which nobody can open through /dev/stdout (ENXIO), and a pipe of root's only root can.
 */
import { execFile } from 'node:child_process';
import { constants, openSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { CommandUser } from './user.ts';

const run = promisify(execFile);
/** Read for the executor, which in a container is no owner and may not override modes; write for its opening. */
const FIFO_MODE = '666';

export interface FifoPlace {
  /** Where they are made; the command's user may write there. */
  readonly directory: string;
  /** Program and first arguments that make FIFOs. */
  readonly mkfifo: readonly [string, ...string[]];
  readonly environment: Readonly<Record<string, string>>;
  /** Who owns them; null: the executor's own user. */
  readonly user: CommandUser | null;
}

/** Open ends of one FIFO. The writing end goes to the command and must be closed here after that. */
export interface Ends {
  readonly read: number;
  readonly write: number;
}

/** Makes and opens both. @throws Error where they can't be made or opened */
export const openFifos = async (place: FifoPlace): Promise<{ readonly stdout: Ends; readonly stderr: Ends }> => {
  const paths = [join(place.directory, 'stdout'), join(place.directory, 'stderr')] as const;
  for (const path of paths) await rm(path, { force: true });
  const [program, ...args] = place.mkfifo;
  await run(program, [...args, '-m', FIFO_MODE, ...paths], { env: place.environment, ...place.user });
  return { stdout: openEnds(paths[0]), stderr: openEnds(paths[1]) };
};

/** Without O_NONBLOCK the first open would wait for the other end (fifo(7)). */
const openEnds = (path: string): Ends => ({
  read: openSync(path, constants.O_RDONLY | constants.O_NONBLOCK),
  write: openSync(path, constants.O_WRONLY),
});
