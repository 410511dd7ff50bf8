/** Starts a command in the image's root directory, as the image's user, with the program `enter` (enter/enter.c). */
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { delimiter } from 'node:path';
import { getSystemErrorMap } from 'node:util';
import { pause } from '../../src/async/pause.ts';
import { ENTER, FIFO_DIRECTORY, INHERITED } from '../../src/wire/executorRoot.ts';
import type { CommandUser } from '../start/commandUser.ts';
import type { Spawned, Spawner } from './spawner.ts';
import type { CommandSpec } from './startCommand.ts';

/** The root directory and the user that a command gets. */
export interface ImageEntry {
  /** Descriptor of the image's root directory. */
  readonly root: number;
  readonly user: CommandUser;
}

/** A step of `enter` failed. `step` is its letter (enter.c), `code` the name of the errno. */
export class EnterFailed extends Error {
  override readonly name = 'EnterFailed';
  readonly step: string;
  readonly code: string;
  constructor(step: string, code: string) {
    super(`${step}: ${code}`);
    this.step = step;
    this.code = code;
  }
}

/** FIFO through which `enter` reports a failure. It is made together with those of the command's output (fifos.ts). */
export const REPORT_FIFO = `${FIFO_DIRECTORY}/report`;
/** Descriptors in `enter`: the image's root directory, and the report. */
const ROOT_FD = 3;
const REPORT_FD = 4;
const LOOK_EVERY_MS = 1;

/** Resolves when the process has become the command. @throws EnterFailed, SpawnError */
export const startInImage = async (spawner: Spawner, spec: CommandSpec, entry: ImageEntry): Promise<Spawned> => {
  const read = openSync(REPORT_FIFO, constants.O_RDONLY | constants.O_NONBLOCK);
  const write = openSync(REPORT_FIFO, constants.O_WRONLY);
  let spawned: Spawned;
  try {
    spawned = await spawner.start(ENTER, [...stepsOf(spec, entry.user), '--', ...spec.command], {
      cwd: '/',
      env: spec.variables,
      // Not "ignore": the executor's root directory has no /dev/null.
      stdio: [INHERITED.null.fd, spec.stdout, spec.stderr, entry.root, write],
      detached: true,
    });
  } finally {
    closeSync(write);
  }
  try {
    const report = await readReport(read);
    if (report !== '') throw new EnterFailed(report.slice(0, 1), errnoName(Number(report.slice(1))));
  } finally {
    closeSync(read);
  }
  return spawned;
};

const stepsOf = (spec: CommandSpec, user: CommandUser): readonly string[] => [
  `b${REPORT_FD}`,
  `d${ROOT_FD}`,
  'r.',
  'k',
  `c${spec.directory}`,
  `g${user.gid}`,
  `u${user.uid}`,
  ...candidates(spec).map((path) => `x${path}`),
];

/**
 * Reads to the end of the FIFO. The kernel closes its last writing end when `enter` becomes the command, after about 1
 * ms.
 */
const readReport = async (fd: number): Promise<string> => {
  const buffer = Buffer.alloc(64);
  for (let length = 0; ; ) {
    try {
      const more = readSync(fd, buffer, length, buffer.length - length, null);
      if (more === 0) return buffer.toString('latin1', 0, length);
      length += more;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      await pause(LOOK_EVERY_MS);
    }
  }
};

const errnoName = (errno: number): string => getSystemErrorMap().get(-errno)?.[0] ?? `errno ${errno}`;

/** The files that execvp(3) would try, in the same order. An empty part of PATH is the working directory. */
const candidates = ({ command: [file = ''], variables }: CommandSpec): readonly string[] => {
  if (file.includes('/')) return [file];
  return (variables.PATH ?? '').split(delimiter).map((directory) => (directory === '' ? file : `${directory}/${file}`));
};
