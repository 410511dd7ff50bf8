/** Starts a command in the image's root directory and as its user: by the program `enter` (enter/enter.c). */
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { delimiter } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { getSystemErrorMap } from 'node:util';
import { ENTER, FIFO_DIRECTORY, INHERITED } from '../../src/wire/executorRoot.ts';
import type { CommandUser } from '../start/commandUser.ts';
import type { Spawned, Spawner } from './spawner.ts';
import type { CommandSpec } from './startCommand.ts';

/** Where a command is started from another root directory than its own. */
export interface Entry {
  /** Descriptor of the image's root directory. */
  readonly root: number;
  readonly user: CommandUser;
}

/** What `enter` could not do. `step` is its letter for it, `code` the errno's name. */
export class NotEntered extends Error {
  override readonly name = 'NotEntered';
  readonly step: string;
  readonly code: string;
  constructor(step: string, code: string) {
    super(`${step}: ${code}`);
    this.step = step;
    this.code = code;
  }
}

/** The FIFO through which `enter` reports; made with those of the command's output (fifos.ts). */
export const REPORT_FIFO = `${FIFO_DIRECTORY}/report`;
/** Descriptors of `enter`: the image's root directory, and where it reports. */
const ROOT = 3;
const REPORT = 4;
const LOOK_EVERY_MS = 1;

/** Resolves once the process is the command. @throws NotEntered, or SpawnError */
export const startEntered = async (spawner: Spawner, spec: CommandSpec, entry: Entry): Promise<Spawned> => {
  const read = openSync(REPORT_FIFO, constants.O_RDONLY | constants.O_NONBLOCK);
  const write = openSync(REPORT_FIFO, constants.O_WRONLY);
  let spawned: Spawned;
  try {
    spawned = await spawner.start(ENTER, [...stepsOf(spec, entry.user), '--', ...spec.command], {
      cwd: '/',
      env: spec.variables,
      // Not "ignore": in the executor's root there is no /dev/null.
      stdio: [INHERITED.null.fd, spec.stdout, spec.stderr, entry.root, write],
      detached: true,
    });
  } finally {
    closeSync(write);
  }
  try {
    const report = await readReport(read);
    if (report !== '') throw new NotEntered(report.slice(0, 1), errnoName(Number(report.slice(1))));
  } finally {
    closeSync(read);
  }
  return spawned;
};

const stepsOf = (spec: CommandSpec, user: CommandUser): readonly string[] => [
  `b${REPORT}`,
  `d${ROOT}`,
  'r.',
  'k',
  `c${spec.directory}`,
  `g${user.gid}`,
  `u${user.uid}`,
  ...candidates(spec).map((path) => `x${path}`),
];

/** Up to the end, which the kernel makes when the command takes the place of `enter`: a millisecond or so. */
const readReport = async (fd: number): Promise<string> => {
  const buffer = Buffer.alloc(64);
  for (let length = 0; ; ) {
    try {
      const more = readSync(fd, buffer, length, buffer.length - length, null);
      if (more === 0) return buffer.toString('latin1', 0, length);
      length += more;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      await delay(LOOK_EVERY_MS);
    }
  }
};

const errnoName = (errno: number): string => getSystemErrorMap().get(-errno)?.[0] ?? `errno ${errno}`;

/** The files that execvp(3) would try, in its order; an empty part of PATH is the working directory. */
const candidates = ({ command: [file = ''], variables }: CommandSpec): readonly string[] => {
  if (file.includes('/')) return [file];
  return (variables.PATH ?? '').split(delimiter).map((directory) => (directory === '' ? file : `${directory}/${file}`));
};
