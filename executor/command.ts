/** Stage 4: the command's process, its group, and what it leaves behind. */
import { accessSync, constants, readFileSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Variables } from './environment.ts';
import { type Exited, SpawnError, type Spawned, type Spawner } from './spawner.ts';
import type { CommandUser } from './user.ts';

export interface CommandSpec {
  readonly command: readonly string[];
  readonly directory: string;
  readonly variables: Variables;
  /** Null: the executor's own user. */
  readonly user: CommandUser | null;
  /** File descriptors that become its standard output and error. */
  readonly stdout: number;
  readonly stderr: number;
}

/** It could not be started. The message is a sentence for a person. */
export class NotStarted extends Error {
  override readonly name = 'NotStarted';
}

export class Command {
  readonly pid: number;
  /** Resolves with the end of the command's own process. @throws NotStarted */
  readonly exited: Promise<Exited>;
  #hasExited = false;

  constructor({ pid, exited }: Spawned, whyNot: (error: unknown) => NotStarted) {
    this.pid = pid;
    const over = (): void => {
      this.#hasExited = true;
    };
    exited.then(over, over);
    this.exited = exited.catch((error: unknown) => {
      throw whyNot(error);
    });
    this.exited.catch(() => undefined);
  }

  /** To the command's own process alone. Harmless where it has exited. */
  signal(signal: number): void {
    if (!this.#hasExited) tryKill(this.pid, signal);
  }

  /** To all processes of its group, which it leads. Harmless where none is left. */
  killGroup(): void {
    // Once it is reaped, its number can be another's, but not while its group has anybody.
    if (this.#hasExited && tryKill(this.pid, 0)) return;
    tryKill(-this.pid, 'SIGKILL');
  }
}

/** Starts it, in a session and group of its own. @throws NotStarted */
export const startCommand = async (spawner: Spawner, spec: CommandSpec): Promise<Command> => {
  const [file = '', ...args] = spec.command;
  const whyNot = (error: unknown): NotStarted => new NotStarted(whyNotStarted(spec, file, error), { cause: error });
  try {
    const spawned = await asOomVictim(() =>
      spawner.start(file, args, {
        cwd: spec.directory,
        env: spec.variables,
        stdio: ['ignore', spec.stdout, spec.stderr],
        detached: true,
        ...spec.user,
      }),
    );
    return new Command(spawned, whyNot);
  } catch (error) {
    throw whyNot(error);
  }
};

const OOM_SCORE = '/proc/self/oom_score_adj';
const OOM_VICTIM = '1000';

/** The kernel shall take the command and not the one who must tell: a child inherits the score (proc(5)). */
const asOomVictim = async <T>(start: () => Promise<T>): Promise<T> => {
  const own = readScore();
  if (own === null || !writeScore(OOM_VICTIM)) return await start();
  try {
    return await start();
  } finally {
    writeScore(own);
  }
};

const readScore = (): string | null => {
  try {
    return readFileSync(OOM_SCORE, 'utf8').trim();
  } catch {
    return null;
  }
};

const writeScore = (score: string): boolean => {
  try {
    writeFileSync(OOM_SCORE, score);
    return true;
  } catch {
    return false;
  }
};

const whyNotStarted = (spec: CommandSpec, file: string, error: unknown): string => {
  const code = error instanceof SpawnError ? error.code : null;
  const name = `"${file.length > 200 ? `${file.slice(0, 200)}…` : file}"`;
  switch (code) {
    case 'ENOENT':
      if (!isDirectory(spec.directory)) return `The directory ${spec.directory} is not there.`;
      if (isThere(file, spec)) return `The command ${name} could not be started: its interpreter was not found.`;
      return `The command ${name} was not found.`;
    case 'EACCES':
      return isDirectory(join(spec.directory, file)) || (file.startsWith('/') && isDirectory(file))
        ? `The command ${name} is a directory.`
        : `The command ${name} is not executable.`;
    case 'ENOEXEC':
      return `The command ${name} is no program for this machine.`;
    case 'E2BIG':
      return `The arguments and the environment of the command ${name} are too large.`;
    case 'ERR_INVALID_ARG_VALUE':
      return `The command ${name} or its environment holds a NUL character.`;
    case 'EAGAIN':
      return `The command ${name} could not be started: there is no place for one more process.`;
    case 'ENOMEM':
      return `The command ${name} could not be started: there is not enough memory.`;
    default:
      return `The command ${name} could not be started${code === null ? '' : ` (${code})`}.`;
  }
};

const isDirectory = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;

/** Whether the program's file itself is there, as the path says or in one of PATH's directories. */
const isThere = (file: string, spec: CommandSpec): boolean => {
  const paths = file.includes('/')
    ? [file.startsWith('/') ? file : join(spec.directory, file)]
    : (spec.variables.PATH ?? '').split(delimiter).map((directory) => join(directory, file));
  return paths.some((path) => {
    try {
      accessSync(path, constants.F_OK);
      return true;
    } catch {
      return false;
    }
  });
};

/** Sends a signal to a process or, below zero, to a group. False where there is none to be had. */
export const tryKill = (pid: number, signal: NodeJS.Signals | number): boolean => {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
};
